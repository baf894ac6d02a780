"""Cold goods take slots of the runs that they are booked on; fresh goods that fill a truck pay no toll."""

import pytest

from app.flows.find_routes import find_routes
from app.network.capacity import audit_capacity
from app.network.route_schemas import RouteRequest
from tests.factories.catalogue import a_listing
from tests.factories.identity import a_person, a_producer
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, best, ordering, place
from tests.factories.tables import rows

template, ports = networked, planned
CHILLED = {"temperature": "chilled", "shelf_life_h": 4_320}


async def test_order_of_chilled_goods_takes_slots_on_every_scheduled_leg(ports):
    garden, buyer = await a_producer(ports), await a_person(ports)
    dates = await a_listing(ports, garden, handling=CHILLED)
    quote = await a_quote(ports, buyer, {dates: "12"})
    await place(ports, buyer, ordering(quote))
    (consignment,) = best(quote).consignments
    slots = -(-consignment.volume_mm3 // 10**8)
    assert slots >= 1
    booked = await rows(ports, "SELECT chilled_slots FROM booking")
    assert [row.chilled_slots for row in booked] == [slots] * (len(consignment.legs) - 1)
    loads = await rows(ports, "SELECT used_chilled_slots FROM departure_load")
    assert {row.used_chilled_slots for row in loads} == {slots}
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_warm_goods_take_no_slots(ports):
    garden, buyer = await a_producer(ports), await a_person(ports)
    await place(ports, buyer, ordering(await a_quote(ports, buyer, {await a_listing(ports, garden): "3"})))
    assert {row.chilled_slots for row in await rows(ports, "SELECT chilled_slots FROM booking")} == {0}


async def fastest(ports, **more):
    asked = {"from": "HOTAN", "to": "KASHGAR", "temperature": "chilled"} | more
    options = (await find_routes(ports, RouteRequest.model_validate(asked))).options
    (option,) = [option for option in options if "fastest" in option.labels]
    return option


@pytest.mark.parametrize(("weight_g", "is_free"), [(15_000_000, True), (9_000_000, False)])
async def test_truck_on_call_full_of_fresh_goods_pays_no_toll(ports, weight_g, is_free):
    volume = {"weight_g": weight_g, "volume_mm3": 30 * 10**9}
    paid, fresh = await fastest(ports, **volume), await fastest(ports, **volume, fresh=True)
    assert {leg.service.split("-")[0] for leg in fresh.legs} == {"CALL"}
    tonne_km = sum(weight_g * leg.distance_m for leg in fresh.legs) / 10**9
    saved = paid.price.amount - fresh.price.amount
    # Eight fen of toll a tonne-kilometre; each leg is rounded up by itself.
    assert saved == (pytest.approx(8 * tonne_km, abs=len(fresh.legs)) if is_free else 0)
