"""From rows to the planner's timetable, kept in each process until the version in the database changes."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from app.core.database import Session
from app.network.endurance import is_cooled
from app.network.models import Hub, Service
from app.network.queries import SERVICE
from app.network.rules import Period, hub_closure, intensities, season_closures
from app.network.values import CLOSURES_READ_MAX, SEASONS_AHEAD_YEARS, HubKind, HubPoint, Line, ServiceStatus, Vehicle
from app.routing import Capacity, Place, Stop, Tariff, Timetable, Weekly
from app.routing import Service as Run

Reader = AsyncConnection | Session

_VERSION: Final = text("SELECT version, changed_at FROM timetable_version")
# What was over before the last change cannot matter any more.
_CLOSURES: Final = text(
    "SELECT service_id, hub, extract(epoch FROM from_at)::bigint, extract(epoch FROM until_at)::bigint FROM disruption "
    "WHERE until_at > :since ORDER BY until_at LIMIT :most"
)
_HUBS: Final = select(*(col(getattr(Hub, name)) for name in HubPoint.__dataclass_fields__))
_ACTIVE: Final = SERVICE.where(col(Service.status) == ServiceStatus.ACTIVE)


class TimetableCache:
    """The timetable of this process, with the hubs of the last one that it gave.

    `crossing` are the services that call abroad: goods that stay in the country must not leave it on the way.
    `vehicles` says what each service runs with, for its CO2e.
    """

    def __init__(self) -> None:
        self.hubs: Mapping[str, HubPoint] = {}
        self.crossing: frozenset[str] = frozenset()
        self.vehicles: Mapping[str, Vehicle] = {}
        self._timetable = Timetable((), (), version="0")
        self._renewing = asyncio.Lock()

    async def current(self, reader: Reader) -> Timetable:
        """The timetable of the version in the database. One statement unless it has changed."""
        version, changed_at = await _read_version(reader)
        if self._timetable.version == version:
            return self._timetable
        async with self._renewing:
            # Another caller may have renewed it while this one waited.
            if self._timetable.version != version:
                await self._renew(reader, version, changed_at)
        return self._timetable

    async def _renew(self, reader: Reader, version: str, changed_at: datetime | None) -> None:
        """Read under the version found before: what changes meanwhile has a higher one, and is read next time."""
        if changed_at is None:
            self.hubs, self.crossing, self._timetable = {}, frozenset(), Timetable((), (), version=version)
            return
        hubs = {row.code: HubPoint(*row) for row in await reader.execute(_HUBS)}
        services = (await reader.execute(_ACTIVE)).all()
        closures = (await reader.execute(_CLOSURES, {"since": changed_at, "most": CLOSURES_READ_MAX})).all()
        timetable = await asyncio.to_thread(_build, hubs.values(), services, closures, version, changed_at.year)
        abroad = {code for code, hub in hubs.items() if hub.kind is HubKind.FOREIGN}
        self.hubs, self._timetable = hubs, timetable
        self.vehicles = {row.id: Vehicle(row.vehicle) for row in services}
        self.crossing = frozenset(
            service.id for service in timetable.services if any(stop.place in abroad for stop in service.stops)
        )


async def _read_version(reader: Reader) -> tuple[str, datetime | None]:
    row = (await reader.execute(_VERSION)).one_or_none()
    return (str(row.version), row.changed_at) if row else ("0", None)


def _build(
    hubs: Iterable[HubPoint], services: Sequence[Any], closures: Sequence[Any], version: str, year: int
) -> Timetable:
    of_service: dict[str, list[Period]] = {}
    of_hub: dict[str, list[Period]] = {}
    for service, hub, since, until in closures:
        (of_hub if service is None else of_service).setdefault(hub or service, []).append((since, until))
    years = range(year - 1, year + SEASONS_AHEAD_YEARS)
    lines = [_line(row) for row in services]
    return Timetable(
        [planned_place(hub) for hub in hubs],
        [planned_service(line, [*of_service.get(line.id, ()), *_calls(line, of_hub)], years) for line in lines],
        version=version,
    )


def _calls(line: Line, of_hub: Mapping[str, Sequence[Period]]) -> Iterator[Period]:
    for stop in line.stops:
        for since, until in of_hub.get(stop.place, ()):
            yield hub_closure(stop, since, until)


def planned_place(hub: HubPoint) -> Place:
    """A hub in the planner's words. No sourced figure is known for what handling at hubs emits."""
    return Place(
        hub.code,
        dwell_s=hub.dwell_s,
        transfer_price_minor=hub.handling_minor,
        transfer_price_milliminor_per_kg=hub.handling_milliminor_per_kg,
        is_cooled=is_cooled(hub.kind),
    )


def planned_service(line: Line, closures: Iterable[Period], years: Iterable[int]) -> Run:
    """A line in the planner's words, resting in these closures and in its seasons of these years."""
    pattern = Weekly(line.weekdays, line.departs_s, line.valid_from, line.valid_until) if not line.on_demand else None
    return Run(
        id=line.id,
        mode=line.mode.value,
        carrier=line.carrier,
        stops=line.stops,
        tariff=line.tariff,
        capacity=line.capacity,
        departures=(pattern,) if pattern else (),
        on_demand=line.on_demand,
        cutoff_s=line.cutoff_s,
        temperatures=frozenset(str(temperature) for temperature in line.temperatures),
        co2e_mg_per_tkm=intensities(line.mode, line.vehicle, line.stops[-1].distance_m // (len(line.stops) - 1)),
        closures=(*closures, *season_closures(line.closed_months, years)),
        piece_weight_g_max=line.piece_weight_g_max,
        piece_length_mm_max=line.piece_length_mm_max,
    )


def _line(row: Any) -> Line:
    return Line(
        id=row.id,
        carrier=row.carrier,
        mode=row.mode,
        vehicle=Vehicle(row.vehicle),
        name=row.name,
        stops=tuple(Stop(*stop) for stop in row.stops),
        temperatures=tuple(row.temperatures),
        tariff=Tariff(row.base_minor, row.milliminor_per_kg, row.milliminor_per_tkm, row.minimum_minor),
        capacity=Capacity(row.capacity_weight_g, row.capacity_volume_mm3, row.live_places),
        on_demand=row.on_demand,
        weekdays=tuple(row.weekdays),
        departs_s=tuple(row.departs_s),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        closed_months=tuple(row.closed_months),
        cutoff_s=row.cutoff_s,
        piece_weight_g_max=row.piece_weight_g_max,
        piece_length_mm_max=row.piece_length_mm_max,
    )
