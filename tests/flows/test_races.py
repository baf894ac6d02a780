"""Many at once, with real commits: what is scarce is sold once, and whoever is late hears why."""

import asyncio
from collections import Counter

import httpx
import pytest

from app.catalogue.errors import OutOfStock
from app.core.errors import Problem
from app.core.idempotency import RequestInProgress
from app.flows.cancel_order import cancel_order
from app.flows.follow_shipment import confirm_receipt, follow_shipment
from app.main import create_app
from app.network.capacity import audit_capacity
from app.network.schemas import ServiceChange
from app.network.service import change_service, lock_service
from app.orders.errors import QuoteUsed
from tests.factories.catalogue import SHEEP, a_draft, a_listing, a_lot, flock, publish
from tests.factories.identity import a_partner, a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import a_service, networked, planned
from tests.factories.orders import ADDRESS, a_quote, an_order, asked_for, best, ordering, place
from tests.factories.tables import rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
BUYERS = 500
UNITS = 50


async def at_once(*stories):
    """What each story answered, or the problem that it met; anything else is a failure of ours."""
    answers = await asyncio.gather(*stories, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Problem):
            raise answer
    return answers


def words(answers):
    return Counter(answer.slug if isinstance(answer, Problem) else "done" for answer in answers)


async def orders_of(ports):
    return await value(ports, 'SELECT count(*) FROM "order"')


async def everything_adds_up(ports, listing, units):
    """Stock and capacity say what orders, reservations and bookings say."""
    (lot,) = await rows(
        ports, "SELECT reserved::int, consumed::int, quantity::int FROM lot WHERE listing_id = :id", id=listing
    )
    held = "SELECT coalesce(sum(quantity), 0)::int FROM reservation WHERE listing_id = :id AND state = 'held'"
    assert lot[0] == await value(ports, held, id=listing)
    assert lot[2] == units
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_two_buyers_and_one_last_unit_make_one_order(ports):
    for _ in range(5):
        village = await a_village(ports, carpets="1")
        buyers = [village.buyer, await a_person(ports)]
        quotes = [await a_quote(ports, buyer, {village.carpets: "1"}) for buyer in buyers]
        before = await orders_of(ports)
        stories = (place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True))
        answers = await at_once(*stories)
        assert words(answers) == {"done": 1, OutOfStock.slug: 1}
        assert await orders_of(ports) == before + 1
        await everything_adds_up(ports, village.carpets, 1)


async def test_same_key_many_times_at_once_makes_one_order(ports):
    village = await a_village(ports)
    quote = await a_quote(ports, village.buyer, village.basket)
    answers = await at_once(*(place(ports, village.buyer, ordering(quote), "monday") for _ in range(12)))
    assert await orders_of(ports) == 1
    assert words(answers).keys() <= {"done", RequestInProgress.slug}
    made = [answer for answer in answers if not isinstance(answer, Problem)]
    assert made
    assert all(answer == made[0] for answer in made)
    assert await place(ports, village.buyer, ordering(quote), "monday") == made[0]
    await everything_adds_up(ports, village.dates, 500)


async def test_same_quote_with_many_keys_at_once_makes_one_order(ports):
    village = await a_village(ports)
    quote = await a_quote(ports, village.buyer, village.basket)
    answers = await at_once(*(place(ports, village.buyer, ordering(quote)) for _ in range(8)))
    assert words(answers) == {"done": 1, QuoteUsed.slug: 7}
    assert await orders_of(ports) == 1


async def test_baskets_in_opposite_order_never_wait_for_each_other(ports):
    village = await a_village(ports)
    baskets = [village.basket, dict(reversed(village.basket.items()))]
    buyers = [await a_person(ports) for _ in range(16)]
    quotes = [await a_quote(ports, buyer, baskets[i % 2]) for i, buyer in enumerate(buyers)]
    answers = await at_once(*(place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True)))
    assert words(answers) == {"done": 16}
    await everything_adds_up(ports, village.dates, 500)


async def test_orders_and_cancellations_at_once_leave_the_sums_right(ports):
    village = await a_village(ports, boxes="30")
    first = [await an_order(ports, await a_person(ports), {village.dates: "3"}) for _ in range(10)]
    operator = (await an_operator(ports)).caller
    buyers = [await a_person(ports) for _ in range(10)]
    await cancel_order(ports, operator, first[0]["id"], "en")
    quotes = [await a_quote(ports, buyer, {village.dates: "3"}) for buyer in buyers]
    stories = [place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True)]
    endings = [cancel_order(ports, operator, order["id"], "en") for order in first[1:]]
    endings.append(cancel_order(ports, operator, first[1]["id"], "en"))
    answers = await at_once(*(story for pair in zip(stories, endings, strict=True) for story in pair))
    assert words(answers).keys() <= {"done", "out-of-stock", "state-conflict"}
    placed = await value(ports, "SELECT count(*) FROM \"order\" WHERE status = 'placed'")
    assert await value(ports, "SELECT reserved::int FROM lot WHERE listing_id = :id", id=village.dates) == 3 * placed
    await everything_adds_up(ports, village.dates, 30)


