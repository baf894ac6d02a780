"""When the runs of a service start and when a place is open: the weekly arithmetic of the kernels, in UTC."""

from datetime import date
from typing import Final

from app.routing.values import DAY_S

WEEK_S: Final = 7 * DAY_S
# The epoch was a Thursday.
MONDAY_S: Final = 4 * DAY_S
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
NEVER: Final = 1 << 60
# A place that hangs on nothing.
PARTLESS: Final = -1

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


def midnight(day: date) -> int:
    return (day.toordinal() - EPOCH_DAY) * DAY_S
