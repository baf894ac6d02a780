"""The clock: the only way to learn the time, so that tests can choose it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Protocol

# The legal time of the whole country, which pages and days go by.
LEGAL_TIME: Final = timezone(timedelta(hours=8))


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is moved."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, step: timedelta) -> None:
        self.at += step


def minute_before(at: datetime) -> datetime:
    """The whole minute that this moment belongs to."""
    return at.replace(second=0, microsecond=0)


def minute_after(at: datetime) -> datetime:
    """The first whole minute that is not before this moment."""
    begun = minute_before(at)
    return begun if begun == at else begun + timedelta(minutes=1)


# The legs of a quote's options have most of their times in common.
@lru_cache(maxsize=4_096)
def rfc3339(at: datetime) -> str:
    """`2026-03-01T08:00:00Z`: UTC, ending in Z, with milliseconds only when there are any."""
    at = at if at.tzinfo is UTC else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")[:-6] + "Z"
