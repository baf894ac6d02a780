"""Where goods went, and where they came from: one call each way, persons only for who may see them."""

import pytest

from app.core.errors import NotFound
from app.flows.cancel_order import cancel_order
from app.flows.print_labels import print_labels
from app.flows.show_trace import trace_lot, trace_package
from app.shipments.label_schemas import LabelsRequest
from tests.factories.catalogue import HARVEST, SHEEP, a_listing
from tests.factories.identity import a_partner, a_person, an_operator
from tests.factories.jobs import work
from tests.factories.lots import NEAR
from tests.factories.network import networked, planned
from tests.factories.orders import ADDRESS, an_order
from tests.factories.recalls import called_back, lot_of
from tests.factories.tables import rows, statements_of
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def lot(ports, village):
    return await lot_of(ports, village.dates)


async def forward(ports, caller, lot, cursor=None, limit=1_000):
    return await trace_lot(ports, caller, lot, None, cursor=cursor, limit=limit)


async def test_lot_leads_to_every_buyer_and_to_where_their_goods_are(ports, village, lot):
    operator = await an_operator(ports)
    arrived = await an_order(ports, village.buyer, {village.dates: "2"})
    waiting = await an_order(ports, await a_person(ports), {village.dates: "3"})
    cancelled = await an_order(ports, village.buyer, {village.dates: "1"})
    await cancel_order(ports, village.buyer.caller, cancelled["id"], "en")
    await tell(ports, operator.caller, events_of(arrived["consignments"][0]))
    await work(ports)
    await print_labels(ports, operator.caller, LabelsRequest(consignments=[arrived["consignments"][0]["id"]]))
    trace = await forward(ports, operator.caller, lot)
    assert (trace.orders, trace.quantity) == (2, "5")
    sold = {each.order: each for each in trace.sold}
    assert set(sold) == {arrived["id"], waiting["id"]}
    one = sold[arrived["id"]]
    (consignment,) = arrived["consignments"]
    assert (one.order_number, one.line, one.quantity) == (arrived["number"], arrived["lines"][0]["id"], "2")
    assert (one.consignment, one.tracking_number) == (consignment["id"], consignment["tracking_number"])
    assert (one.status, one.handed_over) == ("delivered", True)
    packages = await rows(ports, "SELECT id, sscc FROM package WHERE consignment_id = :id", id=consignment["id"])
    assert {(each.id, each.sscc) for each in one.packages} == {(each.id, each.sscc) for each in packages}
    assert (sold[waiting["id"]].status, sold[waiting["id"]].handed_over) == ("booked", False)
    assert (one.buyer.id, one.buyer.name) == (village.buyer.id, ADDRESS["name"])
    assert trace.lot.origin.producer == village.garden.producer.id
    assert trace.lot.harvested_on == HARVEST["harvested_on"]
    assert [each.number for each in trace.lot.certificates] == ["HGZ-653221-0001"]


async def test_producer_sees_orders_but_no_persons_and_others_see_nothing(ports, village, lot):
    await an_order(ports, village.buyer, {village.dates: "2"})
    trace = await forward(ports, village.garden.caller, lot)
    assert [each.buyer for each in trace.sold] == [None]
    said = trace.model_dump_json()
    assert village.buyer.id not in said
    assert ADDRESS["phone"] not in said
    for other in (village.loom, village.buyer, await a_partner(ports, "KUNLUN")):
        with pytest.raises(NotFound):
            await forward(ports, other.caller, lot)


async def test_long_trace_comes_in_pages_and_counts_all(ports, village, lot):
    for _ in range(3):
        await an_order(ports, await a_person(ports), {village.dates: "1"})
    first = await forward(ports, village.garden.caller, lot, limit=2)
    rest = await forward(ports, village.garden.caller, lot, cursor=first.next_cursor, limit=2)
    assert (first.orders, len(first.sold), len(rest.sold), rest.next_cursor) == (3, 2, 1, None)
    assert len({each.order for each in (*first.sold, *rest.sold)}) == 3


async def test_three_statements_however_many_bought(ports, village, lot):
    counts = []
    for _ in range(2):
        await an_order(ports, village.buyer, {village.dates: "1"})
        with statements_of(ports.database) as sent:
            await forward(ports, village.garden.caller, lot)
        counts.append(len(sent))
    assert counts == [3, 3]


