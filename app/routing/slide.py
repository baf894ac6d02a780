"""Moving a chain of on-demand legs in time: as early as it may begin, or as late as it must end."""

from collections.abc import Sequence

from app.routing.network import LegKey
from app.routing.search import Path
from app.routing.timetable import Timetable


def legs_of(path: Path) -> list[tuple[LegKey, int]]:
    """The legs of a path with the starts of their runs, from the first."""
    legs: list[tuple[LegKey, int]] = []
    while path:
        path, key, start = path
        legs.append((key, start))
    legs.reverse()
    return legs


def earliest_starts(timetable: Timetable, keys: Sequence[LegKey], loaded_from: int) -> list[int]:
    """The first starts of the legs when the goods leave no earlier than `loaded_from`."""
    starts: list[int] = []
    departs_from = loaded_from
    for number, board, alight in keys:
        service = timetable.services[number]
        if starts:
            departs_from += timetable.dwell_at(service.stops[board]) + service.cutoff_s
        start = timetable.calendars[number].first(departs_from - service.stops[board].depart_offset_s)
        starts.append(start)
        departs_from = start + service.stops[alight].arrive_offset_s
    return starts


def latest_starts(timetable: Timetable, keys: Sequence[LegKey], arrive_by: int) -> list[int]:
    """The last starts of the legs when the goods arrive by `arrive_by`."""
    starts: list[int] = []
    by = arrive_by
    for number, board, alight in reversed(keys):
        service = timetable.services[number]
        start = timetable.calendars[number].last_open(by - service.stops[alight].arrive_offset_s)
        starts.append(start)
        origin = service.stops[board]
        by = start + origin.depart_offset_s - service.cutoff_s - timetable.dwell_at(origin)
    starts.reverse()
    return starts


def loaded_at(timetable: Timetable, key: LegKey, start: int) -> int:
    """When a leg departs whose run starts at `start`."""
    return start + timetable.services[key[0]].stops[key[1]].depart_offset_s


def postponed(timetable: Timetable, path: Path, arrives_at: int) -> list[tuple[LegKey, int]]:
    """The legs of a path, those on demand before the first timetabled one as late as they can be."""
    legs = legs_of(path)
    loose = 0
    while loose < len(legs) and timetable.calendars[legs[loose][0][0]].on_demand:
        loose += 1
    by = arrives_at
    if loose < len(legs):
        (number, board, _), start = legs[loose]
        service = timetable.services[number]
        stop = service.stops[board]
        by = start + stop.depart_offset_s - service.cutoff_s - timetable.dwell_at(stop)
    keys = [key for key, _ in legs[:loose]]
    return [*zip(keys, latest_starts(timetable, keys, by), strict=True), *legs[loose:]]
