"""The story of goods that were not as they should be: a claim, the producer's answer, an operator's decision, and the money."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from app.catalogue.photos import keep_as_evidence
from app.claims.door import remarks_of
from app.claims.errors import ClaimAmountTooHigh, ClaimWindowClosed
from app.claims.models import BuyerClaim
from app.claims.return_rules import carriage_of_claim, has_to_go_back
from app.claims.returns import lock_open_return
from app.claims.rules import (
    LineSold,
    Standing,
    advance,
    due_after,
    held_minor,
    held_shared_minor,
    may,
    missing_evidence,
    others_than,
    pending_for,
    policy_for,
    refundable_minor,
    sold_by,
    unpaid_minor,
)
from app.claims.schemas import ClaimAnswer, ClaimDecision, ClaimReply, ClaimShape, NewClaim
from app.claims.service import add_claim, change_claim, find_claim, get_claim, lock_claim, standings_of
from app.claims.values import ANSWERED_BY, REPLIED_BY, VERBS, Answer, ClaimEvent, ClaimStatus, ReturnEvent
from app.claims.values import DISPLAY as CLAIM_DISPLAY
from app.core.clock import rfc3339
from app.core.database import Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound, StateConflict, UpstreamFailed
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.core.schema import fingerprint
from app.flows.ports import Ports
from app.flows.return_steps import free_room, start_return, stop_return
from app.flows.show_claims import claim_shape
from app.flows.tell_claim import tell_claim
from app.identity.rules import require_grant
from app.identity.values import Caller, Grant
from app.ledger.rules import refund_entries, refund_paid_entries, release_entries, unreleased_minor
from app.ledger.service import record as record_transfers
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, Entry, Sold, State, Transfer, TransferKind
from app.orders.models import Order, OrderLine
from app.orders.policies import CarriageBack, Claimable, ClaimKind, claimable_of, window_of
from app.orders.service import list_lines, lock_order
from app.orders.shares import shares_of
from app.orders.values import DISPLAY as ORDER_DISPLAY
from app.orders.values import OrderStatus
from app.payments.disputes import is_disputed, last_word, require_undisputed
from app.payments.errors import PaymentDisputed
from app.payments.models import Payment
from app.payments.rules import nothing_taken
from app.payments.service import get_payment_of, lock_payment_of, record_part_refund
from app.payments.values import PaymentMethod
from app.shipments.queries import list_of_orders

LINE = {"en": "line of this order", "zh-Hans": "订单商品行"}


async def open_claim(
    ports: Ports, session: Session, caller: Caller, order_id: str, command: NewClaim, language: str
) -> ClaimShape:
    """A buyer asks money back for a line, by the terms that were frozen when the order was placed.

    Raises `NotFound`, `StateConflict` before delivery, `NotClaimable`, `ClaimWindowClosed`, `ClaimAmountTooHigh`, `ClaimOpenAlready`, or
    `Invalid` for evidence that is missing. The same id and body again answer the claim as it stands.
    """
    now = ports.clock.now()
    order = await lock_order(session, order_id, caller.id)
    known = await find_claim(session, command.id) if command.id else None
    if known is not None:
        if (known.order_id, known.created_from) != (order.id, fingerprint(command)):
            raise IdTaken(id=known.id)
        return claim_shape(known, language)
    lines = await list_lines(session, order.id)
    line = next((each for each in lines if each.id == command.line), None)
    if line is None:
        raise NotFound(what=LINE)
    policy = _require_claimable(order, line, command, now)
    await require_undisputed(session, order.id)
    await _require_refundable(session, order, line, lines, command.amount)
    claim = _new_claim(order, line, policy, command, now)
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    claim.door = (await remarks_of(session, journeys)).get(line.consignment_id)
    await add_claim(session, claim)
    await _keep_photos(session, caller, claim, command)
    await announce(session, order, claim, now)
    return claim_shape(claim, language)


def _require_claimable(order: Order, line: OrderLine, command: NewClaim, now: datetime) -> Claimable:
    """The frozen policy of this line for this kind of claim; raises why there is none, or none any more."""
    if order.status not in (OrderStatus.DELIVERED, OrderStatus.COMPLETED) or order.delivered_at is None:
        raise StateConflict(state=ORDER_DISPLAY[order.status], verb={"en": "claimed", "zh-Hans": "申请售后"})
    claimable = [each for each in claimable_of(order.terms, line.id) if each.kind is not ClaimKind.REFUSAL]
    policy = policy_for(claimable, command.kind)
    until = order.delivered_at + policy.window
    if now > until:
        raise ClaimWindowClosed(until=rfc3339(until))
    gaps = missing_evidence(policy, photos=len(command.photos), inspection=command.inspection is not None)
    if gaps:
        raise Invalid(gaps=gaps)
    return policy


async def announce(session: Session, order: Order, claim: BuyerClaim, now: datetime) -> None:
    """A claim was opened: the clock of its answer runs, and both sides hear of it."""
    await _start_clock(session, claim)
    await tell_claim(session, order, claim, now)


async def _require_refundable(
    session: Session, order: Order, line: OrderLine, lines: Sequence[OrderLine], amount: Money
) -> None:
    """Raise `ClaimAmountTooHigh` when not so much was paid for the line, or is left of it; `Invalid` for what is no amount."""
    if amount.currency != order.currency or amount.amount <= 0:
        words = {"en": f"An amount above zero in {order.currency}", "zh-Hans": f"须为大于零的 {order.currency} 金额"}
        raise Invalid(gaps=[Gap("/amount", words)])
    payment = await get_payment_of(session, order.id)
    most = refundable_minor(sold_line(line), await standings_of(session, order.id), paid_minor(order, payment, lines))
    if amount.amount > most:
        raise ClaimAmountTooHigh(most, order.currency)


def _new_claim(order: Order, line: OrderLine, policy: Claimable, command: NewClaim, now: datetime) -> BuyerClaim:
    return BuyerClaim(
        id=command.id or new_id("clm"),
        order_id=order.id,
        line_id=line.id,
        buyer_id=order.buyer_id,
        producer_id=line.producer_id,
        policy=policy.number,
        carriage_back=policy.carriage_back,
        kind=command.kind,
        status=ClaimStatus.OPEN,
        currency=order.currency,
        asked_minor=command.amount.amount,
        words=command.words,
        photos=command.photos,
        inspection=command.inspection.model_dump(mode="json") if command.inspection else None,
        due_at=due_after(ClaimStatus.OPEN, policy, now),
        created_from=fingerprint(command),
        created_at=now,
        updated_at=now,
    )


async def _keep_photos(session: Session, caller: Caller, claim: BuyerClaim, command: NewClaim) -> None:
    """Raise `Invalid` for each photo that is not there, not the buyer's, or used for something else."""
    named = {f"/photos/{i}": photo for i, photo in enumerate(command.photos)}
    if command.inspection:
        named["/inspection/photo"] = command.inspection.photo
    kept = await keep_as_evidence(session, caller, named.values(), claim.id, claim.producer_id)
    words = {
        "en": "No photo of yours that is uploaded and unused: upload it with POST /v1/media",
        "zh-Hans": "未找到您已上传且未使用的照片，请先通过 POST /v1/media 上传",
    }
    gaps = [Gap(pointer, words) for pointer, photo in named.items() if photo not in kept]
    if gaps:
        raise Invalid(gaps=gaps)


