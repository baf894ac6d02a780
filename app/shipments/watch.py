"""Who waits for news of which consignment, in this process: one question a second for all of them, whatever their number.

Nothing is written for it and ingest knows nothing of it (ADR 45). It holds no state of consignments, only the versions that were seen last.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from app.core.database import Database, Reader, Sql
from app.core.errors import Kind, Problem
from app.core.limits import TRACKING_STREAMS_MAX, TRACKING_STREAMS_PER_ADDRESS_MAX
from app.shipments.seen import version_of

log = logging.getLogger(__name__)
LOOK_EVERY_S: Final = 1.0
# Counting the events of a consignment reads only the index of the partition that it lies in.
_VERSIONS: Final = Sql(
    "SELECT tracking_number, CAST(consignment.xmin AS text) AS row_version, told.events FROM consignment "
    "CROSS JOIN LATERAL (SELECT count(*) AS events FROM tracking_event AS event "
    "WHERE event.consignment_id = consignment.id) AS told WHERE tracking_number = ANY(:numbers)"
)


class TooManyStreams(Problem):
    slug = "too-many-streams"
    kind = Kind.LIMITED
    title = {"en": "Too many are watching at once", "zh-Hans": "实时查询连接过多"}
    detail = {
        "en": "Ask for `/v1/tracking/{tracking_number}` with its ETag now and then instead, or try the stream again in a minute.",
        "zh-Hans": "请改为定时查询 `/v1/tracking/{tracking_number}`（携带 ETag），或一分钟后再试。",
    }


async def versions_of(reader: Reader, numbers: Collection[str]) -> dict[str, str]:
    """The version of each of these consignments that there is: it differs whenever the consignment or its events do. One statement."""
    rows = await _VERSIONS.all(reader, {"numbers": list(numbers)})
    return {row.tracking_number: version_of(row.row_version, row.events) for row in rows}


@dataclass(slots=True)
class _Watched:
    version: str
    viewers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, version: str) -> None:
        """Wake everybody who waits when this version is another one."""
        if version != self.version:
            self.version = version
            self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class TrackingWatch:
    """One for each process; closed at its end. `ended` once the process is to stop: nobody waits any more."""

    def __init__(
        self,
        database: Database,
        *,
        look_every_s: float = LOOK_EVERY_S,
        most: int = TRACKING_STREAMS_MAX,
        most_of_one: int = TRACKING_STREAMS_PER_ADDRESS_MAX,
    ) -> None:
        self.ended = False
        self._database = database
        self._look_every_s = look_every_s
        self._most, self._most_of_one = most, most_of_one
        self._watched: dict[str, _Watched] = {}
        self._by_address: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None

    @property
    def viewers(self) -> int:
        return self._by_address.total()

    @contextmanager
    def viewing(self, number: str, version: str, address: str) -> Iterator[None]:
        """Watch this consignment, just read in this version, while the block runs. Raises `TooManyStreams`."""
        full = self.viewers >= self._most or self._by_address[address] >= self._most_of_one
        if full or self.ended:
            raise TooManyStreams(retry_after_s=60, tracking_number=number)
        watched = self._watched.setdefault(number, _Watched(version))
        watched.note(version)
        watched.viewers += 1
        self._by_address[address] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            watched.viewers -= 1
            if not watched.viewers:
                del self._watched[number]
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    async def change(self, number: str, known: str | None, within_s: float) -> str | None:
        """The version of a consignment that is viewed, as soon as it is another one than `known`; None when it was not in time, or at the end."""
        watched = self._watched[number]
        if watched.version == known and not self.ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await watched.changed.wait()
        return watched.version if watched.version != known and not self.ended else None

    def note(self, number: str, version: str) -> None:
        """This version of a consignment that is viewed was just read by somebody."""
        self._watched[number].note(version)

    def end(self) -> None:
        """Let everybody go who waits, and take nobody any more."""
        self.ended = True
        for watched in self._watched.values():
            watched.wake()

    async def close(self) -> None:
        self.end()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        """While anybody watches. A database that is away for a while is asked again."""
        while self._watched and not self.ended:
            await asyncio.sleep(self._look_every_s)
            try:
                async with self._database.read() as connection:
                    versions = await versions_of(connection, self._watched)
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.warning("cannot look for news of consignments: %s", type(error).__name__)
                continue
            for number, version in versions.items():
                if number in self._watched:
                    self._watched[number].note(version)