async def test_package_leads_back_to_its_harvest_and_through_every_hand(ports, village, lot):
    operator = await an_operator(ports)
    order = await an_order(ports, village.buyer, {village.dates: "2"})
    (consignment,) = order["consignments"]
    (label,) = await print_labels(ports, village.garden.caller, LabelsRequest(consignments=[consignment["id"]]))
    told = events_of(consignment)
    await tell(ports, operator.caller, told)
    for seer in (village.buyer, village.garden, operator):
        trace = await trace_package(ports, seer.caller, label.sscc, "en")
        assert (trace.order, trace.order_number) == (order["id"], order["number"])
        (goods,) = trace.goods
        assert (goods.lot.lot, goods.quantity, goods.line) == (lot, "2", order["lines"][0]["id"])
        assert goods.lot.harvested_on == HARVEST["harvested_on"]
        assert [each.number for each in goods.lot.certificates] == ["HGZ-653221-0001"]
        assert goods.lot.origin.village == village.garden.producer.village
        assert {each.event for each in trace.custody} == {each.id for each in told}
        happened = [each.occurred_at for each in trace.custody]
        assert happened == sorted(happened)
        assert {each.party for each in trace.custody} == {operator.id}
        assert trace.journey.status == "delivered"
    (package,) = await rows(ports, "SELECT id FROM package WHERE consignment_id = :id", id=consignment["id"])
    assert await trace_package(ports, village.buyer.caller, package.id, "en") == await trace_package(
        ports, village.buyer.caller, label.sscc, "en"
    )


async def test_strangers_see_origin_and_journey_and_no_person(ports, village, lot):
    order = await an_order(ports, village.buyer, {village.dates: "2"})
    (consignment,) = order["consignments"]
    (label,) = await print_labels(ports, village.garden.caller, LabelsRequest(consignments=[consignment["id"]]))
    partner = await a_partner(ports, "KUNLUN")
    for stranger in (None, (await a_person(ports)).caller, village.loom.caller, partner.caller):
        trace = await trace_package(ports, stranger, label.sscc, "en")
        assert (trace.order, trace.order_number, trace.custody) == (None, None, None)
        (goods,) = trace.goods
        assert (goods.line, goods.quantity, goods.ear_tags) == (None, None, None)
        assert goods.lot.lot == lot
        assert goods.lot.origin.county == village.garden.producer.county
        said = trace.model_dump_json()
        for secret in (
            order["id"],
            order["number"],
            village.buyer.id,
            ADDRESS["name"],
            ADDRESS["phone"],
            ADDRESS["address"],
        ):
            assert secret not in said


async def test_animals_are_traced_by_their_ear_tags(ports, village):
    sheep = await a_listing(ports, village.garden, SHEEP)
    order = await an_order(ports, village.buyer, {sheep: "1"}, **NEAR)
    (tag,) = order["lines"][0]["ear_tags"]
    trace = await forward(ports, village.garden.caller, await lot_of(ports, sheep))
    assert [each.ear_tags for each in trace.sold] == [[tag]]
    assert tag in trace.ear_tags
    (package,) = await rows(
        ports, "SELECT id FROM package WHERE consignment_id = :id", id=order["consignments"][0]["id"]
    )
    back = await trace_package(ports, village.buyer.caller, package.id, "en")
    assert [each.ear_tags for each in back.goods] == [[tag]]
    assert [each.kind for each in back.goods[0].lot.certificates] == ["animal_quarantine_a"]


async def test_recall_is_seen_in_both_directions(ports, village, lot):
    order = await an_order(ports, village.buyer, {village.dates: "2"})
    await called_back(ports, village.garden, lot)
    assert (await forward(ports, village.garden.caller, lot)).lot.recalled_at is not None
    (package,) = await rows(
        ports, "SELECT id FROM package WHERE consignment_id = :id", id=order["consignments"][0]["id"]
    )
    back = await trace_package(ports, None, package.id, "en")
    assert back.goods[0].lot.recalled_at is not None
    assert len(back.journey.recalls) == 1


async def test_number_of_no_package_leads_nowhere(ports):
    with pytest.raises(NotFound):
        await trace_package(ports, None, "1" * 18, "en")
