"""Room on departures: taken and given back by single statements whose rows are locked in one order."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.database import Reader, Session, Sql, as_rows
from app.network.errors import CapacityFull, DepartureClosed
from app.network.values import MISMATCHES_MAX, RUN_LENGTH_MAX, WANTS_MAX, Mismatch, Want
from app.routing import CHILLED_SLOTS_UNBOUNDED, Load, Used, chilled_slots

__all__ = ["CapacityFull", "Want", "audit_capacity", "book_capacity", "read_load", "release_capacity"]

# Whether run `w` of service `s` is closed: withdrawn, shut, cancelled or put off, or it would call at or ride over what is shut.
CLOSED: Final = """s.status IS DISTINCT FROM 'active' OR EXISTS (
            SELECT FROM disruption d WHERE d.service_id IN (w.service_id, s.timetable_of) AND d.kind IN ('close', 'cancel', 'delay')
                AND w.run_at >= d.from_at AND w.run_at < d.until_at
        ) OR EXISTS (
            SELECT FROM disruption d JOIN service_stop t ON t.hub = d.hub
            WHERE d.to_hub IS NULL AND d.from_at < d.until_at AND t.service_id = w.service_id
                AND w.run_at + t.depart_offset_s * interval '1 second' >= d.from_at
                AND w.run_at + t.arrive_offset_s * interval '1 second' < d.until_at
        ) OR EXISTS (
            SELECT FROM disruption d JOIN service_stop t ON t.hub IN (d.hub, d.to_hub)
            JOIN service_stop n ON n.service_id = t.service_id AND n.seq = t.seq + 1
                AND n.hub IN (d.hub, d.to_hub) AND n.hub <> t.hub
            WHERE d.to_hub IS NOT NULL AND d.from_at < d.until_at AND t.service_id = w.service_id
                AND w.run_at + n.arrive_offset_s * interval '1 second' > d.from_at
                AND w.run_at + t.depart_offset_s * interval '1 second' < d.until_at
        )"""
# What disruptions leave of the room on the run that `locked` names; nulls where nothing is cut.
CUT: Final = """LATERAL (
    SELECT min(c.capacity_weight_g) AS weight_g, min(c.capacity_volume_mm3) AS volume_mm3,
        min(c.capacity_live_places) AS live_places, min(c.capacity_chilled_slots) AS chilled_slots
    FROM disruption c WHERE c.kind = 'capacity' AND c.service_id = locked.service_id
        AND locked.run_at >= c.from_at AND locked.run_at < c.until_at
) AS cut"""

# PostgreSQL takes a document for a hundred rows, and would read every service for so many: OFFSET 0 has it look up each.
_BOOK: Final = Sql(
    """
