"""Events told of logistic units: kept as they were sent, and found again for the goods that lay in the units."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.core.database import Session, Sql, as_rows, inserting
from app.core.limits import UNIT_EVENTS_MAX
from app.shipments.aggregation import DEPTH_MAX, Goods

_ADD: Final = Sql(inserting("unit_event") + " ON CONFLICT DO NOTHING RETURNING party_event_id, declared_at")
# Whoever makes goods follow their units does it alone, so that the last one to do it has seen everything.
_ALONE: Final = Sql("SELECT pg_advisory_xact_lock(hashtextextended('unit events', 0))")
_GOODS: Final = Sql(
    "WITH RECURSIVE down (name, depth) AS (SELECT unnest(CAST(:names AS text[])), 0 UNION "
    "SELECT child, depth + 1 FROM down JOIN unit_event AS told ON told.parent = down.name CROSS JOIN LATERAL unnest(told.children) AS child "
    "WHERE depth < :depth), name AS (SELECT DISTINCT name FROM down), found AS ("
    "SELECT consignment_id AS id FROM leg JOIN name ON name.name = leg.sscc UNION "
    "SELECT consignment_id FROM package JOIN name ON name.name = package.sscc UNION "
    "SELECT consignment.id FROM consignment JOIN name ON name.name = consignment.tracking_number) "
    "SELECT consignment.id, consignment.tracking_number, "
    "ARRAY(SELECT coalesce(sscc, package.id) FROM package WHERE consignment_id = consignment.id) AS packages, "
    "ARRAY(SELECT sscc FROM leg WHERE consignment_id = consignment.id AND sscc IS NOT NULL) AS units, "
    "ARRAY(SELECT carrier FROM leg WHERE consignment_id = consignment.id) AS carriers "
    "FROM found JOIN consignment ON consignment.id = found.id ORDER BY consignment.id"
)
_TOLD: Final = Sql(
    "WITH RECURSIVE up (name, depth) AS (SELECT unnest(CAST(:names AS text[])), 0 UNION "
    "SELECT told.parent, depth + 1 FROM up JOIN unit_event AS told ON told.children @> ARRAY[up.name] "
    "WHERE depth < :depth) SELECT * FROM unit_event WHERE names && ARRAY(SELECT CAST(name AS text) FROM up) "
    "ORDER BY recorded_at DESC, id DESC LIMIT :most"
)
_STANDING: Final = Sql(
    "SELECT DISTINCT ON (1, 2, 3) event.consignment_id, event.party, event.party_event_id, event.declared_at, "
    "coalesce(event.retracted, false) AS retracted FROM unnest(CAST(:consignments AS text[])) AS wanted (id) "
    "CROSS JOIN LATERAL events_of(wanted.id) AS event WHERE event.party_event_id = ANY(:events) "
    "ORDER BY 1, 2, 3, event.declared_at DESC NULLS LAST"
)
_FIRST: Final = Sql(
    "SELECT DISTINCT ON (1, 2) party, party_event_id, event_group, document->'numbers' AS numbers FROM tracking_event "
    "WHERE door = 'epcis' AND party_event_id = ANY(:events) ORDER BY 1, 2, recorded_at, id"
)
Key = tuple[str, str]
"""Who told it, and under which id."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Goods, with who may speak of them beside operators."""

    id: str
    goods: Goods
    carriers: frozenset[str]


async def add_unit_events(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, datetime | None]]:
    """Add those that are new, and say which they are. One statement."""
    added = await _ADD.all(session, {"rows": as_rows(rows)})
    return {(row.party_event_id, row.declared_at) for row in added}


async def lock_unit_events(session: Session) -> None:
    """Until the transaction ends, nobody else makes goods follow their units."""
    await _ALONE.all(session)


async def goods_in(session: Session, names: Collection[str]) -> list[Followed]:
    """The goods that these names are of, or that ever lay in one of them, however deep."""
    rows = await _GOODS.all(session, {"names": sorted(names), "depth": DEPTH_MAX})
    return [
        Followed(
            row.id,
            Goods(row.tracking_number, frozenset(row.packages), frozenset(row.units)),
            frozenset(row.carriers),
        )
        for row in rows
    ]


async def told_of_goods(session: Session, goods: Collection[Goods]) -> list[Any]:
    """Whatever was told of the goods, or of units in which they ever lay: the latest `UNIT_EVENTS_MAX`."""
    names = {name for each in goods for name in (each.number, *each.packages, *each.units)}
    return await _TOLD.all(session, {"names": sorted(names), "most": UNIT_EVENTS_MAX, "depth": DEPTH_MAX})


async def standing_in(
    session: Session, consignments: Collection[str], events: Collection[str]
) -> dict[str, dict[Key, Any]]:
    """By consignment and event, the latest word that is recorded of it there."""
    found: dict[str, dict[Key, Any]] = {each: {} for each in consignments}
    for row in await _STANDING.all(session, {"consignments": sorted(consignments), "events": sorted(events)}):
        found[row.consignment_id][row.party, row.party_event_id] = row
    return found


async def first_told(session: Session, events: Collection[str]) -> dict[Key, Any]:
    """By event, the group and the numbers under which it was recorded first."""
    rows = await _FIRST.all(session, {"events": sorted(events)})
    return {(row.party, row.party_event_id): row for row in rows}
