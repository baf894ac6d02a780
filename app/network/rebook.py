"""Bookings that a disruption reaches: who holds them, who gives way, and the exchange of some for others in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from app.core.database import Reader, Session
from app.network.capacity import CLOSED, book_capacity, give_back
from app.network.runs import Excess, who_gives_way
from app.network.values import RUN_BOOKINGS_MAX, RUN_LENGTH_MAX, Held, Want

_HELD_COLUMNS: Final = ", ".join(f"w.{each.name}" for each in fields(Held) if each.name != "is_closed")
# By departure: each branch finds its runs first, and their bookings by the index on service and start.
_AFFECTED: Final = text("""
SELECT DISTINCT consignment_id FROM (
    SELECT b.consignment_id FROM disruption d
    JOIN service s ON s.id = d.service_id OR s.timetable_of = d.service_id
    JOIN booking b ON b.service_id = s.id AND b.run_at >= d.from_at AND b.run_at < d.until_at
    WHERE d.id = :disruption AND d.kind IN ('close', 'cancel', 'delay') AND b.state = 'booked'
    UNION ALL
    SELECT b.consignment_id FROM disruption d JOIN booking b
        ON b.service_id = d.service_id AND b.run_at IN (d.run_at, d.run_at + d.delay_s * interval '1 second')
    WHERE d.id = :disruption AND d.kind = 'delay' AND b.state = 'booked'
    UNION ALL
    SELECT b.consignment_id FROM disruption d JOIN service_stop t ON t.hub = d.hub JOIN booking b
        ON b.service_id = t.service_id AND b.run_at >= d.from_at - t.depart_offset_s * interval '1 second'
            AND b.run_at < d.until_at - t.arrive_offset_s * interval '1 second'
    WHERE d.id = :disruption AND d.to_hub IS NULL AND d.from_at < d.until_at AND b.state = 'booked'
    UNION ALL
    SELECT b.consignment_id FROM disruption d JOIN service_stop t ON t.hub IN (d.hub, d.to_hub)
    JOIN service_stop n ON n.service_id = t.service_id AND n.seq = t.seq + 1
        AND n.hub IN (d.hub, d.to_hub) AND n.hub <> t.hub
    JOIN booking b ON b.service_id = t.service_id AND b.run_at > d.from_at - n.arrive_offset_s * interval '1 second'
            AND b.run_at < d.until_at - t.depart_offset_s * interval '1 second'
    WHERE d.id = :disruption AND d.to_hub IS NOT NULL AND d.from_at < d.until_at AND b.state = 'booked'
) AS found WHERE consignment_id > :after ORDER BY consignment_id LIMIT :most
""")
_HELD: Final = text(
    "SELECT COLUMNS, CLOSED AS is_closed FROM booking w LEFT JOIN service s ON s.id = w.service_id "
    "WHERE w.consignment_id = ANY(CAST(:consignments AS text[])) AND w.state = 'booked' ORDER BY w.run_at, w.id".replace(
        "COLUMNS", _HELD_COLUMNS
    ).replace("CLOSED", CLOSED)
)
_ON_CLOSED: Final = text(
    "SELECT COLUMNS, true FROM booking w LEFT JOIN service s ON s.id = w.service_id "
    "WHERE w.state = 'booked' AND w.run_at >= :since AND (CLOSED) ORDER BY w.run_at, w.id LIMIT :most".replace(
        "COLUMNS", _HELD_COLUMNS
    ).replace("CLOSED", CLOSED)
)
_EXCESS: Final = text("""
SELECT l.run_at, l.segment, greatest(l.used_weight_g - c.capacity_weight_g, 0) AS weight_g,
    greatest(l.used_volume_mm3 - c.capacity_volume_mm3, 0) AS volume_mm3,
    greatest(l.used_live_places - c.capacity_live_places, 0) AS live_places,
    greatest(l.used_chilled_slots - c.capacity_chilled_slots, 0) AS chilled_slots
FROM disruption c JOIN departure_load l
    ON l.service_id = c.service_id AND l.run_at >= c.from_at AND l.run_at < c.until_at
WHERE c.id = :disruption AND c.kind = 'capacity' AND (l.used_weight_g > c.capacity_weight_g
    OR l.used_volume_mm3 > c.capacity_volume_mm3 OR l.used_live_places > c.capacity_live_places
    OR l.used_chilled_slots > c.capacity_chilled_slots)
