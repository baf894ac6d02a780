"""When the runs of a service start: the first start at or after a moment, and for on-demand the last at or before it."""

from bisect import bisect_left
from collections.abc import Callable
from datetime import date
from typing import Final

from app.routing.values import DAY_S, Service, Weekly

WEEK_S: Final = 7 * DAY_S
# The epoch was a Thursday.
MONDAY_S: Final = 4 * DAY_S
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
NEVER: Final = 1 << 62

Period = tuple[int, int]


def merged(periods: tuple[Period, ...]) -> tuple[Period, ...]:
    """The same half-open periods in order, joined where they touch."""
    joined: list[Period] = []
    for since, until in sorted(periods):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return tuple(joined)


class Weeks:
    """One weekly pattern between two moments."""

    __slots__ = ("since", "starts", "until")

    def __init__(self, pattern: Weekly) -> None:
        self.starts = sorted({day * DAY_S + at for day in pattern.weekdays for at in pattern.seconds_of_day})
        self.since = -NEVER if pattern.valid_from is None else _midnight(pattern.valid_from)
        self.until = NEVER if pattern.valid_until is None else _midnight(pattern.valid_until) + DAY_S

    @property
    def is_endless(self) -> bool:
        return self.since == -NEVER and self.until == NEVER

    def first(self, at: int) -> int:
        """The first start at or after `at`, or NEVER."""
        start = self.first_ever(max(at, self.since))
        return start if start < self.until else NEVER

    def first_ever(self, at: int) -> int:
        """The first start at or after `at` of a pattern without end."""
        starts = self.starts
        second = (at - MONDAY_S) % WEEK_S
        place = bisect_left(starts, second)
        return at - second + (starts[place] if place < len(starts) else starts[0] + WEEK_S)


class Calendar:
    """The starts of one service. `first(at)` is the first start at or after `at`, or NEVER."""

    __slots__ = ("_weeks", "closures", "first", "on_demand")

    def __init__(self, service: Service) -> None:
        self.on_demand = service.on_demand
        self.closures = merged(service.closures)
        self._weeks = [Weeks(pattern) for pattern in service.departures]
        self.first: Callable[[int], int]
        if self.on_demand:
            self.first = self._first_open
        elif self.closures or len(self._weeks) > 1:
            self.first = self._first_of_several
        elif self._weeks[0].is_endless:
            self.first = self._weeks[0].first_ever
        else:
            self.first = self._weeks[0].first

    def _first_open(self, at: int) -> int:
        for since, until in self.closures:
            if since <= at < until:
                return until
        return at

    def _first_of_several(self, at: int) -> int:
        start = min(weeks.first(at) for weeks in self._weeks)
        for since, until in self.closures:
            if since <= start < until:
                start = min(weeks.first(until) for weeks in self._weeks)
        return start

    def last_open(self, at: int) -> int:
        """The last moment at or before `at` in which an on-demand run may start."""
        for since, until in self.closures:
            if since <= at < until:
                return since - 1
        return at

    def is_open_throughout(self, since: int, until: int) -> bool:
        return not any(begin <= until and since < end for begin, end in self.closures)


def _midnight(day: date) -> int:
    return (day.toordinal() - EPOCH_DAY) * DAY_S
