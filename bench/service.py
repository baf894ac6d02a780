"""A real service to measure: embedded PostgreSQL with full durability, the network, and `python -m app.cli` as operators run it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from sqlalchemy.engine import make_url

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.postgres import Cluster, embedded_postgres
from app.core.schema_version import alembic_config
from app.flows.install_network import install_network

SECRET: Final = "only for benchmarks"
START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0


@dataclass(frozen=True)
class Service:
    port: int
    pid: int


@contextmanager
def server() -> Iterator[tuple[Path, Cluster]]:
    """A folder with a PostgreSQL that keeps its promises (fsync on), gone at the end of the block."""
    # Not in a folder that only root may enter: PostgreSQL runs as another user then.
    with tempfile.TemporaryDirectory(prefix="chama-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as cluster:
            with psycopg.connect(cluster.url) as connection:
                held = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
                assert held.fetchone() == ("on", "on"), "the figures are for a durable database"
            yield folder, cluster


def prepare(url: str) -> None:
    """The schema of this code, and the network."""
    command.upgrade(alembic_config(url), "head")
    asyncio.run(_install(url))


async def _install(url: str) -> None:
    database = Database(url, pool=1)
    async with database.begin() as session:
        await install_network(session, SystemClock().now())
    await database.close()


def on_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def running(verb: str, folder: Path, url: str | None, processes: int = 2, **settings: str) -> Iterator[Service]:
    """`python -m app.cli serve|run` with default settings but for these, ready to answer; its whole tree is gone after the block."""
    port = _free_port()
    chosen = {"DATA_DIR": str(folder), "PORT": str(port), "PROCESSES": str(processes), "SECRET": SECRET} | settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAMA_")}
    environment |= {f"CHAMA_{name}": value for name, value in chosen.items()}
    if url:
        environment["CHAMA_DATABASE_URL"] = url
    with (folder / f"{verb}-{port}.log").open("wb") as log:
        child = subprocess.Popen([sys.executable, "-m", "app.cli", verb], env=environment, stdout=log, stderr=log)
        try:
            _await_ready(child, port, Path(log.name))
            yield Service(port, child.pid)
        finally:
            _stop(child)


def _await_ready(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    message = f"the service was not ready within {START_S_MAX:.0f} s; its log ends:\n{log.read_text()[-3000:]}"
    raise RuntimeError(message)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        for pid in tree(child.pid):
            os.kill(pid, signal.SIGKILL)
        child.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(words[1]), []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def peak_mb(pid: int) -> float:
    """The sum of the peaks of a tree's processes (VmHWM): for processes that share little."""
    return sum(_kb(each, "status", "VmHWM:") for each in tree(pid)) / 1024


def held_mb(pid: int) -> float:
    """What a tree holds now, memory that its processes share counted once (Pss)."""
    return sum(_kb(each, "smaps_rollup", "Pss:") for each in tree(pid)) / 1024


def _kb(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def machine() -> str:
    """The processor and how many of its cores we may use."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    return f"{len(os.sched_getaffinity(0))} cores of {name}"
