"""The operator's way in: `python -m app.cli run|serve|migrate|seed|demo|jobs|audit|openapi`."""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn

import psycopg
import uvicorn
from alembic import command
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.core.clock import SystemClock
from app.core.database import Database, driver_url
from app.core.limits import CONNECT_TIMEOUT_S, PROCESS_START_S_MAX
from app.core.log import configure
from app.core.postgres import PostgresUnavailable, embedded_postgres
from app.core.schema_version import alembic_config, head_revision
from app.core.settings import Settings, faults_of
from app.demo import play
from app.flows.audit_bookings import audit_bookings
from app.flows.install_network import install_network
from app.flows.ports import fault_of_tables
from app.main import create_app
from app.routing import warm_up

Arguments = argparse.Namespace


def say(line: str) -> None:
    print(line, flush=True)


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one for as long as the block runs."""
    if settings.database_url:
        yield driver_url(settings.database_url)
        return
    with embedded_postgres(settings.data_dir / "postgres", say=say) as cluster:
        yield cluster.url


def migrate(url: str) -> bool:
    """Bring the schema to this code's version; answers whether the database was new."""
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        known = connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
        version = (
            connection.execute("SELECT version_num FROM alembic_version").fetchone() if known and known[0] else None
        )
    if version is None or version[0] != head_revision():
        say("Setting up the database …" if version is None else "Bringing the database up to date …")
        command.upgrade(alembic_config(url), "head")
    return version is None


async def _seed(url: str) -> None:
    database = Database(url, pool=1)
    try:
        async with database.begin() as session:
            figures = await install_network(session, SystemClock().now())
    finally:
        await database.close()
    say(f"The network is in place: {figures}.")


def run(settings: Settings) -> None:
    """Everything: database, migrations, network, service and worker; the main story once when the database is new."""
    _require_tables(settings)
    _require_free(settings.host, settings.port)
    os.environ["CHAMA_SECRET"] = settings.key.decode()
    with _database(settings) as url:
        os.environ["CHAMA_DATABASE_URL"] = url
        is_new = migrate(url)
        if is_new:
            asyncio.run(_seed(url))
        warm_planner()
        if is_new and settings.environment == "development":
            _play_when_ready(settings)
        if not is_new:
            say(_welcome(settings))
        _serve(settings)
    say("Stopped.")


def serve(settings: Settings) -> None:
    """The service alone, on a database that is there and migrated: what a container runs."""
    if settings.database_url is None:
        _stop("`serve` needs CHAMA_DATABASE_URL. For everything at once, with the embedded database: make run")
    _require_tables(settings)
    _require_free(settings.host, settings.port)
    os.environ["CHAMA_SECRET"] = settings.key.decode()
    warm_planner()
    _serve(settings)


def _require_tables(settings: Settings) -> None:
    if fault := fault_of_tables(settings):
        _stop(fault)


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            _stop(
                f"Port {port} on {host} cannot be used ({error.strerror}). Stop what runs there, or choose another: PORT=8001 make run"
            )


def _play_when_ready(settings: Settings) -> None:
    def story() -> None:
        play(settings.base_url, sorted(settings.operator_phones), say)
        say(f"\n{_welcome(settings)}")

    threading.Thread(target=story, daemon=True).start()


def _welcome(settings: Settings) -> str:
    return f"Chama is at {settings.base_url}  (docs: {settings.base_url}/docs). Ctrl-C stops it."


def warm_planner() -> None:
    """Compile the planner where that was not done before, so that the service's processes find it on disk."""
    told = threading.Timer(3, say, ["Compiling the planner (once, about half a minute) …"])
    told.start()
    warm_up()
    told.cancel()


