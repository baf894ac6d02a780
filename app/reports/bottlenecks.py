"""Verbs of bottlenecks: add up where goods waited, by hub and hour, and read it; and what waits at this moment.

Reads the tables of other rooms in one statement, as every report does.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text, tuple_
from sqlmodel import col

from app.core.database import Reader, Session, Sql
from app.core.paging import Page, decode_cursor, encode_cursor
from app.reports.bottleneck_schemas import HubHourShape, WaitingHub
from app.reports.models import HubHour
from app.shipments.months import first_id

ADDED_UP_ANEW: Final = timedelta(days=2)
KEPT: Final = timedelta(days=400)
HUBS_MAX: Final = 500
# No journey takes longer from its booking to its end.
_BOOKED_BEFORE: Final = timedelta(days=60)
_COLUMNS: Final = [col(getattr(HubHour, name)) for name in HubHour.model_fields]
_LONG: Final = text("SET LOCAL statement_timeout = '30min'")
_FORGET: Final = text("DELETE FROM hub_hour WHERE hour >= :since OR hour < :kept_since")
# A quarter of an hour more than planned is nobody's worry. The door is no hub.
_SUM: Final = text(
    """
WITH moved AS (
    SELECT date_trunc('hour', arrived_at) AS hour, to_hub AS hub, carrier, 1 AS arrived, 0 AS departed,
        NULL::double precision AS wait_s, false AS over_plan
    FROM leg WHERE consignment_id >= :first AND mode <> 'courier' AND arrived_at >= CAST(:since AS timestamptz)
        AND arrived_at < CAST(:until AS timestamptz)
    UNION ALL
    SELECT date_trunc('hour', leg.departed_at), leg.from_hub, leg.carrier, 0, 1,
        extract(epoch FROM leg.departed_at - former.arrived_at),
        coalesce(leg.departed_at - former.arrived_at > leg.departs_at - former.arrives_at + interval '15 min', false)
    FROM leg LEFT JOIN leg AS former ON former.consignment_id = leg.consignment_id AND former.seq = leg.seq - 1
        AND former.arrived_at <= leg.departed_at
    WHERE leg.consignment_id >= :first AND leg.departed_at >= CAST(:since AS timestamptz)
        AND leg.departed_at < CAST(:until AS timestamptz)
)
INSERT INTO hub_hour (hour, hub, carrier, arrivals, departures, waits, wait_median_s, wait_p90_s, over_plan, until_at)
SELECT hour, hub, coalesce(carrier, ''), sum(arrived), sum(departed), count(wait_s),
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s)), round(percentile_cont(0.9) WITHIN GROUP (ORDER BY wait_s)),
    count(*) FILTER (WHERE over_plan), :until
FROM moved GROUP BY GROUPING SETS ((hour, hub, carrier), (hour, hub))
"""
)
_WAITING: Final = Sql(
    """
SELECT n.from_hub AS hub, count(*) AS waiting, min(former.arrived_at) AS since,
    count(*) FILTER (WHERE n.departs_at < CAST(:now AS timestamptz)) AS over_plan
FROM consignment c
JOIN leg n ON n.consignment_id = c.id AND n.status = 'planned'
JOIN leg former ON former.consignment_id = c.id AND former.seq = n.seq - 1 AND former.status = 'done'
WHERE c.ended_at IS NULL AND c.cancelled_at IS NULL AND (CAST(:carrier AS text) IS NULL OR n.carrier = :carrier)
    AND (CAST(:hub AS text) IS NULL OR n.from_hub = :hub)
GROUP BY n.from_hub ORDER BY count(*) DESC, n.from_hub LIMIT :most
"""
)


async def sum_hubs(session: Session, until: datetime) -> None:
    """Add up the last two days anew, by the hour, and forget what is too old. Again is harmless."""
    since = (until - ADDED_UP_ANEW).replace(minute=0, second=0, microsecond=0)
    await session.execute(_LONG)
    await session.execute(_FORGET, {"since": since, "kept_since": until - KEPT})
    await session.execute(_SUM, {"first": first_id(since - _BOOKED_BEFORE), "since": since, "until": until})


async def page_of_hub_hours(
    reader: Reader,
    first: datetime,
    end: datetime,
    *,
    hub: str | None,
    carrier: str | None,
    cursor: str | None,
    limit: int,
) -> Page[HubHourShape]:
    """Hours from the first on, before the end, of all carriers or of one. One range of the primary key."""
    wanted = (
        select(*_COLUMNS)
        .where(col(HubHour.hour) >= first, col(HubHour.hour) < end, col(HubHour.carrier) == (carrier or ""))
        .order_by(col(HubHour.hour), col(HubHour.hub))
        .limit(limit + 1)
    )
    if hub is not None:
        wanted = wanted.where(col(HubHour.hub) == hub)
    if after := decode_cursor(cursor, int, str):
        place = (first.fromtimestamp(min(max(int(after[0]), 0), int(end.timestamp())), first.tzinfo), after[1])
        wanted = wanted.where(tuple_(col(HubHour.hour), col(HubHour.hub)) > place)
    rows = [HubHour(**row) for row in (await reader.execute(wanted)).mappings()]
    shown, more = rows[:limit], len(rows) > limit
    following = encode_cursor([int(shown[-1].hour.timestamp()), shown[-1].hub]) if more else None
    return Page(items=[_shape(row) for row in shown], next_cursor=following)


def _shape(row: HubHour) -> HubHourShape:
    same = ("hour", "hub", "arrivals", "departures", "waits", "wait_median_s", "wait_p90_s", "over_plan")
    return HubHourShape(**{name: getattr(row, name) for name in same}, as_of=row.until_at)


async def list_waiting(reader: Reader, now: datetime, *, hub: str | None, carrier: str | None) -> list[WaitingHub]:
    """Where goods wait for their next ride at this moment, the most first. One statement, over what is under way."""
    rows = await _WAITING.all(reader, {"now": now, "hub": hub, "carrier": carrier, "most": HUBS_MAX})
    return [WaitingHub(hub=row.hub, waiting=row.waiting, since=row.since, over_plan=row.over_plan) for row in rows]