async def answer_claim(
    ports: Ports, session: Session, caller: Caller, claim_id: str, command: ClaimAnswer, language: str
) -> ClaimShape:
    """The producer accepts, offers a part, or refuses; refused, it goes to an operator. Raises `StateConflict` when it is too late.

    It is the producer's money: whoever may price for it may answer.
    """
    seen = await get_claim(session, caller, claim_id)
    needs = {"en": "a member of the claim's producer", "zh-Hans": "该商品卖家的成员身份"}
    require_grant(caller, seen.producer_id, Grant.PRICE, Forbidden(needs=needs))
    order, claim = await _locked(session, seen)
    event = ANSWERED_BY[command.answer]
    if (command.amount is not None) != (command.answer is Answer.PARTLY):
        words = {
            "en": "An offer of a part names its `amount`; nothing else does",
            "zh-Hans": "仅部分接受时须填写 amount",
        }
        raise Invalid(gaps=[Gap("/amount", words)])
    given: dict[str, Any] = {"answer": command.words} if command.words else {}
    if command.amount is not None:
        _require_within(command.amount, claim.asked_minor - 1, claim, least=1)
        given["offered_minor"] = command.amount.amount
    if command.answer is Answer.ACCEPT:
        event = await _against_goods(session, order, claim, event, claim.asked_minor, keep=command.keep)
    await step(ports, session, order, claim, event, claim.asked_minor, given)
    return claim_shape(claim, language)


