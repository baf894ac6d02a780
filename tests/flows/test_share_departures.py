"""Orders share a departure's fixed cost: who comes to a departure that carries goods already pays less of its base."""

from itertools import permutations

import pytest

from app.network.capacity import audit_capacity
from app.network.fill import load_rebates
from tests.factories.catalogue import a_listing
from tests.factories.identity import a_partner, a_person, a_producer
from tests.factories.network import a_service, networked, planned
from tests.factories.orders import ADDRESS, a_quote, best, ordering, place
from tests.factories.tables import rows
from tests.factories.village import a_village

template, ports = networked, planned
AT_KASHGAR = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
BASE = 50


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def lorry(ports, village):
    """Room for ten single boxes, and cheaper than anything else."""
    carrier = (await a_partner(ports, "KUNLUN")).caller
    (weight_g,) = {c.weight_g for o in (await ask(ports, village, village.buyer)).options for c in o.consignments}
    tariff = {"currency": "CNY", "base_minor": BASE, "milliminor_per_kg": 1_000}
    room = {"weight_g": 10 * weight_g, "volume_mm3": 30_000_000_000}
    return await a_service(ports, carrier, id="SHARED", tariff=tariff, capacity=room)


async def ask(ports, village, buyer, boxes="1"):
    return await a_quote(ports, buyer, {village.dates: boxes}, **AT_KASHGAR)


async def test_each_order_makes_the_next_one_no_dearer_by_the_published_table(ports, village, lorry):
    paid, table = [], load_rebates()
    for booked in range(10):
        buyer = await a_person(ports)
        quote = await ask(ports, village, buyer)
        option = best(quote)
        (leg,) = option.consignments[0].legs
        assert leg.service == lorry.id
        rebate = table.rebate_minor(BASE, booked * 1_000)
        assert (leg.rebate.amount if leg.rebate else 0) == rebate
        assert (option.sharing.saved.amount if option.sharing else 0) == rebate
        order = await place(ports, buyer, ordering(quote))
        assert order["price"] == option.price.model_dump(mode="json")
        assert order["price"]["carriage"] == order["consignments"][0]["legs"][0]["price"]
        paid.append(order["price"]["carriage"]["amount"])
    assert paid == sorted(paid, reverse=True)
    assert paid[0] - paid[-1] == table.rebate_minor(BASE, 9_000) > 0
    sums = await rows(ports, "SELECT sum(amount_minor) FROM entry GROUP BY transfer_id")
    assert {row[0] for row in sums} == {0}
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_price_of_a_quote_stays_when_others_cancel_or_book_after_it(ports, village, lorry):
    quote = await ask(ports, village, village.buyer)
    other = await a_person(ports)
    await place(ports, other, ordering(await ask(ports, village, other, "5")))
    order = await place(ports, village.buyer, ordering(quote))
    assert order["price"] == best(quote).price.model_dump(mode="json")


async def test_options_with_rebates_are_still_a_front_with_all_labels(ports, village, lorry):
    first = await a_person(ports)
    await place(ports, first, ordering(await ask(ports, village, first, "6")))
    options = (await ask(ports, village, village.buyer)).options
    assert any(option.sharing for option in options)
    for one, other in permutations([(o.arrives_by, o.price.total.amount, o.co2e_g.total) for o in options], 2):
        assert any(a < b for a, b in zip(one, other, strict=True))
    assert {label for option in options for label in option.labels} == {"cheapest", "fastest", "greenest"}


async def test_members_of_a_unit_pay_one_base_and_have_one_rebate(ports, village, lorry):
    first = await a_person(ports)
    await place(ports, first, ordering(await ask(ports, village, first, "6")))
    neighbour = await a_producer(ports)
    goods = {village.dates: "1", await a_listing(ports, neighbour): "2"}
    option = best(await a_quote(ports, village.buyer, goods, **AT_KASHGAR))
    legs = [consignment.legs[0] for consignment in option.consignments]
    assert [(leg.service, leg.unit) for leg in legs] == [(lorry.id, 1)] * 2
    rebate = load_rebates().rebate_minor(BASE, 5_000)
    assert sum(leg.rebate.amount for leg in legs) == option.sharing.saved.amount == rebate
    kilograms = -(-sum(consignment.weight_g for consignment in option.consignments) // 1_000)
    assert option.price.carriage.amount == sum(leg.price.amount for leg in legs) == BASE + kilograms - rebate
    assert option.consolidation.saved.amount >= BASE


async def test_table_is_shown_with_the_service(lorry):
    table = load_rebates()
    assert lorry.sharing.rule == table.version
    assert [(step.from_fill_pct, step.rebate_pct) for step in lorry.sharing.steps] == list(table.steps)
