"""From the hand-in to the producers' money: the order follows its consignments, cash is taken once, and everybody is paid."""

from collections import Counter
from datetime import timedelta

import pytest

from app.core.errors import NotFound, StateConflict
from app.core.limits import DISPUTE_WINDOW
from app.flows.follow_shipment import complete_order, confirm_receipt, follow_shipment
from app.flows.show_order import show_order
from app.identity.values import Scope
from app.ledger.balance import balances
from app.ledger.service import transfers_of
from app.ledger.values import PLATFORM, AccountKind, State, TransferKind
from app.orders.values import OrderStatus
from app.shipments.values import EventType
from tests.factories.identity import a_partner, a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def order(ports, village):
    made = await an_order(ports, village.buyer, village.basket)
    await work(ports)
    return made


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


async def status_of(ports, village, order):
    return (await show_order(ports, order["id"], village.buyer.caller, "en")).status


async def held(ports, owner):
    """What each account of this owner holds: (posted, pending) by kind."""
    async with ports.database.read() as connection:
        return {b.account.kind: (b.posted_minor, b.pending_minor) for b in await balances(connection, owner)}


async def deliver(ports, operator, order):
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)


async def test_main_story_ends_with_paid_producers(ports, village, order, operator, clock):
    garden, loom = village.garden.producer.id, village.loom.producer.id
    assert await held(ports, garden) == {AccountKind.PRODUCER_PENDING: (0, 25_608)}
    first, second = order["consignments"]

    await tell(ports, operator, events_of(first, "picked_up"))
    await work(ports)
    assert await status_of(ports, village, order) is OrderStatus.IN_TRANSIT
    await tell(ports, operator, events_of(first)[1:])
    await work(ports)
    assert await status_of(ports, village, order) is OrderStatus.IN_TRANSIT
    await tell(ports, operator, events_of(second))
    await work(ports)
    shown = await show_order(ports, order["id"], village.buyer.caller, "en")
    assert (shown.status, shown.payment.status) == (OrderStatus.DELIVERED, "paid")
    assert {consignment.status for consignment in shown.consignments} == {"delivered"}

    assert await held(ports, village.buyer.id) == {AccountKind.BUYER: (0, 0)}
    assert await held(ports, garden) == {AccountKind.PRODUCER_PENDING: (25_608, 0)}
    carriers = Counter()
    for leg in (leg for consignment in order["consignments"] for leg in consignment["legs"]):
        carriers[leg["carrier"]] += leg["price"]["amount"]
    total = order["price"]["total"]["amount"]
    last_mile = order["consignments"][0]["legs"][-1]["carrier"]
    for carrier, freight in carriers.items():
        expected = {AccountKind.CARRIER_FREIGHT: (freight, 0)}
        if carrier == last_mile:
            expected[AccountKind.CARRIER_CASH] = (-total, 0)
        assert await held(ports, carrier) == expected

    assert [name for name, _ in await waiting(ports)] == ["order.complete"]
    clock.advance(DISPUTE_WINDOW)
    await work(ports)
    assert await status_of(ports, village, order) is OrderStatus.COMPLETED
    available = {garden: 25_608, loom: 168_000 - 5_040}
    for producer, amount in available.items():
        assert await held(ports, producer) == {
            AccountKind.PRODUCER_PENDING: (0, 0),
            AccountKind.PRODUCER_AVAILABLE: (amount, 0),
        }
    platform = await held(ports, PLATFORM)
    assert platform[AccountKind.PLATFORM_FEE] == (5_832, 0)
    everything = await value(
        ports, "SELECT sum(amount_minor) FROM entry JOIN transfer ON transfer.id = transfer_id WHERE state = 'posted'"
    )
    assert everything == 0


async def test_goods_leave_the_stock_for_good_when_they_are_handed_in_each_consignment_by_itself(
    ports, village, order, operator
):
    carried = dict(map(tuple, await rows(ports, "SELECT consignment_id, listing_id FROM order_line")))
    carpets = next(each for each in order["consignments"] if carried[each["id"]] == village.carpets)
    await tell(ports, operator, events_of(carpets, "picked_up"))
    await work(ports)
    for _ in range(2):
        await follow_shipment(ports, order["id"])
        lots = await rows(ports, "SELECT listing_id, reserved::int, consumed::int FROM lot")
        assert sorted(map(tuple, lots)) == sorted([(village.dates, 3, 0), (village.carpets, 0, 1)])


