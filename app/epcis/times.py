"""Times as the standard writes them (xsd:dateTimeStamp), and the one form in which they are compared."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])",
    re.ASCII,
)
OFFSET: Final = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)", re.ASCII)


def read_time(text: object) -> datetime | None:
    """The moment in UTC, to the millisecond, the half rounded up (CBV 2.0, 8.9.2); None when it is no time with a zone."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[part]) for part in range(1, 7))
    fraction = (match[7] or "").ljust(4, "0")
    milliseconds = int(fraction[:3]) + (fraction[3] >= "5")
    try:
        here = datetime(year, month, day, hour, minute, second, tzinfo=_zone(match[8]))
        return (here + timedelta(milliseconds=milliseconds)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(written: str) -> timezone:
    if written == "Z":
        return UTC
    ahead = timedelta(hours=int(written[1:3]), minutes=int(written[4:6]))
    return timezone(-ahead if written[0] == "-" else ahead)


def in_utc(at: datetime) -> str:
    """`2020-03-04T10:00:30.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
