"""Events of all consignments as EPCIS queries find them. A query becomes SQL that leaves out nothing it could want;
what SQL cannot say of the standard's language is then decided by the pure rule (`app.epcis.matching`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.core.database import Reader, Sql
from app.epcis.epcs import canonical
from app.epcis.query import Query
from app.shipments.epcis import STEP_OF_TYPE, Stored, ginc, hub_address, stored_id_in, tracking_number_in
from app.shipments.values import Condition, Door, EventType

_COLUMNS: Final = (
    "event.id, event.door, event.party_event_id, consignment.tracking_number AS number, event.type, event.occurred_at, "
    "event.recorded_at, event.hub, event.latitude, event.longitude, event.readings, event.note, event.estimated_at, "
    "event.condition, event.document, event.corrects, event.declared_at, event.retracted"
)
_FROM: Final = (
    'FROM tracking_event AS event JOIN consignment ON consignment.id = event.consignment_id COLLATE "default"'
)
# One row stands for an event of several consignments.
_ONCE: Final = "(event.event_group IS NULL OR event.document->'numbers'->>0 = consignment.tracking_number)"
_ELSEWHERE: Final = "event.door IS DISTINCT FROM 'epcis'"
_MINE: Final = {
    "carrier": "EXISTS (SELECT FROM leg WHERE leg.consignment_id = {alias}.id AND leg.carrier = :carrier)",
    "person": "({alias}.buyer_id = :person OR {alias}.producer_id = ANY(:producers))",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: an operator at everything, a carrier at what it carries, a person at what they buy or their producers sell.

    Whoever told of something sees that.
    """

    id: str
    carrier: str | None = None
    person: str | None = None
    producers: tuple[str, ...] = ()
    is_operator: bool = False

    def where(self) -> tuple[str, dict[str, Any]]:
        """The SQL of what they may see. Of an event of several consignments, it is all of those or nothing."""
        values = {
            "viewer": self.id,
            "carrier": self.carrier,
            "person": self.person,
            "producers": list(self.producers),
        }
        if self.is_operator:
            return "true", {}
        mine = _MINE["carrier" if self.person is None else "person"]
        others = (
            "EXISTS (SELECT FROM jsonb_array_elements_text(event.document->'numbers') AS named (number) "
            "JOIN consignment AS other ON other.tracking_number = named.number "
            f"WHERE NOT {mine.format(alias='other')})"
        )
        seen = f"{mine.format(alias='consignment')} AND NOT (event.event_group IS NOT NULL AND {others})"
        return f"(event.party = :viewer OR ({seen}))", values


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: the time that it is ordered by, and the id of its last row."""

    at: datetime
    id: str


async def list_candidates(
    reader: Reader, viewer: Viewer, query: Query, *, company_prefix: str, after: Mark | None, limit: int
) -> list[Stored]:
    """Events that may answer the query, in its order: all that do, and few that do not. One statement."""
    key = "event.occurred_at" if query.order_by == "eventTime" else "event.recorded_at"
    way, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    seen, values = viewer.where()
    clauses = [_ONCE, seen]
    for number, (clause, name, value) in enumerate(_clauses(query, company_prefix)):
        # Each parameter has a name of its own, however often its kind is asked for.
        clauses.append(clause.replace(f":{name}", f":{name}{number}"))
        if name:
            values[f"{name}{number}"] = value
    if after is not None:
        clauses.append(f"({key}, event.id) {beyond} (:after_at, :after_id)")
        values |= {"after_at": after.at, "after_id": after.id}
    # An expression would keep the index of the time from being used for the order.
    sql = f"SELECT {_COLUMNS} {_FROM} WHERE {' AND '.join(clauses)} ORDER BY {key} {way}, event.id {way} LIMIT :limit"
    rows = await Sql(sql).all(reader, values | {"limit": limit})
    return [_stored(row) for row in rows]


def _stored(row: Any) -> Stored:
    fields = row._asdict()
    return Stored(
        **fields
        | {
            "door": Door(row.door or Door.NATIVE),
            "type": EventType(row.type),
            "condition": row.condition and Condition(row.condition),
            "retracted": bool(row.retracted),
        }
    )


def _clauses(query: Query, company_prefix: str) -> Iterator[tuple[str, str, Any]]:
    """SQL that has to hold for an event to answer: a clause, the name of its parameter and its value."""
    for condition in query.conditions:
        name, wanted = condition.name, list(condition.values)
        if name in _TIMES:
            yield f"{_TIMES[name]} :at", "at", wanted[0]
        elif name in ("EQ_bizStep", "EQ_disposition"):
            column, place = ("biz_step", 0) if name == "EQ_bizStep" else ("disposition", 1)
            types = [kind.value for kind, told in STEP_OF_TYPE.items() if told[place] in wanted]
            listed = ", ".join(f"'{kind}'" for kind in types) or "NULL"
            yield f"(event.{column} = ANY(:words) OR {_ELSEWHERE} AND event.type IN ({listed}))", "words", wanted
        elif name in ("MATCH_epc", "MATCH_anyEPC"):
            numbers = [number for each in wanted if (number := tracking_number_in(str(each), company_prefix))]
            listed = ", ".join(f"'{number}'" for number in numbers) or "NULL"
            yield (
                f"(event.epcs && :names OR {_ELSEWHERE} AND consignment.tracking_number IN ({listed}))",
                "names",
                wanted,
            )
        elif name.startswith("MATCH_"):
            yield "event.epcs && :names", "names", wanted
        elif name == "EQ_eventID":
            stored = [each for one in wanted if (each := stored_id_in(str(one)))]
            yield (
                "(event.door = 'epcis' AND event.party_event_id = ANY(:ids) OR event.id = ANY(:ids))",
                "ids",
                [*wanted, *stored],
            )
        elif name in ("EQ_errorReason", "EQ_correctiveEventID") or (name, wanted) == (
            "EXISTS_errorDeclaration",
            [True],
        ):
            yield "event.retracted", "", None
        elif name == "eventType" and "ObjectEvent" not in wanted:
            yield "event.door = 'epcis'", "", None


_TIMES: Final[Mapping[str, str]] = {
    "GE_eventTime": "event.occurred_at >=",
    "LT_eventTime": "event.occurred_at <",
    "GE_recordTime": "event.recorded_at >=",
    "LT_recordTime": "event.recorded_at <",
    "GE_errorDeclarationTime": "event.declared_at >=",
    "LT_errorDeclarationTime": "event.declared_at <",
}


async def list_places(
    reader: Reader, viewer: Viewer, field: str, *, base_url: str, after: str, limit: int
) -> list[str]:
    """The read points or business locations of events, in the order of their names. Native events have hubs for read points."""
    seen, values = viewer.where()
    hub = "CAST(:hubs AS text) || event.hub" if field == "readPoint" else "CAST(NULL AS text)"
    # Only pieces of our own are put together here: what is asked for goes as parameters.
    sql = (
        f"WITH place AS (SELECT DISTINCT CASE WHEN {_ELSEWHERE} THEN {hub} "  # noqa: S608
        f"ELSE event.document->'event'->CAST(:field AS text)->>'id' END AS name {_FROM} WHERE {seen}) "
        'SELECT name FROM place WHERE name COLLATE "C" > :after ORDER BY name COLLATE "C" LIMIT :limit'
    )
    further = {"hubs": hub_address("", base_url), "field": field, "after": after, "limit": limit}
    return [row.name for row in await Sql(sql).all(reader, values | further)]


async def list_names(reader: Reader, viewer: Viewer, *, company_prefix: str, after: str, limit: int) -> list[str]:
    """What events name, in their one form (a canonical Digital Link), in order; of native events the consignment's GINC."""
    seen, values = viewer.where()
    sql = (
        f"WITH named AS (SELECT DISTINCT name {_FROM} CROSS JOIN LATERAL unnest(event.epcs) AS name WHERE {seen} "  # noqa: S608
        f"UNION SELECT DISTINCT CAST(:gincs AS text) || consignment.tracking_number {_FROM} WHERE {_ELSEWHERE} AND {seen}) "
        'SELECT name FROM named WHERE name COLLATE "C" > :after ORDER BY name COLLATE "C" LIMIT :limit'
    )
    further = {"gincs": canonical(ginc("", company_prefix) + "0")[:-1], "after": after, "limit": limit}
    return [row.name for row in await Sql(sql).all(reader, values | further)]


def marks_of(events: Sequence[Stored], query: Query) -> Mark | None:
    """Where these events end."""
    if not events:
        return None
    last = events[-1]
    return Mark(last.occurred_at if query.order_by == "eventTime" else last.recorded_at, last.id)