async def reply_to_claim(
    ports: Ports, session: Session, caller: Caller, claim_id: str, command: ClaimReply, language: str
) -> ClaimShape:
    """The buyer takes the offer, has an operator decide, or withdraws. Raises `StateConflict`."""
    seen = await get_claim(session, caller, claim_id)
    if seen.buyer_id != caller.id:
        raise Forbidden(needs={"en": "the buyer who opened the claim", "zh-Hans": "提出申请的买家身份"})
    order, claim = await _locked(session, seen)
    event = REPLIED_BY[command.reply]
    await step(ports, session, order, claim, event, claim.offered_minor or 0, {})
    return claim_shape(claim, language)


async def decide_claim(
    ports: Ports, session: Session, caller: Caller, claim_id: str, command: ClaimDecision, language: str
) -> ClaimShape:
    """An operator grants all, a part or nothing of what was asked, with reasons. Raises `StateConflict` unless it is disputed."""
    order, claim = await _locked(session, await get_claim(session, caller, claim_id))
    _require_within(command.amount, claim.asked_minor, claim, least=0)
    event = ClaimEvent.GRANT if command.amount.amount else ClaimEvent.REJECT
    given = {"reasons": command.reasons, "decided_by": caller.id}
    if event is ClaimEvent.GRANT:
        event = await _against_goods(session, order, claim, event, command.amount.amount, keep=command.keep)
    await step(ports, session, order, claim, event, command.amount.amount, given)
    return claim_shape(claim, language)


async def lapse_claim(ports: Ports, claim: str) -> None:
    """Job: whose word was due has not come in time, so that an operator decides. Harmless when it came."""
    async with ports.begin() as session:
        seen = await find_claim(session, claim)
        if seen is None:
            return
        order, row = await _locked(session, seen)
        if may(row.status, ClaimEvent.LAPSE) and row.due_at is not None and row.due_at <= ports.clock.now():
            await step(ports, session, order, row, ClaimEvent.LAPSE, 0, {})


async def _locked(session: Session, seen: BuyerClaim) -> tuple[Order, BuyerClaim]:
    """The order first, as in every story; then the claim as it stands now."""
    order = await lock_order(session, seen.order_id)
    return order, await lock_claim(session, seen.id)


def _require_within(amount: Money, most: int, claim: BuyerClaim, *, least: int) -> None:
    if amount.currency != claim.currency or amount.amount < least:
        words = {"en": f"At least {least} in {claim.currency}", "zh-Hans": f"至少 {least}（{claim.currency}）"}
        raise Invalid(gaps=[Gap("/amount", words)])
    if amount.amount > most:
        raise ClaimAmountTooHigh(most, claim.currency)


