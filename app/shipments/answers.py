"""Answers about consignments that many ask for again and again, kept in a process for as long as nothing about them has changed."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core.database import Reader, Session, Sql

KEPT_MAX: Final = 4_096
# Names of hubs may change, though hardly ever.
KEPT_FOR: Final = timedelta(minutes=5)
# Events are only ever added, and whatever else changes writes its row anew: a transaction of its own, or one more event, is another version.
_VERSION: Final = Sql(
    "SELECT concat_ws('.', consignment.xmin, (SELECT count(*) FROM events_of(consignment.id)), "
    "(SELECT string_agg(leg.xmin::text, ',' ORDER BY seq) FROM leg WHERE consignment_id = consignment.id), "
    "(SELECT string_agg(package.xmin::text, ',' ORDER BY id) FROM package WHERE consignment_id = consignment.id)) AS version "
    "FROM consignment WHERE tracking_number = :number"
)
_ANEW: Final = Sql(
    "WITH held AS (SELECT id FROM consignment WHERE order_id = ANY(:orders) ORDER BY id FOR UPDATE) "
    "UPDATE consignment SET plan_version = plan_version FROM held WHERE consignment.id = held.id"
)


async def version_of(reader: Reader, number: str) -> str | None:
    """Another text whenever anything about this consignment, its legs, packages or events is another; None when there is none. One statement."""
    row = await _VERSION.first(reader, {"number": number})
    return row.version if row else None


async def answer_anew(session: Session, order_ids: Collection[str]) -> None:
    """What is told of these orders' consignments has changed, though nothing of their own rows. Locks them in the order of their ids."""
    await _ANEW.tell(session, {"orders": list(order_ids)})


@dataclass(frozen=True, slots=True)
class Kept:
    version: str
    until: datetime
    body: bytes


class Answers:
    """The answers that were asked for last, by number and language. One for each process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    def find(self, number: str, language: str, version: str, now: datetime) -> bytes | None:
        """The answer of this version, unless time alone has made it another."""
        kept = self._kept.get((number, language))
        if kept is None or kept.version != version or now >= kept.until:
            return None
        self._kept.move_to_end((number, language))
        return kept.body

    def keep(
        self, number: str, language: str, version: str, body: bytes, *, now: datetime, until: datetime | None
    ) -> None:
        """Keep an answer that was read after this version was, until it changes by time alone (None: it does not)."""
        latest = now + KEPT_FOR
        self._kept[number, language] = Kept(version, min(until, latest) if until else latest, body)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
