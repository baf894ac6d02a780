"""What is read of shipments: journeys whole, each list in one statement whatever its length."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import text

from app.core.database import Reader, Sql
from app.core.errors import NotFound
from app.core.paging import Page, decode_cursor, encode_cursor
from app.identity.rules import may, require_grant
from app.identity.values import Caller, Grant, Scope
from app.shipments.arrival import Past
from app.shipments.seen import Rerouting, version_of
from app.shipments.values import ConsignmentStatus, Journey, JourneyEvent

CONSIGNMENT: Final = {"en": "consignment", "zh-Hans": "运单"}

_JOURNEYS: Final = TypeAdapter(list[Journey])
_EVENTS: Final = TypeAdapter(list[JourneyEvent])
_PAST: Final = TypeAdapter(list[Past])
_REROUTING: Final = TypeAdapter(Rerouting | None)
_JOURNEY: Final = (
    "to_jsonb(consignment) "
    "|| jsonb_build_object('packages', (SELECT coalesce(jsonb_agg(to_jsonb(package) ORDER BY package.id), '[]') "
    "FROM package WHERE package.consignment_id = consignment.id), "
    "'legs', (SELECT coalesce(jsonb_agg(to_jsonb(leg) ORDER BY leg.seq), '[]') "
    "FROM leg WHERE leg.consignment_id = consignment.id)) AS journey FROM consignment "
)


def _journeys(which: str) -> Sql:
    return Sql(f"SELECT {_JOURNEY} {which}")


_BY_ID: Final = _journeys("WHERE id = :id")
_OF_ORDERS: Final = _journeys("WHERE order_id = ANY(:orders) AND return_id IS NULL ORDER BY id")
_OF_RETURNS: Final = _journeys("WHERE id = ANY(:ids) AND return_id IS NOT NULL")
_LOCKED: Final = _journeys("WHERE id = ANY(:ids)")
_TO_HAND_IN: Final = _journeys(
    "WHERE producer_id = ANY(:producers) AND cancelled_at IS NULL AND return_id IS NULL AND (CAST(:status AS text) IS NULL OR status = :status) "
    "AND (hand_in_by, id) > (to_timestamp(0) + CAST(:after_us AS bigint) * interval '1 microsecond', CAST(:after_id AS text)) "
    "ORDER BY hand_in_by, id LIMIT :most"
)
# Looked for only where the way has changed: the last change, and what had been promised before the first.
_LAST_CHANGE: Final = (
    "CASE WHEN consignment.replanned_at IS NOT NULL THEN (SELECT jsonb_build_object('hub', last.hub, 'made_at', last.made_at, "
    "'former_legs', last.former_legs, 'promised_by_at_first', (SELECT first.promised_by_before FROM replan AS first "
    "WHERE first.consignment_id = consignment.id ORDER BY first.version LIMIT 1)) FROM replan AS last "
    "WHERE last.consignment_id = consignment.id ORDER BY last.version DESC LIMIT 1) END AS rerouting"
)
_TRACKED: Final = text(
    f"SELECT CAST(consignment.xmin AS text) AS row_version, {_LAST_CHANGE}, "  # noqa: S608 - constants of this file
    f"{_JOURNEY.replace(' AS journey', ' AS journey, told.events, past.history')}"
    "CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(to_jsonb(event) ORDER BY event.id), '[]') AS events "
    "FROM events_of(consignment.id) AS event) AS told "
    # Of what is left of the way; the few rows of whole modes stand in for rides with few runs.
    "CROSS JOIN LATERAL (SELECT jsonb_agg(to_jsonb(h)) AS history FROM (SELECT known.* FROM leg JOIN leg_history AS known "
    "ON known.service_id = leg.service_id AND known.from_hub = leg.from_hub AND known.to_hub = leg.to_hub AND known.mode = leg.mode "
    "WHERE leg.consignment_id = consignment.id AND leg.status <> 'done' UNION SELECT * FROM leg_history WHERE service_id = '') AS h "
    "WHERE consignment.ended_at IS NULL) AS past WHERE tracking_number = :number"
)
_NUMBERS: Final = text("SELECT id, tracking_number FROM consignment WHERE id = ANY(:ids)")
_EVENTS_OF: Final = text(
    "SELECT event.consignment_id, jsonb_agg(to_jsonb(event) ORDER BY event.id) "
    "FROM unnest(CAST(:ids AS text[])) AS wanted (id) CROSS JOIN LATERAL events_of(wanted.id) AS event GROUP BY 1"
)


async def tracking_numbers(reader: Reader, consignments: Collection[str]) -> dict[str, str]:
    """The tracking number of each of these consignments. One statement."""
    rows = await reader.execute(_NUMBERS, {"ids": list(consignments)})
    return {row.id: row.tracking_number for row in rows}


@dataclass(frozen=True, slots=True)
class Tracked:
    """A journey with all its events, the last change of its way, how late the rides that are left were before, and the version that all of it is of (`app.shipments.watch`)."""

    journey: Journey
    events: list[JourneyEvent]
    version: str
    rerouting: Rerouting | None
    past: list[Past]


async def find_tracked(reader: Reader, number: str) -> Tracked | None:
    """The journey with this tracking number. One statement."""
    row = (await reader.execute(_TRACKED, {"number": number})).one_or_none()
    if row is None:
        return None
    events = _EVENTS.validate_python(row.events)
    version = version_of(row.row_version, len(events))
    return Tracked(
        _read([row.journey])[0],
        events,
        version,
        _REROUTING.validate_python(row.rerouting),
        _PAST.validate_python(row.history or []),
    )


async def get_journey_for(reader: Reader, caller: Caller, consignment_id: str) -> Journey:
    """A consignment for its buyer, those who may see or ship its producer's orders, or an operator; else `NotFound`."""
    row = await _BY_ID.first(reader, {"id": consignment_id})
    journey = _read([row.journey])[0] if row else None
    if journey is None:
        raise NotFound(what=CONSIGNMENT)
    theirs = (
        caller.is_operator() or caller.person_id == journey.buyer_id or may(caller, journey.producer_id, Grant.SHIP)
    )
    if not theirs:
        require_grant(caller, journey.producer_id, Grant.SEE, NotFound(what=CONSIGNMENT))
    return journey


