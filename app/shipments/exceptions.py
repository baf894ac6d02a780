"""Verbs of exceptions: write what readings amount to, raise and end what the clock shows, and list them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from app.core.database import Reader, Session, Sql, as_rows
from app.core.ids import new_ids
from app.core.paging import Page, decode_cursor, encode_cursor
from app.shipments.exception_values import ExceptionKind, Raised
from app.shipments.models import Consignment, ShipmentException

_COLUMNS: Final = [col(getattr(ShipmentException, name)) for name in ShipmentException.model_fields]
_LOCK: Final = Sql("SELECT id FROM consignment WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
_KNOWN: Final = Sql(
    "SELECT consignment_id, id, kind, began_at, ended_at, worst, worst_at, limit_value, carrier, hub, reason, told_at "
    "FROM shipment_exception WHERE consignment_id = ANY(:ids) AND kind = ANY(:kinds) ORDER BY consignment_id, id"
)
_FORGET: Final = Sql(
    "DELETE FROM shipment_exception AS e USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS gone (consignment_id text, id text) "
    "WHERE e.consignment_id = gone.consignment_id AND e.id = gone.id"
)
_CHANGE: Final = Sql(
    "UPDATE shipment_exception AS e SET began_at = now.began_at, ended_at = now.ended_at, worst = now.worst, "
    "worst_at = now.worst_at, limit_value = now.limit_value, carrier = now.carrier, hub = now.hub, reason = now.reason "
    "FROM jsonb_populate_recordset(CAST(NULL AS shipment_exception), CAST(:rows AS jsonb)) AS now "
    "WHERE e.consignment_id = now.consignment_id AND e.id = now.id"
)
# What goes on already is not raised again.
_RAISE: Final = Sql(
    "INSERT INTO shipment_exception SELECT now.* "
    "FROM jsonb_populate_recordset(CAST(NULL AS shipment_exception), CAST(:rows AS jsonb)) AS now "
    "ON CONFLICT (consignment_id, kind) WHERE ended_at IS NULL DO NOTHING RETURNING id"
)
_END: Final = Sql(
    "UPDATE shipment_exception AS e SET ended_at = greatest(e.began_at, CAST(:now AS timestamptz)) "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS gone (consignment_id text, kind text) "
    "WHERE e.consignment_id = gone.consignment_id AND e.kind = gone.kind AND e.ended_at IS NULL"
)
# A journey that is over leaves nothing open behind.
_END_WITH_JOURNEY: Final = Sql(
    "UPDATE shipment_exception AS e SET ended_at = greatest(e.began_at, coalesce(c.ended_at, c.cancelled_at)) "
    "FROM consignment AS c WHERE e.ended_at IS NULL AND c.id = e.consignment_id "
    "AND (c.ended_at IS NOT NULL OR c.cancelled_at IS NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An exception as it is kept."""

    id: str
    told_at: datetime | None
    what: Raised


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be written so that the stored exceptions are those that were found."""

    gone: tuple[Stored, ...]
    changed: tuple[Stored, ...]
    fresh: tuple[Raised, ...]


@dataclass(frozen=True, slots=True)
class ListedException:
    """An exception with the journey that it is of."""

    row: ShipmentException
    order_id: str
    tracking_number: str


def reconcile(known: Sequence[Stored], found: Sequence[Raised]) -> Changes:
    """One that overlaps with a stored one of its kind is that one: it keeps its id, and nobody is told twice. Pure.

    When one became two, the earlier is the stored one; when two became one, the one that was told first stays.
    """
    left = sorted(known, key=lambda each: (each.told_at is None, each.what.began_at, each.id))
    changed, fresh = [], []
    for each in sorted(found, key=lambda raised: (raised.began_at, raised.kind)):
        same = next((stored for stored in left if _overlap(stored.what, each)), None)
        if same is None:
            fresh.append(each)
            continue
        left.remove(same)
        if same.what != each:
            changed.append(replace(same, what=each))
    return Changes(tuple(left), tuple(changed), tuple(fresh))


def _overlap(one: Raised, other: Raised) -> bool:
    if (one.consignment_id, one.kind) != (other.consignment_id, other.kind):
        return False
    begins_before = other.ended_at is None or one.began_at <= other.ended_at
    return begins_before and (one.ended_at is None or other.began_at <= one.ended_at)


async def lock_all(session: Session, ids: Collection[str]) -> list[str]:
    """Lock consignments in the order of their ids, as whoever records events does; answers those that there are."""
    return [row.id for row in await _LOCK.all(session, {"ids": list(ids)})]


async def exceptions_of(
    reader: Reader, ids: Collection[str], kinds: Iterable[ExceptionKind] = ExceptionKind
) -> list[Stored]:
    """Those of these consignments, the first raised first. One statement."""
    rows = await _KNOWN.all(reader, {"ids": list(ids), "kinds": [kind.value for kind in kinds]})
    return [
        Stored(
            row.id,
            row.told_at,
            Raised(
                consignment_id=row.consignment_id,
                kind=ExceptionKind(row.kind),
                began_at=row.began_at,
                ended_at=row.ended_at,
                carrier=row.carrier,
                hub=row.hub,
                reason=row.reason,
                worst=row.worst,
                worst_at=row.worst_at,
                limit=row.limit_value,
            ),
        )
        for row in rows
    ]


async def write(session: Session, changes: Changes, now: datetime) -> None:
    """Write what changed about excursions of locked consignments. A statement for each sort of change at most."""
    if changes.gone:
        rows = [{"consignment_id": each.what.consignment_id, "id": each.id} for each in changes.gone]
        await _FORGET.tell(session, {"rows": as_rows(rows)})
    if changes.changed:
        # What ends goes first: of one kind only one may go on.
        ending_first = sorted(changes.changed, key=lambda each: each.what.ended_at is None)
        await _CHANGE.tell(session, {"rows": as_rows([_row(each.id, each.what) for each in ending_first])})
    await raise_all(session, changes.fresh, now)


async def raise_all(session: Session, raised: Sequence[Raised], now: datetime) -> list[Raised]:
    """Write new ones, as told: the caller tells in the same transaction. Answers those that were not open already. One statement."""
    if not raised:
        return []
    ids = new_ids("exc", len(raised))
    rows = [_row(own, each) | {"raised_at": now, "told_at": now} for own, each in zip(ids, raised, strict=True)]
    written = {row.id for row in await _RAISE.all(session, {"rows": as_rows(rows)})}
    return [each for own, each in zip(ids, raised, strict=True) if own in written]


async def end_all(session: Session, gone: Iterable[tuple[str, ExceptionKind]], now: datetime) -> None:
    """End what goes on of these (consignment, kind). One statement."""
    rows = [{"consignment_id": consignment, "kind": kind} for consignment, kind in gone]
    if rows:
        await _END.tell(session, {"rows": as_rows(rows), "now": now})


async def end_with_journeys(session: Session) -> None:
    """End whatever goes on of journeys that are over. One statement over what is open."""
    await _END_WITH_JOURNEY.tell(session)


def _row(own: str, raised: Raised) -> dict[str, Any]:
    row = {each.name: getattr(raised, each.name) for each in fields(Raised)}
    return row | {"id": own, "limit_value": row.pop("limit"), "reason": dict(raised.reason)}


async def page_of_exceptions(
    reader: Reader,
    *,
    carrier: str | None,
    kind: ExceptionKind | None,
    is_open: bool | None,
    cursor: str | None,
    limit: int,
) -> Page[ListedException]:
    """The last raised first; of one carrier, or of all. One statement."""
    after = decode_cursor(cursor, str)
    wanted = (
        select(*_COLUMNS, col(Consignment.order_id), col(Consignment.tracking_number))
        .join(Consignment, col(Consignment.id) == col(ShipmentException.consignment_id))
        .order_by(col(ShipmentException.id).desc())
        .limit(limit + 1)
    )
    if carrier is not None:
        wanted = wanted.where(col(ShipmentException.carrier) == carrier)
    if kind is not None:
        wanted = wanted.where(col(ShipmentException.kind) == kind)
    if is_open is not None:
        ended = col(ShipmentException.ended_at)
        wanted = wanted.where(ended.is_(None) if is_open else ended.is_not(None))
    if after is not None:
        wanted = wanted.where(col(ShipmentException.id) < after[0])
    rows = (await reader.execute(wanted)).mappings().all()
    items = [_listed(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].row.id]) if len(rows) > limit else None)


def _listed(row: Any) -> ListedException:
    kept = {name: row[name] for name in ShipmentException.model_fields}
    return ListedException(ShipmentException(**kept), row["order_id"], row["tracking_number"])