async def _against_goods(
    session: Session, order: Order, claim: BuyerClaim, event: ClaimEvent, granted_minor: int, *, keep: bool
) -> ClaimEvent:
    """What granting so much means: the money goes back at once, or once the goods are back. `keep`: the buyer keeps them."""
    if keep or claim.carriage_back == CarriageBack.NONE:
        return event
    line = next(each for each in await list_lines(session, order.id) if each.id == claim.line_id)
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    left = refundable_minor(sold_line(line), await standings_of(session, order.id), line.total_minor)
    at_door = any(journey.refuses(line.id) for journey in journeys if journey.id == line.consignment_id)
    pays = CarriageBack(claim.carriage_back)
    return ClaimEvent.SEND_BACK if has_to_go_back(pays, granted_minor, left, at_door=at_door) else event


async def step(
    ports: Ports,
    session: Session,
    order: Order,
    claim: BuyerClaim,
    event: ClaimEvent,
    granted_minor: int,
    given: dict[str, Any],
    carriage_minor: int = 0,
) -> None:
    """Take a locked claim one step further, with the money, the clock and the news of it; all or nothing.

    `carriage_minor`: what of a way back may come out of the refund.
    """
    now = ports.clock.now()
    status = advance(claim.status, event)
    waited = claim.status is ClaimStatus.RETURNING
    policy = next(each for each in claimable_of(order.terms, claim.line_id) if each.number == claim.policy)
    given = given | {"status": status, "due_at": due_after(status, policy, now)}
    if status is ClaimStatus.SETTLED:
        given["granted_minor"] = granted_minor
        given |= await _refund(session, order, claim, granted_minor, carriage_minor, now)
    if status is ClaimStatus.RETURNING:
        given["agreed_minor"] = granted_minor
    await change_claim(session, claim, now, **given)
    if status is ClaimStatus.RETURNING and claim.due_at is not None:
        line = next(each for each in await list_lines(session, order.id) if each.id == claim.line_id)
        await start_return(session, order, [line], CarriageBack(claim.carriage_back), claim.due_at, now)
    if claim.due_at is None:
        await _release_the_rest(session, order, claim, now)
        await align_later(ports, session, order.id)
    else:
        await _start_clock(session, claim)
    await tell_claim(session, order, claim, now)
    if waited and event is ClaimEvent.WITHDRAW:
        await _call_off(session, order, claim, now)


async def _call_off(session: Session, order: Order, claim: BuyerClaim, now: datetime) -> None:
    """A claim that waits for its goods is withdrawn: they stay. Raises `StateConflict` once they have left, or were left at the door."""
    goods = await lock_open_return(session, order.id, claim.line_id)
    if goods is None or goods.at_door:
        raise StateConflict(state=CLAIM_DISPLAY[ClaimStatus.RETURNING], verb=VERBS[ClaimEvent.WITHDRAW])
    await stop_return(session, goods, ReturnEvent.CALL_OFF, now)
    await free_room(session, goods)


async def _start_clock(session: Session, claim: BuyerClaim) -> None:
    if may(claim.status, ClaimEvent.LAPSE):
        await enqueue(session, [Job("claim.lapse", {"claim": claim.id}, run_at=claim.due_at)])


async def _refund(
    session: Session, order: Order, claim: BuyerClaim, granted_minor: int, carriage_minor: int, now: datetime
) -> dict[str, Any]:
    """What was granted is owed to the buyer from now on; a card's provider sends it by a job. Answers what to note of it on the claim.

    Raises `ClaimAmountTooHigh` when less than that is left of what was paid.
    """
    await require_undisputed(session, order.id)
    bought, claims = await list_lines(session, order.id), await standings_of(session, order.id)
    lines = _all_sold(bought)
    payment = await lock_payment_of(session, order.id)
    line = next(each for each in lines if each.id == claim.line_id)
    most = refundable_minor(line, claims, paid_minor(order, payment, bought))
    if granted_minor > most:
        raise ClaimAmountTooHigh(most, order.currency)
    released = await _is_released(session, order, claim.producer_id, now)
    transfers = await transfers_of(session, order.id)
    entries = refund_for(order, line, granted_minor, lines, claims, transfers, released=released)
    await record_transfers(
        session, [Transfer(new_id("trf"), TransferKind.REFUND, order.id, State.POSTED, entries)], now
    )
    uncollected = next(each.uncollected_minor or 0 for each in bought if each.id == line.id)
    unpaid = unpaid_minor(uncollected, granted_minor, line.id, claims)
    carriage = carriage_of_claim(CarriageBack(claim.carriage_back), carriage_minor, granted_minor - unpaid)
    noted: dict[str, Any] = {"unpaid_minor": unpaid, "carriage_minor": carriage}
    if payment.method is not PaymentMethod.STRIPE:
        through = min(granted_minor - unpaid - carriage, payment.amount_minor - payment.refunded_minor)
        if through > 0:
            await record_part_refund(session, payment, Money(through, order.currency), now)
        return noted | {"refunded_at": now}
    await enqueue(session, [Job("claim.refund", {"claim": claim.id})])
    return noted | {"refunded_at": None}


