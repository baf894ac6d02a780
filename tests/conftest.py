"""One PostgreSQL for the run, one database for each test (a copy of a migrated one), and the service over it."""

import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from alembic import command
from hypothesis import settings
from sqlalchemy.engine import make_url

from app.core.clock import FixedClock
from app.core.database import Database
from app.core.postgres import embedded_postgres
from app.core.schema_version import alembic_config
from app.core.settings import Settings
from app.core.storage import DirectoryStorage
from app.routing import warm_up

# How long an example takes is the machine's affair, not a test's.
settings.register_profile("chama", parent=settings.default, deadline=None)
# Twenty times as many examples, for a night: `pytest --hypothesis-profile=long`.
settings.register_profile("long", parent=settings.get_profile("chama"), max_examples=20 * settings.default.max_examples)
settings.load_profile("chama")

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Beijing


@pytest.fixture(scope="session")
def compiled() -> None:
    """As in a process that is ready: no kernel is compiled within a story."""
    warm_up()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL that tests may fill with databases; `CHAMA_TEST_DATABASE_URL` names another one."""
    given = os.environ.get("CHAMA_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # Not below pytest's own folder, which is closed to the user that PostgreSQL runs as when we are root.
    with tempfile.TemporaryDirectory(prefix="chama-tests-") as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder) / "postgres", durable=False) as cluster:
            yield cluster.url


def on_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def _administration(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def a_database(server: str, name: str, template: str | None = None) -> Iterator[str]:
    """A database of this name while the block runs, empty or a copy of `template`; its address."""
    copied = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
    with _administration(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{copied}')
    try:
        yield on_database(server, name)
    finally:
        _drop(server, name)


def _drop(server: str, name: str) -> None:
    """Drop a database that may still be in use; autovacuum is the server's own, must not be ended by us, and is soon done."""
    for tries_left in reversed(range(100)):
        try:
            with _administration(server) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
            if not tries_left:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """A migrated, empty database that every test's own is copied from."""
    name = f"template_{uuid4().hex[:8]}"
    with _administration(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    command.upgrade(alembic_config(on_database(server, name)), "head")
    return name


@pytest.fixture
def database_url(server: str, template: str) -> Iterator[str]:
    with a_database(server, f"test_{uuid4().hex[:12]}", template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=20)
    yield database
    await database.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        data_dir=tmp_path,
        secret="tests only",
        public_url="http://chama.test",
        operator_phones="+8610000000001",
    )


@pytest.fixture
async def ports(settings: Settings, database: Database, clock: FixedClock):
    """The real ports, on this test's database and clock."""
    from app.flows.ports import open_ports

    async with open_ports(settings) as opened:
        storage = DirectoryStorage(
            settings.data_dir / "objects", settings.base_url, settings.key, lambda: clock.now().timestamp()
        )
        yield replace(opened, database=database, clock=clock, storage=storage)


@pytest.fixture
async def client(ports) -> AsyncIterator[httpx.AsyncClient]:
    """The service over ASGI, as a client sees it; our own failures raise instead of turning into a 500."""
    from app.main import create_app

    transport = httpx.ASGITransport(create_app(ports=ports))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        yield client
