"""Bookings of goods that weigh other than planned: the room that they take up is changed in place, or refused."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.database import Session

_HELD: Final = text(
    "SELECT b.id, b.service_id, b.run_at, b.board, b.alight, b.weight_g, s.on_demand, s.capacity_weight_g "
    "FROM booking b JOIN service s ON s.id = b.service_id "
    "WHERE b.consignment_id = :consignment AND b.state = 'booked' AND b.leg_id = ANY(CAST(:legs AS text[])) "
    "ORDER BY b.id FOR UPDATE OF b"
)
_ROOM: Final = text(
    """
SELECT d.service_id, d.run_at, d.segment, d.capacity_weight_g - d.used_weight_g AS free_g
FROM departure_load d JOIN unnest(CAST(:services AS text[]), CAST(:runs AS timestamptz[]), CAST(:boards AS int[]), CAST(:alights AS int[]))
    AS held (service_id, run_at, board, alight)
    ON held.service_id = d.service_id AND held.run_at = d.run_at AND d.segment >= held.board AND d.segment < held.alight
ORDER BY d.service_id, d.run_at, d.segment FOR UPDATE OF d
"""
)
_CHANGE: Final = text(
    """
WITH held AS (
    UPDATE booking b SET weight_g = :weight_g FROM unnest(CAST(:ids AS text[]), CAST(:mores AS bigint[])) AS changed (id, more_g)
    WHERE b.id = changed.id RETURNING b.service_id, b.run_at, b.board, b.alight, changed.more_g
), more AS (
    SELECT service_id, run_at, segment, sum(more_g)::bigint AS more_g
    FROM held CROSS JOIN LATERAL generate_series(board, alight - 1) AS segment GROUP BY service_id, run_at, segment
)
UPDATE departure_load d SET used_weight_g = d.used_weight_g + more.more_g FROM more
WHERE d.service_id = more.service_id AND d.run_at = more.run_at AND d.segment = more.segment
"""
)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A departure without room for goods that weigh more than planned."""

    service: str
    departure_at: datetime
    fits_g: int
    needs_g: int


async def reweigh(session: Session, consignment_id: str, leg_ids: Collection[str], weight_g: int) -> Lacking | None:
    """Have the bookings of these legs hold room for another weight; answers what has none, and then nothing is changed.

    Locks the bookings by id, then their departures in the order (service, run, segment): call it last before the commit.
    """
    held = (await session.execute(_HELD, {"consignment": consignment_id, "legs": list(leg_ids)})).all()
    changed = [row for row in held if row.weight_g != weight_g]
    if not changed:
        return None
    timed = [row for row in changed if not row.on_demand]
    values = {
        "services": [row.service_id for row in timed],
        "runs": [row.run_at for row in timed],
        "boards": [row.board for row in timed],
        "alights": [row.alight for row in timed],
    }
    needs = {(row.service_id, row.run_at): weight_g - row.weight_g for row in changed}
    free = [(row.service_id, row.run_at, row.free_g) for row in await session.execute(_ROOM, values)]
    free += [(row.service_id, row.run_at, row.capacity_weight_g - row.weight_g) for row in changed if row.on_demand]
    for service, run_at, free_g in free:
        needed = needs[service, run_at]
        if needed > 0 and needed > free_g:
            return Lacking(service, run_at, max(0, free_g), needed)
    ids = [row.id for row in changed]
    mores = [weight_g - row.weight_g for row in changed]
    await session.execute(_CHANGE, {"weight_g": weight_g, "ids": ids, "mores": mores})
    return None
