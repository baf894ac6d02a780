"""Cash that carriers collected: announced, counted, and what stays open or is overdue is shown."""

from datetime import timedelta

import pytest

from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.keep_books import close_books
from app.flows.receive_cash import (
    announce_remittance,
    confirm_remittance,
    show_cash_held,
    show_remittances,
)
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.payouts.errors import RemittanceKnown
from app.payouts.schemas import NewRemittance, RemittanceReceived
from tests.factories.identity import a_partner, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def delivered(ports, village, operator):
    order = await an_order(ports, village.buyer, {village.dates: "1"})
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    return order["price"]["total"]["amount"]


@pytest.fixture
async def cash(ports, village, operator):
    """What a carrier collected at the door."""
    return await delivered(ports, village, operator)


@pytest.fixture
async def carrier(ports, cash):
    return (await a_partner(ports, await value(ports, "SELECT owner FROM account WHERE kind = 'carrier_cash'"))).caller


async def announced(ports, caller, amount, reference="K1", **more):
    body = {"amount": {"amount": amount, "currency": "CNY"}, "reference": reference}
    command = NewRemittance.model_validate(body | {"handed_over_at": ports.clock.now()} | more)
    async with ports.begin() as session:
        return await announce_remittance(ports, session, caller, command)


async def confirmed(ports, operator, remittance, amount):
    command = RemittanceReceived.model_validate({"received": {"amount": amount, "currency": "CNY"}})
    async with ports.begin() as session:
        return await confirm_remittance(ports, session, operator, remittance.id, command)


async def held(ports, caller):
    async with ports.database.read() as connection:
        items = (await show_cash_held(ports, connection, caller)).items
    return [(each.held.amount, each.overdue.amount, each.announced.amount) for each in items]


async def test_what_arrived_is_no_longer_held_and_the_difference_stays_open(ports, operator, carrier, cash):
    remittance = await announced(ports, carrier, cash)
    assert (remittance.received, remittance.open) == (None, None)
    assert await held(ports, carrier) == [(cash, 0, cash)]
    counted = await confirmed(ports, operator, remittance, cash - 50)
    assert (counted.received.amount, counted.open.amount) == (cash - 50, 50)
    assert await held(ports, carrier) == await held(ports, operator) == [(50, 0, 0)]
    async with ports.database.read() as connection:
        bank = {b.account.kind: b.posted_minor for b in await balances(connection, PLATFORM)}[AccountKind.BANK]
        page = await show_remittances(connection, carrier, None, 10, waiting=False)
        assert (await show_remittances(connection, operator, None, 10, waiting=True)).items == []
    assert bank == 50 - cash
    assert [item.id for item in page.items] == [remittance.id]


async def test_cash_is_overdue_after_the_days_of_the_terms_the_oldest_first(
    ports, village, operator, carrier, cash, clock
):
    due = timedelta(days=ports.terms.cash.due_days)
    clock.advance(due)
    assert await held(ports, operator) == [(cash, 0, 0)]
    clock.advance(timedelta(seconds=1))
    assert await held(ports, operator) == [(cash, cash, 0)]
    later = await delivered(ports, village, operator)
    assert await held(ports, operator) == [(cash + later, cash, 0)]
    # What is handed over pays for the oldest.
    await confirmed(ports, operator, await announced(ports, carrier, cash + 10), cash + 10)
    assert await held(ports, operator) == [(later - 10, 0, 0)]


async def test_remittance_is_announced_and_confirmed_once(ports, operator, carrier, cash):
    own = {"id": new_id("rmt")}
    first = await announced(ports, carrier, 100, **own)
    async with nothing_happens(ports):
        assert await announced(ports, carrier, 100, **own) == first
        with pytest.raises(IdTaken):
            await announced(ports, carrier, 200, **own)
        with pytest.raises(RemittanceKnown):
            await announced(ports, carrier, 200)
        with pytest.raises(Invalid):
            await announced(ports, carrier, 0, "K2")
    await confirmed(ports, operator, first, 0)
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await confirmed(ports, operator, first, 100)
    assert await held(ports, carrier) == [(cash, 0, 0)]


async def test_carrier_speaks_for_itself_and_an_operator_names_one(ports, operator, carrier):
    async with nothing_happens(ports):
        with pytest.raises(Forbidden):
            await announced(ports, carrier, 100, carrier="SOMEBODY")
        with pytest.raises(NotFound):
            await announced(ports, operator, 100, carrier="SOMEBODY")
        with pytest.raises(Invalid):
            await announced(ports, operator, 100)
    assert (await announced(ports, operator, 100, carrier=carrier.carrier)).carrier == carrier.carrier


async def test_books_agree_with_what_was_handed_over(ports, operator, carrier, cash, clock):
    await confirmed(ports, operator, await announced(ports, carrier, cash), cash - 50)
    clock.advance(timedelta(days=1))
    await close_books(ports)
    assert await value(ports, "SELECT findings FROM reconciliation") == []