WITH wanted AS MATERIALIZED (
    SELECT w.*, s.carrier, s.on_demand, LEAST(s.capacity_weight_g, cut.weight_g) AS capacity_weight_g,
        LEAST(s.capacity_volume_mm3, cut.volume_mm3) AS capacity_volume_mm3,
        LEAST(s.live_places, cut.live_places) AS capacity_live_places,
        LEAST(s.chilled_slots, cut.chilled_slots) AS capacity_chilled_slots,
        {closed} AS closed
    FROM json_to_recordset(CAST(:wants AS json)) AS w (
        booking_id text, leg_id text, consignment_id text, service_id text, run_at timestamptz, board int, alight int,
        weight_g bigint, volume_mm3 bigint, live_places int, chilled_slots int
    )
    LEFT JOIN LATERAL (SELECT * FROM service WHERE service.id = w.service_id OFFSET 0) AS s ON true CROSS JOIN {cut}
), needed AS MATERIALIZED (
    SELECT service_id, run_at, segment, sum(weight_g)::bigint AS weight_g, sum(volume_mm3)::bigint AS volume_mm3,
        sum(live_places)::int AS live_places, sum(chilled_slots)::int AS chilled_slots,
        min(capacity_weight_g) AS capacity_weight_g, min(capacity_volume_mm3) AS capacity_volume_mm3,
        min(capacity_live_places) AS capacity_live_places, min(capacity_chilled_slots) AS capacity_chilled_slots
    FROM wanted CROSS JOIN LATERAL generate_series(board, alight - 1) AS segment
    WHERE NOT on_demand AND NOT closed GROUP BY service_id, run_at, segment
), taken AS (
    INSERT INTO departure_load AS d (service_id, run_at, segment, used_weight_g, used_volume_mm3, used_live_places,
        used_chilled_slots, capacity_weight_g, capacity_volume_mm3, capacity_live_places, capacity_chilled_slots)
    SELECT service_id, run_at, segment, weight_g, volume_mm3, live_places,
        chilled_slots, capacity_weight_g, capacity_volume_mm3, capacity_live_places, capacity_chilled_slots
    FROM needed
    WHERE weight_g <= capacity_weight_g AND volume_mm3 <= capacity_volume_mm3 AND live_places <= capacity_live_places
        AND (capacity_chilled_slots IS NULL OR chilled_slots <= capacity_chilled_slots)
    ORDER BY service_id, run_at, segment
    ON CONFLICT (service_id, run_at, segment) DO UPDATE SET
        used_weight_g = d.used_weight_g + EXCLUDED.used_weight_g,
        used_volume_mm3 = d.used_volume_mm3 + EXCLUDED.used_volume_mm3,
        used_live_places = d.used_live_places + EXCLUDED.used_live_places,
        used_chilled_slots = d.used_chilled_slots + EXCLUDED.used_chilled_slots
    WHERE d.used_weight_g + EXCLUDED.used_weight_g <= d.capacity_weight_g
        AND d.used_volume_mm3 + EXCLUDED.used_volume_mm3 <= d.capacity_volume_mm3
        AND d.used_live_places + EXCLUDED.used_live_places <= d.capacity_live_places
        AND (d.capacity_chilled_slots IS NULL
            OR d.used_chilled_slots + EXCLUDED.used_chilled_slots <= d.capacity_chilled_slots)
    RETURNING service_id, run_at, segment
), booked AS (
    INSERT INTO booking (id, leg_id, consignment_id, service_id, carrier, run_at, board, alight,
        weight_g, volume_mm3, live_places, chilled_slots, state, created_at)
    SELECT booking_id, leg_id, consignment_id, service_id, carrier, run_at, board, alight,
        weight_g, volume_mm3, live_places, chilled_slots, 'booked', :now
    FROM wanted WHERE NOT closed
)
SELECT true AS closed, service_id, run_at FROM wanted WHERE closed
UNION ALL
SELECT false, service_id, run_at FROM wanted
WHERE on_demand AND NOT closed AND (weight_g > capacity_weight_g OR volume_mm3 > capacity_volume_mm3
    OR live_places > capacity_live_places
    OR chilled_slots > capacity_chilled_slots)
UNION ALL
SELECT false, n.service_id, n.run_at FROM needed n LEFT JOIN taken t USING (service_id, run_at, segment)
WHERE t.service_id IS NULL
ORDER BY closed DESC, service_id, run_at LIMIT 1
""".replace("{closed}", CLOSED).replace("{cut}", CUT.replace("locked.", "w."))
)

_HOLD: Final = text(
    "SELECT id FROM booking WHERE consignment_id = ANY(CAST(:consignments AS text[])) AND state = 'booked' "
    "ORDER BY id FOR UPDATE"
)
# What `released` gives back by bookings goes off the runs, segment by segment.
_FREED: Final = """
freed AS MATERIALIZED (
    SELECT service_id, run_at, segment, sum(weight_g)::bigint AS weight_g, sum(volume_mm3)::bigint AS volume_mm3,
        sum(live_places)::int AS live_places, sum(chilled_slots)::int AS chilled_slots
    FROM released CROSS JOIN LATERAL generate_series(board, alight - 1) AS segment
    GROUP BY service_id, run_at, segment
), locked AS MATERIALIZED (
    SELECT d.service_id, d.run_at, d.segment FROM departure_load d JOIN freed USING (service_id, run_at, segment)
    ORDER BY d.service_id, d.run_at, d.segment FOR UPDATE OF d
)
UPDATE departure_load d SET
    used_weight_g = d.used_weight_g - freed.weight_g,
    used_volume_mm3 = d.used_volume_mm3 - freed.volume_mm3,
    used_live_places = d.used_live_places - freed.live_places,
    used_chilled_slots = d.used_chilled_slots - freed.chilled_slots,
    capacity_weight_g = GREATEST(d.used_weight_g - freed.weight_g, LEAST(d.capacity_weight_g, cut.weight_g)),
    capacity_volume_mm3 = GREATEST(d.used_volume_mm3 - freed.volume_mm3, LEAST(d.capacity_volume_mm3, cut.volume_mm3)),
    capacity_live_places = GREATEST(d.used_live_places - freed.live_places, LEAST(d.capacity_live_places, cut.live_places)),
    capacity_chilled_slots = CASE WHEN LEAST(d.capacity_chilled_slots, cut.chilled_slots) IS NOT NULL
        THEN GREATEST(d.used_chilled_slots - freed.chilled_slots, LEAST(d.capacity_chilled_slots, cut.chilled_slots)) END
