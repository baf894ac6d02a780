"""When a query on a schedule runs next: cron-like fields of EPCIS 2.0 (8.2.5.3), in UTC."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
_CLOCK: Final = ("second", "minute", "hour")
_ELEMENT: Final = re.compile(r"([0-9]{1,2})|\[([0-9]{1,2})-([0-9]{1,2})\]", re.ASCII)
# February 29 on a given weekday comes back within 40 years, whichever way the centuries fall.
_DAYS_MAX: Final = 366 * 40


@dataclass(frozen=True, slots=True)
class Schedule:
    """What each field may be; a day has to fit in all of them."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]


def read_schedule(fields: Mapping[str, str]) -> Schedule | str:
    """The schedule that these fields make, such as `{"hour": "1", "minute": "5"}`; or the name of the field that is not good.

    An element is a number or a range `[1-5]`, several are apart by commas. A field that is left out may be anything, but one that is finer
    than the finest given is 0: at 01:05 means once, not at each of its sixty seconds.
    """
    read: dict[str, frozenset[int]] = {}
    for name, text in fields.items():
        values = _values(name, text) if name in RANGES else None
        if values is None:
            return name
        read[name] = values
    given = [name for name in _CLOCK if name in read]
    if not read:
        return "schedule"
    finest = _CLOCK.index(given[0]) if given else len(_CLOCK)

    def of(name: str) -> frozenset[int]:
        first, last = RANGES[name]
        finer = name in _CLOCK and _CLOCK.index(name) < finest
        return read.get(name, frozenset({0} if finer else range(first, last + 1)))

    clock = [tuple(sorted(of(name))) for name in _CLOCK]
    return Schedule(clock[0], clock[1], clock[2], of("dayOfMonth"), of("month"), of("dayOfWeek"))


def _values(name: str, text: str) -> frozenset[int] | None:
    first, last = RANGES[name]
    found: set[int] = set()
    for element in text.replace(" ", "").split(","):
        match = _ELEMENT.fullmatch(element)
        if match is None:
            return None
        low = int(match[1] or match[2])
        high = int(match[1] or match[3])
        if not first <= low <= high <= last:
            return None
        found.update(range(low, high + 1))
    return frozenset(found)


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first time after this one at which the query runs; None when there is none, as on 31 February."""
    begin = (after.astimezone(UTC) + timedelta(seconds=1)).replace(microsecond=0)
    day = begin.date()
    for _ in range(_DAYS_MAX):
        if _fits(schedule, day) and (at := _first_of(schedule, begin.time() if day == begin.date() else time())):
            return datetime.combine(day, at, UTC)
        day += timedelta(days=1)
    return None


def _fits(schedule: Schedule, day: date) -> bool:
    return day.month in schedule.months and day.day in schedule.days and day.isoweekday() in schedule.weekdays


def _first_of(schedule: Schedule, earliest: time) -> time | None:
    """The first time of a day that is not before this one."""
    for hour in schedule.hours:
        for minute in schedule.minutes if hour >= earliest.hour else ():
            if (hour, minute) >= (earliest.hour, earliest.minute):
                for second in schedule.seconds:
                    if time(hour, minute, second) >= earliest:
                        return time(hour, minute, second)
    return None
