"""What every story of an offer shares: its clock, the end of it with its deposit's money, and the news to both sides."""

from collections.abc import Sequence
from datetime import datetime

from app.catalogue.reserve import release
from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money, priced
from app.core.quantity import as_text
from app.core.text import pick
from app.flows.tell_people import local_time
from app.identity.service import parties_of
from app.ledger.rules import deposit_forfeited_entries, deposit_returned_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.offers.models import BulkOffer
from app.offers.rules import advance, deposit_after, lapse_of
from app.offers.service import change_offer
from app.offers.terms import terms_of
from app.offers.values import DepositEvent, DepositStatus, Fate, OfferEvent, OfferStatus, Side

_ENDED = {
    OfferStatus.DECLINED: Template.OFFER_DECLINED,
    OfferStatus.WITHDRAWN: Template.OFFER_WITHDRAWN,
    OfferStatus.EXPIRED: Template.OFFER_EXPIRED,
}
_NEXT = {
    DepositStatus.DUE: {
        "en": "Deposit: {deposit}, to be paid by {due}",
        "zh-Hans": "定金 {deposit}，请于 {due} 前支付",
    },
    DepositStatus.NONE: {"en": "To be ordered by {due}", "zh-Hans": "请于 {due} 前下单"},
}


def deposit_of(offer: BulkOffer) -> Money:
    return Money(offer.deposit_minor, offer.currency)


async def start_clock(session: Session, offer: BulkOffer) -> None:
    """Put the job that looks at the offer again when its time is over."""
    await enqueue(session, [Job("offer.lapse", {"offer": offer.id}, run_at=offer.due_at)])


async def end_offer(
    session: Session, offer: BulkOffer, event: OfferEvent, fault: Side, now: datetime, before: Sequence[Transfer] = ()
) -> None:
    """Take a locked offer to its end: its goods are free, its deposit goes where the frozen terms say, both sides are told.

    `fault` is the side by whose doing it comes to nothing; `before` are transfers that come first. A deposit that nobody has
    paid is not due any more. Locks the lots: call it last.
    """
    held = offer.status is OfferStatus.ACCEPTED
    status = advance(offer.status, event)
    deposit, moved = end_of_deposit(offer, lapse_of(fault, terms_of(offer.terms)))
    await change_offer(session, offer, now, status=status, due_at=None, deposit_status=deposit)
    await record_transfers(session, [*before, *moved], now)
    if deposit in (DepositStatus.RETURNED, DepositStatus.CANCELLED):
        await enqueue(session, [Job("deposit.return", {"offer": offer.id})])
    told = [_ENDED[status]]
    if moved:
        told.append(Template.DEPOSIT_RETURNED if deposit is DepositStatus.RETURNED else Template.DEPOSIT_FORFEITED)
    await tell_both(session, offer, told, now)
    if held:
        await release(session, [offer.id])


def end_of_deposit(offer: BulkOffer, fate: Fate) -> tuple[DepositStatus, list[Transfer]]:
    """Where the deposit of an offer ends, and the money that moves with it. Pure but for the fresh id."""
    if offer.deposit_status is DepositStatus.NONE:
        return DepositStatus.NONE, []
    if offer.deposit_status is DepositStatus.DUE:
        return deposit_after(DepositStatus.DUE, DepositEvent.CANCEL), []
    amount = deposit_of(offer)
    if fate is Fate.RETURNED:
        event, kind = DepositEvent.RETURN, TransferKind.DEPOSIT_RETURNED
        entries = deposit_returned_entries(offer.buyer_id, amount)
    else:
        event, kind = DepositEvent.FORFEIT, TransferKind.DEPOSIT_FORFEITED
        entries = deposit_forfeited_entries(offer.buyer_id, offer.producer_id, amount)
    return deposit_after(offer.deposit_status, event), [Transfer(new_id("trf"), kind, offer.id, State.POSTED, entries)]


async def tell_both(
    session: Session, offer: BulkOffer, templates: Sequence[Template], now: datetime, *, only_buyer: bool = False
) -> None:
    """The buyer and every member of the producer hear of a step, each in their language."""
    parties = await parties_of(session, offer.buyer_id, {offer.producer_id}, now)
    people = [parties.buyer, *(() if only_buyer else parties.members.get(offer.producer_id, ()))]
    notices = [
        Notice(one.phone, template, one.language, _told(offer, one.language))
        for template in templates
        for one in people
    ]
    await queue_messages(session, notices, now)


def _told(offer: BulkOffer, language: str) -> dict[str, str]:
    due = local_time(offer.due_at) if offer.due_at else ""
    deposit = priced(deposit_of(offer))
    following = _NEXT.get(offer.deposit_status, _NEXT[DepositStatus.NONE])
    return {
        "number": offer.number,
        "title": pick(offer.title, language),
        "quantity": f"{as_text(offer.quantity)} {offer.unit.value}",
        "price": priced(Money(offer.price_minor, offer.currency)),
        "deposit": deposit,
        "due": due,
        "next": pick(following, language).format(deposit=deposit, due=due),
    }
