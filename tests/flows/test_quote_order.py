"""What an order would cost: packed, planned and priced on the real network, and never holding anything."""

import asyncio
from datetime import timedelta
from itertools import pairwise, permutations

import pytest

from app.catalogue.errors import OutOfStock
from app.catalogue.schemas import ListingChange
from app.catalogue.service import change_listing, end_sale
from app.catalogue.values import ListingEvent
from app.core.clock import minute_before
from app.core.errors import IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import CONSIGNMENTS_PER_ORDER_MAX, ORDER_LINES_MAX, QUOTE_LIFETIME, QUOTE_OPTIONS_MAX
from app.flows.quote_order import show_quote
from app.network.errors import NoHubForCounty, RouteUnavailable
from app.network.values import Mode
from app.orders.errors import NotForSale
from app.orders.values import Label
from tests.factories.catalogue import CARPET, COTTON, SHEEP, a_draft, a_listing
from tests.factories.identity import LOOM, a_person, a_producer
from tests.factories.network import fill_up, networked, planned
from tests.factories.orders import ADDRESS, a_quote, best, place
from tests.factories.tables import changed, contents, nothing_happens, rows, statements_of
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def quoted(ports, village, **more):
    return await a_quote(ports, village.buyer, village.basket, **more)


async def test_each_producers_goods_are_one_consignment_with_its_own_packages_and_legs(ports, village):
    quote = await quoted(ports, village)
    assert quote.goods.amount == 3 * 8_800 + 168_000
    for option in quote.options:
        garden, loom = sorted(option.consignments, key=lambda consignment: consignment.lines != [village.dates])
        assert (garden.producer, loom.producer) == (village.garden.producer.id, village.loom.producer.id)
        assert (garden.lines, loom.lines) == ([village.dates], [village.carpets])
        assert (garden.legs[0].from_, loom.legs[0].from_) == ("HOTAN", "KASHGAR")
        assert sum(package.count * package.units for package in garden.packages) == 3
        assert garden.weight_g >= 3 * 5_300


async def test_legs_join_from_the_hand_in_to_the_door_and_leave_time_to_change(ports, village, clock):
    for option in (await quoted(ports, village)).options:
        for consignment in option.consignments:
            lead_h = 12 if consignment.producer == village.garden.producer.id else 24
            assert consignment.legs[0].departs_at >= clock.now() + timedelta(hours=lead_h)
            for before, after in pairwise(consignment.legs):
                assert (before.to, True) == (after.from_, before.arrives_at <= after.departs_at)
            assert (consignment.legs[-1].mode, consignment.legs[-1].to) == (Mode.COURIER, ADDRESS["county"])
            assert all(leg.mode != Mode.COURIER and leg.run_at for leg in consignment.legs[:-1])
        assert option.arrives_by == max(c.legs[-1].arrives_at for c in option.consignments)
        assert option.promise.from_ == minute_before(option.arrives_by) < option.arrives_by < option.promise.to


async def test_price_of_an_option_is_the_sum_of_what_it_shows(ports, village):
    for option in (await quoted(ports, village, packaging="green")).options:
        legs = [leg for consignment in option.consignments for leg in consignment.legs]
        packages = [package for consignment in option.consignments for package in consignment.packages]
        price = option.price
        assert price.carriage.amount == sum(leg.price.amount for leg in legs)
        assert price.packaging.amount == sum(package.count * package.price.amount for package in packages)
        assert price.total.amount == price.goods.amount + price.carriage.amount + price.packaging.amount
        assert option.co2e_g.transport == sum(leg.co2e_g or 0 for leg in legs)
        assert set(option.co2e_g.covers).isdisjoint(option.co2e_g.missing)


async def test_options_are_a_front_and_its_ends_carry_the_labels(ports, village):
    options = (await quoted(ports, village)).options
    assert 2 <= len(options) <= QUOTE_OPTIONS_MAX
    points = [(o.arrives_by, o.price.total.amount, o.co2e_g.total) for o in options]
    for a in points:
        assert not any(b != a and all(x <= y for x, y in zip(b, a, strict=True)) for b in points)
    given = [label for option in options for label in option.labels]
    assert sorted(given) == sorted(Label)
    for axis, label in enumerate((Label.FASTEST, Label.CHEAPEST, Label.GREENEST)):
        winner = next(point for point, option in zip(points, options, strict=True) if label in option.labels)
        assert winner[axis] == min(point[axis] for point in points)


async def test_quote_holds_nothing_and_is_all_that_is_written(ports, village):
    before = await contents(ports)
    quote = await quoted(ports, village)
    assert await changed(ports, before) == {'public."quote"': 1}
    assert quote.expires_at == ports.clock.now() + QUOTE_LIFETIME


