"""The story of a card payment's outcome reaching its order."""

from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.flows.ports import Ports
from app.flows.return_boxes import hold_boxes
from app.ledger.rules import collection_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import AccountKind, AccountRef, State, Transfer, TransferKind
from app.orders.rules import may
from app.orders.service import lock_order, move
from app.orders.values import OrderEvent, OrderStatus
from app.payments.service import get_payment_of
from app.payments.values import PaymentStatus


async def payment_paid(ports: Ports, order: str) -> None:
    """Job: a payment succeeded. The order is placed; if it has ended meanwhile, the money goes back."""
    now = ports.clock.now()
    async with ports.begin() as session:
        row = await lock_order(session, order)
        payment = await get_payment_of(session, order)
        if payment.status is not PaymentStatus.PAID:
            return
        if not may(row.status, OrderEvent.PAY):
            if row.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
                await enqueue(session, [Job("payment.return", {"order": order})])
            return
        await move(session, row, OrderEvent.PAY, now)
        gateway = AccountRef(AccountKind.GATEWAY, payment.method, payment.currency)
        entries = collection_entries(row.buyer_id, payment.currency, {gateway: payment.amount_minor})
        await record_transfers(
            session,
            [Transfer(new_id("trf"), TransferKind.COLLECTION, order, State.POSTED, entries), *hold_boxes(row)],
            now,
        )
        await enqueue(session, [Job("order.placed", {"order": order})])
