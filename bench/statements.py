"""How many SQL statements a quote and an order take, counted in the driver: everything that is sent, whoever sends it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import httpx
import psycopg
from pydantic import SecretStr

from app.core.settings import Settings
from app.flows.ports import open_ports
from app.main import create_app
from bench.data import Buyer
from bench.orders import Buying
from bench.report import Row, say
from bench.service import SECRET

# Producers, and lines of each.
ORDERS: Final = {"1 line": (1, 1), "2 lines of 1 producer": (1, 2), "10 lines of 5 producers": (5, 2)}


@dataclass
class Count:
    statements: int = 0
    commits: int = 0

    def __str__(self) -> str:
        return f"{self.statements} in {self.commits}"


@contextmanager
def counted() -> Iterator[Count]:
    """Count what goes through the driver while the block runs."""
    count = Count()
    execute, execute_many, commit = (
        psycopg.AsyncCursor.execute,
        psycopg.AsyncCursor.executemany,
        psycopg.AsyncConnection.commit,
    )

    async def one(self: Any, *args: Any, **options: Any) -> Any:
        count.statements += 1
        return await execute(self, *args, **options)

    async def many(self: Any, query: Any, values: Any, **options: Any) -> None:
        rows = list(values)
        count.statements += len(rows)
        await execute_many(self, query, rows, **options)

    async def end(self: Any) -> None:
        count.commits += 1
        await commit(self)

    with (
        patch.object(psycopg.AsyncCursor, "execute", one),
        patch.object(psycopg.AsyncCursor, "executemany", many),
        patch.object(psycopg.AsyncConnection, "commit", end),
    ):
        yield count


def measure(url: str, folder: Path, buyers: Sequence[Buyer]) -> list[Row]:
    """One row for each kind of order; the same number in all of them is the bar."""
    counts = asyncio.run(_count(url, folder, buyers))
    same = len({(quote.statements, order.statements) for quote, order in counts.values()}) == 1
    rows = [Row("SQL statements of quote and order, in how many transactions", "", "the same for all", same)]
    for name, (quote, order) in counts.items():
        rows.append(Row(f"  {name}", f"quote {quote}, order {order}"))
        say(f"  {name}: quote {quote}, order {order}")
    return rows


async def _count(url: str, folder: Path, buyers: Sequence[Buyer]) -> dict[str, tuple[Count, Count]]:
    settings = Settings(database_url=url, data_dir=folder, secret=SecretStr(SECRET))
    buying, counts = Buying(url, buyers), {}
    async with open_ports(settings) as ports:
        transport = httpx.ASGITransport(create_app(ports=ports))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            await _order(client, buying, buyers[0], 1, 1)
            for name, (producers, lines_each) in ORDERS.items():
                counts[name] = await _order(client, buying, buyers[0], producers, lines_each)
    return counts


async def _order(
    client: httpx.AsyncClient, buying: Buying, buyer: Buyer, producers: int, lines_each: int
) -> tuple[Count, Count]:
    with counted() as quoting:
        quote = await send(client, buying.ask_quote(buyer, producers, lines_each).wire)
    with counted() as ordering:
        await send(client, buying.ask_order(buyer, quote.json()).wire)
    return quoting, ordering


async def send(client: httpx.AsyncClient, wire: bytes) -> httpx.Response:
    """The bytes that the load client would send, through the application itself."""
    head, _, body = wire.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    answer = await client.request(method, path, headers=dict(line.split(": ", 1) for line in lines), content=body)
    answer.raise_for_status()
    return answer