def _serve(settings: Settings) -> None:
    """Run uvicorn until Ctrl-C or SIGTERM, so that what surrounds us is stopped in order afterwards."""
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory() as figures:
        if settings.processes > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
        with suppress(KeyboardInterrupt):
            uvicorn.run(
                "app.main:create_app",
                factory=True,
                host=settings.host,
                port=settings.port,
                workers=settings.processes,
                loop="uvloop",
                http="httptools",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=15,
                # A process answers only once it has read all of its code: with the 5 s of the default, a busy machine would end
                # and begin them for ever.
                timeout_worker_healthcheck=PROCESS_START_S_MAX,
            )


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def jobs(settings: Settings, action: str, job_id: int | None) -> None:
    """List dead letters, or put one back in the queue."""
    with (
        _database(settings) as url,
        psycopg.connect(
            url, options="-c search_path=public,jobs", autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        ) as connection,
    ):
        if action == "retry":
            connection.execute(
                "UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL WHERE id = %s AND status = 'failed'",
                (job_id,),
            )
        rows = connection.execute(
            "SELECT id, task_name, args, attempts FROM procrastinate_jobs WHERE status = 'failed' ORDER BY id LIMIT 1000"
        ).fetchall()
    for row in rows:
        say(json.dumps(dict(zip(("id", "job", "payload", "attempts"), row, strict=True)), ensure_ascii=False))
    say(f"{len(rows)} dead letters")


async def _audit(url: str) -> int:
    """Compare what departures say is booked with the bookings themselves, and these with what runs; prints and counts what differs."""
    database = Database(url, pool=1)
    try:
        async with database.read() as connection:
            mismatches, lost = await audit_bookings(connection, SystemClock().now())
    finally:
        await database.close()
    for mismatch in mismatches:
        say(str(mismatch))
    say(f"{len(mismatches)} segments differ from their bookings")
    for held in lost:
        say(str(held))
    say(f"{len(lost)} bookings wait for runs that do not run")
    return len(mismatches) + len(lost)


def openapi() -> None:
    """Print the OpenAPI document; it needs neither a database nor a secret."""
    say(json.dumps(create_app(Settings()).openapi(), ensure_ascii=False, indent=2))


def _stop(message: str) -> NoReturn:
    say(message)
    sys.exit(1)


def _of_the_database(error: BaseException | None) -> str | None:
    """One line for a database that is away or has no tables yet; None for what nobody foresaw."""
    if isinstance(error, psycopg.errors.UndefinedTable):
        return "The database has no tables yet: python -m app.cli migrate"
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        return f"The database cannot be reached: {reason}. Look at CHAMA_DATABASE_URL and whether the server runs."
    return None


def _on_database(act: Callable[[str], object]) -> Callable[[Settings, Arguments], None]:
    """A verb that needs the database and nothing else."""

    def acted(settings: Settings, _arguments: Arguments) -> None:
        with _database(settings) as url:
            act(url)

    return acted


def _audit_or_fail(url: str) -> None:
    if asyncio.run(_audit(url)):
        sys.exit(1)


def _demo(settings: Settings, arguments: Arguments) -> None:
    url = (arguments.url or settings.base_url).rstrip("/")
    if not play(url, sorted(settings.operator_phones), say):
        sys.exit(1)
    say(f"\nThe service at {url} keeps running where it was started  (docs: {url}/docs).")


VERBS: Final[Mapping[str, tuple[str, Callable[[Settings, Arguments], None]]]] = {
    "run": ("serve everything", lambda settings, _: run(settings)),
    "serve": ("serve on a database that is there (containers)", lambda settings, _: serve(settings)),
    "migrate": ("bring the database to this code's version", _on_database(migrate)),
    "seed": ("put the network in place", _on_database(lambda url: asyncio.run(_seed(url)))),
    "demo": ("play the main story against a running service", _demo),
    "jobs": ("dead letters: list them, or retry one", lambda settings, given: jobs(settings, given.action, given.id)),
    "audit": ("is every booked place on a departure accounted for?", _on_database(_audit_or_fail)),
    "openapi": ("print the OpenAPI document", lambda _settings, _arguments: openapi()),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="chama", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    parsers = {name: verbs.add_parser(name, help=told) for name, (told, _) in VERBS.items()}
    parsers["demo"].add_argument("url", nargs="?", default=None)
    parsers["jobs"].add_argument("action", choices=["dead", "retry"])
    parsers["jobs"].add_argument("id", type=int, nargs="?")
    chosen = parser.parse_args()
    configure("text")
    try:
        VERBS[chosen.verb][1](Settings(), chosen)
    except ValidationError as error:
        _stop(faults_of(error))
    except PostgresUnavailable as error:
        _stop(str(error))
    except (psycopg.Error, DBAPIError) as error:
        told = _of_the_database(error.orig if isinstance(error, DBAPIError) else error)
        if told is None:
            raise
        _stop(told)
    except KeyboardInterrupt:
        say("Stopped.")


if __name__ == "__main__":
    main()
