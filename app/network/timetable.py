"""From rows to the planner's timetable, kept in each process until the version in the database changes."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import ColumnElement, literal_column, text
from sqlmodel import col, select

from app.core.database import Reader, Sql
from app.network.models import Hub, Service
from app.network.queries import SERVICE
from app.network.rows import line_of
from app.network.rules import DAY_S, Period, hub_closure, hub_for_county, intensities, midnight_s, season_closures
from app.network.runs import link_closures, with_starts
from app.network.values import (
    CLOSURES_READ_MAX,
    DELAY_MAX,
    LOCAL_KINDS,
    RUN_LENGTH_MAX,
    SEASONS_AHEAD_YEARS,
    DisruptionKind,
    HubKind,
    HubPoint,
    Line,
    ServiceStatus,
    Vehicle,
)
from app.routing import Place, Timetable
from app.routing import Service as Run

END_OF_TIME_S: Final = 1 << 40
_VERSION: Final = Sql("SELECT version, changed_at FROM timetable_version")
# What was over a run's length before the last change cannot matter any more: no run of then is still under way.
_DISRUPTIONS: Final = text(
    "SELECT kind, service_id, hub, to_hub, delay_s, extract(epoch FROM from_at)::bigint AS since, "
    "extract(epoch FROM until_at)::bigint AS until, lifted_at IS NOT NULL AS is_lifted FROM disruption "
    "WHERE kind <> 'capacity' AND until_at > :since AND from_at < until_at ORDER BY until_at LIMIT :most"
)
_HUBS: Final = select(*(col(getattr(Hub, name)) for name in HubPoint.__dataclass_fields__))
_IS_ACTIVE: Final = col(Service.status) == ServiceStatus.ACTIVE
# The transaction that wrote a row last: another one for every change, whoever made it.
_MARK: Final[ColumnElement[str]] = literal_column("service.xmin::text").label("mark")
_MARKS: Final = select(col(Service.id), _MARK).where(_IS_ACTIVE)
_ACTIVE: Final = SERVICE.add_columns(_MARK).where(_IS_ACTIVE)
# From so many on, all services are read: that is one plan for the database, and no list of ids.
CHANGED_READ_MAX: Final = 500
COUNTIES_REMEMBERED: Final = 4_096


@dataclass(frozen=True, slots=True)
class Kept:
    """A service as it was read, and what was made of it: used again until the row, its disruptions or the years are others."""

    mark: str
    line: Line
    closures: tuple[Period, ...] = ()
    starts: tuple[int, ...] = ()
    years: range = range(0)
    run: Run | None = None


class TimetableCache:
    """The timetable of this process, with the hubs of the last one that it gave.

    `crossing` are the services that call abroad: goods that stay in the country must not leave it on the way.
    `local` are those that call at counties and villages.
    `vehicles` says what each service runs with, for its CO2e; `hub_for_county` which hub serves a county.
    """

    def __init__(self) -> None:
        self.hubs: Mapping[str, HubPoint] = {}
        self.crossing: frozenset[str] = frozenset()
        self.local: frozenset[str] = frozenset()
        self.vehicles: Mapping[str, Vehicle] = {}
        self.hub_for_county = _serving(())
        self._kept: Mapping[str, Kept] = {}
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
            self.hubs, self._kept, self._timetable = {}, {}, Timetable((), (), version=version)
            self.hub_for_county = _serving(())
            self.crossing = self.local = frozenset()
            return
        hubs = {row.code: HubPoint(*row) for row in await reader.execute(_HUBS)}
        kept = await _read_services(reader, self._kept)
        recent = {"since": changed_at - RUN_LENGTH_MAX - DELAY_MAX, "most": CLOSURES_READ_MAX}
        disruptions = (await reader.execute(_DISRUPTIONS, recent)).all()
        timetable, kept = await asyncio.to_thread(_build, hubs.values(), kept, disruptions, version, changed_at.year)
        self.hubs, self._timetable, self._kept = hubs, timetable, kept
        self.hub_for_county = _serving(tuple(hubs.values()))
        self.vehicles = {key: each.line.vehicle for key, each in kept.items()}
        self.crossing = _calling_at(hubs, timetable, {HubKind.FOREIGN})
        self.local = _calling_at(hubs, timetable, LOCAL_KINDS)


def _serving(hubs: Collection[HubPoint]) -> Callable[[str], str | None]:
    """`rules.hub_for_county` among these hubs, which remembers the counties that were asked for last."""
    return lru_cache(COUNTIES_REMEMBERED)(partial(hub_for_county, hubs))


def _calling_at(hubs: Mapping[str, HubPoint], timetable: Timetable, kinds: Collection[HubKind]) -> frozenset[str]:
    """The services that call at hubs of these kinds."""
    such = {code for code, hub in hubs.items() if hub.kind in kinds}
    return frozenset(service.id for service in timetable.services if any(stop.place in such for stop in service.stops))


async def _read_version(reader: Reader) -> tuple[str, datetime | None]:
    row = await _VERSION.first(reader)
    return (str(row.version), row.changed_at) if row else ("0", None)


async def _read_services(reader: Reader, earlier: Mapping[str, Kept]) -> dict[str, Kept]:
    """The services that run now; only those are read whole whose row is another than before."""
    marks = {row.id: row.mark for row in await reader.execute(_MARKS)} if earlier else {}
    same = {key: earlier[key] for key, mark in marks.items() if key in earlier and earlier[key].mark == mark}
    changed = [key for key in marks if key not in same]
    if not earlier or len(changed) > CHANGED_READ_MAX:
        return {row.id: Kept(row.mark, line_of(row)) for row in await reader.execute(_ACTIVE)}
    if changed:
        # What was withdrawn since the marks were read is not read any more, and so is left out.
        rows = await reader.execute(_ACTIVE.where(col(Service.id).in_(changed)))
        same |= {row.id: Kept(row.mark, line_of(row)) for row in rows}
    return same


def _build(
    hubs: Iterable[HubPoint], kept: Mapping[str, Kept], disruptions: Sequence[Any], version: str, year: int
) -> tuple[Timetable, dict[str, Kept]]:
    away = Away()
    for row in disruptions:
        away.add(row)
    years = range(year - 1, year + SEASONS_AHEAD_YEARS)
    now = {
        key: _planned(each, tuple(away.closures(each.line)), tuple(away.starts.get(key, ())), years)
        for key, each in kept.items()
    }
    runs = [each.run for each in now.values() if each.run is not None]
    return Timetable([planned_place(hub) for hub in hubs], runs, version=version), now


def _planned(kept: Kept, closures: tuple[Period, ...], starts: tuple[int, ...], years: range) -> Kept:
    if kept.run is not None and (kept.closures, kept.starts, kept.years) == (closures, starts, years):
        return kept
    run = with_starts(planned_service(kept.line, closures, years), starts)
    return Kept(kept.mark, kept.line, closures, starts, years, run)


class Away:
    """What disruptions take from the services, and the single starts that they add."""

    def __init__(self) -> None:
        self.starts: dict[str, list[int]] = defaultdict(list)
        self._of_service: dict[str, list[Period]] = defaultdict(list)
        self._of_hub: dict[str, list[Period]] = defaultdict(list)
        self._of_link: dict[str, list[tuple[tuple[str, str], Period]]] = defaultdict(list)

    def add(self, row: Any) -> None:
        period = (row.since, row.until)
        if row.hub is not None and row.to_hub is not None:
            self._of_link[row.hub].append(((row.hub, row.to_hub), period))
        elif row.hub is not None:
            self._of_hub[row.hub].append(period)
        elif row.kind == DisruptionKind.EXTRA:
            self.starts[row.service_id].append(row.since)
        else:
            self._of_service[row.service_id].append(period)
            if row.kind == DisruptionKind.DELAY and not row.is_lifted:
                self.starts[row.service_id].append(row.since + row.delay_s)

    def closures(self, line: Line) -> Iterator[Period]:
        """The starts of run that a line loses. What closes a service closes its other timetables too."""
        yield from self._of_service.get(line.id, ())
        yield from self._of_service.get(line.timetable_of or "", ())
        for stop in line.stops:
            for since, until in self._of_hub.get(stop.place, ()):
                yield hub_closure(stop, since, until)
            for ends, (since, until) in self._of_link.get(stop.place, ()):
                yield from link_closures(line.stops, ends, since, until)


def planned_place(hub: HubPoint) -> Place:
    """A hub in the planner's words. No sourced figure is known for what handling at hubs emits."""
    return Place(
        hub.code,
        dwell_s=hub.dwell_s,
        transfer_price_minor=hub.handling_minor,
        transfer_price_milliminor_per_kg=hub.handling_milliminor_per_kg,
        opening=tuple((since, until) for since, until in hub.opening),
        can_rest=hub.can_rest,
        is_cooled=hub.is_cooled,
    )


def planned_service(line: Line, closures: Iterable[Period], years: Iterable[int]) -> Run:
    """A line in the planner's words, resting in these closures and in its seasons of these years."""
    return Run(
        id=line.id,
        mode=line.mode.value,
        carrier=line.carrier,
        stops=line.stops,
        tariff=line.tariff,
        capacity=line.capacity,
        departures=line.departures,
        on_demand=line.on_demand,
        cutoff_s=line.cutoff_s,
        temperatures=frozenset(str(temperature) for temperature in line.temperatures),
        co2e_mg_per_tkm=intensities(line.mode, line.vehicle, line.stops[-1].distance_m // (len(line.stops) - 1)),
        closures=(*closures, *season_closures(line.closed_months, years), *_not_valid(line)),
        piece_weight_g_max=line.piece_weight_g_max,
        piece_length_mm_max=line.piece_length_mm_max,
    )


def _not_valid(line: Line) -> Iterator[Period]:
    """A service on demand has no pattern that could end: it rests before its first day and after its last one."""
    if line.on_demand and line.valid_from:
        yield 0, midnight_s(line.valid_from)
    if line.on_demand and line.valid_until:
        yield midnight_s(line.valid_until) + DAY_S, END_OF_TIME_S
