"""The verb of a promise that cannot be kept: an order is as late as the last of its consignments."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import col

from app.core.database import Session
from app.orders.models import Order


async def postpone(session: Session, order: Order, start: datetime, end: datetime, now: datetime) -> None:
    """Promise a locked order later than before. Its price stays as it was."""
    await session.execute(
        update(Order).where(col(Order.id) == order.id).values(promised_from=start, promised_by=end, updated_at=now)
    )
