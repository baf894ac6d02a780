"""The story of a payment that the buyer's bank disputes: money taken back, evidence sent, and who bears what is lost."""

from collections.abc import Sequence
from datetime import datetime

from app.claims.rules import LineSold
from app.claims.service import standings_of
from app.core.clock import LEGAL_TIME
from app.core.database import Session
from app.core.errors import UpstreamFailed
from app.core.ids import is_id, new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money, priced
from app.core.text import pick
from app.flows.claim_goods import align_later, releases
from app.flows.ports import Ports
from app.flows.tell_people import local_time
from app.identity.service import contacts_of_producers
from app.identity.values import Caller
from app.ledger.service import record as record_transfers
from app.ledger.service import transfers_of
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order, OrderLine
from app.orders.policies import Party
from app.orders.service import get_order, list_lines, lock_order
from app.orders.values import OrderStatus
from app.payments.dispute_rules import Course, loss_shares, lost_entries, movements, parts_of, taken_entries
from app.payments.disputes import answer, course_of, follow, get_dispute, lock_dispute, open_dispute
from app.payments.models import Dispute
from app.payments.service import lock_payment_of, payment_by_ref
from app.payments.values import (
    ANSWERABLE,
    DISPUTE_OPEN,
    DisputeNews,
    DisputeStatus,
    Outcome,
    Step,
)
from app.shipments.queries import list_events, list_of_orders
from app.shipments.values import EVENT_DISPLAY, Journey, JourneyEvent

EVIDENCE_LENGTH_MAX = 20_000
_TOLD = {
    DisputeStatus.INQUIRY: Template.DISPUTE_OPENED,
    DisputeStatus.NEEDS_RESPONSE: Template.DISPUTE_OPENED,
    DisputeStatus.WON: Template.DISPUTE_WON,
    DisputeStatus.LOST: Template.DISPUTE_LOST,
}


async def take_in_dispute(ports: Ports, session: Session, provider: str, news: DisputeNews) -> Step:
    """News of a dispute, in any order and as often as it comes: the ledger and the producers' money follow how far it has come.

    Locks the order, then the dispute, then the payment.
    """
    known = await payment_by_ref(session, provider, news.intent_ref)
    # The deposit of an offer has no goods to prove: an operator answers for it at the provider.
    if known is None or not is_id(known.order_id, "ord"):
        return Step(Outcome.IGNORED)
    if news.amount.currency != known.currency:
        return Step(Outcome.REFUSED, known.order_id)
    now = ports.clock.now()
    order = await lock_order(session, known.order_id)
    lines = await list_lines(session, order.id)
    row, fresh = await open_dispute(session, news, known, {line.producer_id for line in lines}, now)
    before = course_of(row)
    after = before.after(news)
    if after == before and not fresh:
        return Step(Outcome.LATE, order.id)
    await follow(session, row, after, now)
    await _enter(session, provider, order, row, before, after, now)
    if after.status not in DISPUTE_OPEN and before.status in DISPUTE_OPEN and order.status is OrderStatus.COMPLETED:
        await _release(session, order, lines, now)
    await align_later(ports, session, order.id)
    if (after.status is not before.status or fresh) and after.status in _TOLD:
        await _tell(ports, session, order, row, now)
    return Step(Outcome.APPLIED, order.id)


async def _enter(
    session: Session,
    provider: str,
    order: Order,
    dispute: Dispute,
    before: Course,
    after: Course,
    now: datetime,
) -> None:
    gateway = AccountRef(AccountKind.GATEWAY, provider, dispute.currency)
    disputed = AccountRef(AccountKind.DISPUTED, PLATFORM, dispute.currency)
    made = []
    for kind, amount in movements(before, after).items():
        if kind is TransferKind.DISPUTE_LOST:
            entries = await _lost(session, order, dispute, disputed, amount)
        else:
            entries = taken_entries(gateway, disputed, amount if kind is TransferKind.DISPUTE else -amount)
        made.append(Transfer(new_id("trf"), kind, order.id, State.POSTED, entries))
    await record_transfers(session, made, now)


async def _lost(
    session: Session, order: Order, dispute: Dispute, disputed: AccountRef, lost_minor: int
) -> tuple[Entry, ...]:
    """Who bears what was lost, by the terms that were frozen with the order: each for its part of the goods, or the platform alone."""
    platform = AccountRef(AccountKind.PLATFORM_FEE, PLATFORM, dispute.currency)
    payment = await lock_payment_of(session, order.id)
    by_producers = order.terms.get("disputes", {}).get(dispute.reason) == Party.PRODUCER
    parts = parts_of(await transfers_of(session, order.id)) if by_producers else {}
    shares = loss_shares(lost_minor, payment.amount_minor - payment.refunded_minor, parts)
    return lost_entries(disputed, platform, lost_minor, shares, parts)


