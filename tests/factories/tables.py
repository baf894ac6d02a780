"""What stands in the tables, so that a test can say that nothing has changed; and how many statements something takes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

from psycopg import AsyncCursor
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.core.database import Database, metadata
from app.flows.ports import Ports

JOBS = "jobs.procrastinate_jobs"
# What a new connection is asked by SQLAlchemy.
GREETINGS = (
    "select pg_catalog.version()",
    "select current_schema()",
    "show transaction isolation level",
    "show standard_conforming_strings",
)
Contents = dict[str, tuple[int, str]]


async def contents(ports: Ports) -> Contents:
    """For every table, the jobs' too, the number of its rows and a hash over all of them."""
    tables = [f'public."{name}"' for name in sorted(metadata.tables)] + [JOBS]
    each = " UNION ALL ".join(
        f"SELECT '{name}', count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {name} t"
        for name in tables
    )
    async with ports.database.read() as connection:
        return {name: (rows, digest) for name, rows, digest in await connection.execute(text(each))}


async def changed(ports: Ports, before: Contents) -> dict[str, int]:
    """The tables that differ from `before`, with how many rows they gained."""
    now = await contents(ports)
    return {name: now[name][0] - before[name][0] for name in now if now[name] != before[name]}


@asynccontextmanager
async def nothing_happens(ports: Ports) -> AsyncIterator[None]:
    """Fails when any table, jobs included, is another after the block than before."""
    before = await contents(ports)
    yield
    assert await changed(ports, before) == {}


async def rows(ports: Ports, query: str, **values: Any) -> list[Any]:
    async with ports.database.read() as connection:
        return list((await connection.execute(text(query), values)).all())


async def value(ports: Ports, query: str, **values: Any) -> Any:
    return (await rows(ports, query, **values))[0][0]


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """Every statement that the driver sends to this database meanwhile; one that is sent for many rows counts as many."""
    sent: list[str] = []
    name = make_url(database.url).database
    execute, execute_many = AsyncCursor.execute, AsyncCursor.executemany

    async def one(self: AsyncCursor[Any], query: Any, *args: Any, **options: Any) -> Any:
        # What is composed is the driver's own: it asks for types once.
        asked = query.decode() if isinstance(query, bytes) else query
        if self.connection.info.dbname == name and isinstance(asked, str) and asked not in GREETINGS:
            sent.append(asked)
        return await execute(self, query, *args, **options)

    async def many(self: AsyncCursor[Any], query: Any, values: Any, **options: Any) -> None:
        rows = list(values)
        if self.connection.info.dbname == name:
            sent.extend([str(query)] * len(rows))
        await execute_many(self, query, rows, **options)

    with patch.object(AsyncCursor, "execute", one), patch.object(AsyncCursor, "executemany", many):
        yield sent
