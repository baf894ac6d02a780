"""Runs by date: when a planned service starts, which starts a disruption adds, and who gives way when there is less room. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final

from app.network.values import Held
from app.routing import Service, Stop, Weekly

Period = tuple[int, int]
Excess = Mapping[tuple[datetime, int], list[int]]
DAY_S: Final = 86_400
_NO_EXCESS: Final = (0, 0, 0, 0)


def starts_between(service: Service, since: datetime, until: datetime) -> list[datetime]:
    """The starts of its runs from `since` until before `until`, closures left out; none for a service on demand."""
    found: set[datetime] = set()
    for pattern in service.departures:
        day = since.date()
        while datetime.combine(day, datetime.min.time(), UTC) < until:
            if day.weekday() in pattern.weekdays and _is_valid(pattern, day):
                midnight = datetime.combine(day, datetime.min.time(), UTC)
                found |= {midnight + timedelta(seconds=second) for second in pattern.seconds_of_day}
            day += timedelta(days=1)
    return sorted(at for at in found if since <= at < until and not is_closed(service, at))


def starts_at(service: Service, at: datetime) -> bool:
    """Whether a run starts at exactly this moment."""
    return bool(starts_between(service, at, at + timedelta(seconds=1))) and at.microsecond == 0


def is_closed(service: Service, at: datetime) -> bool:
    second = int(at.timestamp())
    return any(since <= second < until for since, until in service.closures)


def _is_valid(pattern: Weekly, day: date) -> bool:
    since, until = pattern.valid_from, pattern.valid_until
    return (since is None or since <= day) and (until is None or day <= until)


def with_starts(service: Service, starts: Iterable[int]) -> Service:
    """The service with single runs besides its weekly ones, each a pattern of one date. One on demand needs none."""
    single = tuple(_once(start) for start in sorted(set(starts)))
    if service.on_demand or not single:
        return service
    return replace(service, departures=(*service.departures, *single))


def _once(start: int) -> Weekly:
    day = datetime.fromtimestamp(start, UTC).date()
    return Weekly((day.weekday(),), (start % DAY_S,), day, day)


def link_closures(stops: Sequence[Stop], ends: Collection[str], since: int, until: int) -> Iterator[Period]:
    """The starts of run that would ride between these two hubs, in either direction, at any time from `since` until before `until`."""
    for board, alight in pairwise(stops):
        if {board.place, alight.place} == set(ends):
            yield since - alight.arrive_offset_s + 1, until - board.depart_offset_s


def who_gives_way(excess: Excess, last_first: Sequence[Held], frozen: Collection[str]) -> Iterator[Held]:
    """Whom a smaller run leaves behind: the last who booked gives way first, until what remains fits on every segment.

    Passed over is who carries nothing of what there is too much of where it rides, and whose leg is `frozen` because the goods are on it already.
    """
    left = {place: list(figures) for place, figures in excess.items()}
    for held in last_first:
        places = [(held.run_at, segment) for segment in range(held.board, held.alight)]
        carried = (held.weight_g, held.volume_mm3, held.live_places, held.chilled_slots)
        helps = any(
            figure > 0 and part > 0
            for place in places
            for figure, part in zip(left.get(place, _NO_EXCESS), carried, strict=True)
        )
        if helps and held.leg_id not in frozen:
            yield held
            for place in places:
                if place in left:
                    left[place] = [figure - part for figure, part in zip(left[place], carried, strict=True)]
