"""Named queries of EPCIS and the subscriptions to them: kept, found, and moved on by what was reported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.core.database import Reader, Session, Sql, as_rows, inserting

_ADD_QUERY: Final = Sql(inserting("epcis_query") + " ON CONFLICT DO NOTHING RETURNING name")
_COUNT_QUERIES: Final = Sql("SELECT count(*) AS count FROM epcis_query WHERE owner = :owner")
_QUERY: Final = Sql("SELECT name, parameters, created_at FROM epcis_query WHERE owner = :owner AND name = :name")
_QUERIES: Final = Sql(
    'SELECT name, parameters, created_at FROM epcis_query WHERE owner = :owner AND name COLLATE "C" > :after '
    'ORDER BY name COLLATE "C" LIMIT :limit'
)
_DROP_QUERY: Final = Sql("DELETE FROM epcis_query WHERE owner = :owner AND name = :name RETURNING name")
_ADD: Final = Sql(inserting("epcis_subscription"))
_MINE: Final = "FROM epcis_subscription WHERE owner = :owner AND query = :query"
_LIST: Final = Sql(f"SELECT * {_MINE} AND id > :after ORDER BY id LIMIT :limit")
_FIND: Final = Sql(f"SELECT * {_MINE} AND id = :id")
_COUNT: Final = Sql(f"SELECT count(*) AS count {_MINE}")
_DROP: Final = Sql("DELETE FROM epcis_subscription WHERE owner = :owner AND query = :query AND id = :id RETURNING id")
# Whoever takes them has them for a while: when it dies, another takes them then.
_TAKE: Final = Sql(
    "WITH due AS (SELECT id FROM epcis_subscription WHERE due_at <= :now ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) "
    "UPDATE epcis_subscription AS taken SET due_at = :lease FROM due, epcis_query AS query "
    "WHERE taken.id = due.id AND query.owner = taken.owner AND query.name = taken.query "
    "RETURNING taken.*, query.parameters"
)
_MOVE: Final = Sql(
    "UPDATE epcis_subscription SET due_at = :due_at, failures = :failures, since = :since, told = :told, "
    "last_notified_at = coalesce(:notified_at, last_notified_at) WHERE id = :id"
)


async def add_query(session: Session, owner: str, name: str, parameters: Mapping[str, Any], now: datetime) -> bool:
    """Keep a query under a name; false when the owner has one of that name."""
    row = {"owner": owner, "name": name, "parameters": parameters, "created_at": now}
    return bool(await _ADD_QUERY.all(session, {"rows": as_rows([row])}))


async def count_queries(reader: Reader, owner: str) -> int:
    return int((await _COUNT_QUERIES.first(reader, {"owner": owner})).count)


async def find_query(reader: Reader, owner: str, name: str) -> Any:
    return await _QUERY.first(reader, {"owner": owner, "name": name})


async def list_queries(reader: Reader, owner: str, *, after: str, limit: int) -> list[Any]:
    return await _QUERIES.all(reader, {"owner": owner, "after": after, "limit": limit})


async def drop_query(session: Session, owner: str, name: str) -> bool:
    """End a query and every subscription to it; false when there is none."""
    return bool(await _DROP_QUERY.all(session, {"owner": owner, "name": name}))


async def add_subscription(session: Session, row: Mapping[str, Any], sealed_token: bytes | None) -> None:
    # Bytes go as PostgreSQL writes them.
    token = None if sealed_token is None else f"\\x{sealed_token.hex()}"
    await _ADD.tell(session, {"rows": as_rows([{**row, "sealed_token": token}])})


async def list_subscriptions(reader: Reader, owner: str, query: str, *, after: str, limit: int) -> list[Any]:
    return await _LIST.all(reader, {"owner": owner, "query": query, "after": after, "limit": limit})


async def count_subscriptions(reader: Reader, owner: str, query: str) -> int:
    return int((await _COUNT.first(reader, {"owner": owner, "query": query})).count)


async def find_subscription(reader: Reader, owner: str, query: str, subscription: str) -> Any:
    return await _FIND.first(reader, {"owner": owner, "query": query, "id": subscription})


async def drop_subscription(session: Session, owner: str, query: str, subscription: str) -> bool:
    """End it; false when there is none."""
    return bool(await _DROP.all(session, {"owner": owner, "query": query, "id": subscription}))


async def take_due(session: Session, now: datetime, lease: datetime, limit: int) -> list[Any]:
    """Subscriptions whose time has come, with the parameters of their queries: ours until `lease`."""
    return await _TAKE.all(session, {"now": now, "lease": lease, "limit": limit})


async def move_on(
    session: Session,
    subscription: str,
    *,
    due_at: datetime | None,
    failures: int,
    since: datetime,
    told: Sequence[str],
    notified_at: datetime | None = None,
) -> None:
    """Note what was reported and when to look next; `due_at` None ends it."""
    values = {
        "id": subscription,
        "due_at": due_at,
        "failures": failures,
        "since": since,
        "told": list(told),
        "notified_at": notified_at,
    }
    await _MOVE.tell(session, values)
