"""The story of an order that is paid by bank or wallet transfer: money arrives with a reference, enough of it or not."""

from app.core.database import Session
from app.core.errors import Gap, Invalid
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money, priced
from app.flows.ports import Ports
from app.flows.return_boxes import hold_boxes
from app.identity.service import contacts_of_persons
from app.identity.values import Caller
from app.ledger.rules import collection_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import PLATFORM, AccountKind, AccountRef, State, Transfer, TransferKind
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order
from app.orders.rules import may
from app.orders.service import lock_order, move
from app.orders.values import OrderEvent
from app.payments.errors import NotPaidByTransfer
from app.payments.models import Payment, PaymentReceipt
from app.payments.schemas import NewReceipt, ReceiptShape
from app.payments.service import add_receipt, apply, get_payment, lock_payment, received_minor
from app.payments.values import METHOD_DISPLAY, PaymentEvent, PaymentMethod, PaymentStatus
from app.payouts.service import owed_for


async def receive_transfer(
    ports: Ports, session: Session, caller: Caller, payment_id: str, command: NewReceipt
) -> ReceiptShape:
    """An operator has found money for an order in the bank's statement. Once all of it is there, the order goes ahead.

    Too little stays due until the deadline. Too much, or what comes for an order that has ended, is owed to the buyer and paid
    back by the next run. The same reference again changes nothing. Raises `NotFound`, `NotPaidByTransfer` or `ReceiptKnown`.
    """
    now = ports.clock.now()
    order = await lock_order(session, (await get_payment(session, payment_id)).order_id)
    payment = await lock_payment(session, payment_id)
    if payment.method is not PaymentMethod.BANK_TRANSFER:
        raise NotPaidByTransfer(method=METHOD_DISPLAY[payment.method])
    _require_amount(command.amount, payment)
    receipt = PaymentReceipt(
        id=new_id("rcp"),
        payment_id=payment.id,
        amount_minor=command.amount.amount,
        currency=payment.currency,
        reference=command.reference,
        recorded_by=caller.id,
        created_at=now,
    )
    kept = await add_receipt(session, receipt)
    if kept is receipt:
        await _collect(session, order, receipt)
        await _go_ahead(ports, session, order, payment)
        await _tell(ports, session, order, command.amount)
    return await _shape(session, order, payment, kept)


def _require_amount(amount: Money, payment: Payment) -> None:
    if amount.currency != payment.currency or amount.amount <= 0:
        currency = payment.currency
        words = {"en": f"An amount above zero in {currency}", "zh-Hans": f"须为大于零的 {currency} 金额"}
        raise Invalid(gaps=[Gap("/amount", words)])


async def _collect(session: Session, order: Order, receipt: PaymentReceipt) -> None:
    bank = AccountRef(AccountKind.BANK, PLATFORM, receipt.currency)
    entries = collection_entries(order.buyer_id, receipt.currency, {bank: receipt.amount_minor})
    collected = Transfer(new_id("trf"), TransferKind.COLLECTION, order.id, State.POSTED, entries)
    await record_transfers(session, [collected], receipt.created_at)


async def _go_ahead(ports: Ports, session: Session, order: Order, payment: Payment) -> None:
    """Once all is there: the payment is paid, and the order placed."""
    enough = await received_minor(session, payment.id) >= payment.amount_minor
    if not (enough and payment.status is PaymentStatus.AWAITING_CUSTOMER):
        return
    now = ports.clock.now()
    await apply(session, payment, PaymentEvent.PAY, now)
    if may(order.status, OrderEvent.PAY):
        await move(session, order, OrderEvent.PAY, now)
        await record_transfers(session, hold_boxes(order), now)
        await enqueue(session, [Job("order.placed", {"order": order.id})])


async def _tell(ports: Ports, session: Session, order: Order, amount: Money) -> None:
    told = {"number": order.number, "amount": priced(amount)}
    people = (await contacts_of_persons(session, [order.buyer_id])).values()
    notices = [Notice(one.phone, Template.PAYMENT_RECEIVED, one.language, told) for one in people]
    await queue_messages(session, notices, ports.clock.now())


async def _shape(session: Session, order: Order, payment: Payment, receipt: PaymentReceipt) -> ReceiptShape:
    currency = payment.currency
    received = await received_minor(session, payment.id)
    if payment.status is PaymentStatus.AWAITING_CUSTOMER:
        # Deposits for boxes are owed as well, though nothing is held for them yet.
        owed = received - payment.amount_minor
    else:
        owed = await owed_for(session, AccountRef(AccountKind.BUYER, order.buyer_id, currency), order.id)
    return ReceiptShape(
        id=receipt.id,
        payment=payment.id,
        order=order.id,
        amount=Money(receipt.amount_minor, currency),
        reference=receipt.reference,
        created_at=receipt.created_at,
        payment_status=payment.status,
        received=Money(received, currency),
        due=Money(max(0, -owed), currency),
        surplus=Money(max(0, owed), currency),
    )