def refund_for(
    order: Order,
    line: LineSold,
    granted_minor: int,
    lines: Sequence[LineSold],
    claims: Sequence[Standing],
    transfers: Sequence[Transfer],
    *,
    released: bool,
) -> tuple[Entry, ...]:
    """What was granted for a line goes back: of the producer's and the co-operative's money first what waits for this claim. Pure.

    `released`: the producer's money waits for open claims only. That of a co-operative waits for the whole order.
    """
    sold = sold_in(order, line.producer, lines, claims)
    unreleased = unreleased_minor(transfers, line.producer)
    pending = pending_for(line.id, sold, lines, claims, unreleased, completed=released)
    completed = order.status is OrderStatus.COMPLETED
    shared = 0
    if sold.share:
        held = _held_shared(order, sold.share.cooperative, lines, others_than(line.id, claims)) if completed else 0
        shared = unreleased_minor(transfers, sold.share.cooperative, AccountKind.COOPERATIVE_PENDING) - held
    return refund_entries(order.buyer_id, sold, granted_minor, pending, shared)


def sold_in(order: Order, producer: str, lines: Sequence[LineSold], claims: Sequence[Standing]) -> Sold:
    """What a producer sold in an order, by the terms that were frozen when it was placed. Pure."""
    share = shares_of(order.terms).get(producer)
    return sold_by(producer, order.currency, order.terms["fee_bps"], lines, claims, share)


def _held_shared(order: Order, cooperative: str, lines: Sequence[LineSold], claims: Sequence[Standing]) -> int:
    """What of a co-operative's money open claims hold back, over all its members in an order."""
    members = [producer for producer, share in shares_of(order.terms).items() if share.cooperative == cooperative]
    return sum(held_shared_minor(sold_in(order, each, lines, claims), lines, claims) for each in members)


def paid_minor(order: Order, payment: Payment, lines: Sequence[OrderLine]) -> int:
    """What the buyer paid for an order: with it, and before it as deposits; not what boxes are worth. What was left unpaid for
    goods that were refused at the door counts, as it is owed.

    A card may have paid more than goods came to when they were weighed, or less, with the rest taken at the door.
    """
    paid = payment.amount_minor + (order.deposit_minor or 0) - (order.box_deposit_minor or 0)
    return min(paid + sum(line.uncollected_minor or 0 for line in lines), order.total_minor)


async def _release_the_rest(session: Session, order: Order, claim: BuyerClaim, now: datetime) -> None:
    """The claim is over: what of the producer's money waited for it alone is released, when the time for that has come already."""
    if await _is_released(session, order, claim.producer_id, now) and not await is_disputed(session, order.id):
        lines, claims = _all_sold(await list_lines(session, order.id)), await standings_of(session, order.id)
        transfers = await transfers_of(session, order.id)
        await record_transfers(session, releases(order, lines, claims, transfers, [claim.producer_id]), now)


async def _is_released(session: Session, order: Order, producer: str, now: datetime) -> bool:
    """Whether the producer's money of this order waits for open claims only: nothing of its lines can be claimed any more, or the buyer is content."""
    if order.status is OrderStatus.COMPLETED or order.delivered_at is None:
        return order.status is OrderStatus.COMPLETED
    return now >= order.delivered_at + windows_of(order, await list_lines(session, order.id))[producer]