async def _release(session: Session, order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    """What waited for the bank's decision alone is available from now on."""
    claims, transfers = await standings_of(session, order.id), await transfers_of(session, order.id)
    sold = [LineSold(line.id, line.producer_id, line.total_minor) for line in lines]
    await record_transfers(
        session, releases(order, sold, claims, transfers, sorted({each.producer for each in sold})), now
    )


async def _tell(ports: Ports, session: Session, order: Order, dispute: Dispute, now: datetime) -> None:
    """Producers in their language, and operators."""
    told = {
        "number": order.number,
        "amount": priced(Money(dispute.amount_minor, dispute.currency)),
        "due": local_time(dispute.due_at) if dispute.due_at else "—",
    }
    contacts = await contacts_of_producers(session, dispute.producers)
    template = _TOLD[dispute.status]
    notices = [Notice(one.phone, template, one.language, told) for people in contacts.values() for one in people]
    known = {notice.to for notice in notices}
    operators = sorted(ports.settings.operator_phones - known)
    notices += [Notice(phone, template, "zh-Hans", told) for phone in operators]
    await queue_messages(session, notices, now)


async def answer_dispute(ports: Ports, session: Session, caller: Caller, dispute_id: str, words: str) -> Dispute:
    """An operator answers: what proves the delivery goes to the bank with these words, by a job, once and for all.

    Raises `NotFound`, or `EvidenceTooLate` when it was answered before or nobody hears it any more.
    """
    seen = await get_dispute(session, caller, dispute_id)
    await lock_order(session, seen.order_id)
    dispute = await lock_dispute(session, dispute_id)
    await answer(session, dispute, words, caller.id, ports.clock.now())
    await enqueue(session, [Job("dispute.answer", {"dispute": dispute.id})])
    return dispute


async def send_evidence(ports: Ports, dispute: str) -> None:
    """Job: send the answer to a dispute. May run twice: the provider takes one answer."""
    async with ports.begin() as session:
        row = await lock_dispute(session, dispute)
        if ports.cards is None or row.evidence is None or row.status not in ANSWERABLE:
            return
        evidence = await _evidence(session, row)
    news = await ports.cards.send_evidence(row.id, row.provider_ref, evidence)
    if news is None or (news.status in ANSWERABLE and news.due_at and news.due_at > ports.clock.now()):
        raise UpstreamFailed(service="Stripe")
    async with ports.begin() as session:
        await take_in_dispute(ports, session, "stripe", news)


async def _evidence(session: Session, dispute: Dispute) -> dict[str, str]:
    """What of the order proves that the goods were sent and arrived: no more about the buyer than where they went."""
    order = await get_order(session, dispute.order_id, None)
    lines = await list_lines(session, order.id)
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    events = await list_events(session, [journey.id for journey in journeys])
    told = [dispute.evidence or "", *(_course_of(journey, events.get(journey.id, [])) for journey in journeys)]
    departed = [leg.departed_at for journey in journeys for leg in journey.legs if leg.departed_at]
    to = order.deliver_to
    evidence = {
        "goods": "; ".join(f"{line.quantity} {line.unit} {pick(line.title, 'en')}" for line in lines),
        "tracking_number": ", ".join(journey.tracking_number for journey in journeys),
        "carrier": ", ".join(sorted({leg.carrier for journey in journeys for leg in journey.legs})),
        "name": str(to.get("name", "")),
        "address": f"{to.get('address', '')}, {to.get('county', '')}",
        "words": "\n\n".join(told),
    }
    if departed:
        evidence["shipped_on"] = f"{min(departed).astimezone(LEGAL_TIME):%Y-%m-%d}"
    return {name: text[:EVIDENCE_LENGTH_MAX] for name, text in evidence.items() if text}


def _course_of(journey: Journey, events: Sequence[JourneyEvent]) -> str:
    """A consignment's way as its carriers told it."""
    ordered = sorted(events, key=lambda each: each.occurred_at)
    lines = [
        f"{local_time(each.occurred_at)} {pick(EVENT_DISPLAY[each.type], 'en')} {each.hub or ''}".rstrip()
        for each in ordered
    ]
    return "\n".join([f"Consignment {journey.tracking_number}: {journey.status_text('en')}", *lines])
