"""Many disruptions at once, with real commits, and a closed pass on the real network: the sums stay right, and nobody waits for ever."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from app.flows.cancel_order import cancel_order
from app.flows.replan_consignments import replan_consignments
from app.identity.values import Caller, Role
from app.network.capacity import release_capacity
from app.shipments.service import cancel_consignments
from tests.conftest import NOW
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import a_journey, a_valley, disrupt, require_sums, seen, ways
from tests.factories.orders import an_order
from tests.factories.tables import rows, value
from tests.factories.village import a_village

TONIGHT = NOW.replace(day=3, hour=0)
OPERATOR = Caller(person_id="per_operator", roles=frozenset({Role.OPERATOR}))


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


async def test_two_replans_of_one_disruption_at_once_make_one_new_way_each(ports, valley):
    journeys = [await a_journey(ports) for _ in range(8)]
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await asyncio.gather(*(replan_consignments(ports, made.id) for _ in range(3)))
    assert {ways(await seen(ports, each))[1] for each in journeys} == {"DEAR 03 03:00"}
    assert await rows(ports, "SELECT DISTINCT plan_version FROM consignment") == [(2,)]
    assert await value(ports, "SELECT count(*) FROM replan") == 8
    await require_sums(ports)


async def test_disruptions_that_cross_never_lock_each_other_out(ports, valley):
    trunk = [await a_journey(ports) for _ in range(5)]
    dear = [await a_journey(ports, without=frozenset({"TRUNK"})) for _ in range(4)]
    # Each sends goods to the other's line: of the first tonight to the second, of the second tomorrow's to the first.
    first = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    second = await disrupt(
        ports, kind="capacity", service="DEAR", run_at=TONIGHT + timedelta(hours=3), capacity={"weight_g": 50_000}
    )
    third = await disrupt(ports, kind="delay", service="FEEDER", run_at=NOW.replace(hour=12), delay_s=1_800)
    async with asyncio.timeout(60):
        await asyncio.gather(*(replan_consignments(ports, each.id) for each in (first, second, third, first, second)))
    await work(ports)
    await require_sums(ports)
    for journey in [seen_now for each in (*trunk, *dear) if (seen_now := await seen(ports, each))]:
        assert "TRUNK 03 00:00" not in ways(journey)
        held = await rows(
            ports, "SELECT leg_id FROM booking WHERE consignment_id = :id AND state = 'booked'", id=journey.id
        )
        assert {row.leg_id for row in held} == {leg.id for leg in journey.legs if leg.mode != "courier"}
    over = "SELECT count(*) FROM departure_load WHERE service_id = 'DEAR' AND run_at = :at AND used_weight_g > 50000"
    assert await value(ports, over, at=TONIGHT + timedelta(hours=3)) == 0


async def test_cancelling_against_replanning_ends_with_nothing_held_or_all(ports, valley):
    journeys = [await a_journey(ports) for _ in range(4)]
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)

    async def give_up(journey):
        """What cancelling does to a consignment, in its order of locks."""
        async with ports.begin() as session:
            await session.execute(text('SELECT 1 FROM "order" WHERE id = :id FOR UPDATE'), {"id": journey.order_id})
            await session.execute(
                text("UPDATE \"order\" SET status = 'cancelled' WHERE id = :id"), {"id": journey.order_id}
            )
            await release_capacity(session, await cancel_consignments(session, [journey.order_id], NOW))

    await asyncio.gather(replan_consignments(ports, made.id), *(give_up(each) for each in journeys[:3]))
    held = await rows(ports, "SELECT DISTINCT consignment_id FROM booking WHERE state = 'booked'")
    assert {row.consignment_id for row in held} == {journeys[3].id}
    await require_sums(ports)


class TestOnTheRealNetwork:
    """Two producers' goods to Shanghai, over the railway out of Xinjiang."""

    @pytest.fixture
    def template(self, networked):
        return networked

    async def test_closed_pass_is_gone_round(self, planned):
        ports = planned
        village = await a_village(ports)
        far = await an_order(ports, village.buyer, village.basket)
        near = await an_order(ports, await a_person(ports), {village.dates: "1"})
        await work(ports)
        timetable = await self.timetable(ports)
        ends = {("HAMI", "JIAYUGUAN"), ("JIAYUGUAN", "HAMI")}
        hit = [
            each for each in (*far["consignments"], *near["consignments"]) if self.links(timetable, each["legs"]) & ends
        ]
        assert hit
        await disrupt(ports, OPERATOR, hub="HAMI", to_hub="JIAYUGUAN", from_=NOW, until=NOW + timedelta(days=25))
        await work(ports)
        timetable = await self.timetable(ports)
        for each in hit:
            legs = await rows(
                ports,
                "SELECT service_id AS service, board, alight, mode FROM leg WHERE consignment_id = :id ORDER BY seq",
                id=each["id"],
            )
            assert not self.links(timetable, [row._asdict() for row in legs]) & ends
        assert await value(ports, "SELECT count(*) FROM stranded") == 0
        await require_sums(ports)
        await self.require_freight(ports)
        # Whoever cancels afterwards gives back the new bookings.
        operator = await an_operator(ports)
        await cancel_order(ports, operator.caller, far["id"], "en")
        await require_sums(ports)

    async def require_freight(self, ports):
        """Each carrier is owed what its legs cost, units and shared departures included; the platform bears the rest; buyers pay what was quoted."""
        moved = "SELECT count(DISTINCT subject) FROM transfer WHERE kind = 'reroute'"
        assert await value(ports, moved) > 0
        ledger = (
            "SELECT t.subject, split_part(e.account_id, ':', 1) AS kind, split_part(e.account_id, ':', 2) AS owner, "
            "sum(e.amount_minor)::bigint FROM entry e JOIN transfer t ON t.id = e.transfer_id GROUP BY 1, 2, 3 HAVING sum(e.amount_minor) <> 0"
        )
        owed = {(order, kind, owner): amount for order, kind, owner, amount in await rows(ports, ledger)}
        legs = (
            "SELECT c.order_id, l.carrier, sum(l.price_minor)::bigint FROM leg l JOIN consignment c ON c.id = l.consignment_id "
            "GROUP BY 1, 2"
        )
        carried = {(order, carrier): amount for order, carrier, amount in await rows(ports, legs)}
        freight = {(order, owner): amount for (order, kind, owner), amount in owed.items() if kind == "carrier_freight"}
        assert freight == carried
        extra = "SELECT order_id, sum(extra_carriage_minor)::bigint FROM consignment GROUP BY 1"
        borne = {order: -amount for (order, kind, _), amount in owed.items() if kind == "rerouting"}
        assert borne == {order: amount for order, amount in await rows(ports, extra) if amount}
        paid = {order: -amount for (order, kind, _), amount in owed.items() if kind == "buyer"}
        assert paid == dict(await rows(ports, 'SELECT id, total_minor FROM "order"'))

    async def timetable(self, ports):
        async with ports.database.read() as connection:
            return await ports.timetable.current(connection)

    def links(self, timetable, legs):
        return {
            (before.place, after.place)
            for leg in legs
            if leg["mode"] != "courier"
            for before, after in pairwise(
                timetable.services[timetable.service_numbers[leg["service"]]].stops[leg["board"] : leg["alight"] + 1]
            )
        }
