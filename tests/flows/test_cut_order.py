"""An order is cut down to what is left of a harvest: line, packages, rides, room, and money; the rest goes on as ordered."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.flows.cancel_order import cancel_order
from app.flows.cut_order import cut_order
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, State, TransferKind
from app.network.capacity import audit_capacity
from app.orders.values import OrderStatus
from tests.factories.catalogue import CARPET, a_draft, a_listing, publish
from tests.factories.identity import LOOM, a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.lots import a_forecast, confirmed
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell

template, ports = networked, planned


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)


@pytest.fixture
async def buyer(ports):
    return await a_person(ports)


@pytest.fixture
async def sold(ports, seller, buyer):
    """Ten boxes of a harvest and a carpet, in one order of two producers."""
    listing = await a_draft(ports, seller)
    lot = await a_forecast(ports, seller, listing, "100", 9)
    await publish(ports, seller, listing)
    loom = await a_producer(ports, **LOOM)
    carpets = await a_listing(ports, loom, CARPET, quantity="3")
    order = await an_order(ports, buyer, {listing: "10", carpets: "1"})
    await work(ports)
    return listing, lot, order


async def seen(ports, buyer, order):
    return await show_order(ports, order["id"], buyer.caller, "en")


async def owed(ports, order):
    """What every account has of an order, pending and posted together."""
    async with ports.begin() as session:
        transfers = await transfers_of(session, order["id"])
    sums = {}
    for entry in (entry for each in transfers if each.state is not State.VOID for entry in each.entries):
        sums[entry.account] = sums.get(entry.account, 0) + entry.amount_minor
    return {account: amount for account, amount in sums.items() if amount}


async def test_line_packages_rides_room_and_money_follow_and_what_was_ordered_is_told(ports, seller, buyer, sold):
    listing, lot, order = sold
    await confirmed(ports, seller, listing, lot, "4")
    await work(ports)
    shown = await seen(ports, buyer, order)
    line = next(each for each in shown.lines if each.listing == listing)
    assert (line.quantity, line.total.amount) == (4, 4 * line.price.amount)
    before, after = order["price"], shown.price
    assert after.goods.amount == before["goods"]["amount"] - 6 * line.price.amount
    assert 0 < after.carriage.amount < before["carriage"]["amount"]
    assert after.packaging.amount <= before["packaging"]["amount"]
    (cut,) = shown.reductions
    assert (cut.from_, cut.to, cut.listing) == (10, 4, listing)
    assert cut.refund.amount == before["total"]["amount"] - after.total.amount
    assert shown.cancel_free_until == cut.at + timedelta(hours=48)
    was = {each["producer"]: each for each in order["consignments"]}
    for consignment in shown.consignments:
        then = was[consignment.producer]
        weight = sum(one.weight_g * one.count for one in consignment.packages)
        whole = sum(one["weight_g"] * one["count"] for one in then["packages"])
        for leg, former in zip(consignment.legs, then["legs"], strict=True):
            assert leg.price.amount == -(-former["price"]["amount"] * weight // whole)
        booked = await rows(
            ports,
            "SELECT DISTINCT weight_g FROM booking WHERE consignment_id = :id AND state = 'booked'",
            id=consignment.id,
        )
        assert [row.weight_g for row in booked] == [weight]
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    sums = await owed(ports, order)
    assert sum(sums.values()) == 0
    assert {account.kind: -amount for account, amount in sums.items() if amount < 0} == {
        AccountKind.BUYER: after.total.amount
    }
    assert shown.proceeds.producers.amount == sum(
        amount for account, amount in sums.items() if account.kind is AccountKind.PRODUCER_PENDING
    )
    assert (
        await value(ports, "SELECT amount_minor FROM payment WHERE order_id = :id", id=order["id"])
        == after.total.amount
    )


async def test_what_is_left_is_delivered_and_paid_as_if_it_had_been_ordered_so(ports, seller, buyer, sold):
    listing, lot, order = sold
    await confirmed(ports, seller, listing, lot, "4")
    await work(ports)
    operator = (await an_operator(ports)).caller
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    ports.clock.advance(timedelta(days=7))
    await work(ports)
    shown = await seen(ports, buyer, order)
    assert shown.status is OrderStatus.COMPLETED
    async with ports.database.read() as connection:
        (mine,) = await balances(connection, buyer.id)
        sellers = {each.account.kind: each.posted_minor for each in await balances(connection, seller.producer.id)}
    assert (mine.posted_minor, mine.pending_minor) == (0, 0)
    line = next(each for each in shown.lines if each.listing == listing)
    assert sellers[AccountKind.PRODUCER_AVAILABLE] == line.total.amount - line.total.amount * 300 // 10_000
    taken = "SELECT -sum(amount_minor)::bigint FROM entry WHERE account_id LIKE 'carrier_cash:%'"
    assert await value(ports, taken) == shown.price.total.amount
    assert await value(ports, "SELECT consumed::int FROM lot WHERE id = :id", id=lot) == 4


async def test_line_of_which_nothing_is_left_goes_with_its_consignment_and_the_rest_is_delivered(
    ports, seller, buyer, sold
):
    listing, lot, order = sold
    await confirmed(ports, seller, listing, lot, "0")
    await work(ports)
    shown = await seen(ports, buyer, order)
    assert [line.listing == listing for line in shown.lines] == [False]
    assert (shown.status, shown.reductions[0].to) == (OrderStatus.PLACED, 0)
    rest = next(each for each in order["consignments"] if each["producer"] != seller.producer.id)
    assert shown.price.carriage.amount == sum(leg["price"]["amount"] for leg in rest["legs"])
    sums = await owed(ports, order)
    assert seller.producer.id not in {account.owner for account in sums}
    await tell(ports, (await an_operator(ports)).caller, events_of(rest))
    await work(ports)
    assert (await seen(ports, buyer, order)).status is OrderStatus.DELIVERED
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_buyer_of_a_cut_order_may_leave_all_of_it(ports, seller, buyer, sold):
    listing, lot, order = sold
    await confirmed(ports, seller, listing, lot, "4")
    await work(ports)
    await cancel_order(ports, buyer.caller, order["id"], "en", "changed_mind")
    assert await owed(ports, order) == {}
    assert await value(ports, "SELECT reserved::int FROM lot WHERE id = :id", id=lot) == 0
    states = {(each.kind, each.state) for each in await transfers(ports, order)}
    assert states == {(TransferKind.SALE, State.VOID), (TransferKind.REDUCTION, State.VOID)}


async def transfers(ports, order):
    async with ports.begin() as session:
        return await transfers_of(session, order["id"])


async def test_goods_that_left_or_an_order_that_ended_are_not_cut(ports, seller, buyer, sold):
    listing, lot, order = sold
    gone = next(each for each in order["consignments"] if each["producer"] == seller.producer.id)
    ports.clock.at = max(ports.clock.now(), events_of(gone, "picked_up")[0].occurred_at)
    await tell(ports, (await an_operator(ports)).caller, events_of(gone, "picked_up"))
    async with nothing_happens(ports):
        assert await cut_order(ports, order["id"], listing, lot, Decimal(4)) is False
    await work(ports)
    async with nothing_happens(ports):
        assert await cut_order(ports, order["id"], listing, lot, Decimal(4)) is False
