"""The story of a payment that the buyer's bank disputes: money taken back, what waits for its word, and who bears what is lost."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from app.claims.rules import LineSold
from app.claims.service import claims_to_refund, standings_of
from app.core.database import Session
from app.core.ids import is_id
from app.core.jobs import Job, enqueue
from app.flows.claim_goods import align_later, releases
from app.flows.dispute_money import TOLD, accounts_of, enter_course, tell_of_dispute
from app.flows.follow_deposit_dispute import take_in_deposit_dispute
from app.flows.follow_payment import ENDED
from app.flows.ports import Ports
from app.ledger.service import record as record_transfers
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, AccountRef, Entry
from app.orders.models import Order, OrderLine
from app.orders.policies import Party
from app.orders.service import list_lines, lock_order
from app.orders.values import OrderStatus
from app.payments.dispute_rules import loss_shares, lost_entries, owed_back_minor, parts_of
from app.payments.disputes import course_of, follow, open_dispute
from app.payments.models import Dispute
from app.payments.part_refunds import unsent_part_refunds
from app.payments.service import lock_payment_of, payment_by_ref
from app.payments.values import DISPUTE_OPEN, DisputeNews, DisputeStatus, Outcome, Step
from app.shipments.boxes import boxes_to_refund


async def take_in_dispute(ports: Ports, session: Session, provider: str, news: DisputeNews) -> Step:
    """News of a dispute, in any order and as often as it comes: the ledger and the producers' money follow how far it has come.

    Locks the order, then the dispute, then the payment.
    """
    known = await payment_by_ref(session, provider, news.intent_ref)
    if known is None:
        return Step(Outcome.IGNORED)
    if news.amount.currency != known.currency:
        return Step(Outcome.REFUSED, known.order_id)
    if is_id(known.order_id, "off"):
        return await take_in_deposit_dispute(ports, session, provider, news, known)
    now = ports.clock.now()
    order = await lock_order(session, known.order_id)
    lines = await list_lines(session, order.id)
    row, fresh = await open_dispute(session, news, known, {line.producer_id for line in lines}, now)
    before = course_of(row)
    after = before.after(news)
    if after == before and not fresh:
        return Step(Outcome.LATE, order.id)
    await follow(session, row, after, now)
    await enter_course(session, provider, row, before, after, partial(_lost, session, order, row), now)
    if after.status not in DISPUTE_OPEN and after.status is not before.status:
        if order.status is OrderStatus.COMPLETED:
            await _release(session, order, lines, now)
        if after.status is not DisputeStatus.LOST:
            await _resume_refunds(session, order)
    await align_later(ports, session, order.id)
    if (after.status is not before.status or fresh) and after.status in TOLD:
        await tell_of_dispute(ports, session, order.number, row, now)
    return Step(Outcome.APPLIED, order.id)


async def _lost(session: Session, order: Order, dispute: Dispute, lost_minor: int) -> tuple[Entry, ...]:
    """Who bears what was lost, by the terms that were frozen with the order: each for its part of the goods, or the platform alone.

    What was owed to the buyer anyway, of a cancelled order or a claim that was granted, has gone back by the bank.
    """
    disputed, platform = accounts_of(dispute)
    payment = await lock_payment_of(session, order.id)
    transfers = await transfers_of(session, order.id)
    buyer = AccountRef(AccountKind.BUYER, order.buyer_id, dispute.currency)
    owed = min(lost_minor, owed_back_minor(transfers, buyer))
    by_producers = order.terms.get("disputes", {}).get(dispute.reason) == Party.PRODUCER
    parts = parts_of(transfers) if by_producers else {}
    shares = loss_shares(lost_minor - owed, payment.amount_minor - payment.refunded_minor, parts)
    return lost_entries(disputed, platform, lost_minor, shares, parts, {buyer: owed})


async def _resume_refunds(session: Session, order: Order) -> None:
    """What waited to go back to the card while the bank decided goes back now; a cancelled order's payment as a whole."""
    if order.status in ENDED:
        await enqueue(session, [Job("payment.return", {"order": order.id})])
        return
    jobs = [Job("payment.part_refund", {"refund": part}) for part in await unsent_part_refunds(session, order.id)]
    jobs += [Job("claim.refund", {"claim": claim}) for claim in await claims_to_refund(session, order.id)]
    jobs += [Job("box.refund", {"package": box}) for box in await boxes_to_refund(session, order.id)]
    await enqueue(session, jobs)


async def _release(session: Session, order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    """What waited for the bank's decision alone is available from now on."""
    claims, transfers = await standings_of(session, order.id), await transfers_of(session, order.id)
    sold = [LineSold(line.id, line.producer_id, line.total_minor) for line in lines]
    await record_transfers(
        session, releases(order, sold, claims, transfers, sorted({each.producer for each in sold})), now
    )
