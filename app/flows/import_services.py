"""The story of a carrier that brings many services at once: a sheet of its own, or a bus company's feed. All or nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.core.errors import Gap, Invalid
from app.core.schema import fingerprint
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.bulk.feed import read_feed
from app.network.bulk.lines import bus_lines
from app.network.bulk.rules import match_stops
from app.network.bulk.schemas import FaultShape, FeedImport, ImportShape, SheetImport, SkippedTrip
from app.network.bulk.sheet import HUB, fault_at, read_sheet
from app.network.bulk.tables import unpack_feed
from app.network.bulk.values import CALENDAR_YEARS, SKIPPED_SHOWN_MAX, Fault, Faults, Skipped
from app.network.errors import ImportRefused
from app.network.import_services import Comparison, compare_lines, write_lines
from app.network.queries import known_hubs
from app.network.rows import line_asked
from app.network.rules import no_such_hub
from app.network.service import carrier_of
from app.network.values import HubPoint, Line


@dataclass(frozen=True, slots=True)
class Brought:
    """What was read of a file, before anything is compared with what is there."""

    lines: Sequence[Line]
    faults: Faults
    made_from: Mapping[str, str]
    skipped: Sequence[Skipped] = ()


async def import_sheet(ports: Ports, caller: Caller, command: SheetImport, language: str) -> ImportShape:
    """Create and change the services of a sheet. Raises `ImportRefused` with every fault, unless it is a dry run, which shows them."""
    carrier = carrier_of(caller, command.carrier)
    sheet = await asyncio.to_thread(read_sheet, command.csv)
    entries, faults = sheet.entries, sheet.faults
    lines = [line_asked(entry.command, carrier) for entry in entries]
    made_from = {line.id: fingerprint(entry.command) for line, entry in zip(lines, entries, strict=True)}
    async with ports.begin() as session:
        comparison = await compare_lines(session, lines, carrier, None)
        for number, gap in comparison.faults:
            faults.put(fault_at(gap, entries[number].rows))
        known = await known_hubs(session, {row.get(HUB) for row in sheet.unread})
        for row in sheet.unread:
            if row.get(HUB) and row.get(HUB) not in known:
                faults.put(Fault(no_such_hub(row.get(HUB)), row=row.number, column=HUB))
        brought = Brought(lines, faults, made_from)
        if not command.dry_run:
            _require_right(brought, "/csv")
            await write_lines(session, comparison, made_from, caller.partner_id, ports.clock.now())
    return _told(comparison, brought, language, is_dry=command.dry_run)


async def import_feed(ports: Ports, caller: Caller, command: FeedImport, language: str) -> ImportShape:
    """Create, change and withdraw the bus services of a feed. Raises `ImportRefused` with every fault, unless it is a dry run."""
    carrier = carrier_of(caller, command.carrier)
    async with ports.database.read() as connection:
        await ports.timetable.current(connection)
        hubs = ports.timetable.hubs
    brought = await asyncio.to_thread(_read, command, carrier, hubs, ports.clock.now().year)
    async with ports.begin() as session:
        comparison = await compare_lines(session, brought.lines, carrier, command.feed)
        for number, gap in comparison.faults:
            detail = {tag: f"{brought.lines[number].id}: {text}" for tag, text in gap.detail.items()}
            brought.faults.put(Fault(detail, file="trips.txt"))
        if not command.dry_run:
            _require_right(brought, "/archive")
            await write_lines(session, comparison, {}, caller.partner_id, ports.clock.now())
    return _told(comparison, brought, language, is_dry=command.dry_run)


def _read(command: FeedImport, carrier: str, hubs: Mapping[str, HubPoint], year: int) -> Brought:
    """Unpack, check and convert a feed; no line when there is any fault."""
    faults = Faults()
    texts = unpack_feed(command.archive, faults)
    if faults:
        return Brought((), faults, {})
    feed, faults = read_feed(texts, date(year, 1, 1), date(year + CALENDAR_YEARS - 1, 12, 31))
    _require_known(command.stops, feed.stops, hubs)
    if faults:
        return Brought((), faults, {})
    hub_of = match_stops(feed.stops, hubs.values(), command.stops, command.nearest_m)
    lines, skipped = bus_lines(feed, hub_of, hubs, command, carrier, faults)
    return Brought(lines, faults, {}, skipped)


def _require_known(named: Mapping[str, str], stops: Mapping[str, object], hubs: Mapping[str, HubPoint]) -> None:
    gaps = []
    for stop, hub in named.items():
        if stop not in stops:
            gaps.append(
                Gap(f"/stops/{stop}", {"en": "There is no such stop in the feed", "zh-Hans": "数据包中没有此站点"})
            )
        if hub not in hubs:
            gaps.append(Gap(f"/stops/{stop}", no_such_hub(hub)))
    if gaps:
        raise Invalid(gaps=gaps)


def _require_right(brought: Brought, pointer: str) -> None:
    if brought.faults:
        gaps = [
            Gap(pointer, each.detail, {"file": each.file, "row": each.row, "column": each.column})
            for each in brought.faults.in_order()
        ]
        raise ImportRefused(gaps=gaps, more_faults=brought.faults.left_off)


def _told(comparison: Comparison, brought: Brought, language: str, *, is_dry: bool) -> ImportShape:
    return ImportShape(
        dry_run=is_dry,
        created=[line.id for line in comparison.created],
        changed=[line.id for line in comparison.changed],
        unchanged=comparison.unchanged,
        withdrawn=list(comparison.withdrawn),
        skipped_trips=[SkippedTrip(trip=each.trip, row=each.row) for each in brought.skipped[:SKIPPED_SHOWN_MAX]],
        faults=[
            FaultShape(file=each.file, row=each.row, column=each.column, detail=each.detail[language])
            for each in brought.faults.in_order()
        ],
        more_faults=brought.faults.left_off,
    )
