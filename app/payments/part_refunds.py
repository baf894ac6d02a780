"""Parts of a payment that are owed back before anything was delivered: noted with what made them owed, sent by a job, each once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Session
from app.core.money import Money
from app.payments.models import PartRefund, Payment
from app.payments.values import PaymentStatus


async def note_part_refund(session: Session, refund_id: str, order_id: str, amount: Money, now: datetime) -> None:
    """So much goes back, under an id by which the provider will know it."""
    refund = PartRefund(
        id=refund_id, order_id=order_id, amount_minor=amount.amount, currency=amount.currency, created_at=now
    )
    await session.execute(insert(PartRefund).values(refund.model_dump()))


async def find_part_refund(session: Session, refund_id: str) -> PartRefund | None:
    return await session.get(PartRefund, refund_id, populate_existing=True)


async def refunded_in_parts(session: Session, order_id: str) -> int:
    """What of an order's payment goes back in such parts, sent or not yet."""
    total = select(func.coalesce(func.sum(col(PartRefund.amount_minor)), 0)).where(col(PartRefund.order_id) == order_id)
    return int((await session.execute(total)).scalar_one())


async def unsent_part_refunds(session: Session, order_id: str) -> Sequence[str]:
    """The ids of those that the provider has not answered for yet."""
    waiting = (
        select(col(PartRefund.id))
        .where(col(PartRefund.order_id) == order_id, col(PartRefund.refunded_at).is_(None))
        .order_by(col(PartRefund.id))
    )
    return list((await session.execute(waiting)).scalars())


async def unsent_minor(session: Session, order_id: str) -> int:
    """What of an order goes back in parts that the provider has not answered for yet."""
    total = select(func.coalesce(func.sum(col(PartRefund.amount_minor)), 0))
    wanted = total.where(col(PartRefund.order_id) == order_id, col(PartRefund.refunded_at).is_(None))
    return int((await session.execute(wanted)).scalar_one())


async def mark_sent(session: Session, refund: PartRefund, now: datetime) -> None:
    await session.execute(update(PartRefund).where(col(PartRefund.id) == refund.id).values(refunded_at=now))


async def change_cash_due(session: Session, payment: Payment, amount: Money, now: datetime) -> None:
    """A locked payment at the door comes to another amount. What was paid already stays as it is."""
    if payment.status is PaymentStatus.PENDING_CASH:
        payment.amount_minor, payment.updated_at = amount.amount, now
        await session.flush()