async def get_journey_told(reader: Reader, caller: Caller, consignment_id: str) -> Journey:
    """The same, and for the carriers of its legs, whose key may read tracking."""
    if caller.carrier is None or Scope.TRACKING_READ not in caller.scopes:
        return await get_journey_for(reader, caller, consignment_id)
    row = await _BY_ID.first(reader, {"id": consignment_id})
    journey = _read([row.journey])[0] if row else None
    if journey is None or all(leg.carrier != caller.carrier for leg in journey.legs):
        raise NotFound(what=CONSIGNMENT)
    return journey


async def list_of_orders(reader: Reader, order_ids: Collection[str]) -> dict[str, list[Journey]]:
    """The consignments of these orders, by order; what brings goods back is none of them."""
    rows = await _OF_ORDERS.all(reader, {"orders": list(order_ids)})
    journeys: dict[str, list[Journey]] = {order_id: [] for order_id in order_ids}
    for journey in _read(row.journey for row in rows):
        journeys[journey.order_id].append(journey)
    return journeys


async def ways_back(reader: Reader, ids: Collection[str]) -> dict[str, Journey]:
    """The consignments that bring these goods back, by id. One statement."""
    rows = await _OF_RETURNS.all(reader, {"ids": list(ids)})
    return {journey.id: journey for journey in _read(row.journey for row in rows)}


async def list_to_hand_in(
    reader: Reader,
    producers: Collection[str],
    status: ConsignmentStatus | None,
    *,
    cursor: str | None,
    limit: int,
) -> Page[Journey]:
    """Producers' consignments by the time at which they must be handed in; those of cancelled orders are left out."""
    after_us, after_id = decode_cursor(cursor, int, str) or (0, "")
    rows = await _TO_HAND_IN.all(
        reader,
        {"producers": list(producers), "status": status, "after_us": after_us, "after_id": after_id, "most": limit + 1},
    )
    journeys = _read(row.journey for row in rows)
    page = journeys[:limit]
    more = len(journeys) > limit
    return Page(items=page, next_cursor=encode_cursor(_place(page[-1])) if more else None)


def _place(journey: Journey) -> tuple[int, str]:
    return int(journey.hand_in_by.timestamp() * 1_000_000), journey.id


async def list_locked(session: Reader, ids: Collection[str]) -> list[Journey]:
    """Consignments that the caller has locked before: a statement of its own, so that it sees what the last holder wrote."""
    return _read(row.journey for row in await _LOCKED.all(session, {"ids": list(ids)}))


async def list_events(reader: Reader, ids: Collection[str]) -> dict[str, list[JourneyEvent]]:
    """Every event of these consignments."""
    rows = (await reader.execute(_EVENTS_OF, {"ids": list(ids)})).all()
    return {consignment_id: _EVENTS.validate_python(events) for consignment_id, events in rows}


def _read(rows: Iterable[Any]) -> list[Journey]:
    return _JOURNEYS.validate_python(list(rows))
