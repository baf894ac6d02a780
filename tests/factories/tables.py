"""What stands in the tables, so that a test can say that nothing has changed; and how many statements something takes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import event, text

from app.core.database import Database, metadata
from app.flows.ports import Ports

JOBS = "jobs.procrastinate_jobs"
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
    """Every statement that goes through SQLAlchemy meanwhile; one that is sent for many rows counts as many."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:
        sent.extend([statement] * (len(parameters) if executemany and isinstance(parameters, list) else 1))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
