"""The ledger on a real database: written once, in one statement, append-only, balanced whoever writes."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.ids import new_id
from app.core.money import Money
from app.ledger import service
from app.ledger.balance import balances
from app.ledger.errors import TransferSettled
from app.ledger.rules import collection_entries, proceeds, release_entries, sale_entries
from app.ledger.values import AccountKind, AccountRef, PriceParts, State, Transfer, TransferKind
from tests.factories.tables import statements_of

PRODUCER, BUYER, ORDER = "prd_1", "per_1", "ord_1"
PENDING = AccountRef(AccountKind.PRODUCER_PENDING, PRODUCER, "CNY")
FEE = AccountRef(AccountKind.PLATFORM_FEE, "platform", "CNY")


@pytest.fixture
def now(clock):
    return clock.now()


def sale(goods_minor=10_000, *, state=State.POSTED, currency="CNY", subject=ORDER, producers=1):
    goods = {f"prd_{n}": goods_minor for n in range(1, producers + 1)}
    split = proceeds(PriceParts(currency, goods, {"RAIL": 800}, 300, 100), 300)
    return Transfer(new_id("trf"), TransferKind.SALE, subject, state, sale_entries(BUYER, split))


async def recorded(database, now, *transfers):
    async with database.begin() as session:
        await service.record(session, transfers, now)


async def settled(database, now, state, *transfers):
    async with database.begin() as session:
        await service.settle(session, [transfer.id for transfer in transfers], state, now)


async def held(database, owner=PRODUCER):
    async with database.read() as connection:
        return {
            (balance.account.kind, balance.account.currency): (balance.posted_minor, balance.pending_minor)
            for balance in await balances(connection, owner)
        }


async def entries_of(database, cursor=None, limit=10, account=PENDING):
    async with database.read() as connection:
        return await service.list_entries(connection, account, cursor=cursor, limit=limit, language="en")


async def test_sale_raises_what_the_producer_is_owed(database, now):
    await recorded(database, now, sale())
    assert await held(database) == {("producer_pending", "CNY"): (9_700, 0)}
    assert await held(database, BUYER) == {("buyer", "CNY"): (-11_000, 0)}
    assert await held(database, "platform") == {
        ("packaging", "CNY"): (300, 0),
        ("platform_fee", "CNY"): (300, 0),
        ("subsidy", "CNY"): (-100, 0),
    }


async def test_recording_again_does_nothing_twice(database, now):
    transfer = sale()
    await recorded(database, now, transfer)
    await recorded(database, now, transfer, sale(5_000))
    assert await held(database) == {("producer_pending", "CNY"): (9_700 + 4_850, 0)}


async def test_parallel_recordings_of_one_transfer_write_it_once(database, now):
    transfer = sale()
    await asyncio.gather(*(recorded(database, now, transfer) for _ in range(8)))
    assert await held(database) == {("producer_pending", "CNY"): (9_700, 0)}


async def test_parallel_sales_on_the_same_new_accounts_do_not_deadlock(database, now):
    sales = [sale(subject=f"ord_{n}", producers=10) for n in range(24)]
    await asyncio.gather(*(recorded(database, now, transfer) for transfer in sales))
    assert await held(database) == {("producer_pending", "CNY"): (9_700 * 24, 0)}


async def test_statements_do_not_grow_with_lines_or_producers(database, now):
    for sales in ([sale(producers=1)], [sale(producers=10, subject=f"ord_{n}") for n in range(5)]):
        with statements_of(database) as sent:
            await recorded(database, now, *sales)
        assert len(sent) == 1


async def test_pending_money_counts_apart_and_void_money_not_at_all(database, now):
    kept, dropped = sale(state=State.PENDING), sale(5_000, state=State.PENDING)
    await recorded(database, now, kept, dropped)
    assert await held(database) == {("producer_pending", "CNY"): (0, 9_700 + 4_850)}
    await settled(database, now, State.VOID, dropped)
    await settled(database, now, State.POSTED, kept)
    assert await held(database) == {("producer_pending", "CNY"): (9_700, 0)}


async def test_settling_again_is_harmless_and_the_other_way_is_refused(database, now):
    transfer = sale(state=State.PENDING)
    await recorded(database, now, transfer)
    for _ in range(2):
        await settled(database, now, State.POSTED, transfer)
    with pytest.raises(TransferSettled):
        await settled(database, now, State.VOID, transfer)


async def test_posting_and_voiding_at_once_ends_one_way(database, now):
    transfers = [sale(state=State.PENDING, subject=f"ord_{n}") for n in range(5)]
    await recorded(database, now, *transfers)
    outcomes = await asyncio.gather(
        settled(database, now, State.POSTED, *transfers),
        settled(database, now, State.VOID, *reversed(transfers)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "TransferSettled"]
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(DISTINCT state) FROM transfer"))).scalar_one() == 1


async def test_money_from_sale_to_payout(database, now):
    cash = AccountRef(AccountKind.CARRIER_CASH, "VAN", "CNY")
    collected = collection_entries(BUYER, "CNY", {cash: 11_000})
    released = release_entries(PRODUCER, Money(9_700, "CNY"))
    await recorded(database, now, sale())
    await recorded(database, now, Transfer(new_id("trf"), TransferKind.COLLECTION, ORDER, State.POSTED, collected))
    await recorded(database, now, Transfer(new_id("trf"), TransferKind.RELEASE, ORDER, State.POSTED, released))
    assert await held(database) == {("producer_available", "CNY"): (9_700, 0), ("producer_pending", "CNY"): (0, 0)}
    assert await held(database, BUYER) == {("buyer", "CNY"): (0, 0)}
    assert await held(database, "VAN") == {("carrier_cash", "CNY"): (-11_000, 0)}


async def test_transfers_of_an_order_come_back_as_they_were_written(database, now):
    first, second = sale(state=State.PENDING), sale(5_000, currency="USD")
    await recorded(database, now, first, second, sale(subject="ord_2"))
    async with database.begin() as session:
        found = await service.transfers_of(session, ORDER)
    assert sorted(found, key=lambda transfer: transfer.id) == sorted([first, second], key=lambda transfer: transfer.id)


async def test_currencies_keep_apart(database, now):
    await recorded(database, now, sale(), sale(5_000, currency="USD"))
    assert await held(database) == {("producer_pending", "CNY"): (9_700, 0), ("producer_pending", "USD"): (4_850, 0)}


async def test_entries_are_paged_the_newest_first(database, now):
    sales = sorted((sale(1_000 * n, subject=f"ord_{n}") for n in range(1, 6)), key=lambda transfer: transfer.id)
    await recorded(database, now, *sales)
    first = await entries_of(database, limit=3)
    rest = await entries_of(database, first.next_cursor, limit=3)
    listed = first.items + rest.items
    assert [entry.transfer for entry in listed] == [transfer.id for transfer in reversed(sales)]
    assert rest.next_cursor is None
    assert (await entries_of(database, limit=5)).next_cursor is None
    assert {entry.kind_name for entry in listed} == {"Sale"}


async def executed(database, *statements):
    async with database.begin() as session:
        for statement in statements:
            await session.execute(text(statement))


async def refused_by_the_database(database, *statements):
    with pytest.raises(IntegrityError):
        await executed(database, *statements)


async def test_entries_are_never_changed_or_deleted(database, now):
    await recorded(database, now, sale(state=State.PENDING))
    await refused_by_the_database(database, "UPDATE entry SET amount_minor = amount_minor + 1")
    await refused_by_the_database(database, "DELETE FROM entry")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM transfer",
        "UPDATE transfer SET subject = 'ord_2'",
        "UPDATE transfer SET state = 'posted', settled_at = now(), subject = 'ord_2'",
        "UPDATE transfer SET state = 'posted', settled_at = NULL",
    ],
)
async def test_pending_transfer_may_only_be_settled(database, now, statement):
    await recorded(database, now, sale(state=State.PENDING))
    await refused_by_the_database(database, statement)


@pytest.mark.parametrize("state", ["pending", "void"])
async def test_posted_transfer_stays_posted(database, now, state):
    await recorded(database, now, sale())
    await refused_by_the_database(database, f"UPDATE transfer SET state = '{state}', settled_at = NULL")


TRANSFER = (
    "INSERT INTO transfer (id, kind, subject, state, created_at) VALUES ('trf_x', 'sale', 'ord_1', 'pending', now())"
)


def entry(seq, amount_minor, currency="CNY", account_currency=None):
    account = f"buyer:per_1:{account_currency or currency}"
    return f"INSERT INTO entry VALUES ('trf_x', {seq}, '{account}', {amount_minor}, '{currency}')"


@pytest.mark.parametrize(
    "entries",
    [
        [entry(0, 5)],
        [entry(0, 5), entry(1, -4)],
        [entry(0, 5), entry(1, -5, "USD")],
        [entry(0, 0)],
        [entry(0, 5), entry(1, -5, "CNY", "USD")],
    ],
)
async def test_unbalanced_entries_are_refused_whoever_writes_them(database, entries):
    await refused_by_the_database(database, TRANSFER, *entries)


async def test_entries_may_be_written_in_any_order_before_the_commit(database):
    await executed(database, TRANSFER, entry(0, 5), entry(1, 5), entry(2, -10))


async def test_entry_added_later_must_balance_too(database, now):
    transfer = sale()
    await recorded(database, now, transfer)
    await refused_by_the_database(database, entry(90, 5).replace("trf_x", transfer.id))
