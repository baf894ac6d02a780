"""Who carries gets paid: the ledger after goods went another way, from the change to delivery or cancelling."""

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.core.money import Money
from app.flows.audit_bookings import audit_bookings
from app.flows.cancel_order import cancel_order
from app.flows.replan_consignments import replan_consignments
from app.identity.values import Caller, Role
from app.ledger.rules import imbalances, proceeds, sale_entries
from app.ledger.service import record, transfers_of
from app.ledger.values import PLATFORM, AccountKind, PriceParts, State, Transfer, TransferKind
from app.payments.service import start_payment
from app.payments.values import PaymentMethod
from tests.conftest import NOW
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import a_journey, a_valley, disrupt, seen, ways
from tests.factories.tables import changed, contents, value
from tests.flows.test_replan import AS_PLANNED, BY_THE_DEAR_ONE, DAY, TONIGHT, told

OPERATOR = Caller(person_id="per_operator", roles=frozenset({Role.OPERATOR}))


@pytest.fixture
async def valley(ports, compiled):
    """The dear line is another carrier's."""
    await a_valley(ports)
    async with ports.begin() as session:
        await session.execute(text("UPDATE service SET carrier = 'KUNLUN' WHERE id = 'DEAR'"))


@pytest.fixture
async def buyer(ports):
    return await a_person(ports, language="en")


async def sold(ports, buyer, **more):
    """A journey with its sale, as an order enters it."""
    journey = await a_journey(ports, buyer, **more)
    carriage = {}
    for leg in journey.legs:
        carriage[leg.carrier] = carriage.get(leg.carrier, 0) + leg.price_minor
    split = proceeds(PriceParts("CNY", {journey.producer_id: 10_000}, carriage), 300)
    sale = Transfer(new_id("trf"), TransferKind.SALE, journey.order_id, State.PENDING, sale_entries(buyer.id, split))
    async with ports.begin() as session:
        await record(session, [sale], NOW)
    return journey


async def a_payment(ports, journey):
    """The buyer pays at the door."""
    total = await value(ports, 'SELECT total_minor FROM "order"')
    async with ports.begin() as session:
        amount = Money(total, "CNY")
        await start_payment(session, new_id("pay"), journey.order_id, PaymentMethod.CASH_ON_DELIVERY, amount, NOW)


async def transfers(ports, journey):
    async with ports.begin() as session:
        return await transfers_of(session, journey.order_id)


async def owed(ports, journey, state=State.PENDING):
    """What the transfers of an order in this state come to: freight by carrier, the platform's part, and the buyer's."""
    sums = {}
    for transfer in await transfers(ports, journey):
        assert not imbalances(transfer.entries)
        assert transfer.state is state
        for entry in transfer.entries:
            key = entry.account.kind, entry.account.owner
            sums[key] = sums.get(key, 0) + entry.amount_minor
    freight = {owner: amount for (kind, owner), amount in sums.items() if kind is AccountKind.CARRIER_FREIGHT}
    (buyers,) = [amount for (kind, _), amount in sums.items() if kind is AccountKind.BUYER]
    return freight, sums.get((AccountKind.REROUTING, PLATFORM), 0), buyers


def carried_by(journey):
    sums = {}
    for leg in journey.legs:
        sums[leg.carrier] = sums.get(leg.carrier, 0) + leg.price_minor
    return sums


async def test_who_carries_is_paid_and_the_platform_bears_what_it_costs_more(ports, valley, buyer):
    journey = await sold(ports, buyer)
    assert await owed(ports, journey) == (carried_by(journey), 0, -(10_000 + sum(carried_by(journey).values())))
    total = await value(ports, 'SELECT total_minor FROM "order"')
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == BY_THE_DEAR_ONE
    freight, borne, buyers = await owed(ports, journey)
    assert {carrier: amount for carrier, amount in freight.items() if amount} == carried_by(now)
    assert freight["KUNLUN"] == now.legs[1].price_minor > 3_000
    assert borne == -now.extra_carriage_minor == -2_100
    assert -buyers == total
    # However often the job runs.
    before = await contents(ports)
    await replan_consignments(ports, made.id)
    assert await changed(ports, before) == {}


async def test_way_back_to_the_cheap_one_leaves_nothing_to_bear(ports, valley, buyer):
    journey = await sold(ports, buyer)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    await disrupt(ports, OPERATOR, kind="cancel", service="DEAR", run_at=TONIGHT.replace(hour=3))
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now)[1] == "TRUNK 04 00:00"
    freight, borne, _ = await owed(ports, journey)
    assert ({carrier: amount for carrier, amount in freight.items() if amount}, borne) == (carried_by(now), 0)
    assert [transfer.kind for transfer in await transfers(ports, journey)] == [
        TransferKind.SALE,
        TransferKind.REROUTE,
        TransferKind.REROUTE,
    ]


async def test_times_that_only_move_are_no_entry(ports, valley, buyer):
    journey = await sold(ports, buyer)
    await disrupt(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=3_600)
    await work(ports)
    assert ways(await seen(ports, journey))[1] == "TRUNK 03 01:00"
    assert [transfer.kind for transfer in await transfers(ports, journey)] == [TransferKind.SALE]


async def test_executed_legs_stay_paid_and_all_is_posted_on_delivery(ports, valley, buyer):
    journey = await sold(ports, buyer)
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 16))
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    now = await seen(ports, journey)
    assert (await owed(ports, journey))[0]["XILU"] == now.legs[0].price_minor
    await a_payment(ports, journey)
    await told(ports, now, ("out_for_delivery", "URUMQI", 40), ("delivered", None, 44))
    found = await transfers(ports, journey)
    assert {transfer.state for transfer in found} == {State.POSTED}
    assert {transfer.kind for transfer in found} == {TransferKind.SALE, TransferKind.REROUTE, TransferKind.COLLECTION}
    sums = {}
    for entry in (entry for transfer in found for entry in transfer.entries):
        sums[entry.account.kind] = sums.get(entry.account.kind, 0) + entry.amount_minor
    assert sums[AccountKind.CARRIER_FREIGHT] == sum(carried_by(now).values())
    # The buyer owes nothing more: what was quoted is what was collected.
    assert sums[AccountKind.BUYER] == 0
    assert sum(sums.values()) == 0


async def test_what_is_cancelled_after_a_new_way_pays_nobody(ports, valley, buyer):
    journey = await sold(ports, buyer)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    await a_payment(ports, journey)
    operator = await an_operator(ports)
    await cancel_order(ports, operator.caller, journey.order_id, "en")
    assert {transfer.state for transfer in await transfers(ports, journey)} == {State.VOID}
    assert len(await transfers(ports, journey)) == 2
    async with ports.database.read() as connection:
        assert await audit_bookings(connection, ports.clock.now()) == ([], [])


async def test_what_waits_without_a_way_moves_no_money_until_it_has_one(ports, valley, buyer):
    journey = await sold(ports, buyer)
    before = await owed(ports, journey)
    for name in ("TRUNK", "DEAR", "ROUND"):
        await disrupt(ports, OPERATOR, service=name, from_=NOW, until=NOW + 60 * DAY)
    await work(ports)
    assert ways(await seen(ports, journey)) == AS_PLANNED
    assert await owed(ports, journey) == before
