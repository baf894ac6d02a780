"""Rate limits that hold across processes: counted in fixed windows in the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, text
from sqlmodel import Field, SQLModel, col

from app.core.database import Database, Session
from app.core.errors import TooManyRequests


class Throttle(SQLModel, table=True):
    key: str = Field(primary_key=True, max_length=120)
    window_ends_at: datetime = Field(index=True)
    used: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """A policy: at most `limit` in `window`."""

    name: str
    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Spent:
    allowance: Allowance
    remaining: int
    resets_in_s: int


_SPEND = text(
    "INSERT INTO throttle (key, window_ends_at, used) VALUES (:key, :ends, 1) "
    "ON CONFLICT (key) DO UPDATE SET "
    "used = CASE WHEN throttle.window_ends_at <= :now THEN 1 ELSE LEAST(throttle.used, 1000000) + 1 END, "
    "window_ends_at = CASE WHEN throttle.window_ends_at <= :now THEN EXCLUDED.window_ends_at ELSE throttle.window_ends_at END "
    "RETURNING used, window_ends_at"
)


async def spend(database: Database, allowance: Allowance, who: str, now: datetime) -> Spent:
    """Count one use; raises `TooManyRequests` beyond the allowance.

    In a transaction of its own: a use counts even when what it was for is refused.
    """
    values = {"key": f"{allowance.name}:{who}"[:120], "ends": now + allowance.window, "now": now}
    async with database.begin() as session:
        used, ends_at = (await session.execute(_SPEND, values)).one()
    resets_in_s = max(1, ceil((ends_at - now).total_seconds()))
    if used > allowance.limit:
        window_s = int(allowance.window.total_seconds())
        raise TooManyRequests(resets_in_s, policy=allowance.name, limit=allowance.limit, window_s=window_s)
    return Spent(allowance, allowance.limit - used, resets_in_s)


async def forget_old(session: Session, now: datetime) -> None:
    await session.execute(delete(Throttle).where(col(Throttle.window_ends_at) < now))
