"""Months of events: the partitions of their table, made before they are needed. Which row lies where is PostgreSQL's affair."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from app.core.database import Session, Sql
from app.core.ids import encode
from app.core.limits import EVENT_MONTHS_AHEAD

_KNOWN: Final = Sql(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'tracking_event'::regclass"
)
# A partition cannot be put before the one that catches the rest while that holds rows of it: they change places in between.
# What is detached is a table of its own, without the trigger that keeps events from being moved.
_MAKE: Final = """
ALTER TABLE tracking_event DETACH PARTITION tracking_event_rest;
CREATE TABLE {name} PARTITION OF tracking_event FOR VALUES FROM ('{first}') TO ('{end}');
WITH late AS (DELETE FROM tracking_event_rest WHERE consignment_id >= '{first}' AND consignment_id < '{end}' RETURNING *)
INSERT INTO tracking_event SELECT * FROM late;
ALTER TABLE tracking_event ATTACH PARTITION tracking_event_rest DEFAULT
"""
# Who reads and writes events waits meanwhile, so that we wait for them no longer than this; the job tries again.
_PATIENCE: Final = Sql("SET LOCAL lock_timeout = '2s'")


def first_id(month: datetime) -> str:
    """Below the id of every consignment that is made in this month or later, above every earlier one (RFC 9562, UUIDv7)."""
    return encode("con", int(month.timestamp() * 1000) << 80)


def following(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def months_ahead(now: datetime) -> Iterator[datetime]:
    """The month of `now`, in UTC, and those that follow it, as far as they are made ahead."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(1 + EVENT_MONTHS_AHEAD):
        yield month
        month = following(month)


def name_of(month: datetime) -> str:
    return f"tracking_event_y{month:%Y}m{month:%m}"


async def make_month(session: Session, month: datetime) -> bool:
    """Make the partition of a month, with those of its rows that came before it; false when it is there. Nobody is refused meanwhile."""
    if name_of(month) in {row.name for row in await _KNOWN.all(session)}:
        return False
    await _PATIENCE.tell(session)
    bounds = {"first": first_id(month), "end": first_id(following(month))}
    for statement in _MAKE.format(name=name_of(month), **bounds).split(";\n"):
        await Sql(statement).tell(session)
    return True
