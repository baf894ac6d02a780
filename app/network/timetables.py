"""Another timetable of a service, from a day on: it takes the days that it is valid from those that ran before."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Session
from app.core.errors import Gap, IdTaken, Invalid, NotFound
from app.core.schema import fingerprint
from app.identity.values import Caller
from app.network.models import Service, ServiceStop
from app.network.queries import NO_SERVICE, SERVICE, get_service, known_hubs, service_shape
from app.network.rows import line_asked, line_of, pattern_row, row_of, stop_rows
from app.network.rules import line_faults, without_period
from app.network.schemas import ServiceShape
from app.network.service import raise_version
from app.network.timetable_schemas import NewTimetable
from app.network.values import PATTERNS_MAX, TIMETABLES_MAX, Line, ServiceStatus

_ON_DEMAND: Final = Gap(
    "/valid_from",
    {
        "en": "A service on demand has no timetable: change it with PATCH",
        "zh-Hans": "按需线路没有班次表，请用 PATCH 修改",
    },
)
_TOO_MANY: Final = Gap(
    "/valid_from",
    {
        "en": f"At most {TIMETABLES_MAX} timetables of a service, with {PATTERNS_MAX} weekly patterns each; make a new service",
        "zh-Hans": f"每条线路最多 {TIMETABLES_MAX} 个班次表，每个最多 {PATTERNS_MAX} 个周期；请新建线路",
    },
)


async def create_timetable(
    session: Session, caller: Caller, service_id: str, command: NewTimetable, now: datetime, language: str
) -> ServiceShape:
    """A service of its own beside the first, with its own departures, tariff and capacity; the others rest while it is valid.

    The same id and body again answer the first result. Locks all timetables of the service, by id. What is booked on runs
    that it replaces stays booked. Raises `Invalid` with every fault at once, `NotFound` or `IdTaken`.
    """
    family = await _lock_family(session, caller, service_id)
    present = family[service_id]
    if present.on_demand:
        raise Invalid(gaps=[_ON_DEMAND])
    asked = _asked(present, command, language)
    made_from = fingerprint(command)
    if asked.id in family and family[asked.id].created_from == made_from:
        return service_shape(family[asked.id], language)
    faults = line_faults(asked, await known_hubs(session, [stop.place for stop in asked.stops]))
    if len(family) >= TIMETABLES_MAX:
        faults.append(_TOO_MANY)
    if faults:
        raise Invalid(gaps=faults)
    row = row_of(asked, present.partner_id, made_from, now)
    inserted = await session.execute(insert(Service).values(row).on_conflict_do_nothing().returning(col(Service.id)))
    if inserted.first() is None:
        raise IdTaken(id=asked.id)
    await session.execute(insert(ServiceStop), list(stop_rows(asked)))
    for other in family.values():
        await _give_way(session, line_of(other), command.valid_from, command.valid_until, now)
    await raise_version(session, now)
    return await get_service(session, caller, asked.id, language)


async def _lock_family(session: Session, caller: Caller, service_id: str) -> dict[str, Any]:
    """The service with all its timetables, locked in the order of their ids; `NotFound` for anybody but carrier and operators."""
    first = select(col(Service.timetable_of)).where(col(Service.id) == service_id)
    found = (await session.execute(first)).one_or_none()
    if found is None:
        raise NotFound(what=NO_SERVICE)
    root = found.timetable_of or service_id
    theirs = (col(Service.id) == root) | (col(Service.timetable_of) == root)
    await session.execute(select(col(Service.id)).where(theirs).order_by(col(Service.id)).with_for_update())
    rows = (await session.execute(SERVICE.where(theirs).order_by(col(Service.id)))).all()
    if not caller.is_operator() and any(row.carrier != caller.carrier for row in rows):
        raise NotFound(what=NO_SERVICE)
    return {row.id: row for row in rows}


def _asked(present: Any, command: NewTimetable, language: str) -> Line:
    """What the new timetable says, and for the rest what the service does."""
    sent = {name: getattr(command, name) for name in command.model_fields_set if getattr(command, name) is not None}
    of_its_own = {
        "id": command.id,
        "valid_until": command.valid_until,
        "more_departures": command.more_departures,
        "timetable_of": present.timetable_of or present.id,
        "feed": None,
        "status": ServiceStatus.ACTIVE,
    }
    return line_asked(service_shape(present, language).model_copy(update=sent | of_its_own), present.carrier)


async def _give_way(session: Session, line: Line, since: date, until: date | None, now: datetime) -> None:
    """Take these days from a timetable; one that has none left is withdrawn."""
    if line.status is ServiceStatus.WITHDRAWN:
        return
    left = without_period(line.departures, since, until)
    if left == list(line.departures):
        return
    if len(left) > PATTERNS_MAX:
        raise Invalid(gaps=[_TOO_MANY])
    values: dict[str, Any] = {"status": ServiceStatus.WITHDRAWN}
    if left:
        values = {
            "weekdays": list(left[0].weekdays),
            "departs_s": list(left[0].seconds_of_day),
            "valid_from": left[0].valid_from,
            "valid_until": left[0].valid_until,
            "more_departures": [pattern_row(pattern) for pattern in left[1:]],
        }
    values |= {"version": col(Service.version) + 1, "updated_at": now}
    await session.execute(update(Service).where(col(Service.id) == line.id).values(values))
