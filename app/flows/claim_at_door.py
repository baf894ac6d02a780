"""The story of goods that were inspected at the hand-over: what the receiver said there opens the claim, and refused goods are not paid at the door."""

from collections.abc import Sequence
from datetime import datetime

from app.claims.door import remarks_of
from app.claims.models import BuyerClaim
from app.claims.rules import due_after, refundable_minor
from app.claims.service import add_claim, claims_of_lines, standings_of
from app.claims.values import ClaimStatus
from app.core.database import Session
from app.core.ids import new_id
from app.flows.claim_goods import announce, paid_minor, sold_line
from app.orders.models import Order, OrderLine
from app.orders.policies import Claimable, ClaimKind, claimable_of
from app.orders.rules import unpaid_at_door
from app.orders.service import list_lines, settle_line
from app.payments.disputes import is_disputed
from app.payments.service import get_payment_of
from app.shipments.values import Journey


async def leave_unpaid(
    session: Session, lines: Sequence[OrderLine], journeys: Sequence[Journey], due_minor: int
) -> int:
    """Of what is due at the door, what refused lines cost is not paid there; noted on each, and answered in all.

    The buyer owes it until the claim for it is decided, the goods are back, or it is written off.
    """
    by_id = {journey.id: journey for journey in journeys}
    open_minor = {
        line.id: line.total_minor - (line.deposit_minor or 0)
        for line in lines
        if line.consignment_id in by_id and by_id[line.consignment_id].refuses(line.id)
    }
    unpaid = unpaid_at_door(open_minor, due_minor)
    for line in (line for line in lines if unpaid.get(line.id)):
        await settle_line(session, line, {"uncollected_minor": unpaid[line.id]})
    return sum(unpaid.values())


async def claim_at_the_door(session: Session, order: Order, journeys: Sequence[Journey], now: datetime) -> None:
    """A delivered order: each line that its receiver remarked on or refused is claimed, where its terms have a claim of the hand-over.
    Refused goods that go back without one wait for their return; of a consignment that was taken but for some lines, these are meant.

    The tracking event is the evidence; it opens a claim once, and none while its line has another, or too late. Elsewhere the remark waits
    for a claim of the buyer's. Nothing is opened while a bank decides.
    """
    assert order.delivered_at is not None
    remarks = await remarks_of(session, journeys)
    if not remarks or await is_disputed(session, order.id):
        return
    lines = await list_lines(session, order.id)
    payment = await get_payment_of(session, order.id)
    known = await claims_of_lines(session, order.id)
    for line in lines:
        remark = _about(line, remarks.get(line.consignment_id))
        refused = any(each.refuses(line.id) for each in journeys if each.id == line.consignment_id)
        policy = _policy_of(order, line, refused=refused)
        if remark is None or policy is None or now > order.delivered_at + policy.window:
            continue
        if any(claim.line_id == line.id and _stands_for(claim, str(remark["event"])) for claim in known):
            continue
        claims = await standings_of(session, order.id)
        most = refundable_minor(sold_line(line), claims, paid_minor(order, payment, lines))
        if most > 0:
            claim = _claim(order, line, policy, remark, most, now)
            await add_claim(session, claim)
            await announce(session, order, claim, now)


def _about(line: OrderLine, remark: dict[str, object] | None) -> dict[str, object] | None:
    """What was said of this line: where lines were refused by themselves, the word is about them alone."""
    named = (remark or {}).get("refused_lines")
    return None if isinstance(named, list) and line.id not in named else remark


def _policy_of(order: Order, line: OrderLine, *, refused: bool) -> Claimable | None:
    """The claim of the hand-over before all others; of refused goods also that of a refusal."""
    policies = {policy.kind: policy for policy in claimable_of(order.terms, line.id)}
    return policies.get(ClaimKind.HAND_OVER) or (policies.get(ClaimKind.REFUSAL) if refused else None)


def _stands_for(claim: BuyerClaim, event: str) -> bool:
    """Whether a claim rests on this event already, or is open for whatever reason."""
    return claim.due_at is not None or (claim.door or {}).get("event") == event


def _claim(
    order: Order, line: OrderLine, policy: Claimable, remark: dict[str, object], asked_minor: int, now: datetime
) -> BuyerClaim:
    """An open claim; of goods that were refused without one, it is granted already, and waits for them."""
    status = ClaimStatus.RETURNING if policy.kind is ClaimKind.REFUSAL else ClaimStatus.OPEN
    return BuyerClaim(
        id=new_id("clm"),
        order_id=order.id,
        line_id=line.id,
        buyer_id=order.buyer_id,
        producer_id=line.producer_id,
        policy=policy.number,
        carriage_back=policy.carriage_back,
        kind=policy.kind,
        status=status,
        agreed_minor=asked_minor if status is ClaimStatus.RETURNING else None,
        currency=order.currency,
        asked_minor=asked_minor,
        words=str(remark["words"]),
        photos=[],
        door=remark,
        due_at=due_after(status, policy, now),
        created_from=str(remark["event"]),
        created_at=now,
        updated_at=now,
    )
