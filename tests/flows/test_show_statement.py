"""The statement of each party of a delivered order, and the night that closes its day."""

from datetime import timedelta

import pytest

from app.core.clock import LEGAL_TIME
from app.core.errors import NotFound
from app.core.text import pick
from app.flows.follow_shipment import confirm_receipt
from app.flows.keep_books import close_books
from app.flows.show_statement import show_statement
from app.ledger.errors import StatementTooLong
from app.ledger.rules import period_of
from app.ledger.values import AccountKind
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import rows
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def delivered(ports, village):
    order = await an_order(ports, village.buyer, village.basket)
    operator = await an_operator(ports)
    for consignment in order["consignments"]:
        await tell(ports, operator.caller, events_of(consignment))
    await work(ports)
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    return order, operator


def today(ports):
    day = ports.clock.now().astimezone(LEGAL_TIME).date()
    return period_of(day, day)


async def statement_of(ports, caller, owner, period=None, cursor=None, limit=None):
    return await show_statement(ports, caller, owner, period or today(ports), cursor=cursor, limit=limit, language="en")


async def test_every_party_reads_what_the_ledger_says(ports, village):
    order, operator = await delivered(ports, village)
    entries = await rows(
        ports,
        "SELECT account.owner, account_id, sum(amount_minor)::bigint AS amount, count(*) AS lines FROM entry "
        "JOIN account ON account.id = account_id JOIN transfer ON transfer.id = transfer_id WHERE state = 'posted' "
        "GROUP BY account.owner, account_id ORDER BY account_id",
    )
    assert {row.owner for row in entries} >= {village.buyer.id, village.garden.producer.id, "platform"}
    for owner in {row.owner for row in entries}:
        shown = await statement_of(ports, operator.caller, owner)
        told = {f"{each.account}:{owner}:CNY": each.closing.amount for each in shown.accounts}
        assert told == {row.account_id: row.amount for row in entries if row.owner == owner}
        assert {each.opening.amount for each in shown.accounts} == {0}
        assert len(shown.items) == sum(row.lines for row in entries if row.owner == owner)
        assert {line.order_number for line in shown.items} == {order["number"]}


async def test_a_producer_reads_goods_commission_and_carriage_of_a_sale(ports, village):
    await delivered(ports, village)
    garden = village.garden.producer
    shown = await statement_of(ports, village.garden.caller, garden.id)
    assert shown.name == pick(garden.name, "en")
    (sold,) = [line for line in shown.items if line.kind == "sale"]
    (goods,) = await rows(
        ports, "SELECT sum(total_minor)::bigint AS minor FROM order_line WHERE producer_id = :id", id=garden.id
    )
    assert sold.sale.goods.amount == goods.minor > 0
    assert sold.sale.goods.amount - sold.sale.commission.amount == sold.amount.amount == sold.balance.amount
    assert sold.sale.commission.amount == sold.sale.goods.amount * 300 // 10_000
    (carried,) = await rows(
        ports,
        "SELECT sum(price_minor)::bigint AS minor FROM leg JOIN consignment ON consignment.id = consignment_id "
        "WHERE producer_id = :id",
        id=garden.id,
    )
    assert sold.sale.carriage.amount == carried.minor > 0
    kinds = {each.account: each.closing.amount for each in shown.accounts}
    assert kinds == {AccountKind.PRODUCER_AVAILABLE: sold.amount.amount, AccountKind.PRODUCER_PENDING: 0}


async def test_pages_are_the_whole_and_too_much_is_refused_on_paper(ports, village, monkeypatch):
    _, operator = await delivered(ports, village)
    whole = await statement_of(ports, operator.caller, "platform")
    assert len(whole.items) >= 2
    pages, cursor = [], None
    while True:
        page = await statement_of(ports, operator.caller, "platform", cursor=cursor, limit=1)
        pages += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == whole.items
    monkeypatch.setattr("app.flows.show_statement.STATEMENT_LINES_MAX", 1)
    with pytest.raises(StatementTooLong):
        await statement_of(ports, operator.caller, "platform")


async def test_a_night_keeps_the_day_and_the_next_begins_with_it(ports, village):
    await delivered(ports, village)
    garden, caller = village.garden.producer.id, village.garden.caller
    day = today(ports)
    before = await statement_of(ports, caller, garden, day)
    ports.clock.advance(timedelta(days=1))
    await close_books(ports)
    assert await statement_of(ports, caller, garden, day) == before
    after = await statement_of(ports, caller, garden)
    assert [each.opening for each in after.accounts] == [each.closing for each in before.accounts]
    assert after.items == []
    (night,) = await rows(ports, "SELECT accounts, transfers, payments, findings FROM reconciliation")
    assert (night.payments, night.findings) == (None, [])
    assert night.transfers >= 3


async def test_nobody_reads_anothers(ports, village):
    with pytest.raises(NotFound):
        await statement_of(ports, village.buyer.caller, village.garden.producer.id)
    with pytest.raises(NotFound):
        await statement_of(ports, village.garden.caller, "platform")
