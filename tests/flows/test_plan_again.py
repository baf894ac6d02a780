"""A departure that filled up since the quote: another way that is as good, else fresh options; and never one place too many."""

from collections import Counter
from datetime import timedelta

import pytest

from app.flows.place_order import place_order
from app.network.capacity import audit_capacity
from app.orders.errors import PlanChanged
from app.orders.models import Quote
from app.orders.rules import PROMISE_MARGIN_MIN
from app.orders.schemas import OrderRequest, QuoteShape
from tests.factories.identity import a_partner, a_person
from tests.factories.network import a_disruption, a_service, fill_up, networked, planned
from tests.factories.orders import ADDRESS, a_claim, a_quote, best, ordering, place
from tests.factories.tables import changed, contents, nothing_happens, rows, value
from tests.factories.village import a_village
from tests.flows.test_races import at_once, words

template, ports = networked, planned
AT_KASHGAR = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
CHEAP = {"tariff": {"currency": "CNY", "base_minor": 10}}


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def carrier(ports):
    return (await a_partner(ports, "KUNLUN")).caller


async def boxes_to_kashgar(ports, buyer, village, boxes="1"):
    return await a_quote(ports, buyer, {village.dates: boxes}, **AT_KASHGAR)


async def runs_of(ports):
    """How many bookings stand on each run of each service."""
    found = await rows(ports, "SELECT service_id, run_at, count(*) FROM booking WHERE state = 'booked' GROUP BY 1, 2")
    return {(service, run_at): count for service, run_at, count in found}


async def nothing_is_overbooked(ports):
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_order_goes_by_the_twin_of_a_departure_that_has_filled_up(ports, village, carrier):
    for name in ("TWIN-1", "TWIN-2"):
        await a_service(ports, carrier, id=name, **CHEAP)
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    quoted = best(quote)
    (leg,) = quoted.consignments[0].legs
    await fill_up(ports, leg.service, leg.run_at)
    order = await place(ports, village.buyer, ordering(quote))
    (ridden,) = order["consignments"][0]["legs"]
    assert {leg.service, ridden["service"]} == {"TWIN-1", "TWIN-2"}
    assert order["price"] == quoted.price.model_dump(mode="json")
    assert order["promise"] == quoted.promise.model_dump(mode="json", by_alias=True)
    assert await runs_of(ports) == {(ridden["service"], leg.run_at): 1}


async def test_cheaper_way_costs_the_buyer_less_than_quoted(ports, village, carrier):
    await a_service(ports, carrier, id="DEAR", tariff={"currency": "CNY", "base_minor": 60})
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    quoted = best(quote)
    (leg,) = quoted.consignments[0].legs
    assert leg.service == "DEAR"
    await fill_up(ports, leg.service, leg.run_at)
    await a_service(ports, carrier, id="CHEAP", tariff={"currency": "CNY", "base_minor": 40})
    order = await place(ports, village.buyer, ordering(quote))
    (ridden,) = order["consignments"][0]["legs"]
    assert ridden["service"] == "CHEAP"
    price = order["price"]
    assert price["carriage"]["amount"] == 40
    assert price["total"]["amount"] == quoted.price.total.amount - 20
    sale = (
        "SELECT sum(amount_minor) FROM entry JOIN account ON account.id = entry.account_id WHERE account.kind = 'buyer'"
    )
    assert await value(ports, sale) == -price["total"]["amount"]


async def test_consignment_that_is_not_affected_keeps_its_legs(ports, village):
    quote = await a_quote(ports, village.buyer, village.basket)
    quoted = best(quote)
    struck, kept = quoted.consignments
    apart = next(leg for leg in struck.legs if leg.unit is None and leg.run_at)
    await fill_up(ports, apart.service, apart.run_at)
    (order,) = await at_once(place(ports, village.buyer, ordering(quote)))
    if isinstance(order, PlanChanged):
        assert order.fields["quote"]["options"]
        return
    assert order["price"]["total"]["amount"] <= quoted.price.total.amount
    assert order["promise"]["to"] == quoted.promise.model_dump(mode="json")["to"]
    if not any(leg.unit for leg in kept.legs):
        same = [
            leg["service"]
            for each in order["consignments"]
            if each["producer"] == kept.producer
            for leg in each["legs"]
        ]
        assert same == [leg.service for leg in kept.legs]


