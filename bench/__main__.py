"""`python -m bench [listings] [orders] [start] [replan] [labels] [routing]`: how fast it is, as one table. Not a test: bars that are missed are only shown."""

import argparse
import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from app.core.database import Database
from app.core.postgres import Cluster
from bench import data, labels, listings, orders, replan, start, statements
from bench.load import CLIENTS
from bench.report import Row, say, show
from bench.service import SECRET, Service, held_mb, machine, on_database, peak_mb, prepare, running, server

PARTS: Final = ("listings", "orders", "start", "replan", "labels", "routing")
# Made one by one, as producers do; the rest are copies of them.
HAND_MADE: Final = 240
PLANS: Final = 100


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"only these of {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or PARTS
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    logging.disable(logging.WARNING)
    # So that what we started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    begin = time.monotonic()
    rows: list[Row] = []
    if set(chosen) != {"routing"}:
        with server() as (folder, cluster):
            if "start" in chosen:
                with _step("Warm starts"):
                    rows += start.measure(folder)
            if "replan" in chosen:
                rows += _replan(cluster)
            if {"listings", "orders", "labels"} & set(chosen):
                rows += _market(folder, cluster, chosen)
    if "routing" in chosen:
        with _step("The planner alone"):
            subprocess.run([sys.executable, "-m", "bench.routing", "--alone", "--queries", str(PLANS)], check=True)
    if rows:
        show(
            rows,
            f"{machine()}; {CLIENTS} clients, 2 service processes, PostgreSQL with fsync on beside them; medians of rounds",
        )
    say(f"\nAll this took {time.monotonic() - begin:.0f} s.")


def _replan(cluster: Cluster) -> list[Row]:
    """In a database of its own, which is left with its orders."""
    url = on_database(cluster.url, "chama_replan")
    with psycopg.connect(on_database(cluster.url, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE chama_replan")
    with _step(f"A closed pass and {replan.HIT:,} consignments"):
        prepare(url)
        return replan.measure(url)


def _market(folder: Path, cluster: Cluster, chosen: Collection[str]) -> list[Row]:
    url, small_url = cluster.url, on_database(cluster.url, "chama_small")
    with _step(f"The network, producers, {data.BUYERS} buyers and {data.PLENTY:,} of everything"):
        prepare(url)
        buyers = asyncio.run(_people(url))
    if "listings" in chosen:
        with _step(f"{listings.FEW:,} listings in one database, {listings.MANY:,} in another"):
            with psycopg.connect(on_database(url, "postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE chama_small TEMPLATE chama")
            data.multiply(small_url, listings.FEW)
            data.multiply(url, listings.MANY)
    rows: list[Row] = []
    if "labels" in chosen:
        with _step("Labels"):
            rows += labels.measure(url, folder, buyers)
    if not {"listings", "orders"} & set(chosen):
        return rows
    held = [held_mb(cluster.pid)]
    with _step("The service"), running("serve", folder, url) as service:
        if "listings" in chosen:
            rows += _listings(folder, service, url, small_url)
            held.append(held_mb(cluster.pid))
        if "orders" in chosen:
            with _step("Statements"):
                rows += statements.measure(url, folder, buyers)
            with _step("Orders"):
                rows += orders.measure(service, folder, url, buyers)
            held.append(held_mb(cluster.pid))
        rows.append(Row("peak memory, the service's processes", f"{peak_mb(service.pid):,.0f} MB"))
    rows.append(Row("peak memory, PostgreSQL (shared memory counted once)", f"{max(held):,.0f} MB"))
    return rows


def _listings(folder: Path, service: Service, url: str, small_url: str) -> list[Row]:
    with _step("Listings"):
        rows = listings.measure(service, url)
    with _step("Few listings against many"), running("serve", folder, small_url) as small:
        return rows + listings.compare(small, service)


async def _people(url: str) -> list[data.Buyer]:
    database = Database(url)
    await data.fill(database, HAND_MADE)
    buyers = await data.sign_in_buyers(database, SECRET.encode())
    await database.close()
    return buyers


@contextmanager
def _step(name: str) -> Iterator[None]:
    say(f"{name} …")
    begin = time.monotonic()
    yield
    say(f"  ({name}: {time.monotonic() - begin:.0f} s)")


if __name__ == "__main__":
    main()
