"""The story of a part of a card payment that is not needed: it goes back the way it came, once."""

from app.core.errors import UpstreamFailed
from app.core.ids import new_id
from app.core.money import Money
from app.flows.ports import Ports
from app.ledger.rules import refund_paid_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.orders.service import lock_order
from app.payments.disputes import last_word
from app.payments.errors import PaymentDisputed
from app.payments.part_refunds import find_part_refund, mark_sent
from app.payments.service import get_payment_of, lock_payment_of, record_part_refund
from app.payments.values import PaymentStatus


async def return_part(ports: Ports, refund: str) -> None:
    """Job: send it back. May run twice: the provider knows it by the id of what made it owed."""
    async with ports.begin() as session:
        seen = await find_part_refund(session, refund)
        if seen is None or seen.refunded_at is not None:
            return
        payment = await get_payment_of(session, seen.order_id)
        word = await last_word(session, seen.order_id)
    if payment.status not in (PaymentStatus.PAID, PaymentStatus.REFUNDED):
        # Nothing was taken yet: once it is, this is put again. What was held is held no more where it was lost.
        return
    if ports.cards is None or payment.provider_ref is None:
        raise UpstreamFailed(service="Stripe")
    amount = Money(seen.amount_minor, seen.currency)
    try:
        await ports.cards.refund(payment.id, f"{seen.id}:refund", payment.provider_ref, amount, after=word)
    except PaymentDisputed:
        # The bank decides first: what is owed stays owed, and its word puts this job again.
        return
    now = ports.clock.now()
    async with ports.begin() as session:
        order = await lock_order(session, seen.order_id)
        row = await find_part_refund(session, refund)
        if row is None or row.refunded_at is not None:
            return
        await record_part_refund(session, await lock_payment_of(session, order.id), amount, now)
        entries = refund_paid_entries(order.buyer_id, payment.method, amount)
        paid = Transfer(new_id("trf"), TransferKind.REFUND_PAID, order.id, State.POSTED, entries)
        await record_transfers(session, [paid], now)
        await mark_sent(session, row, now)