async def test_without_another_way_as_good_there_are_fresh_options_that_can_be_ordered(ports, village, carrier):
    await a_service(ports, carrier, id="ONLY", **CHEAP)
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    (leg,) = best(quote).consignments[0].legs
    assert leg.service == "ONLY"
    await fill_up(ports, leg.service, leg.run_at)
    before = await contents(ports)
    with pytest.raises(PlanChanged) as caught:
        await place(ports, village.buyer, ordering(quote))
    assert await changed(ports, before) == {'public."quote"': 1}
    fresh = QuoteShape.model_validate(caught.value.fields["quote"])
    assert fresh.id != quote.id
    assert all(
        (one.service, one.run_at) != (leg.service, leg.run_at)
        for o in fresh.options
        for c in o.consignments
        for one in c.legs
    )
    order = await place(ports, village.buyer, ordering(fresh))
    assert order["price"] == best(fresh).price.model_dump(mode="json")


async def test_refusal_over_http_carries_the_quote(ports, client, village, carrier):
    await a_service(ports, carrier, id="ONLY", **CHEAP)
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    (leg,) = best(quote).consignments[0].legs
    await fill_up(ports, leg.service, leg.run_at)
    headers = village.buyer.headers | {"idempotency-key": "monday"}
    refused = await client.post("/v1/orders", json=ordering(quote), headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/plan-changed")
    fresh = refused.json()["quote"]
    assert (await client.get(f"/v1/quotes/{fresh['id']}", headers=village.buyer.headers)).json() == fresh
    placed = await client.post("/v1/orders", json=ordering(fresh), headers=headers)
    assert placed.status_code == 201, placed.text
    again = await client.post("/v1/orders", json=ordering(fresh), headers=headers)
    assert (again.status_code, again.json()) == (201, placed.json())
    assert again.headers["idempotent-replayed"] == "true"


async def test_closed_departure_is_planned_around_like_a_full_one(ports, village, carrier):
    for name in ("TWIN-1", "TWIN-2"):
        await a_service(ports, carrier, id=name, weekdays=[2, 3], **CHEAP)
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    (leg,) = best(quote).consignments[0].legs
    await a_disruption(ports, carrier, leg.service)
    order = await place(ports, village.buyer, ordering(quote))
    (ridden,) = order["consignments"][0]["legs"]
    assert {leg.service, ridden["service"]} == {"TWIN-1", "TWIN-2"}


async def test_first_departure_that_has_left_is_planned_around_or_refused_with_options(ports, village, carrier):
    await a_service(ports, carrier, id="ONLY", **CHEAP)
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    (leg,) = best(quote).consignments[0].legs
    async with ports.begin() as session:
        later = Quote.__table__.update().values(expires_at=leg.departs_at + timedelta(minutes=5))
        await session.execute(later.where(Quote.id == quote.id))
    ports.clock.at = leg.departs_at
    with pytest.raises(PlanChanged) as caught:
        await place(ports, village.buyer, ordering(quote))
    fresh = QuoteShape.model_validate(caught.value.fields["quote"])
    assert all(c.legs[0].departs_at > ports.clock.now() for o in fresh.options for c in o.consignments)


async def test_new_plan_leaves_the_promise_its_least_margin(ports, village):
    quote = await a_quote(ports, village.buyer, {village.dates: "1"})
    for option in quote.options:
        leg = option.consignments[0].legs[-2]
        await fill_up(ports, leg.service, leg.run_at)
    option = best(quote)
    (order,) = await at_once(place(ports, village.buyer, ordering(quote)))
    if isinstance(order, PlanChanged):
        assert order.fields["quote"]["options"]
        return
    last = order["consignments"][0]["legs"][-1]["arrives_at"]
    assert order["promise"]["from"] == last
    assert last <= (option.promise.to - PROMISE_MARGIN_MIN).isoformat().replace("+00:00", "Z")


# At once.


@pytest.mark.parametrize("twin", [True, False])
async def test_as_many_orders_as_there_are_places_get_the_departure(ports, village, carrier, twin):
    """Twelve buyers quote the same departure, which has room for five: the others go by its twin, or get fresh options."""
    (weight_g,) = {
        c.weight_g for o in (await boxes_to_kashgar(ports, village.buyer, village)).options for c in o.consignments
    }
    room = {"capacity": {"weight_g": 5 * weight_g + weight_g // 2, "volume_mm3": 30_000_000_000}}
    await a_service(ports, carrier, id="A-FIVE", **CHEAP, **room)
    if twin:
        await a_service(ports, carrier, id="B-TWIN", **CHEAP)
    buyers = [await a_person(ports) for _ in range(12)]
    quotes = [await boxes_to_kashgar(ports, buyer, village) for buyer in buyers]
    (leg,) = {(leg.service, leg.run_at) for quote in quotes for leg in best(quote).consignments[0].legs}
    assert leg[0] == "A-FIVE"
    answers = await at_once(*(place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True)))
    assert words(answers) == ({"done": 12} if twin else {"done": 5, PlanChanged.slug: 7})
    booked = await runs_of(ports)
    assert booked[leg] == 5
    assert booked == ({leg: 5, ("B-TWIN", leg[1]): 7} if twin else {leg: 5})
    for answer, quote in zip(answers, quotes, strict=True):
        if isinstance(answer, PlanChanged):
            assert QuoteShape.model_validate(answer.fields["quote"]).options
        else:
            assert answer["price"] == best(quote).price.model_dump(mode="json")
    await nothing_is_overbooked(ports)
    assert await value(ports, 'SELECT count(*) FROM "order"') == (12 if twin else 5)


async def test_same_key_many_times_at_once_plans_around_and_makes_one_order(ports, village, carrier):
    for name in ("TWIN-1", "TWIN-2"):
        await a_service(ports, carrier, id=name, **CHEAP)
    quote = await boxes_to_kashgar(ports, village.buyer, village)
    (leg,) = best(quote).consignments[0].legs
    await fill_up(ports, leg.service, leg.run_at)
    answers = await at_once(*(place(ports, village.buyer, ordering(quote), "monday") for _ in range(8)))
    assert words(answers).keys() <= {"done", "request-in-progress"}
    made = [answer for answer in answers if isinstance(answer, dict)]
    assert made
    assert all(answer == made[0] for answer in made)
    assert await value(ports, 'SELECT count(*) FROM "order"') == 1
    async with nothing_happens(ports):
        command = OrderRequest.model_validate(ordering(quote))
        again = await place_order(ports, village.buyer.caller, command, a_claim(village.buyer, "monday"), "en")
        assert again.replayed


async def test_fresh_options_are_ordered_until_everybody_has_a_place(ports, village, carrier):
    """Nine buyers, two places a day: whoever is refused takes the fresh options, day after day, and nothing is lost or doubled."""
    (weight_g,) = {
        c.weight_g for o in (await boxes_to_kashgar(ports, village.buyer, village)).options for c in o.consignments
    }
    await a_service(
        ports, carrier, id="TWO", **CHEAP, capacity={"weight_g": 2 * weight_g, "volume_mm3": 30_000_000_000}
    )
    buyers = [await a_person(ports) for _ in range(9)]

    async def persist(buyer):
        quote = await boxes_to_kashgar(ports, buyer, village)
        for tries in range(1, 12):
            try:
                await place(ports, buyer, ordering(quote))
            except PlanChanged as refused:
                quote = QuoteShape.model_validate(refused.fields["quote"])
            else:
                return tries
        return None

    tries = await at_once(*(persist(buyer) for buyer in buyers))
    assert None not in tries
    assert max(tries) > 1
    booked = await runs_of(ports)
    assert max(count for (service, _), count in booked.items() if service == "TWO") == 2
    assert Counter(booked).total() == 9
    await nothing_is_overbooked(ports)