async def test_quote_reads_the_same_again_for_its_buyer_and_is_not_there_for_others(ports, village):
    quote = await quoted(ports, village)
    assert await show_quote(ports, village.buyer.caller, quote.id) == quote
    with pytest.raises(NotFound):
        await show_quote(ports, (await a_person(ports)).caller, quote.id)


async def test_same_id_asked_the_same_way_answers_the_first_quote(ports, village):
    quote_id = new_id("quo")
    first = await quoted(ports, village, id=quote_id)
    async with nothing_happens(ports):
        assert await quoted(ports, village, id=quote_id) == first
        with pytest.raises(IdTaken):
            await a_quote(ports, village.buyer, {village.dates: "1"}, id=quote_id)
    stranger = await a_person(ports)
    async with nothing_happens(ports):
        with pytest.raises(IdTaken):
            await a_quote(ports, stranger, village.basket, id=quote_id)


async def test_goods_may_be_fetched_at_a_hub_without_a_courier(ports, village):
    quote = await quoted(ports, village, deliver_to=ADDRESS | {"hub": "XIAN"})
    for option in quote.options:
        assert {c.legs[-1].to for c in option.consignments} == {"XIAN"}
        assert all(leg.mode != Mode.COURIER for c in option.consignments for leg in c.legs)


async def test_nothing_leaves_before_the_time_that_was_asked_for(ports, village, clock):
    later = clock.now() + timedelta(days=5, seconds=30)
    quote = await quoted(ports, village, depart_after=later.isoformat())
    assert min(c.legs[0].departs_at for o in quote.options for c in o.consignments) >= later


async def test_animals_go_to_a_hub_in_one_day_with_a_place_each(ports, village):
    sheep = await a_listing(ports, village.garden, SHEEP)
    quote = await a_quote(ports, village.buyer, {sheep: "2"}, deliver_to=ADDRESS | {"hub": "KASHGAR"})
    (consignment,) = best(quote).consignments
    assert (consignment.live_heads, consignment.temperature) == (2, "live")
    assert [package.type for package in consignment.packages] == ["none"] * len(consignment.packages)


async def test_goods_of_one_producer_that_need_other_care_travel_apart(ports, village):
    sheep = await a_listing(ports, village.garden, SHEEP)
    both = {sheep: "1", village.dates: "1"}
    option = best(await a_quote(ports, village.buyer, both, deliver_to=ADDRESS | {"hub": "KASHGAR"}))
    assert sorted(c.temperature for c in option.consignments) == ["ambient", "live"]


@pytest.mark.parametrize("label", Label)
async def test_every_labelled_option_can_be_ordered_exactly_as_it_was_shown(ports, village, label):
    quote = await quoted(ports, village)
    option = best(quote, label)
    body = {"quote": quote.id, "option": option.id, "payment": {"method": "cash_on_delivery"}}
    order = await place(ports, village.buyer, body)
    assert order["price"] == option.price.model_dump(mode="json")
    assert order["co2e_g"] == option.co2e_g.model_dump(mode="json")
    for shown, made in zip(option.consignments, order["consignments"], strict=True):
        legs = [leg.model_dump(mode="json", by_alias=True) for leg in shown.legs]
        assert [leg | {"sscc": None} for leg in made["legs"]] == [leg | {"unit": None} for leg in legs]
        assert [leg["sscc"] is not None for leg in made["legs"]] == [leg["unit"] is not None for leg in legs]
        assert made["producer"] == shown.producer


async def test_departure_that_has_filled_up_is_no_longer_offered(ports, village):
    quote = await quoted(ports, village)
    first = best(quote).consignments[0].legs[0]
    await fill_up(ports, first.service, first.run_at)
    again = await quoted(ports, village)
    assert all(
        (leg.service, leg.run_at) != (first.service, first.run_at)
        for o in again.options
        for c in o.consignments
        for leg in c.legs
    )


async def test_number_of_statements_does_not_depend_on_lines_or_producers(ports, village):
    listings = [await a_listing(ports, village.garden, lead_time_h=12) for _ in range(9)]
    third = await a_producer(ports, **(LOOM | {"hub": "AKSU", "county": "652901"}))
    rug = await a_listing(ports, third, CARPET)
    await quoted(ports, village)
    counts = []
    for goods in ({village.dates: "1"}, dict.fromkeys([*listings, village.dates, village.carpets, rug], "1")):
        with statements_of(ports.database) as sent:
            await a_quote(ports, village.buyer, goods)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 6, sent


# Tiers, and prices by weight.


def fen(amount):
    return {"amount": amount, "currency": "CNY"}


