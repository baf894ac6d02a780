"""The engine: what a failed statement says of itself; statements that go to the driver."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.database import Sql, together
from app.core.idempotency import IdempotencyKey

PHONE = "+8610000000123"


async def test_failed_statement_does_not_show_its_values(database):
    with pytest.raises(DBAPIError) as caught:
        async with database.begin() as session:
            await session.execute(text("SELECT CAST(:phone AS varchar), 1 / 0"), {"phone": PHONE})
    assert PHONE not in str(caught.value)
    assert "hidden due to hide_parameters" in str(caught.value)


async def test_failed_statement_of_the_driver_does_not_show_its_values(database):
    with pytest.raises(psycopg.errors.DivisionByZero) as caught:
        async with database.read() as connection:
            await Sql("SELECT CAST(:phone AS varchar), 1 / 0").all(connection, {"phone": PHONE})
    assert PHONE not in str(caught.value)


async def test_statement_of_the_driver_takes_values_by_name_and_leaves_casts_and_signs_alone(database):
    asked = Sql("SELECT :one ::int AS one, '50 % :two' AS said, CAST(:two AS text) AS two, 7 % 4 AS rest")
    async with database.read() as connection:
        row = await asked.first(connection, {"one": 1, "two": "b"})
        assert (row.one, row.two, row.rest) == (1, "b", 3)
        assert await Sql("SELECT 7 % 4 AS rest").first(connection) == (3,)
        assert await Sql("SELECT 1 WHERE false").first(connection) is None
        await Sql("SET application_name = 'x'").tell(connection)
        assert await Sql("SHOW application_name").first(connection) == ("x",)


async def test_statement_of_the_driver_sees_what_its_session_changed_and_is_undone_with_it(database):
    now, seen = datetime(2026, 3, 2, tzinfo=UTC), []

    async def change_and_fail():
        async with database.begin() as session:
            session.add(IdempotencyKey(scope="s", key="k", fingerprint="f", created_at=now))
            seen.append(await Sql("SELECT key FROM idempotency_key").all(session))
            await Sql(
                "INSERT INTO idempotency_key (scope, key, fingerprint, created_at) VALUES ('s', 'l', 'f', :now)"
            ).tell(session, {"now": now})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()
    assert seen == [[("k",)]]
    async with database.read() as connection:
        assert await Sql("SELECT key FROM idempotency_key").all(connection) == []


KEY = Sql("INSERT INTO idempotency_key (scope, key, fingerprint, created_at) VALUES ('s', :key, 'f', now())")
KEYS = Sql("SELECT key FROM idempotency_key ORDER BY key")


async def test_statements_that_leave_together_are_done_in_their_order(database):
    async with database.begin() as session:
        async with together(session):
            await KEY.tell(session, {"key": "a"})
            await KEY.tell(session, {"key": "b"})
            seen = await KEYS.all(session)
            await KEY.tell(session, {"key": "c"})
        assert seen == [("a",), ("b",)]
    async with database.read() as connection:
        assert await KEYS.all(connection) == [("a",), ("b",), ("c",)]


@pytest.mark.parametrize("asks_after", [True, False])
async def test_statement_that_fails_among_others_undoes_all_of_them_and_spoils_nothing(database, asks_after):
    async def fail():
        async with database.begin() as session, together(session):
            await KEY.tell(session, {"key": "a"})
            await KEY.tell(session, {"key": "a"})
            await KEY.tell(session, {"key": "b"})
            if asks_after:
                await KEYS.all(session)

    for _ in range(3):
        with pytest.raises(psycopg.errors.UniqueViolation):
            await fail()
        async with database.begin() as session:
            assert await KEYS.all(session) == []


async def test_story_that_is_given_up_among_statements_leaves_nothing_and_its_connection_in_order(database):
    async def give_up(reason):
        async with database.begin() as session, together(session):
            await KEY.tell(session, {"key": "a"})
            await Sql("SELECT pg_sleep(:seconds)").tell(session, {"seconds": 0.2})
            raise reason

    for reason in (ZeroDivisionError(), asyncio.CancelledError()):
        with pytest.raises(type(reason)):
            await give_up(reason)
        async with database.begin() as session:
            assert await KEYS.all(session) == []


async def test_story_that_is_cancelled_while_it_waits_leaves_nothing(database):
    async def wait():
        async with database.begin() as session, together(session):
            await KEY.tell(session, {"key": "a"})
            await Sql("SELECT pg_sleep(20)").all(session)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await wait()
    async with database.begin() as session:
        assert await KEYS.all(session) == []