FROM freed JOIN locked USING (service_id, run_at, segment) CROSS JOIN {cut}
WHERE d.service_id = freed.service_id AND d.run_at = freed.run_at AND d.segment = freed.segment
""".replace("{cut}", CUT)
_GIVE_BACK: Final = text(
    "WITH released AS (UPDATE booking SET state = 'released' WHERE id = ANY(CAST(:ids AS text[])) AND state = 'booked' "
    "RETURNING booking.*), {freed}".replace("{freed}", _FREED)
)
_SHRINK: Final = text(
    "WITH before AS MATERIALIZED (SELECT * FROM booking WHERE id = ANY(CAST(:ids AS text[])) AND state = 'booked'), "
    "released AS (UPDATE booking AS b SET weight_g = least(b.weight_g, :weight_g), volume_mm3 = least(b.volume_mm3, :volume_mm3), "
    "chilled_slots = least(b.chilled_slots, :chilled_slots) FROM before WHERE b.id = before.id "
    "RETURNING b.service_id, b.run_at, b.board, b.alight, before.weight_g - b.weight_g AS weight_g, "
    "before.volume_mm3 - b.volume_mm3 AS volume_mm3, 0 AS live_places, before.chilled_slots - b.chilled_slots AS chilled_slots), "
    "{freed}".replace("{freed}", _FREED)
)

# The planner holds what is used against the room of the service: where a run has less, the difference counts as used.
_LOAD: Final = Sql("""
SELECT l.service_id, extract(epoch FROM run_at)::bigint AS run, segment,
    used_weight_g + GREATEST(s.capacity_weight_g - l.capacity_weight_g, 0) AS weight_g,
    used_volume_mm3 + GREATEST(s.capacity_volume_mm3 - l.capacity_volume_mm3, 0) AS volume_mm3,
    used_live_places + GREATEST(s.live_places - l.capacity_live_places, 0) AS live_places,
    used_chilled_slots + GREATEST(coalesce(s.chilled_slots, CAST(:unbounded AS int)) - l.capacity_chilled_slots, 0) AS chilled_slots
FROM departure_load l JOIN service s ON s.id = l.service_id
WHERE run_at >= :since AND run_at < :until
    AND (used_weight_g + :weight_g > l.capacity_weight_g OR used_volume_mm3 + :volume_mm3 > l.capacity_volume_mm3
        OR used_live_places + :live_places > capacity_live_places
        OR used_chilled_slots + :chilled_slots > capacity_chilled_slots OR :everything)
""")

_AUDIT: Final = text("""
WITH sums AS (
    SELECT b.service_id, b.run_at, segment, sum(b.weight_g)::bigint AS weight_g, sum(b.volume_mm3)::bigint AS volume_mm3,
        sum(b.live_places)::int AS live_places, sum(b.chilled_slots)::int AS chilled_slots
    FROM booking b JOIN service s ON s.id = b.service_id AND NOT s.on_demand
    CROSS JOIN LATERAL generate_series(b.board, b.alight - 1) AS segment
    WHERE b.state = 'booked' GROUP BY b.service_id, b.run_at, segment
)
SELECT service_id, run_at, segment,
    coalesce(d.used_weight_g, 0), coalesce(d.used_volume_mm3, 0), coalesce(d.used_live_places, 0),
    coalesce(d.used_chilled_slots, 0),
    coalesce(s.weight_g, 0), coalesce(s.volume_mm3, 0), coalesce(s.live_places, 0), coalesce(s.chilled_slots, 0)
FROM departure_load d FULL JOIN sums s USING (service_id, run_at, segment)
WHERE (coalesce(d.used_weight_g, 0), coalesce(d.used_volume_mm3, 0), coalesce(d.used_live_places, 0),
        coalesce(d.used_chilled_slots, 0))
    <> (coalesce(s.weight_g, 0), coalesce(s.volume_mm3, 0), coalesce(s.live_places, 0), coalesce(s.chilled_slots, 0))
ORDER BY service_id, run_at, segment LIMIT :most
""")


async def book_capacity(session: Session, wants: Sequence[Want], now: datetime) -> None:
    """Take the room for all wants, or raise; one statement, whatever their number.

    Locks `departure_load` rows in the order (service, run, segment): call it last before the commit. Raises
    `CapacityFull`, or its kind `DepartureClosed`, which leave the transaction to be undone by the caller.
    """
    assert len(wants) <= WANTS_MAX
    if not wants:
        return
    refused = await _BOOK.first(session, {"wants": as_rows(wants), "now": now})
    if refused is not None:
        raise (DepartureClosed if refused.closed else CapacityFull)(refused.service_id, refused.run_at)


async def release_capacity(session: Session, consignment_ids: Collection[str]) -> None:
    """Give back all that these consignments hold; again is harmless. Two statements, locks as in booking."""
    if consignment_ids:
        held = (await session.execute(_HOLD, {"consignments": list(consignment_ids)})).scalars()
        await give_back(session, list(held))


async def shrink_capacity(
    session: Session, consignment_id: str, temperature: str, weight_g: int, volume_mm3: int
) -> None:
    """A consignment that has become lighter holds no more room than it needs. Two statements, locks as in booking."""
    held = list((await session.execute(_HOLD, {"consignments": [consignment_id]})).scalars())
    if held:
        slots = chilled_slots(temperature, volume_mm3)
        values = {"ids": held, "weight_g": weight_g, "volume_mm3": volume_mm3, "chilled_slots": slots}
        await session.execute(_SHRINK, values)


async def give_back(session: Session, booking_ids: Collection[str]) -> None:
    """Release bookings that the caller has locked before, so that this statement sees where their runs are by now.

    Room that a disruption took away comes back to nobody: the capacity sinks to what is left of it.
    """
    if booking_ids:
        await session.execute(_GIVE_BACK, {"ids": list(booking_ids)})


async def read_load(reader: Reader, from_at: datetime, until_at: datetime, cargo: Used | None = None) -> Load:
    """What is booked on the runs that are under way at `from_at` or start before `until_at`. One statement.

    With `cargo`, only the segments that have no room left for it: all that the planner needs, and few.
    """
    values = {
        "since": from_at - RUN_LENGTH_MAX,
        "until": until_at,
        "weight_g": cargo.weight_g if cargo else 0,
        "volume_mm3": cargo.volume_mm3 if cargo else 0,
        "live_places": cargo.live_places if cargo else 0,
        # As if it were cold: a few segments more, which the planner looks at by itself.
        "chilled_slots": chilled_slots("chilled", cargo.volume_mm3) if cargo else 0,
        "everything": cargo is None,
        "unbounded": CHILLED_SLOTS_UNBOUNDED,
    }
    rows = await _LOAD.all(reader, values)
    return {(service, run, segment): Used(*used) for service, run, segment, *used in rows}


async def audit_capacity(reader: Reader) -> list[Mismatch]:
    """The segments whose sums differ from their bookings; none, unless somebody wrote past this file. For operators."""
    rows = (await reader.execute(_AUDIT, {"most": MISMATCHES_MAX})).all()
    return [
        Mismatch(row[0], row[1], row[2], (row[3], row[4], row[5], row[6]), (row[7], row[8], row[9], row[10]))
        for row in rows
    ]
