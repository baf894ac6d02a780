"""The story of a refund that does not arrive: the buyer is owed it again, and people are told to pay it in another way."""

from app.core.database import Session
from app.core.errors import NotFound
from app.core.ids import is_id, new_id
from app.core.money import priced
from app.flows.ports import Ports
from app.identity.service import contacts_of_persons
from app.ledger.rules import refund_paid_entries, reversed_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.offers.models import BulkOffer
from app.offers.service import change_offer, lock_offer
from app.orders.models import Order
from app.orders.service import lock_order
from app.payments.failed_refunds import keep_failed_refund
from app.payments.service import get_payment
from app.payments.values import Outcome, RefundNews, Step


async def take_in_failed_refund(ports: Ports, session: Session, provider: str, news: RefundNews) -> Step:
    """The provider has the money again. Each failed refund moves it once, whatever was heard or written down before.

    Locks the order, or the offer whose deposit it was. An order's buyer is paid by the next run, or in cash by a carrier; a deposit is
    sent by an operator from the bank.
    """
    try:
        payment = await get_payment(session, news.payment_id)
    except NotFound:
        return Step(Outcome.IGNORED)
    fits = news.amount.currency == payment.currency and 0 < news.amount.amount <= payment.amount_minor
    if payment.method != provider or not fits:
        return Step(Outcome.REFUSED, payment.order_id)
    deposit = is_id(payment.order_id, "off")
    subject: Order | BulkOffer = await (lock_offer if deposit else lock_order)(session, payment.order_id)
    now = ports.clock.now()
    if not await keep_failed_refund(session, news, payment, now):
        return Step(Outcome.LATE, subject.id)
    entries = reversed_entries(refund_paid_entries(subject.buyer_id, payment.method, news.amount))
    back = Transfer(new_id("trf"), TransferKind.REFUND_FAILED, subject.id, State.POSTED, entries)
    await record_transfers(session, [back], now)
    if isinstance(subject, BulkOffer) and subject.sent_back_at is not None:
        await change_offer(session, subject, now, sent_back_at=None)
    await _tell(ports, session, subject, news)
    return Step(Outcome.APPLIED, subject.id)


async def _tell(ports: Ports, session: Session, subject: Order | BulkOffer, news: RefundNews) -> None:
    """The buyer, who may say where else to be paid, and the operators, who pay it."""
    buyer = (await contacts_of_persons(session, [subject.buyer_id]))[subject.buyer_id]
    told = {"number": subject.number, "amount": priced(news.amount)}
    notices = [Notice(buyer.phone, Template.REFUND_FAILED, buyer.language, told)]
    operators = sorted(ports.settings.operator_phones - {buyer.phone})
    notices += [Notice(phone, Template.REFUND_TO_PAY, "zh-Hans", told) for phone in operators]
    await queue_messages(session, notices, ports.clock.now())