async def test_goods_have_left_the_stock_for_good_once_delivered(ports, village, order, operator):
    await deliver(ports, operator, order)
    lots = await rows(ports, "SELECT listing_id, reserved::int, consumed::int FROM lot")
    assert sorted(map(tuple, lots)) == sorted([(village.dates, 0, 3), (village.carpets, 0, 1)])


async def test_buyer_is_told_once_when_it_ships_and_once_when_it_is_there(ports, village, order, operator):
    await deliver(ports, operator, order)
    told = await rows(
        ports, 'SELECT template, count(*) FROM message WHERE "to" = :to GROUP BY 1', to=village.buyer.phone
    )
    assert dict(map(tuple, told)) == {"order_placed": 1, "order_shipped": 1, "order_delivered": 1}


async def test_partner_of_the_last_leg_alone_delivers_it(ports, village, order):
    carrier = order["consignments"][0]["legs"][-1]["carrier"]
    partner = await a_partner(ports, carrier, Scope.TRACKING_WRITE)
    for consignment in order["consignments"]:
        await tell(ports, partner.caller, events_of(consignment, "delivered"))
    await work(ports)
    assert await status_of(ports, village, order) is OrderStatus.DELIVERED


async def test_job_that_runs_twice_does_everything_once(ports, village, order, operator):
    await deliver(ports, operator, order)
    async with nothing_happens(ports):
        await follow_shipment(ports, order["id"])
        await follow_shipment(ports, order["id"])
    async with ports.begin() as session:
        kinds = Counter((t.kind, t.state) for t in await transfers_of(session, order["id"]))
    assert kinds == {(TransferKind.SALE, State.POSTED): 1, (TransferKind.COLLECTION, State.POSTED): 1}


async def test_scan_that_comes_late_does_not_reopen_a_delivered_order(ports, village, order, operator):
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment, "delivered"))
    await work(ports)
    await tell(ports, operator, events_of(order["consignments"][0], "arrived"))
    await work(ports)
    assert await status_of(ports, village, order) is OrderStatus.DELIVERED


async def test_buyer_who_is_content_completes_the_order_at_once(ports, village, order, operator, clock):
    await deliver(ports, operator, order)
    shown = await confirm_receipt(ports, village.buyer.caller, order["id"], "zh-Hans")
    assert (shown.status, shown.status_text) == (OrderStatus.COMPLETED, "已完成")
    assert (await held(ports, village.garden.producer.id))[AccountKind.PRODUCER_AVAILABLE] == (25_608, 0)
    clock.advance(DISPUTE_WINDOW + timedelta(hours=1))
    await work(ports)
    assert (await held(ports, village.garden.producer.id))[AccountKind.PRODUCER_AVAILABLE] == (25_608, 0)


async def test_receipt_cannot_be_confirmed_before_delivery_or_twice_or_by_others(ports, village, order, operator):
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    await deliver(ports, operator, order)
    async with nothing_happens(ports):
        for stranger in (village.garden.caller, operator):
            with pytest.raises(NotFound):
                await confirm_receipt(ports, stranger, order["id"], "en")
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
        await complete_order(ports, order["id"])


async def test_lost_goods_are_not_delivered_and_nobody_is_paid_for_them(ports, village, order, operator):
    (seen,) = events_of(order["consignments"][0], "picked_up")
    await tell(ports, operator, [seen.model_copy(update={"type": EventType.LOST, "id": "lost"})])
    await work(ports)
    assert await status_of(ports, village, order) is OrderStatus.IN_TRANSIT
    assert (await held(ports, village.garden.producer.id)) == {AccountKind.PRODUCER_PENDING: (0, 25_608)}


async def test_stranger_sees_nothing_of_the_order(ports, order):
    with pytest.raises(NotFound):
        await show_order(ports, order["id"], (await a_person(ports)).caller, "en")