async def test_order_is_cancelled_once_however_many_try(ports):
    village = await a_village(ports)
    order = await an_order(ports, village.buyer, village.basket)
    await work(ports)
    answers = await at_once(*(cancel_order(ports, village.buyer.caller, order["id"], "en") for _ in range(6)))
    assert words(answers) == {"done": 1, "state-conflict": 5}
    assert [name for name, _ in await waiting(ports)] == ["order.cancelled"]
    await everything_adds_up(ports, village.dates, 500)


async def test_hand_in_against_cancelling_ends_one_way_or_the_other(ports):
    village = await a_village(ports)
    operator = (await an_operator(ports)).caller
    ends = Counter()
    for _ in range(6):
        order = await an_order(ports, village.buyer, {village.dates: "1"})
        (consignment,) = order["consignments"]
        ports.clock.at = events_of(consignment, "picked_up")[0].occurred_at
        told = tell(ports, operator, events_of(consignment, "picked_up"))
        cancelled, _ = await asyncio.gather(
            cancel_order(ports, operator, order["id"], "en"), told, return_exceptions=True
        )
        await work(ports)
        status = await value(ports, 'SELECT status FROM "order" WHERE id = :id', id=order["id"])
        assert (status == "cancelled") == (not isinstance(cancelled, Problem))
        ends[status] += 1
        booked = await rows(
            ports, "SELECT DISTINCT state FROM booking WHERE consignment_id = :id", id=consignment["id"]
        )
        assert booked == [("released" if status == "cancelled" else "booked",)]
    assert ends.keys() <= {"cancelled", "in_transit"}
    await everything_adds_up(ports, village.dates, 500)


async def test_delivery_is_booked_once_however_many_workers_see_it(ports):
    village = await a_village(ports)
    order = await an_order(ports, village.buyer, village.basket)
    operator = (await an_operator(ports)).caller
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await at_once(*(follow_shipment(ports, order["id"]) for _ in range(6)))
    kinds = await rows(ports, "SELECT kind, count(*) FROM transfer GROUP BY 1")
    assert dict(map(tuple, kinds)) == {"sale": 1, "collection": 1}
    answers = await at_once(*(confirm_receipt(ports, village.buyer.caller, order["id"], "en") for _ in range(4)))
    assert words(answers) == {"done": 1, "state-conflict": 3}
    assert await value(ports, "SELECT count(*) FROM transfer WHERE kind = 'release'") == 2


async def test_twenty_orders_for_seven_places_of_a_departure_book_exactly_seven(ports):
    """They all were quoted on the one cheap run; who comes too late is told so, and holds nothing."""
    buyers, places = [await a_person(ports) for _ in range(20)], 7
    village = await a_village(ports)
    carrier = (await a_partner(ports, "KUNLUN")).caller
    fetched = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
    line = await a_service(ports, carrier, id="WEDNESDAYS", weekdays=[2], tariff={"currency": "CNY", "base_minor": 10})
    (parcel,) = best(await a_quote(ports, village.buyer, {village.dates: "1"}, **fetched)).consignments
    room = line.capacity.model_copy(update={"weight_g": places * parcel.weight_g})
    async with ports.begin() as session:
        present = await lock_service(session, carrier, line.id, "en")
        await change_service(session, present, ServiceChange(capacity=room), ports.clock.now(), "en")
    quotes = [await a_quote(ports, buyer, {village.dates: "1"}, **fetched) for buyer in buyers]
    runs = {(leg.service, leg.run_at) for quote in quotes for leg in best(quote).consignments[0].legs}
    assert {service for service, _ in runs} == {line.id}
    assert len(runs) == 1
    answers = await at_once(
        *(place(ports, buyer, ordering(quote)) for buyer, quote in zip(buyers, quotes, strict=True))
    )
    assert words(answers) == {"done": places, "plan-changed": len(buyers) - places}
    booked = "SELECT count(*)::int, sum(weight_g)::int FROM booking WHERE service_id = :line AND state = 'booked'"
    used = "SELECT count(*)::int, sum(used_weight_g)::int FROM departure_load WHERE service_id = :line"
    assert tuple((await rows(ports, booked, line=line.id))[0]) == (places, places * parcel.weight_g)
    assert tuple((await rows(ports, used, line=line.id))[0]) == (1, places * parcel.weight_g)
    assert await orders_of(ports) == places
    await everything_adds_up(ports, village.dates, 500)


