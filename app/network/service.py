"""Verbs that change the network: partners' services and the seed. Each change raises the timetable's version."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Session, dump_json
from app.core.errors import Gap, IdTaken, Invalid, NotFound
from app.core.schema import fingerprint
from app.identity.values import Caller
from app.network.capacity import CUT
from app.network.models import Service, ServiceStop
from app.network.queries import NO_SERVICE, SERVICE, get_service, known_hubs, service_shape
from app.network.rows import line_asked, row_of, stop_rows
from app.network.rules import line_faults
from app.network.schemas import NewService, ServiceChange, ServiceShape
from app.network.values import HubPoint, Line, ServiceStatus

_RAISE_VERSION: Final = text(
    "INSERT INTO timetable_version (id, version, changed_at) VALUES (1, 1, :now) ON CONFLICT (id) DO UPDATE SET "
    "version = timetable_version.version + 1, changed_at = GREATEST(timetable_version.changed_at, EXCLUDED.changed_at)"
)
_RESIZE: Final = text(
    "WITH locked AS MATERIALIZED (SELECT service_id, run_at, segment FROM departure_load "
    "WHERE service_id = :service AND run_at >= :now ORDER BY service_id, run_at, segment FOR UPDATE) "
    "UPDATE departure_load d SET capacity_weight_g = GREATEST(d.used_weight_g, LEAST(:weight_g, cut.weight_g)), "
    "capacity_volume_mm3 = GREATEST(d.used_volume_mm3, LEAST(:volume_mm3, cut.volume_mm3)), "
    "capacity_live_places = GREATEST(d.used_live_places, LEAST(:live_places, cut.live_places)), "
    "capacity_chilled_slots = CASE WHEN LEAST(CAST(:chilled_slots AS int), cut.chilled_slots) IS NOT NULL "
    "THEN GREATEST(d.used_chilled_slots, LEAST(CAST(:chilled_slots AS int), cut.chilled_slots)) END "
    "FROM locked, CUT WHERE d.service_id = locked.service_id AND d.run_at = locked.run_at AND d.segment = locked.segment".replace(
        "CUT", CUT
    )
)

_INSTALL_HUBS: Final = text(
    "INSERT INTO hub SELECT * FROM jsonb_populate_recordset(NULL::hub, CAST(:hubs AS jsonb)) "
    "ON CONFLICT DO NOTHING RETURNING 1"
)
_INSTALL_SERVICES: Final = text(
    "WITH installed AS (INSERT INTO service "
    "SELECT * FROM jsonb_populate_recordset(NULL::service, CAST(:services AS jsonb)) "
    "ON CONFLICT DO NOTHING RETURNING id) "
    "INSERT INTO service_stop SELECT stop.* FROM jsonb_populate_recordset(NULL::service_stop, CAST(:stops AS jsonb)) stop "
    "JOIN installed ON installed.id = stop.service_id RETURNING 1"
)


async def create_service(
    session: Session, caller: Caller, command: NewService, now: datetime, language: str
) -> ServiceShape:
    """Put a service on the network under the caller's carrier. The same id and body again answer the first result.

    Raises `Invalid` with every fault at once, or `IdTaken`.
    """
    line = line_asked(command, carrier_of(caller, command.carrier))
    faults = line_faults(line, await known_hubs(session, [stop.place for stop in line.stops]))
    if faults:
        raise Invalid(gaps=faults)
    row = row_of(line, caller.partner_id, fingerprint(command), now)
    inserted = await session.execute(insert(Service).values(row).on_conflict_do_nothing().returning(col(Service.id)))
    if inserted.first() is None:
        present = (
            await session.execute(
                select(col(Service.created_from)).where(
                    col(Service.id) == line.id, col(Service.carrier) == line.carrier
                )
            )
        ).scalar_one_or_none()
        if present != row["created_from"]:
            raise IdTaken(id=line.id)
        return await get_service(session, caller, line.id, language)
    await session.execute(insert(ServiceStop), list(stop_rows(line)))
    await raise_version(session, now)
    return await get_service(session, caller, line.id, language)


async def lock_service(session: Session, caller: Caller, service_id: str, language: str) -> ServiceShape:
    """The service, locked for a change by its carrier or an operator; `NotFound` for anybody else."""
    held = select(col(Service.carrier)).where(col(Service.id) == service_id).with_for_update()
    carrier = (await session.execute(held)).scalar_one_or_none()
    if carrier is None or not (caller.is_operator() or carrier == caller.carrier):
        raise NotFound(what=NO_SERVICE)
    row = (await session.execute(SERVICE.where(col(Service.id) == service_id))).one()
    return service_shape(row, language)


async def change_service(
    session: Session, present: ServiceShape, command: ServiceChange, now: datetime, language: str
) -> ServiceShape:
    """Write the fields that were sent. Lock the service first. What changes nothing raises no version.

    With a service its other timetables are withdrawn. A smaller capacity never undoes a booking: what is booked on later runs stays, and they take nothing more.
    """
    kept = {"valid_from", "valid_until", "piece_weight_g_max", "piece_length_mm_max"}
    sent = {
        name: getattr(command, name)
        for name in command.model_fields_set
        if getattr(command, name) is not None or name in kept
    }
    changed = present.model_copy(update=sent)
    if changed == present and command.status is not ServiceStatus.WITHDRAWN:
        return present
    line = line_asked(changed, present.carrier)
    faults = line_faults(line, {stop.place for stop in line.stops})
    if faults:
        raise Invalid(gaps=faults)
    row = row_of(line, None, None, now)
    unchanging = {"id", "carrier", "partner_id", "created_from", "created_at", "version"}
    values = {name: value for name, value in row.items() if name not in unchanging}
    values["version"] = present.version + 1
    await session.execute(update(Service).where(col(Service.id) == present.id).values(values))
    if command.status is ServiceStatus.WITHDRAWN:
        others = col(Service.timetable_of) == present.id, col(Service.status) != ServiceStatus.WITHDRAWN
        withdrawn = {"status": command.status, "version": col(Service.version) + 1, "updated_at": now}
        await session.execute(update(Service).where(*others).values(withdrawn))
    if command.capacity is not None:
        await resize_runs(session, line, now)
    await raise_version(session, now)
    stored = (await session.execute(SERVICE.where(col(Service.id) == present.id))).one()
    return service_shape(stored, language)


async def resize_runs(session: Session, line: Line, now: datetime) -> None:
    """Give the runs to come that somebody is booked on the capacity of the line, or what is booked where that is more."""
    await session.execute(_RESIZE, {"service": line.id, "now": now, **asdict(line.capacity)})


async def install_seed(session: Session, hubs: Iterable[HubPoint], lines: Iterable[Line], now: datetime) -> bool:
    """Put hubs and services in place where they are missing; what is there stays. Answers whether anything was new."""
    by_id = {line.id: line for line in lines}
    services = [row_of(line, None, None, now) for line in by_id.values()]
    stops = [row for line in by_id.values() for row in stop_rows(line)]
    new_hubs = await session.execute(_INSTALL_HUBS, {"hubs": dump_json([asdict(hub) for hub in hubs])})
    new_stops = await session.execute(_INSTALL_SERVICES, {"services": dump_json(services), "stops": dump_json(stops)})
    is_new = bool(new_hubs.first() or new_stops.first())
    if is_new:
        await raise_version(session, now)
    return is_new


async def raise_version(session: Session, now: datetime) -> None:
    """Tell every process that its timetable is old. In the transaction of the change, as its last statement."""
    await session.execute(_RAISE_VERSION, {"now": now})


def carrier_of(caller: Caller, named: str | None) -> str:
    """The carrier whose services these are: one's own, or the one that an operator names; `Invalid` otherwise."""
    if caller.carrier is None:
        if named is None:
            raise Invalid(
                gaps=[Gap("/carrier", {"en": "An operator names the carrier", "zh-Hans": "运营方须填写承运人"})]
            )
        return named
    if named not in {None, caller.carrier}:
        gap = Gap("/carrier", {"en": "Leave it out: it is always your own", "zh-Hans": "请勿填写：始终为您自己的代码"})
        raise Invalid(gaps=[gap])
    return caller.carrier