def windows_of(order: Order, lines: Sequence[OrderLine]) -> dict[str, timedelta]:
    """For each producer how long after the delivery its lines may be claimed, by the terms of the order; until then its money waits."""
    producers = {line.producer_id for line in lines}
    return {
        producer: window_of(order.terms, [line.id for line in lines if line.producer_id == producer])
        for producer in producers
    }


async def align_later(ports: Ports, session: Session, order_id: str) -> None:
    """What producers have available of an order has changed: where a machine pays them, it is told by a job."""
    if ports.channels:
        await enqueue(session, [Job("order.released", {"order": order_id})])


def releases(
    order: Order,
    lines: Sequence[LineSold],
    claims: Sequence[Standing],
    transfers: Sequence[Transfer],
    producers: Sequence[str],
) -> list[Transfer]:
    """What these producers have pending becomes available, but for what open claims hold back; so does what the co-operatives
    have that they share with, once the order is completed: they may have a part in what others of it sold.
    """
    owners = [(producer, AccountKind.PRODUCER_PENDING) for producer in producers]
    shares = shares_of(order.terms) if order.status is OrderStatus.COMPLETED else {}
    cooperatives = sorted({shares[producer].cooperative for producer in producers if producer in shares})
    owners += [(cooperative, AccountKind.COOPERATIVE_PENDING) for cooperative in cooperatives]
    made = []
    for owner, kind in owners:
        if kind is AccountKind.PRODUCER_PENDING:
            held = held_minor(sold_in(order, owner, lines, claims), lines, claims)
        else:
            held = _held_shared(order, owner, lines, claims)
        free = unreleased_minor(transfers, owner, kind) - held
        if free > 0:
            entries = release_entries(owner, Money(free, order.currency), kind)
            made.append(Transfer(new_id("trf"), TransferKind.RELEASE, order.id, State.POSTED, entries))
    return made


async def refund_claim(ports: Ports, claim: str) -> None:
    """Job: send what was granted back the way it came. May run twice: the provider knows the refund by the claim's id."""
    async with ports.begin() as session:
        seen = await find_claim(session, claim)
        if seen is None or seen.status is not ClaimStatus.SETTLED or seen.refunded_at is not None:
            return
        payment = await get_payment_of(session, seen.order_id)
        word = await last_word(session, seen.order_id)
    if nothing_taken(payment.status):
        # Nothing was ever taken: once it is paid anew, this is put again.
        return
    if ports.cards is None or payment.provider_ref is None:
        raise UpstreamFailed(service="Stripe")
    assert seen.granted_minor
    # What was paid as a deposit did not come by this card: that part stays on the buyer's account.
    owed = seen.granted_minor - seen.unpaid_minor - seen.carriage_minor
    amount = Money(min(owed, payment.amount_minor - payment.refunded_minor), seen.currency)
    try:
        if amount.amount:
            await ports.cards.refund(payment.id, f"{seen.id}:refund", payment.provider_ref, amount, after=word)
    except PaymentDisputed:
        # The bank decides first: what is owed stays owed, and its word puts this job again.
        return
    now = ports.clock.now()
    async with ports.begin() as session:
        order, row = await _locked(session, seen)
        if row.refunded_at is not None:
            return
        await record_part_refund(session, await lock_payment_of(session, order.id), amount, now)
        entries = refund_paid_entries(order.buyer_id, payment.method, amount)
        paid = [Transfer(new_id("trf"), TransferKind.REFUND_PAID, order.id, State.POSTED, entries)] if entries else []
        await record_transfers(session, paid, now)
        await change_claim(session, row, now, refunded_at=now)


def sold_line(line: OrderLine) -> LineSold:
    return LineSold(line.id, line.producer_id, line.total_minor)


def _all_sold(lines: Sequence[OrderLine]) -> list[LineSold]:
    return [sold_line(line) for line in lines]
