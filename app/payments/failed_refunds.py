"""Refunds that the buyer's bank or wallet did not take: written down once, added up, and what may leave by the bank instead."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.payments.models import Dispute, FailedRefund, Payment
from app.payments.values import DisputeStatus, RefundNews


async def keep_failed_refund(session: Session, news: RefundNews, payment: Payment, now: datetime) -> bool:
    """Write it down, the first time only; true when it is new. What it is of is locked."""
    failed = FailedRefund(
        provider_ref=news.refund_ref,
        refund_id=news.refund_id[:80],
        payment_id=payment.id,
        order_id=payment.order_id,
        amount_minor=news.amount.amount,
        currency=news.amount.currency,
        reason=news.reason,
        created_at=now,
    )
    kept = insert(FailedRefund).values(failed.model_dump()).on_conflict_do_nothing()
    return (await session.execute(kept.returning(col(FailedRefund.provider_ref)))).first() is not None


async def failed_minor(reader: Reader, subject: str) -> int:
    """What of the payments of an order, or of the deposit of an offer, was sent back in vain."""
    total = select(func.coalesce(func.sum(col(FailedRefund.amount_minor)), 0))
    return int((await reader.execute(total.where(col(FailedRefund.order_id) == subject))).scalar_one())


async def failed_of(reader: Reader, payment_ids: Collection[str]) -> dict[str, int]:
    """What of each of these payments was sent back in vain. One statement."""
    rows = await reader.execute(
        select(col(FailedRefund.payment_id), func.sum(col(FailedRefund.amount_minor)))
        .where(col(FailedRefund.payment_id).in_(set(payment_ids)))
        .group_by(col(FailedRefund.payment_id))
    )
    return {payment: int(amount) for payment, amount in rows}


async def card_takes_nothing(reader: Reader, subject: str) -> bool:
    """Whether a bank has decided for the buyer: then nothing more can be sent back to that card."""
    lost = select(func.count()).where(col(Dispute.order_id) == subject, col(Dispute.status) == DisputeStatus.LOST)
    return bool((await reader.execute(lost)).scalar_one())