ORDER BY l.run_at, l.segment LIMIT :most
""")
_LAST_FIRST: Final = text(
    "SELECT COLUMNS FROM booking w JOIN disruption c ON c.id = :disruption AND c.service_id = w.service_id "
    "WHERE w.run_at = ANY(CAST(:runs AS timestamptz[])) AND w.state = 'booked' "
    "ORDER BY w.created_at DESC, w.id DESC LIMIT :most".replace("COLUMNS", _HELD_COLUMNS)
)
# Bookings by id, then departures. Rows that are missing are made, so that every row of the exchange is locked at once and in one order.
_CLAIM: Final = text("""
WITH held AS MATERIALIZED (
    SELECT id, service_id, run_at, board, alight FROM booking WHERE id = ANY(CAST(:ids AS text[])) AND state = 'booked'
    ORDER BY id FOR UPDATE
), touched AS (
    SELECT service_id, run_at, segment FROM held CROSS JOIN LATERAL generate_series(board, alight - 1) AS segment
    WHERE id = ANY(CAST(:given_up AS text[]))
    UNION
    SELECT w.service_id, w.run_at, segment
    FROM unnest(CAST(:services AS text[]), CAST(:runs AS timestamptz[]), CAST(:boards AS int[]), CAST(:alights AS int[]))
        AS w (service_id, run_at, board, alight) CROSS JOIN LATERAL generate_series(w.board, w.alight - 1) AS segment
), claimed AS (
    INSERT INTO departure_load AS d (service_id, run_at, segment, used_weight_g, used_volume_mm3, used_live_places,
        used_chilled_slots, capacity_weight_g, capacity_volume_mm3, capacity_live_places, capacity_chilled_slots)
    SELECT t.service_id, t.run_at, t.segment, 0, 0, 0, 0, s.capacity_weight_g, s.capacity_volume_mm3, s.live_places,
        s.chilled_slots
    FROM touched t CROSS JOIN LATERAL (
        SELECT * FROM service WHERE service.id = t.service_id AND NOT service.on_demand OFFSET 0) AS s
    ORDER BY t.service_id, t.run_at, t.segment
    ON CONFLICT (service_id, run_at, segment) DO UPDATE SET used_weight_g = d.used_weight_g
)
SELECT id, run_at FROM held
""")


class BookingsMoved(Exception):
    """What was held is no longer held as it was read: look again."""


async def affected_consignments(reader: Reader, disruption: str, after: str, most: int) -> list[str]:
    """The consignments with a booking on a run that the disruption closes, cancels or puts off, by id; found by departure."""
    values = {"disruption": disruption, "after": after, "most": most}
    return list((await reader.execute(_AFFECTED, values)).scalars())


async def held_by(reader: Reader, consignment_ids: Collection[str]) -> dict[str, Held]:
    """All bookings that these consignments hold, by leg, with whether their runs are closed now. One statement."""
    rows = (await reader.execute(_HELD, {"consignments": list(consignment_ids)})).all()
    return {row.leg_id: Held(*row) for row in rows}


async def on_closed_runs(reader: Reader, now: datetime) -> list[Held]:
    """Bookings on runs of the last three weeks and ahead that do not run; the first 20,000. One statement, for operators."""
    values = {"since": now - RUN_LENGTH_MAX, "most": RUN_BOOKINGS_MAX}
    return [Held(*row) for row in await reader.execute(_ON_CLOSED, values)]


async def too_much(reader: Reader, disruption: str) -> tuple[Excess, list[Held]]:
    """What runs carry beyond a cut, by run and segment, and the bookings on those runs, the last one first. Two statements."""
    rows = (await reader.execute(_EXCESS, {"disruption": disruption, "most": RUN_BOOKINGS_MAX})).all()
    if not rows:
        return {}, []
    # A figure that the cut leaves alone is null: nothing is too much of it.
    excess = {
        (row.run_at, row.segment): [
            row.weight_g or 0,
            row.volume_mm3 or 0,
            row.live_places or 0,
            row.chilled_slots or 0,
        ]
        for row in rows
    }
    values = {"disruption": disruption, "runs": [run for run, _ in excess], "most": RUN_BOOKINGS_MAX}
    return excess, [Held(*row) for row in await reader.execute(_LAST_FIRST, values)]


def giving_way(excess: Excess, last_first: Sequence[Held], frozen: Collection[str]) -> dict[str, list[Held]]:
    """The bookings that give way to a cut, by consignment; those of `frozen` legs ride on."""
    giving: dict[str, list[Held]] = {}
    for held in who_gives_way(excess, last_first, frozen):
        giving.setdefault(held.consignment_id, []).append(held)
    return giving


async def rebook(
    session: Session, seen: Mapping[str, datetime], given_up: Collection[str], wants: Sequence[Want], now: datetime
) -> None:
    """Exchange bookings for others, all or nothing: the last statements before the commit.

    `seen` are all bookings that the decision rests on, with their runs; `given_up` are some of them. Locks bookings by id, then the
    rows of `departure_load` of both sides in the order (service, run, segment). Raises `BookingsMoved`, `CapacityFull` or
    `DepartureClosed`, which leave the transaction to be undone by the caller.
    """
    values: dict[str, Any] = {
        "ids": list(seen),
        "given_up": list(given_up),
        "services": [want.service_id for want in wants],
        "runs": [want.run_at for want in wants],
        "boards": [want.board for want in wants],
        "alights": [want.alight for want in wants],
    }
    rows = (await session.execute(_CLAIM, values)).all()
    if {row.id: row.run_at for row in rows} != dict(seen):
        raise BookingsMoved
    await give_back(session, given_up)
    await book_capacity(session, wants, now)
