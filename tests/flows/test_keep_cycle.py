"""Order cycles: orders in windows, each in time for its departure."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from app.catalogue.cycle_schemas import NewOrderCycle
from app.catalogue.errors import OrderCycleClosed
from app.catalogue.queries import find_listing
from app.core.clock import rfc3339
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import QUOTE_LIFETIME
from app.flows.keep_cycle import open_cycle, put_in_cycle, show_cycle, show_cycles
from tests.factories.catalogue import WEEKLY, a_cycle, a_listing
from tests.factories.identity import a_partner
from tests.factories.network import a_disruption, a_service, networked, planned
from tests.factories.orders import ADDRESS, a_quote, best, ordering, place
from tests.factories.tables import nothing_happens
from tests.factories.village import a_village

template, ports = networked, planned
AT_KASHGAR = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def carrier(ports):
    return (await a_partner(ports, "KUNLUN")).caller


@pytest.fixture
async def lorry(ports, carrier):
    """Wednesdays at noon from Hotan to Kashgar, and cheaper than anything else."""
    tariff = {"currency": "CNY", "base_minor": 10}
    return (await a_service(ports, carrier, id="WEDNESDAYS", weekdays=[2], tariff=tariff)).id


async def first_window(ports, cycle):
    return (await show_cycle(ports, cycle)).windows[0]


async def shown(ports, listing):
    async with ports.database.read() as connection:
        return orjson.loads((await find_listing(connection, listing, ports.clock.now())).body)


async def test_goods_of_a_cycle_are_quoted_for_its_departure_while_the_window_is_open(ports, village, lorry):
    cycle = await a_cycle(ports, village.garden, lorry, village.dates)
    window = await first_window(ports, cycle)
    assert window.departs_at == datetime(2026, 3, 4, 12, tzinfo=UTC)
    ports.clock.at = window.closes_at - timedelta(hours=1)
    quote = await a_quote(ports, village.buyer, {village.dates: "1"}, **AT_KASHGAR)
    (consignment,) = best(quote).consignments
    assert consignment.ready_at == window.hand_in_by
    (leg,) = consignment.legs
    assert (leg.service, leg.departs_at) == (lorry, window.departs_at)
    order = await place(ports, village.buyer, ordering(quote))
    assert order["consignments"][0]["legs"][0]["service"] == lorry


async def test_outside_the_window_the_refusal_says_when_it_opens_next(ports, village, lorry):
    cycle = await a_cycle(ports, village.garden, lorry, village.dates)
    first, second, *_ = (await show_cycle(ports, cycle)).windows
    ports.clock.at = first.closes_at
    async with nothing_happens(ports):
        with pytest.raises(OrderCycleClosed) as caught:
            await a_quote(ports, village.buyer, {village.dates: "1"}, **AT_KASHGAR)
    assert caught.value.fields["opens_at"] == rfc3339(second.opens_at)
    assert rfc3339(second.opens_at) in caught.value.detail_in("en")
    assert rfc3339(second.opens_at) in caught.value.detail_in("zh-Hans")
    assert not (await show_cycle(ports, cycle)).is_open
    ports.clock.at = second.opens_at
    assert (await show_cycle(ports, cycle)).is_open
    await a_quote(ports, village.buyer, {village.dates: "1"}, **AT_KASHGAR)


async def test_quote_ends_with_its_window(ports, village, lorry):
    window = await first_window(ports, await a_cycle(ports, village.garden, lorry, village.dates))
    ports.clock.at = window.closes_at - timedelta(minutes=10)
    assert (await a_quote(ports, village.buyer, {village.dates: "1"}, **AT_KASHGAR)).expires_at == window.closes_at
    ports.clock.at = window.closes_at - timedelta(hours=2)
    quote = await a_quote(ports, village.buyer, {village.dates: "1"}, **AT_KASHGAR)
    assert quote.expires_at == ports.clock.now() + QUOTE_LIFETIME


async def test_goods_in_and_outside_a_cycle_are_consignments_of_their_own(ports, village, lorry):
    other = await a_listing(ports, village.garden)
    window = await first_window(ports, await a_cycle(ports, village.garden, lorry, village.dates))
    ports.clock.at = window.opens_at
    quote = await a_quote(ports, village.buyer, {village.dates: "1", other: "1"}, **AT_KASHGAR)
    ready = {consignment.lines[0]: consignment.ready_at for consignment in best(quote).consignments}
    assert ready == {village.dates: window.hand_in_by, other: ports.clock.now() + timedelta(hours=12)}


async def test_closed_run_has_no_window_and_the_next_one_counts(ports, village, lorry, carrier):
    cycle = await a_cycle(ports, village.garden, lorry, village.dates)
    await a_disruption(ports, carrier, lorry)
    assert (await first_window(ports, cycle)).departs_at == datetime(2026, 3, 11, 12, tzinfo=UTC)


async def test_listing_shows_its_cycle_and_leaves_it_again(ports, village, lorry):
    cycle = await a_cycle(ports, village.garden, lorry, village.dates)
    before = await shown(ports, village.dates)
    assert before["order_cycle"] == cycle
    async with ports.begin() as session:
        await put_in_cycle(ports, session, village.garden.caller, cycle, [])
    after = await shown(ports, village.dates)
    assert (after["order_cycle"], after["version"]) == (None, before["version"] + 1)
    await a_quote(ports, village.buyer, {village.dates: "1"}, **AT_KASHGAR)


async def test_listings_of_others_stay_out(ports, village, lorry):
    cycle = await a_cycle(ports, village.garden, lorry)
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            async with ports.begin() as session:
                await put_in_cycle(ports, session, village.garden.caller, cycle, [village.dates, village.carpets])
        with pytest.raises(Forbidden):
            async with ports.begin() as session:
                await put_in_cycle(ports, session, village.loom.caller, cycle, [village.carpets])


@pytest.mark.parametrize("service", ["NOWHERE", "ON-CALL"])
async def test_service_must_depart_from_the_hub_by_timetable(ports, village, carrier, service):
    await a_service(ports, carrier, id="ON-CALL", on_demand=True, weekdays=[], departs_s=[])
    with pytest.raises(Invalid) as caught:
        await a_cycle(ports, village.garden, service)
    assert [gap.pointer for gap in caught.value.gaps] == ["/service"]


async def test_same_id_again_is_the_same_cycle(ports, village, lorry):
    asked = WEEKLY | {"id": new_id("cyc"), "producer": village.garden.producer.id, "service": lorry}

    async def ask(**changes):
        async with ports.begin() as session:
            return await open_cycle(
                ports, session, village.garden.caller, NewOrderCycle.model_validate(asked | changes)
            )

    assert await ask() == await ask()
    with pytest.raises(IdTaken):
        await ask(open_h=5)


async def test_cycles_are_listed_newest_first_by_page_and_producer(ports, village, lorry):
    made = [await a_cycle(ports, village.garden, lorry) for _ in range(3)]
    page = await show_cycles(ports, None, None, 2)
    assert [item.id for item in page.items] == made[:0:-1]
    rest = await show_cycles(ports, None, page.next_cursor, 2)
    assert ([item.id for item in rest.items], rest.next_cursor) == ([made[0]], None)
    assert (await show_cycles(ports, village.loom.producer.id, None, 2)).items == []