async def cold_boxes(ports, garden):
    return await a_listing(ports, garden, handling={"temperature": "chilled", "shelf_life_h": 4_320})


async def sheep(ports, garden):
    heads = await a_draft(ports, garden, SHEEP)
    await a_lot(ports, garden, heads, "12", **flock(12))
    await publish(ports, garden, heads)
    return heads


@pytest.mark.parametrize(
    ("goods", "temperature", "column"),
    [(cold_boxes, "chilled", "chilled_slots"), (sheep, "live", "live_places")],
    ids=["cold slots", "animals"],
)
async def test_twelve_orders_for_five_places_in_the_cold_or_for_animals_book_exactly_five(
    ports, goods, temperature, column
):
    """As by weight: they all were quoted on the one cheap run, which has room enough in everything else."""
    village, buyers, places = await a_village(ports), [await a_person(ports) for _ in range(12)], 5
    listing = await goods(ports, village.garden)
    carrier = (await a_partner(ports, "KUNLUN")).caller
    fetched = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
    room = {"weight_g": 8_000_000, "volume_mm3": 30_000_000_000, "live_places": 0}
    line = await a_service(
        ports,
        carrier,
        id="WEDNESDAYS",
        weekdays=[2],
        tariff={"currency": "CNY", "base_minor": 10},
        temperatures=[temperature, "ambient"],
        capacity=room | {column: 500},
    )
    each = getattr(
        best(await a_quote(ports, village.buyer, {listing: "1"}, **fetched)).consignments[0], "live_heads", 0
    )
    takes = each if temperature == "live" else 1
    async with ports.begin() as session:
        present = await lock_service(session, carrier, line.id, "en")
        fewer = line.capacity.model_copy(update={column: places * takes})
        await change_service(session, present, ServiceChange(capacity=fewer), ports.clock.now(), "en")
    quotes = [await a_quote(ports, buyer, {listing: "1"}, **fetched) for buyer in buyers]
    assert {leg.service for quote in quotes for leg in best(quote).consignments[0].legs} == {line.id}
    answers = await at_once(
        *(place(ports, buyer, ordering(quote)) for buyer, quote in zip(buyers, quotes, strict=True))
    )
    assert words(answers) == {"done": places, "plan-changed": len(buyers) - places}
    booked = f"SELECT count(*)::int, sum({column})::int FROM booking WHERE service_id = :line AND state = 'booked'"
    used = f"SELECT count(*)::int, sum(used_{column})::int FROM departure_load WHERE service_id = :line"
    assert tuple((await rows(ports, booked, line=line.id))[0]) == (places, places * takes)
    assert tuple((await rows(ports, used, line=line.id))[0]) == (1, places * takes)
    assert await orders_of(ports) == places
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


@pytest.fixture
async def street(ports):
    """The service over HTTP, which answers our own failures with a 500, as it would outside."""
    transport = httpx.ASGITransport(create_app(ports=ports), raise_app_exceptions=False)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://chama.test", limits=limits, timeout=None
    ) as client:
        yield client


async def test_five_hundred_buyers_on_fifty_units_make_fifty_orders(ports, street):
    village = await a_village(ports, boxes=str(UNITS))
    buyers = [await a_person(ports) for _ in range(BUYERS)]

    async def ask(buyer):
        nearby = asked_for({village.dates: "1"}, deliver_to=ADDRESS | {"county": "652901", "hub": "AKSU"})
        answer = await street.post("/v1/quotes", json=nearby, headers=buyer.headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def buy(buyer, quote):
        headers = buyer.headers | {"idempotency-key": quote["id"]}
        return await street.post("/v1/orders", json=ordering(quote), headers=headers)

    quotes = await asyncio.gather(*(ask(buyer) for buyer in buyers))
    answers = await asyncio.gather(*(buy(b, q) for b, q in zip(buyers, quotes, strict=True)))
    told = Counter((answer.status_code, answer.json().get("type", "order")) for answer in answers)
    assert told == {(201, "order"): UNITS, (409, "/problems/out-of-stock"): BUYERS - UNITS}
    assert await orders_of(ports) == UNITS
    await everything_adds_up(ports, village.dates, UNITS)
    assert await value(ports, "SELECT reserved::int FROM lot WHERE listing_id = :id", id=village.dates) == UNITS
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == UNITS
    assert await value(
        ports, "SELECT count(*) FROM booking b JOIN consignment c ON c.id = b.consignment_id"
    ) == await value(ports, "SELECT count(*) FROM leg WHERE mode <> 'courier'")
