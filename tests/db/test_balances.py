"""Running balances: kept midnights and what is newer are always the sum of the entries; a closed day takes nothing more."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.ids import new_id
from app.ledger.balance import balances, close_until, list_lines
from app.ledger.errors import TransferSettled
from app.ledger.reconcile import check_books
from app.ledger.rules import last_midnight, proceeds, sale_entries
from app.ledger.service import record, settle
from app.ledger.values import Disagreement, PriceParts, State, Transfer, TransferKind
from tests.factories.tables import statements_of

DAY = timedelta(days=1)
PRODUCERS = ("prd_1", "prd_2", "prd_3")
OWNERS = (*PRODUCERS, "per_1", "RAIL", "platform")
SUMS = """
    SELECT account.id, coalesce(sum(amount_minor) FILTER (WHERE state = 'posted'), 0)::bigint,
        coalesce(sum(amount_minor) FILTER (WHERE state = 'pending'), 0)::bigint
    FROM account LEFT JOIN (entry JOIN transfer ON transfer.id = transfer_id) ON account_id = account.id GROUP BY account.id
"""


@pytest.fixture
def now(clock):
    return clock.now()


def a_sale(producer="prd_1", goods_minor=10_000, *, state=State.PENDING, currency="CNY"):
    split = proceeds(PriceParts(currency, {producer: goods_minor}, {"RAIL": 800}, 300, 100), 300)
    return Transfer(new_id("trf"), TransferKind.SALE, new_id("ord"), state, sale_entries("per_1", split))


async def recorded(database, now, *transfers):
    async with database.begin() as session:
        await record(session, transfers, now)


async def settled(database, now, state, *transfers):
    async with database.begin() as session:
        await settle(session, [transfer.id for transfer in transfers], state, now)


async def closed(database, now):
    await close_until(database, last_midnight(now), now)


async def shown(database, at=None):
    async with database.read() as connection:
        return {
            each.account.id: (each.posted_minor, each.pending_minor)
            for owner in OWNERS
            for each in await balances(connection, owner, at)
        }


async def summed(database):
    async with database.read() as connection:
        return {row[0]: (row[1], row[2]) for row in await connection.execute(text(SUMS))}


async def moved(database, from_at, until_at):
    """What the lines of a period add to each account, and whether each carries the balance on."""
    total = {}
    async with database.read() as connection:
        for owner in OWNERS:
            for line in await list_lines(connection, owner, from_at, until_at, after=None, most=10_000):
                total[line.account.id] = total.get(line.account.id, 0) + line.amount_minor
                assert line.balance_minor == total[line.account.id]
    return total


async def checked(database, now):
    async with database.begin() as session:
        return await check_books(session, last_midnight(now))


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("record"), st.sampled_from(PRODUCERS), st.integers(1, 10**6), st.sampled_from(["pending", "posted"])
        ),
        st.tuples(st.just("settle"), st.integers(0, 99), st.sampled_from(["posted", "void"])),
        st.tuples(st.just("later"), st.integers(1, 30)),
        st.tuples(st.just("close")),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
async def test_whatever_happens_kept_is_summed_and_a_day_ends_as_the_next_begins(database, clock, steps):
    written, began = [], last_midnight(clock.now())
    for step, *what in steps:
        if step == "record":
            producer, goods_minor, state = what
            written.append(a_sale(producer, goods_minor, state=State(state)))
            await recorded(database, clock.now(), written[-1])
        elif step == "settle" and written:
            number, state = what
            with suppress(TransferSettled):
                await settled(database, clock.now(), State(state), written[number % len(written)])
        elif step == "later":
            clock.advance(timedelta(hours=what[0]))
        elif step == "close":
            await closed(database, clock.now())
        assert await shown(database) == await summed(database)
    clock.advance(DAY)
    midnight = began
    while midnight < last_midnight(clock.now()):
        opening, closing = await shown(database, midnight), await shown(database, midnight + DAY)
        lines = await moved(database, midnight, midnight + DAY)
        for account, (posted_minor, _) in closing.items():
            assert posted_minor == opening[account][0] + lines.get(account, 0)
        midnight += DAY
    before = await shown(database, midnight)
    await closed(database, clock.now())
    assert await shown(database, midnight) == before
    assert (await checked(database, clock.now()))[2] == []


async def test_balances_are_one_statement_and_orders_write_no_more_than_before(database, now):
    with statements_of(database) as sent:
        await recorded(database, now, a_sale())
    assert len(sent) == 1
    async with database.read() as connection:
        with statements_of(database) as sent:
            await balances(connection, "prd_1")
    assert len(sent) == 1


async def test_pending_money_of_a_closed_day_is_posted_later(database, now):
    sale = a_sale()
    await recorded(database, now, sale)
    await closed(database, now + DAY)
    assert (await shown(database))["producer_pending:prd_1:CNY"] == (0, 9_700)
    await settled(database, now + DAY, State.POSTED, sale)
    assert (await shown(database))["producer_pending:prd_1:CNY"] == (9_700, 0)
    assert (await shown(database, last_midnight(now + DAY)))["producer_pending:prd_1:CNY"] == (0, 9_700)
    await closed(database, now + 2 * DAY)
    assert (await shown(database))["producer_pending:prd_1:CNY"] == (9_700, 0)
    assert (await checked(database, now + 2 * DAY)) == (6, 1, [])


async def test_nothing_is_written_into_a_closed_day(database, now):
    sale = a_sale()
    await recorded(database, now, sale)
    await closed(database, now + DAY)
    with pytest.raises(psycopg.IntegrityError):
        await recorded(database, now, a_sale())
    with pytest.raises(IntegrityError):
        await settled(database, now, State.POSTED, sale)
    await recorded(database, last_midnight(now + DAY), a_sale())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE closing SET posted_minor = 1",
        "DELETE FROM closing",
        "TRUNCATE closing",
        "TRUNCATE entry",
        "TRUNCATE transfer CASCADE",
    ],
)
async def test_closed_days_and_entries_cannot_be_changed_or_emptied(database, now, statement):
    await recorded(database, now, a_sale())
    await closed(database, now + DAY)
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await session.execute(text(statement))


async def test_who_writes_while_a_day_is_closed_is_counted(database, now):
    """Written before the close and committed after it began: the close waits for it."""
    async with database.begin() as session:
        await record(session, [a_sale(state=State.POSTED)], now)
        closing = asyncio.create_task(closed(database, now + DAY))
        done, _ = await asyncio.wait([closing], timeout=0.5)
        assert not done
    await closing
    assert (await shown(database, last_midnight(now + DAY)))["producer_pending:prd_1:CNY"] == (9_700, 0)
    assert (await checked(database, now + DAY))[2] == []


async def test_closing_at_once_and_again_counts_once(database, now):
    await recorded(database, now, a_sale(state=State.POSTED))
    await asyncio.gather(*(closed(database, now + DAY) for _ in range(3)))
    await closed(database, now + DAY)
    await closed(database, now)
    assert (await shown(database))["producer_pending:prd_1:CNY"] == (9_700, 0)


async def tampered(database, table, statement):
    async with database.begin() as session:
        for each in (
            f"ALTER TABLE {table} DISABLE TRIGGER USER",
            statement,
            f"ALTER TABLE {table} ENABLE TRIGGER USER",
        ):
            await session.execute(text(each))


async def test_a_kept_balance_that_is_not_the_sum_is_found(database, now):
    await recorded(database, now, a_sale(state=State.POSTED))
    await closed(database, now + DAY)
    await tampered(database, "closing", "UPDATE closing SET posted_minor = 9701 WHERE account_id LIKE '%prd_1%'")
    (finding,) = (await checked(database, now + DAY))[2]
    assert (finding.what, finding.subject) == (Disagreement.BALANCE, "producer_pending:prd_1:CNY")
    assert (finding.expected_minor, finding.found_minor) == (9_700, 9_701)


async def test_a_transfer_that_is_off_and_one_without_entries_are_found(database, now):
    await recorded(database, now, a_sale(), a_sale())
    await tampered(database, "entry", "DELETE FROM entry WHERE account_id LIKE 'packaging%'")
    await recorded(database, now, a_sale())
    async with database.begin() as session:
        await session.execute(
            text("INSERT INTO transfer VALUES ('trf_x', 'sale', 'ord_1', 'pending', CAST(:now AS timestamptz))"),
            {"now": now},
        )
    off = [finding for finding in (await checked(database, now))[2] if finding.what is Disagreement.TRANSFER]
    assert [finding.found_minor for finding in off] == [-300, -300, 0]
    assert off[-1].subject == "trf_x"
