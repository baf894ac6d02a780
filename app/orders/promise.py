"""The verbs of a promise that cannot be kept: an order is as late as the last of its consignments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.database import Session
from app.orders.values import OrderStatus

_LOCK: Final = text('SELECT status, promised_by FROM "order" WHERE id = :id FOR UPDATE')
_POSTPONE: Final = text(
    'UPDATE "order" SET promised_from = :start, promised_by = :end, updated_at = :now WHERE id = :id'
)


@dataclass(frozen=True, slots=True)
class Promised:
    """Where an order stands, and by when it was promised."""

    status: OrderStatus
    by: datetime


async def lock_promise(session: Session, order_id: str) -> Promised | None:
    """As `lock_order`, of what a promise needs only; always the first lock of a story."""
    row = (await session.execute(_LOCK, {"id": order_id})).one_or_none()
    return Promised(OrderStatus(row.status), row.promised_by) if row else None


async def postpone(session: Session, order_id: str, start: datetime, end: datetime, now: datetime) -> None:
    """Promise a locked order later than before. Its price stays as it was."""
    await session.execute(_POSTPONE, {"id": order_id, "start": start, "end": end, "now": now})
