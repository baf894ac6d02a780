"""What is read of changed ways: the consignments without a way on, page by page, and one change with its reason."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.database import Reader, Session
from app.core.errors import NotFound
from app.core.paging import Page, decode_cursor, encode_cursor

STRANDED: Final = {"en": "stranded consignment", "zh-Hans": "待改线的运单"}
_COLUMNS: Final = (
    "s.consignment_id, c.order_id, c.tracking_number, c.temperature, s.hub, s.destination, s.ready_at, s.reason, "
    "s.rule, s.disruption_id, s.disruption_reason, s.stranded_at, s.tried_at"
)
# Who found a way without us is not looked for any more.
_WAITING: Final = (
    "FROM stranded s JOIN consignment c ON c.id = s.consignment_id AND c.ended_at IS NULL AND c.cancelled_at IS NULL"
)
_LIST: Final = text(
    f"SELECT {_COLUMNS} {_WAITING} WHERE s.consignment_id > :after ORDER BY s.consignment_id LIMIT :most"
)
_ONE: Final = text(f"SELECT {_COLUMNS} {_WAITING} WHERE s.consignment_id = :id")
_WAITING_LEGS: Final = text(
    "SELECT leg.id FROM leg JOIN consignment c ON c.id = leg.consignment_id WHERE leg.id = ANY(CAST(:legs AS text[])) "
    "AND leg.consignment_id = ANY(CAST(:consignments AS text[])) AND leg.status = 'planned' AND c.ended_at IS NULL "
    "AND c.cancelled_at IS NULL AND c.status NOT IN ('out_for_delivery', 'returning')"
)
_BEGUN: Final = text(
    "SELECT id FROM leg WHERE id = ANY(CAST(:legs AS text[])) AND consignment_id = ANY(CAST(:consignments AS text[])) AND status <> 'planned'"
)
_UNTOLD: Final = text("SELECT FROM replan WHERE disruption_id = :disruption AND told_at IS NULL LIMIT 1")
UNTOLD_READ_MAX: Final = 200
# By a disruption, or, where none is the reason, by the consignments that were too late for a connection.
_BY_DISRUPTION: Final = "disruption_id = :disruption"
_BY_DELAY: Final = "disruption_id IS NULL AND consignment_id = ANY(CAST(:ids AS text[]))"
_ARE_UNTOLD: Final = text(f"SELECT FROM replan WHERE {_BY_DELAY} AND told_at IS NULL LIMIT 1")
_TAKE: Final = (
    "WITH untold AS (SELECT consignment_id, version FROM replan WHERE WHICH AND told_at IS NULL "
    "ORDER BY consignment_id, version LIMIT :most FOR UPDATE) "
    "UPDATE replan r SET told_at = :now FROM untold u, consignment c "
    "WHERE r.consignment_id = u.consignment_id AND r.version = u.version AND c.id = r.consignment_id "
    "RETURNING c.order_id, c.tracking_number, c.producer_id, c.status, r.hand_in_by_before, r.hand_in_by, r.reason, "
    "r.promised_by, r.hub"
)
_TAKE_OF_DISRUPTION: Final = text(_TAKE.replace("WHICH", _BY_DISRUPTION))
_TAKE_OF_DELAY: Final = text(_TAKE.replace("WHICH", _BY_DELAY))


@dataclass(frozen=True, slots=True)
class StrandedConsignment:
    """A consignment without a way on: where it is or will be, since when, where it should go, and why it cannot."""

    consignment_id: str
    order_id: str
    tracking_number: str
    temperature: str
    hub: str
    destination: str
    ready_at: datetime
    reason: str
    rule: str | None
    disruption_id: str | None
    disruption_reason: dict[str, str]
    stranded_at: datetime
    tried_at: datetime


@dataclass(frozen=True, slots=True)
class ToldChange:
    """What people are told of one change of way."""

    order_id: str
    tracking_number: str
    producer_id: str
    status: str
    hand_in_by_before: datetime
    hand_in_by: datetime
    reason: dict[str, str]
    promised_by: datetime
    hub: str


async def list_stranded(reader: Reader, *, after: str, most: int) -> list[StrandedConsignment]:
    """Those that wait for a way, the first ordered first. One statement."""
    return [StrandedConsignment(*row) for row in await reader.execute(_LIST, {"after": after, "most": most})]


async def page_of_stranded(reader: Reader, cursor: str | None, limit: int) -> Page[StrandedConsignment]:
    """The same page by page."""
    after = decode_cursor(cursor, str)
    found = await list_stranded(reader, after=str(after[0]) if after else "", most=limit + 1)
    more = len(found) > limit
    return Page(items=found[:limit], next_cursor=encode_cursor([found[limit - 1].consignment_id]) if more else None)


async def get_stranded(reader: Reader, consignment_id: str) -> StrandedConsignment:
    """One of them; `NotFound` when it has a way, or has ended."""
    row = (await reader.execute(_ONE, {"id": consignment_id})).one_or_none()
    if row is None:
        raise NotFound(what=STRANDED)
    return StrandedConsignment(*row)


async def begun_legs(reader: Reader, legs: Collection[str], consignments: Collection[str]) -> set[str]:
    """Which of these legs are executed or under way. One statement."""
    values = {"legs": list(legs), "consignments": list(consignments)}
    return set((await reader.execute(_BEGUN, values)).scalars())


async def waiting_legs(reader: Reader, legs: Collection[str], consignments: Collection[str]) -> set[str]:
    """Which of these legs somebody still waits to begin. One statement."""
    values = {"legs": list(legs), "consignments": list(consignments)}
    return set((await reader.execute(_WAITING_LEGS, values)).scalars())


async def take_untold(
    session: Session, disruption: str | None, now: datetime, *, consignments: Collection[str] = ()
) -> list[ToldChange]:
    """Changes that this disruption made, or a delay of these consignments, and nobody has told. One statement.

    They count as told once the caller's transaction commits.
    """
    values: dict[str, object] = {"most": UNTOLD_READ_MAX, "now": now}
    if disruption is None:
        rows = await session.execute(_TAKE_OF_DELAY, values | {"ids": list(consignments)})
    else:
        rows = await session.execute(_TAKE_OF_DISRUPTION, values | {"disruption": disruption})
    return [ToldChange(*row) for row in rows]


async def are_untold(reader: Reader, consignments: Collection[str]) -> bool:
    """Whether some change of way that a delay of these made has not been told."""
    return (await reader.execute(_ARE_UNTOLD, {"ids": list(consignments)})).first() is not None


async def is_untold(reader: Reader, disruption: str) -> bool:
    """Whether some change that this disruption made has not been told."""
    return (await reader.execute(_UNTOLD, {"disruption": disruption})).first() is not None
