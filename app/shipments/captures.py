"""Capture jobs of EPCIS 2.0: made, taken up, finished. What the four states mean is the standard's (REST bindings, CaptureJob)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.core.database import Reader, Session, Sql, as_rows, dump_json, inserting
from app.core.jobs import Job, enqueue

_ADD: Final = Sql(inserting("epcis_capture"))
_TAKE: Final = Sql("SELECT * FROM epcis_capture WHERE id = :id FOR UPDATE")
_GO_ON: Final = Sql(
    "UPDATE epcis_capture SET taken = :taken, success = success AND :success, errors = errors || CAST(:errors AS jsonb) WHERE id = :id"
)
_FAILING: Final = Sql("UPDATE epcis_capture SET success = false WHERE id = :id AND running")
_FINISH: Final = Sql("UPDATE epcis_capture SET running = false, document = NULL, finished_at = :now WHERE id = :id")
_SHOWN: Final = (
    "SELECT id, behaviour, running, success, errors, created_at, finished_at FROM epcis_capture WHERE owner = :owner"
)
_FIND: Final = Sql(f"{_SHOWN} AND id = :id")
_LIST: Final = Sql(f"{_SHOWN} AND (CAST(:after AS text) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit")
_KNOWN: Final = Sql(
    "SELECT DISTINCT party_event_id, declared_at, fingerprint FROM tracking_event "
    "WHERE door = 'epcis' AND party = :party AND party_event_id = ANY(:ids) UNION "
    "SELECT party_event_id, declared_at, fingerprint FROM unit_event WHERE party = :party AND party_event_id = ANY(:ids)"
)
# A unit that goods ride in together stands for each of them, the label of a package for its consignment. Of what somebody was taken
# out of, `app.flows.follow_units` finds who was in it then.
_IN_UNITS: Final = Sql(
    "SELECT leg.sscc, consignment.tracking_number, true AS rides FROM leg JOIN consignment ON consignment.id = leg.consignment_id "
    "WHERE leg.sscc = ANY(:ssccs) AND NOT EXISTS (SELECT FROM unit_event WHERE unit_event.parent = leg.sscc) UNION "
    "SELECT package.sscc, consignment.tracking_number, false AS rides FROM package JOIN consignment ON consignment.id = package.consignment_id "
    "WHERE package.sscc = ANY(:ssccs)"
)
_ENDS: Final = Sql(
    "SELECT DISTINCT ON (leg.consignment_id) consignment.tracking_number, leg.to_hub, leg.mode "
    "FROM leg JOIN consignment ON consignment.id = leg.consignment_id "
    "WHERE consignment.tracking_number = ANY(:numbers) ORDER BY leg.consignment_id, leg.seq DESC"
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a document, with the rights that it had then."""

    id: str
    carrier: str | None
    is_operator: bool


async def add_capture(
    session: Session, capture_id: str, sender: Sender, behaviour: str, document: Mapping[str, Any], now: datetime
) -> None:
    """Note the document and queue the job that captures it."""
    row: dict[str, Any] = {
        "id": capture_id,
        "owner": sender.id,
        "carrier": sender.carrier,
        "is_operator": sender.is_operator,
        "behaviour": behaviour,
        "document": document,
        "taken": 0,
        "running": True,
        "success": True,
        "errors": [],
        "created_at": now,
    }
    await _ADD.tell(session, {"rows": as_rows([row])})
    await enqueue(session, [Job("epcis.capture", {"capture": capture_id})])


async def take_capture(session: Session, capture_id: str) -> Any:
    """The job, locked until the transaction ends; None when there is none."""
    return await _TAKE.first(session, {"id": capture_id})


async def go_on(session: Session, capture_id: str, taken: int, errors: Sequence[Mapping[str, Any]]) -> None:
    """So many events were dealt with by now, these of them were refused."""
    values = {"id": capture_id, "taken": taken, "success": not errors, "errors": dump_json(list(errors))}
    await _GO_ON.tell(session, values)


async def note_failing(session: Session, capture_id: str) -> None:
    """There was an error, and what was done is being undone."""
    await _FAILING.tell(session, {"id": capture_id})


async def finish_capture(session: Session, capture_id: str, now: datetime) -> None:
    """It is over, the document need not be kept."""
    await _FINISH.tell(session, {"id": capture_id, "now": now})


async def find_capture(reader: Reader, owner: str, capture_id: str) -> Any:
    return await _FIND.first(reader, {"owner": owner, "id": capture_id})


async def list_captures(reader: Reader, owner: str, *, after: str | None, limit: int) -> list[Any]:
    """The owner's jobs, the newest first."""
    return await _LIST.all(reader, {"owner": owner, "after": after, "limit": limit})


async def known_versions(reader: Reader, party: str, ids: Collection[str]) -> dict[tuple[str, datetime | None], str]:
    """What a party has told through this door under these ids: fingerprints by id and time of declaration."""
    rows = await _KNOWN.all(reader, {"party": party, "ids": list(ids)})
    return {(row.party_event_id, row.declared_at): row.fingerprint for row in rows}


async def numbers_in_units(
    reader: Reader, ssccs: Collection[str]
) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    """The tracking numbers of what rides in these logistic units, and of what has one of them on its label."""
    riding: dict[str, set[str]] = {}
    labelled: dict[str, set[str]] = {}
    if ssccs:
        for row in await _IN_UNITS.all(reader, {"ssccs": list(ssccs)}):
            (riding if row.rides else labelled).setdefault(row.sscc, set()).add(row.tracking_number)
    return riding, labelled


async def ends_of(reader: Reader, numbers: Collection[str]) -> dict[str, str]:
    """The hub at which each of these journeys ends, of those that end at one and not at a door."""
    if not numbers:
        return {}
    rows = await _ENDS.all(reader, {"numbers": list(numbers)})
    return {row.tracking_number: row.to_hub for row in rows if row.mode != "courier"}
