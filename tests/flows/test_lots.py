"""Lots in orders: what spoils first goes first and is still good when it arrives; what is to come is sold ahead; animals by their tags."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from app.catalogue.errors import AnimalSold, GoodsWouldSpoil, OfferChanged, OutOfStock, StockTaken
from app.catalogue.rules import spoils_at
from app.core.errors import Invalid, StateConflict
from app.flows.cancel_order import cancel_order
from app.flows.confirm_harvest import share_harvest
from app.flows.show_order import show_order
from app.orders.rules import promise_for
from tests.db.selling import changed, corrected, gaps_of, page, shown
from tests.factories.catalogue import CARPET, COTTON, JUJUBE, SHEEP, a_draft, a_listing, a_lot, flock, publish
from tests.factories.identity import LOOM, a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.lots import NEAR, a_forecast, bought, confirmed, flocks, in_days
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, best, ordering, place
from tests.factories.tables import nothing_happens, rows, statements_of, value
from tests.factories.tracking import events_of, tell

template, ports = networked, planned


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)


@pytest.fixture
async def buyer(ports):
    return await a_person(ports)


async def fresh_goods(ports, seller, hours, *harvests):
    """Goods that are good for so long, with one lot of ten for each of these days ago."""
    listing = await a_draft(ports, seller, handling={"temperature": "ambient", "shelf_life_h": hours})
    today = ports.clock.now().date()
    for ago in harvests:
        await a_lot(ports, seller, listing, "10", harvested_on=str(today - timedelta(days=ago)))
    await publish(ports, seller, listing)
    return listing


async def lots_of(ports, order):
    query = "SELECT lot_id, quantity::int FROM reservation WHERE order_id = :id AND state = 'held' ORDER BY lot_id"
    return dict(map(tuple, await rows(ports, query, id=order["id"])))


# Good when it arrives.


async def test_every_option_arrives_with_its_margin_while_the_goods_are_good(ports, seller, buyer):
    listing = await fresh_goods(ports, seller, 30 * 24, 0)
    free = await a_quote(ports, buyer, {listing: "3"})
    slowest = max(option.arrives_by for option in free.options)
    (consignment,) = best(free).consignments
    assert consignment.good_until is not None
    hours = int((slowest - ports.clock.now()) / timedelta(hours=1)) - 24
    short = await fresh_goods(ports, seller, hours, 0)
    quote = await a_quote(ports, buyer, {short: "3"})
    assert max(option.arrives_by for option in quote.options) < slowest
    for option in quote.options:
        (quoted,) = option.consignments
        assert promise_for(quoted.ready_at, quoted.legs[-1].arrives_at).end <= quoted.good_until


async def test_goods_that_would_spoil_on_every_way_are_refused_with_when_they_do(ports, seller, buyer):
    listing = await fresh_goods(ports, seller, 24, 0)
    async with nothing_happens(ports):
        with pytest.raises(GoodsWouldSpoil) as refused:
            await a_quote(ports, buyer, {listing: "3"})
    assert refused.value.fields["listing"] == listing
    until = await value(ports, "SELECT expires_at FROM lot WHERE listing_id = :id", id=listing)
    assert datetime.fromisoformat(refused.value.fields["good_until"]) == until
    assert str(refused.value.fields["good_until"]) in refused.value.detail_in("zh-Hans")


async def test_a_lot_that_would_spoil_on_the_way_is_passed_over_for_a_fresher_one(ports, seller, buyer):
    listing = await fresh_goods(ports, seller, 30 * 24, 29, 1)
    stale, fresh = [
        row.id for row in await rows(ports, "SELECT id FROM lot WHERE listing_id = :id ORDER BY expires_at", id=listing)
    ]
    order = await an_order(ports, buyer, {listing: "3"})
    assert await lots_of(ports, order) == {fresh: 3}
    nearby = await place(ports, buyer, ordering(await a_quote(ports, buyer, {listing: "2"}, **NEAR)))
    promise = datetime.fromisoformat(nearby["promise"]["to"])
    until = await value(ports, "SELECT expires_at FROM lot WHERE id = :id", id=stale)
    assert await lots_of(ports, nearby) == ({stale: 2} if promise <= until else {fresh: 2})


async def test_the_order_is_refused_when_only_stale_goods_are_left_by_then(ports, seller, buyer):
    listing = await fresh_goods(ports, seller, 30 * 24, 29, 1)
    quote = await a_quote(ports, buyer, {listing: "8"})
    await an_order(ports, await a_person(ports), {listing: "8"})
    async with nothing_happens(ports):
        with pytest.raises(OfferChanged):
            await place(ports, buyer, ordering(quote))


# Sold ahead of the harvest.


async def test_a_harvest_is_sold_ahead_up_to_its_cap_and_no_further(ports, seller, buyer):
    listing = await a_listing(ports, seller, quantity="5")
    lot = await a_forecast(ports, seller, listing, "100", 9)
    assert (await shown(ports, listing)).available == 75
    assert [item.available for item in (await page(ports)).items] == [Decimal(75)]
    kept = await rows(ports, "SELECT presold_max::int, presale_policy FROM lot WHERE id = :id", id=lot)
    assert [tuple(row) for row in kept] == [(70, "2026-1")]
    with pytest.raises(OutOfStock) as refused:
        await a_quote(ports, buyer, {listing: "76"})
    assert refused.value.fields["available"] == "75"
    await an_order(ports, buyer, {listing: "75"})
    assert await value(ports, "SELECT reserved::int FROM lot WHERE id = :id", id=lot) == 70
    assert (await shown(ports, listing)).available == 0


async def test_a_consignment_is_ready_no_sooner_than_the_harvest_that_it_needs(ports, seller, buyer):
    listing = await a_listing(ports, seller, quantity="5")
    lot = await a_forecast(ports, seller, listing, "100", 9)
    now = await a_quote(ports, buyer, {listing: "5"})
    assert {c.ready_at < in_days(ports, 1) and not c.pre_harvest for o in now.options for c in o.consignments} == {True}
    later = await a_quote(ports, buyer, {listing: "6"})
    for consignment in [consignment for option in later.options for consignment in option.consignments]:
        assert consignment.pre_harvest
        assert consignment.ready_at >= in_days(ports, 9)
        assert consignment.legs[0].departs_at >= in_days(ports, 9)
    order = await place(ports, buyer, ordering(later))
    assert (await lots_of(ports, order))[lot] == 1


async def test_an_order_for_now_never_takes_of_a_harvest_to_come(ports, seller, buyer):
    listing = await a_listing(ports, seller, quantity="5")
    await a_forecast(ports, seller, listing, "100", 9)
    quote = await a_quote(ports, buyer, {listing: "4"})
    await an_order(ports, await a_person(ports), {listing: "3"})
    async with nothing_happens(ports):
        with pytest.raises(OfferChanged):
            await place(ports, buyer, ordering(quote))
    again = best(await a_quote(ports, buyer, {listing: "4"}))
    assert again.consignments[0].ready_at >= in_days(ports, 9)


async def test_a_forecast_whose_day_has_come_is_not_sold_until_it_is_confirmed(ports, seller, buyer):
    listing = await a_listing(ports, seller, quantity="5")
    lot = await a_forecast(ports, seller, listing, "100", 9)
    ports.clock.advance(timedelta(days=9))
    assert (await shown(ports, listing)).available == 5
    with pytest.raises(OutOfStock):
        await a_quote(ports, buyer, {listing: "6"})
    told = await confirmed(ports, seller, listing, lot, "120", "2026-03-11")
    assert (told.quantity, told.available, told.forecast, told.harvested_on) == (120, 120, False, date(2026, 3, 11))
    assert (await shown(ports, listing)).available == 125
    await an_order(ports, buyer, {listing: "125"})


@pytest.mark.parametrize(
    ("goods", "more", "pointers"),
    [
        (JUJUBE, {"available_from": None}, ["/available_from"]),
        (JUJUBE, {"harvested_on": "2026-03-01"}, ["/harvested_on"]),
        (JUJUBE, {"quantity": "1"}, ["/forecast"]),
        (SHEEP, {}, ["/forecast"]),
        (CARPET, {}, ["/forecast"]),
        (COTTON, {}, []),
    ],
)
async def test_a_forecast_says_when_it_is_there_and_is_of_goods_that_are_sold_ahead(
    ports, seller, goods, more, pointers
):
    listing = await a_draft(ports, seller, goods)
    asked = {"quantity": "10", "available_from": in_days(ports, 9).isoformat(), "forecast": True} | more
    adding = a_lot(ports, seller, listing, **asked)
    if pointers:
        assert await gaps_of(Invalid, adding) == pointers
    else:
        await adding


async def test_a_forecast_may_be_corrected_but_its_cap_not_below_what_is_sold(ports, seller, buyer):
    listing = await a_listing(ports, seller, quantity="1")
    lot = await a_forecast(ports, seller, listing, "100", 9)
    await an_order(ports, buyer, {listing: "61"})
    assert (await corrected(ports, seller, listing, lot, quantity="90")).presold_max == 63
    with pytest.raises(StockTaken):
        await corrected(ports, seller, listing, lot, quantity="85")


async def test_a_forecast_spoils_its_shelf_life_after_its_day_and_after_the_harvest_once_that_is_known(ports, seller):
    listing = await a_listing(ports, seller, quantity="1")
    lot = await a_forecast(ports, seller, listing, "100", 9)
    query = "SELECT expires_at FROM lot WHERE id = :id"
    expected = spoils_at(date(2026, 3, 11), 4_320)
    assert await value(ports, query, id=lot) == expected
    await changed(ports, seller, listing, handling={"temperature": "ambient", "shelf_life_h": 240})
    assert await value(ports, query, id=lot) == spoils_at(date(2026, 3, 11), 240)
    await confirmed(ports, seller, listing, lot, "80", on="2026-03-01")
    assert await value(ports, query, id=lot) == spoils_at(date(2026, 3, 1), 240)


async def test_handicraft_is_made_to_order_within_what_its_maker_declares(ports, buyer):
    loom = await a_producer(ports, **LOOM)
    attributes = CARPET["attributes"] | {"made_to_order": True}
    listing = await a_draft(ports, loom, CARPET, attributes=attributes, lead_time_h=48)
    for week, hands in ((1, "2"), (2, "3")):
        await a_forecast(ports, loom, listing, hands, 7 * week)
    await publish(ports, loom, listing)
    ready = [
        best(await a_quote(ports, buyer, {listing: quantity})).consignments[0].ready_at for quantity in ("2", "3", "5")
    ]
    assert ready == [in_days(ports, 7), in_days(ports, 14), in_days(ports, 14)]
    with pytest.raises(OutOfStock):
        await a_quote(ports, buyer, {listing: "6"})
    await an_order(ports, buyer, {listing: "2"})
    assert best(await a_quote(ports, buyer, {listing: "1"})).consignments[0].ready_at == in_days(ports, 14)


# A harvest that was smaller.


@pytest.fixture
async def sold_ahead(ports, seller):
    """Thirty boxes of a harvest, ordered by three buyers one after the other: 12, 12 and 6."""
    listing = await a_draft(ports, seller)
    lot = await a_forecast(ports, seller, listing, "100", 9)
    await publish(ports, seller, listing)
    orders = []
    for boxes in ("12", "12", "6"):
        buyer = await a_person(ports)
        orders.append((buyer, await an_order(ports, buyer, {listing: boxes})))
        ports.clock.advance(timedelta(minutes=1))
    await work(ports)
    return listing, lot, orders


async def statuses(ports, orders):
    return [await value(ports, 'SELECT status FROM "order" WHERE id = :id', id=order["id"]) for _, order in orders]


async def counters(ports, lot):
    query = "SELECT quantity::int, reserved::int, consumed::int, presold_max, harvested FROM lot WHERE id = :id"
    return tuple((await rows(ports, query, id=lot))[0])


async def test_of_a_small_harvest_who_ordered_first_is_served_first_and_the_others_hear_why(ports, seller, sold_ahead):
    listing, lot, orders = sold_ahead
    told = await confirmed(ports, seller, listing, lot, "20")
    assert (told.harvested, told.available) == (20, 0)
    assert (await shown(ports, listing)).available == 0
    ran = await work(ports)
    assert (ran.count("order.cut"), ran.count("order.unserved")) == (1, 1)
    assert await statuses(ports, orders) == ["placed", "placed", "cancelled"]
    assert await counters(ports, lot) == (20, 20, 0, None, None)
    assert (await shown(ports, listing)).available == 0
    sent = await rows(ports, "SELECT template, \"to\" FROM message WHERE template LIKE 'harvest_%' ORDER BY 1")
    assert list(map(tuple, sent)) == [("harvest_cut", orders[1][0].phone), ("harvest_short", orders[2][0].phone)]
    to_seller = "SELECT count(*) FROM message WHERE template = 'order_cancelled' AND \"to\" = :phone"
    assert await value(ports, to_seller, phone=seller.person.phone) == 1
    cancelled = orders[2][1]["id"]
    assert await value(ports, "SELECT state FROM transfer WHERE subject = :id", id=cancelled) == "void"
    held = "SELECT count(*) FROM booking b JOIN consignment c ON c.id = b.consignment_id WHERE order_id = :id AND b.state = 'booked'"
    assert await value(ports, held, id=cancelled) == 0


async def test_a_repeated_word_or_a_job_that_runs_twice_changes_nothing_more(ports, seller, sold_ahead):
    listing, lot, orders = sold_ahead
    await confirmed(ports, seller, listing, lot, "20")
    await confirmed(ports, seller, listing, lot, "20")
    with pytest.raises(StateConflict):
        await confirmed(ports, seller, listing, lot, "25")
    await work(ports)
    async with nothing_happens(ports):
        await share_harvest(ports, listing, lot)
        await confirmed(ports, seller, listing, lot, "20")
    assert await statuses(ports, orders) == ["placed", "placed", "cancelled"]


async def test_goods_that_left_are_served_and_a_harvest_of_nothing_serves_nobody_else(ports, seller, sold_ahead):
    listing, lot, orders = sold_ahead
    operator = await an_operator(ports)
    (consignment,) = orders[2][1]["consignments"]
    ports.clock.at = max(ports.clock.now(), events_of(consignment, "picked_up")[0].occurred_at)
    await tell(ports, operator.caller, events_of(consignment, "picked_up"))
    await confirmed(ports, seller, listing, lot, "0", on="2026-03-08")
    await work(ports)
    assert (await statuses(ports, orders))[:2] == ["cancelled", "cancelled"]
    assert await counters(ports, lot) == (6, 0, 6, None, None)


async def test_only_a_forecast_is_confirmed_and_not_for_a_day_to_come(ports, seller):
    listing = await a_listing(ports, seller)
    stored = await value(ports, "SELECT id FROM lot WHERE listing_id = :id", id=listing)
    with pytest.raises(StateConflict):
        await confirmed(ports, seller, listing, stored, "20")
    lot = await a_forecast(ports, seller, listing, "100", 9)
    assert await gaps_of(Invalid, confirmed(ports, seller, listing, lot, "20", on="2026-03-09")) == ["/harvested_on"]


# Animals by their ear tags.


async def test_an_order_takes_definite_animals_lot_by_lot_and_says_which(ports, seller, buyer):
    listing, (first, second) = await flocks(ports, seller, 2, 3)
    order = await bought(ports, buyer, listing, "3")
    (line,), (consignment,) = order["lines"], order["consignments"]
    assert line["ear_tags"] == [*first, second[0]]
    assert consignment["ear_tags"] == line["ear_tags"]
    seen = await show_order(ports, order["id"], buyer.caller, "en")
    assert seen.lines[0].ear_tags == seen.consignments[0].ear_tags == line["ear_tags"]
    held = await rows(ports, "SELECT tag, order_id, line_id FROM ear_tag WHERE order_id IS NOT NULL ORDER BY tag")
    assert [tuple(row) for row in held] == [(tag, order["id"], line["id"]) for tag in line["ear_tags"]]
    assert (await bought(ports, await a_person(ports), listing, "2"))["lines"][0]["ear_tags"] == second[1:]


async def test_animals_of_a_cancelled_order_are_free_again(ports, seller, buyer):
    listing, (tags,) = await flocks(ports, seller, 3)
    order = await bought(ports, buyer, listing, "2")
    await cancel_order(ports, buyer.caller, order["id"], "en")
    assert await value(ports, "SELECT count(*) FROM ear_tag WHERE order_id IS NOT NULL") == 0
    assert (await bought(ports, await a_person(ports), listing, "3"))["lines"][0]["ear_tags"] == tags


async def test_animals_that_were_handed_over_stay_their_buyers(ports, seller, buyer):
    listing, (tags,) = await flocks(ports, seller, 3)
    order = await bought(ports, buyer, listing, "2")
    operator = await an_operator(ports)
    await tell(ports, operator.caller, events_of(order["consignments"][0]))
    await work(ports)
    query = "SELECT tag FROM ear_tag WHERE order_id = :id ORDER BY tag"
    assert [row.tag for row in await rows(ports, query, id=order["id"])] == tags[:2]
    assert await value(ports, "SELECT consumed::int FROM lot WHERE listing_id = :id", id=listing) == 2


async def test_the_tag_of_a_sold_animal_stays_and_others_may_change(ports, seller, buyer):
    listing, (tags,) = await flocks(ports, seller, 3)
    lot = await value(ports, "SELECT id FROM lot WHERE listing_id = :id", id=listing)
    order = await bought(ports, buyer, listing, "1")
    async with nothing_happens(ports):
        with pytest.raises(AnimalSold) as refused:
            await corrected(ports, seller, listing, lot, quantity="2", ear_tags=tags[1:])
    assert refused.value.fields["tag"] == tags[0]
    (fresh,) = flock(1)["ear_tags"]
    await corrected(ports, seller, listing, lot, ear_tags=[tags[0], tags[2], fresh])
    assert await value(ports, "SELECT order_id FROM ear_tag WHERE tag = :tag", tag=tags[0]) == order["id"]
    assert (await bought(ports, await a_person(ports), listing, "2"))["lines"][0]["ear_tags"] == [tags[2], fresh]


async def test_orders_of_animals_take_a_fixed_number_of_statements(ports, seller, buyer):
    counts = []
    for heads in (1, 4):
        listing, _ = await flocks(ports, seller, 2, 2)
        quote = await a_quote(ports, buyer, {listing: str(heads)}, **NEAR)
        with statements_of(ports.database) as sent:
            await place(ports, buyer, ordering(quote))
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 17


async def test_stock_is_reserved_at_order_released_by_cancel_and_consumed_at_hand_over(ports, seller, buyer):
    listing = await a_listing(ports, seller, quantity="10")
    lot = await value(ports, "SELECT id FROM lot WHERE listing_id = :id", id=listing)
    delivered, cancelled = [await an_order(ports, buyer, {listing: "3"}) for _ in range(2)]
    assert (await counters(ports, lot))[:3] == (10, 6, 0)
    await cancel_order(ports, buyer.caller, cancelled["id"], "en")
    assert (await counters(ports, lot))[:3] == (10, 3, 0)
    operator = await an_operator(ports)
    await tell(ports, operator.caller, events_of(delivered["consignments"][0]))
    await work(ports)
    assert (await counters(ports, lot))[:3] == (10, 0, 3)
