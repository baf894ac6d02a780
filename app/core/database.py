"""The database: one async engine, transactions that commit only when their block ends well, and column types."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Final

import orjson
import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Enum, MetaData
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import SQLModel

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING
metadata: MetaData = SQLModel.metadata
Session = AsyncSession
Reader = AsyncConnection | AsyncSession
Driver = psycopg.AsyncConnection
_DRIVER: Final = "driver"
_PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)(?!:)")

# Jobs live in a schema of their own; every connection finds them by this path.
SEARCH_PATH: Final = "public,jobs"
_INSERTING: Final = 'INSERT INTO "{table}" SELECT row.* FROM jsonb_populate_recordset(CAST(NULL AS "{table}"), CAST(:{rows} AS jsonb)) AS row'
_OPTIONS: Final = (
    f"-c search_path={SEARCH_PATH} -c statement_timeout=25s -c lock_timeout=20s "
    "-c idle_in_transaction_session_timeout=60s -c timezone=UTC "
    # Rows are touched by their keys: one plan for each statement serves every value. What depends on a value is sent
    # with the value in it (`app.catalogue.queries`).
    "-c plan_cache_mode=force_generic_plan"
)


def dump_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def inserting(table: str, rows: str = "rows") -> str:
    """The SQL that puts in all rows of a parameter made by `as_rows`. Columns that a row does not name are null."""
    return _INSERTING.replace("{table}", table).replace("{rows}", rows)


def as_rows(rows: Sequence[object]) -> str:
    """Rows (models, dataclasses or mappings) for a statement that takes them all at once. Decimals go as text."""
    return orjson.dumps([row.model_dump() if isinstance(row, SQLModel) else row for row in rows], default=str).decode()


async def driver_of(reader: Reader) -> Driver[Any]:
    """The driver's own connection behind a session, in the same transaction, or behind a connection."""
    if not isinstance(reader, AsyncSession):
        return _driver_behind(reader)
    # What the session was changed by goes first, as it would before a statement of its own.
    if reader.new or reader.dirty or reader.deleted:
        await reader.flush()
    # A session is one transaction (`Database.begin`) on one connection; only a savepoint begins with asking for it again.
    driver: Driver[Any] | None = reader.info.get(_DRIVER)
    if driver is None or reader.in_nested_transaction():
        driver = reader.info[_DRIVER] = _driver_behind(await reader.connection())
    return driver


def _driver_behind(connection: AsyncConnection) -> Driver[Any]:
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, Driver)
    return driver


class Sql:
    """A statement, with parameters as `:name`, that goes to the driver itself: SQLAlchemy would cost more than it does."""

    def __init__(self, sql: str) -> None:
        self._sql = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()

    async def all(self, reader: Reader, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Every row, as a named tuple, of a statement that answers some or none."""
        driver = await driver_of(reader)
        # Not closed: it holds nothing on the server.
        cursor = await driver.cursor(row_factory=namedtuple_row).execute(self._sql, values or {})
        return await cursor.fetchall()

    async def ask(self, reader: Reader, values: Mapping[str, Any] | None = None) -> psycopg.AsyncCursor[Any]:
        """Send a question; within `together`, without waiting for its answer, which is fetched from the cursor before the block ends."""
        driver = await driver_of(reader)
        return await driver.cursor(row_factory=namedtuple_row).execute(self._sql, values or {})

    async def tell(self, reader: Reader, values: Mapping[str, Any] | None = None) -> None:
        """Send a statement that answers nothing; within `together`, without waiting for its end."""
        driver = await driver_of(reader)
        await driver.cursor().execute(self._sql, values or {})

    async def first(self, reader: Reader, values: Mapping[str, Any] | None = None) -> Any:
        """The first row, or None."""
        rows = await self.all(reader, values)
        return rows[0] if rows else None


@asynccontextmanager
async def together(session: Session) -> AsyncIterator[None]:
    """What is told in this block (`Sql.tell`) leaves in one packet with the next question (`Sql.all`): half the cost of each, no wait.

    Only statements of the driver may be sent in it. One that fails is raised by the next question, or by the end of the block;
    nothing of the transaction stays then.
    """
    async with (await driver_of(session)).pipeline():
        yield


def driver_url(url: str) -> str:
    """A plain `postgresql://` address, for psycopg itself."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Database:
    """Opens transactions. One for each process; closed at its end."""

    def __init__(self, url: str, *, pool: int = 10, prepared: bool = True, options: str = _OPTIONS) -> None:
        self.url = driver_url(url)
        self.engine = _engine(url, pool=pool, prepared=prepared, options=options)
        # Connections of their own: switching one to and from autocommit costs more than the statement.
        self._reading = _engine(url, pool=pool, prepared=prepared, options=options, isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Session]:
        """One transaction: committed when the block ends, undone when an exception leaves it."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Single statements without a transaction around them: for reads that need no common snapshot."""
        async with self._reading.connect() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()
        await self._reading.dispose()


def _engine(url: str, *, pool: int, prepared: bool, options: str, **further: Any) -> AsyncEngine:
    return create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=0,
        # A failed statement is logged without its values: they are phones and addresses of people.
        hide_parameters=True,
        pool_timeout=60,
        json_serializer=dump_json,
        json_deserializer=orjson.loads,
        connect_args={"options": options, "prepare_threshold": 3 if prepared else None},
        **further,
    )


def enum_type(values: type[StrEnum], name: str = "") -> Any:
    """Text with a CHECK, instead of a native type that is hard to change. `name`: of the second column of its kind in a table."""
    return Enum(
        values,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=name or values.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )
