"""The story of an offer's deposit that the buyer's bank disputes: it waits where it is, and what is lost has gone back that way."""

from datetime import datetime
from functools import partial

from app.core.database import Session
from app.core.jobs import Job, enqueue
from app.flows.dispute_money import TOLD, accounts_of, enter_course, tell_of_dispute
from app.flows.offer_steps import end_offer
from app.flows.ports import Ports
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, AccountRef, Entry
from app.offers.models import BulkOffer
from app.offers.service import change_offer, lock_offer
from app.offers.values import DepositStatus, OfferEvent, OfferStatus, Side
from app.payments.dispute_rules import lost_entries, owed_back_minor
from app.payments.disputes import course_of, follow, open_dispute
from app.payments.models import Dispute, Payment
from app.payments.service import lock_payment
from app.payments.values import DISPUTE_OPEN, DisputeNews, DisputeStatus, Outcome, Step


async def take_in_deposit_dispute(
    ports: Ports, session: Session, provider: str, news: DisputeNews, known: Payment
) -> Step:
    """News of a dispute about the deposit of an offer. Locks the offer, then the dispute, then the payment.

    Lost, a deposit that was held or owed back is the buyer's: it is sent back no other way. What has become part of an order, or was
    forfeited, the platform bears. Won after all, the buyer is owed it again.
    """
    now = ports.clock.now()
    offer = await lock_offer(session, known.order_id)
    row, fresh = await open_dispute(session, news, known, {offer.producer_id}, now)
    before = course_of(row)
    after = before.after(news)
    if after == before and not fresh:
        return Step(Outcome.LATE, offer.id)
    await follow(session, row, after, now)
    await lock_payment(session, known.id)
    await enter_course(session, provider, row, before, after, partial(_lost, session, offer, row, now), now)
    if after.status not in DISPUTE_OPEN and after.status is not before.status:
        await _close(session, offer, row, before.status, now)
    if (after.status is not before.status or fresh) and after.status in TOLD:
        await tell_of_dispute(ports, session, offer.number, row, now)
    return Step(Outcome.APPLIED, offer.id)


async def _lost(
    session: Session, offer: BulkOffer, dispute: Dispute, now: datetime, lost_minor: int
) -> tuple[Entry, ...]:
    """An agreement whose deposit was taken back comes to nothing: its goods are free again."""
    disputed, platform = accounts_of(dispute)
    if offer.status is OfferStatus.ACCEPTED and offer.deposit_status is DepositStatus.HELD:
        await end_offer(session, offer, OfferEvent.WITHDRAW, Side.OPERATOR, now)
    buyer = AccountRef(AccountKind.BUYER, offer.buyer_id, dispute.currency)
    owed = min(lost_minor, owed_back_minor(await transfers_of(session, offer.id), buyer))
    return lost_entries(disputed, platform, lost_minor, {}, {}, {buyer: owed})


async def _close(session: Session, offer: BulkOffer, dispute: Dispute, before: DisputeStatus, now: datetime) -> None:
    """Lost, nothing is left to send back; else what waited for the bank goes back now."""
    if offer.deposit_status is not DepositStatus.RETURNED:
        return
    if dispute.status is DisputeStatus.LOST:
        buyer = AccountRef(AccountKind.BUYER, offer.buyer_id, dispute.currency)
        # Of more than the bank took, the rest is sent by an operator.
        if offer.sent_back_at is None and not owed_back_minor(await transfers_of(session, offer.id), buyer):
            await change_offer(session, offer, now, sent_back_at=now)
        return
    if before is DisputeStatus.LOST:
        await change_offer(session, offer, now, sent_back_at=None)
    await enqueue(session, [Job("deposit.return", {"offer": offer.id})])