TIERED = {
    "price": fen(8_800),
    "tiers": [{"from": "10", "price": fen(7_800)}, {"from": "100", "price": fen(7_000)}],
    "net_weight_g": 5_000,
}


async def test_each_line_is_priced_by_the_tier_that_it_reaches_and_says_which(ports, village):
    dates = await a_listing(ports, village.garden, quantity="99", **TIERED)
    for quantity, tier_from, price, per_kg in (("9", None, 8_800, 1_760), ("10", 10, 7_800, 1_560)):
        quote = await a_quote(ports, village.buyer, {dates: quantity, village.carpets: "1"})
        line, rug = quote.lines
        assert (line.listing, line.tier_from, line.price.amount) == (dates, tier_from, price)
        assert line.total.amount == int(quantity) * price
        assert [(each.per, each.price.amount) for each in line.unit_prices] == [("kg", per_kg), ("jin", per_kg // 2)]
        assert (rug.tier_from, rug.price.amount, rug.unit_prices, rug.next_tier) == (None, 168_000, [], None)
        assert quote.goods.amount == line.total.amount + rug.total.amount
        assert all(option.price.goods == quote.goods for option in quote.options)
        assert await show_quote(ports, village.buyer.caller, quote.id) == quote


async def test_tier_ahead_is_shown_with_what_it_costs_while_there_is_stock_for_it(ports, village):
    dates = await a_listing(ports, village.garden, quantity="99", **TIERED)
    (nine,) = (await a_quote(ports, village.buyer, {dates: "9"})).lines
    assert (nine.next_tier.from_, nine.next_tier.price.amount) == (10, 7_800)
    # More for less: the buyer of nine is told so.
    assert nine.next_tier.total.amount == 78_000 < nine.total.amount
    (ten,) = (await a_quote(ports, village.buyer, {dates: "10"})).lines
    assert ten.next_tier is None


# Riding as one.


async def test_two_producers_goods_that_meet_ride_as_one_and_the_quote_says_what_that_saves(ports, village):
    for option in (await quoted(ports, village)).options:
        numbers = [{leg.unit for leg in consignment.legs} - {None} for consignment in option.consignments]
        if option.consolidation is None:
            assert numbers == [set(), set()]
            continue
        (unit,) = option.consolidation.units
        assert numbers == [{unit.unit}, {unit.unit}]
        assert option.consolidation.saved == unit.saved
        assert unit.saved.amount > 0
        assert sorted(unit.producers) == sorted(consignment.producer for consignment in option.consignments)
        shared = [[leg for leg in consignment.legs if leg.unit] for consignment in option.consignments]
        rides = [[(leg.from_, leg.to, leg.service, leg.run_at) for leg in legs] for legs in shared]
        assert rides[0] == rides[1]
        assert rides[0][0][0] == unit.hub
    assert best(await quoted(ports, village)).consolidation is not None


async def test_options_are_a_front_with_units_among_them(ports, village):
    options = (await quoted(ports, village)).options
    points = [(o.arrives_by, o.price.total.amount, o.co2e_g.total) for o in options]
    for one, other in permutations(points, 2):
        assert one != other
        assert any(a < b for a, b in zip(one, other, strict=True)), (one, other)


# Refusals: each leaves everything as it was.


async def refused(ports, village, problem, goods, **more):
    async with nothing_happens(ports):
        with pytest.raises(problem) as caught:
            await a_quote(ports, village.buyer, goods, **more)
    return caught.value


async def test_unknown_listing_is_refused(ports, village):
    await refused(ports, village, NotFound, {new_id("lst"): "1"})


async def test_draft_of_somebody_is_not_there(ports, village):
    await refused(ports, village, NotFound, {await a_draft(ports, village.garden): "1"})


async def test_paused_listing_is_not_for_sale(ports, village):
    async with ports.begin() as session:
        await end_sale(session, village.garden.caller, village.dates, ListingEvent.PAUSE, ports.clock.now())
    problem = await refused(ports, village, NotForSale, village.basket)
    assert problem.fields["listing"] == village.dates


async def test_more_than_there_is_says_how_much_there_is(ports, village):
    problem = await refused(ports, village, OutOfStock, {village.dates: "501"})
    assert problem.fields == {"listing": village.dates, "available": "500"}


async def test_every_odd_quantity_is_named_with_its_place(ports, village):
    async with ports.begin() as session:
        change = ListingChange.model_validate({"min_quantity": "4", "step": "2"})
        await change_listing(session, village.garden.caller, village.dates, change, None, ports.clock.now())
    problem = await refused(ports, village, Invalid, {village.dates: "3", village.carpets: "0.5"})
    assert [gap.pointer for gap in problem.gaps] == ["/lines/0/quantity", "/lines/1/quantity"]
    assert problem.gaps[0].detail["en"] == "At least 4, in steps of 2"


async def test_listing_in_two_lines_is_refused(ports, village):
    line = {"listing": village.dates, "quantity": "1"}
    problem = await refused(ports, village, Invalid, {}, lines=[line, line])
    assert [gap.pointer for gap in problem.gaps] == ["/lines"]


async def test_county_of_a_province_without_hubs_is_refused(ports, village):
    await refused(ports, village, NoHubForCounty, village.basket, deliver_to=ADDRESS | {"county": "220102"})


@pytest.mark.parametrize("hub", ["ATLANTIS", "ALMATY"])
async def test_hub_that_is_unknown_or_abroad_is_refused(ports, village, hub):
    problem = await refused(ports, village, Invalid, village.basket, deliver_to=ADDRESS | {"hub": hub})
    assert [gap.pointer for gap in problem.gaps] == ["/deliver_to/hub"]


async def test_animals_that_would_be_on_the_road_too_long_are_refused_with_the_reason(ports, village):
    sheep = await a_listing(ports, village.garden, SHEEP)
    problem = await refused(ports, village, RouteUnavailable, {sheep: "1"})
    assert problem.fields["reason"] in {"journey_limit", "temperature"}
    assert problem.fields["from"] == "HOTAN"


async def test_goods_heavier_than_every_run_are_refused_with_the_reason(ports, village):
    cotton = await a_listing(ports, village.garden, COTTON, quantity="100")
    by_road = ADDRESS | {"county": "652701", "hub": "BOLE"}
    problem = await refused(ports, village, RouteUnavailable, {cotton: "100"}, deliver_to=by_road)
    assert problem.fields["reason"] == "too_heavy"


async def test_many_lines_are_quoted_up_to_the_bound(ports, village):
    listings = [await a_listing(ports, village.garden, quantity="5") for _ in range(ORDER_LINES_MAX)]
    quote = await a_quote(ports, village.buyer, dict.fromkeys(listings, "1"))
    assert [sorted(c.lines) for c in best(quote).consignments] == [sorted(listings)]


async def test_goods_dearer_than_an_order_may_be_are_refused(ports, village):
    dear = await a_listing(ports, village.garden, price={"amount": 10**11, "currency": "CNY"}, quantity="900000000")
    for quantity in ("2", "900000000"):
        problem = await refused(ports, village, Invalid, {dear: quantity})
        assert [gap.pointer for gap in problem.gaps] == ["/lines"]


HUBS = ("AKSU", "KORLA", "TURPAN", "HAMI", "YINING", "DUNHUANG", "TIANSHUI", "ZHONGWEI", "YANAN", "HANZHONG")


async def test_ten_producers_are_quoted_without_keeping_anybody_waiting(ports, village):
    rugs = [await a_listing(ports, await a_producer(ports, **(LOOM | {"hub": hub})), CARPET) for hub in HUBS]
    waits = []

    async def look():
        while True:
            asked = asyncio.get_running_loop().time()
            await asyncio.sleep(0.001)
            waits.append(asyncio.get_running_loop().time() - asked)

    looking = asyncio.create_task(look())
    quote = await a_quote(ports, village.buyer, dict.fromkeys(rugs, "1"))
    looking.cancel()
    assert len(best(quote).consignments) == CONSIGNMENTS_PER_ORDER_MAX == len(rugs)
    assert {label for option in quote.options for label in option.labels} == set(Label)
    # Planning is most of the work, and others were served meanwhile.
    assert max(waits) < sum(waits) / 2
    problem = await refused(ports, village, Invalid, dict.fromkeys([*rugs, village.dates], "1"))
    assert [gap.pointer for gap in problem.gaps] == ["/lines"]
    assert "11" in problem.gaps[0].detail["en"]


async def test_each_label_says_what_it_was_won_by_in_the_readers_language(ports, village):
    quote = await quoted(ports, village)
    seen = await show_quote(ports, village.buyer.caller, quote.id, "zh-Hans")
    assert [option.why.keys() for option in seen.options] == [set(option.labels) for option in quote.options]
    cheapest, fastest = best(seen), best(seen, Label.FASTEST)
    assert cheapest.id != fastest.id
    saved = (fastest.price.total - cheapest.price.total).amount
    assert cheapest.why[Label.CHEAPEST].startswith(f"比最快的方案便宜 ¥{saved / 100:,.2f}")
    assert best(quote).why[Label.CHEAPEST].startswith(f"¥{saved / 100:,.2f} less than the fastest")
    (kept,) = await rows(ports, "SELECT options FROM quote WHERE id = :id", id=quote.id)
    assert all("why" not in option for option in kept.options)
