"""What is killed: PostgreSQL, two services with a worker inside, and a worker apart; each a child of ours, on loopback."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import httpx
import psycopg

from app.core.postgres import Cluster, embedded_postgres

ROOT = Path(__file__).parents[2]
# On a machine with much else to do, a service takes minutes to begin.
START_S_MAX = 600.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def below(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Postgres:
    """The embedded server, always at one port, so that those who use it find it again."""

    kind = "PostgreSQL"

    def __init__(self, folder: Path) -> None:
        self._folder, self._port, self.up = folder, free_port(), False
        self.start()

    def start(self) -> None:
        self._held: AbstractContextManager[Cluster] = embedded_postgres(self._folder, port=self._port)
        self.cluster = self._held.__enter__()
        self.up = True

    @property
    def url(self) -> str:
        return self.cluster.url

    def kill(self) -> None:
        """The server with everything below it, at once, as when the power goes."""
        self.up = False
        pids = [self.cluster.pid, *below(self.cluster.pid)]
        for pid in pids:
            kill(pid)
        self._held.__exit__(None, None, None)

    def revive(self) -> None:
        self.start()

    def stop(self) -> None:
        if self.up:
            self._held.__exit__(None, None, None)

    def deadlocks(self) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT sum(deadlocks) FROM pg_stat_database").fetchone()
        return int(row[0]) if row else 0


class Backend:
    """One of PostgreSQL's own processes that serves a connection: the server throws out all others and recovers by itself."""

    kind = "a connection of PostgreSQL"

    def __init__(self, postgres: Postgres, chance: random.Random) -> None:
        self._postgres, self._chance = postgres, chance

    @property
    def up(self) -> bool:
        return self._postgres.up and bool(self._serving())

    def _serving(self) -> list[int]:
        return [pid for pid in below(self._postgres.cluster.pid) if b"127.0.0.1" in _command(pid)]

    def kill(self) -> None:
        self._postgres.up = False
        kill(self._chance.choice(self._serving()))

    def revive(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            with suppress(psycopg.Error), psycopg.connect(self._postgres.url, connect_timeout=5):
                self._postgres.up = True
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not recover from the death of one of its processes")


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


class Program:
    """One of our programs as a process of its own, with these settings; its log grows over all its lives."""

    def __init__(
        self, kind: str, words: list[str], settings: dict[str, str], log: Path, url: str | None = None
    ) -> None:
        self.kind, self._words, self._settings, self.log, self.url = kind, words, settings, log, url
        self.up = self._ended = False

    def start(self) -> None:
        if self._ended:
            return
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAMA_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._words], cwd=ROOT, env=kept | self._settings, stdout=log, stderr=log
            )

    def await_up(self) -> None:
        """A service answers; a worker, which listens nowhere, is up when it runs."""
        deadline = time.monotonic() + START_S_MAX
        while self.url is not None and not self._ended:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200:
                    break
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.kind} did not start; its log ends:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)
        self.up = True

    def kill(self) -> None:
        self.up = False
        kill(self._process.pid)
        self._process.wait()

    def revive(self) -> None:
        self.start()
        self.await_up()

    def stop(self) -> None:
        """For good: what is about to come back does not."""
        self._ended = True
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


class Village:
    """All that runs, for as long as `village` lasts."""

    def __init__(self, folder: Path, postgres: Postgres, settings: dict[str, str]) -> None:
        self.postgres = postgres
        self.services = []
        for number, name in enumerate(("one", "other")):
            port = free_port()
            own = settings | {"CHAMA_PORT": str(port), "CHAMA_DATA_DIR": str(folder / "data")}
            url = f"http://127.0.0.1:{port}"
            log = folder / f"service-{number}.log"
            self.services.append(Program(f"service {name}", ["app.cli", "serve"], own, log, url))
        self.worker = Program("worker", ["app.worker"], settings, folder / "worker.log")
        self.programs = [*self.services, self.worker]

    @property
    def urls(self) -> list[str]:
        return [service.url for service in self.services if service.url]

    def logs(self) -> str:
        return "".join(program.log.read_text(errors="replace") for program in self.programs)

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            for program in self.programs:
                program.start()
            for program in self.programs:
                program.await_up()
            yield
        finally:
            for program in self.programs:
                program.stop()
