"""A lot is called back: nothing of it is sold any more, and everybody who has some hears of it, once."""

import asyncio

import orjson
import pytest

from app.catalogue.errors import GoodsRecalled, OfferChanged, OutOfStock
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, Problem, StateConflict
from app.core.ids import new_id
from app.flows.cancel_order import cancel_order
from app.flows.show_tracking import show_tracking, tell_tracking, tracking_shape
from app.flows.tell_recalled import tell_recalled
from app.identity.errors import GrantMissing
from app.identity.values import Grant
from app.recalls.queries import list_recalled, list_recalls
from app.recalls.service import TOLD_AT_ONCE_MAX
from tests.factories.catalogue import a_listing, a_lot, harvest
from tests.factories.cooperatives import a_colleague
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.offers import a_held_offer
from tests.factories.orders import a_quote, an_order, ordering, place
from tests.factories.recalls import ADVICE, REASON, called_back, lifted, lot_of
from tests.factories.tables import nothing_happens, rows
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def lot(ports, village):
    return await lot_of(ports, village.dates)


async def messages(ports, template):
    return await rows(ports, 'SELECT "to", language, text FROM message WHERE template = :t ORDER BY id', t=template)


async def goods_of(ports, caller, recall, limit=100):
    async with ports.database.read() as connection:
        return (await list_recalled(connection, caller, recall, cursor=None, limit=limit)).items


async def test_nothing_of_a_recalled_lot_is_sold(ports, village, lot):
    quote = await a_quote(ports, village.buyer, {village.dates: "3"})
    await called_back(ports, village.garden, lot)
    async with nothing_happens(ports):
        with pytest.raises(OutOfStock):
            await a_quote(ports, village.buyer, {village.dates: "3"})
        with pytest.raises((OutOfStock, OfferChanged)):
            await place(ports, village.buyer, ordering(quote))


async def test_other_lots_of_the_listing_are_sold_on(ports, village, lot):
    other = await a_lot(ports, village.garden, village.dates, "10", **harvest(ports.clock.now().date()))
    await called_back(ports, village.garden, lot)
    await an_order(ports, village.buyer, {village.dates: "10"})
    taken = await rows(ports, "SELECT lot_id, quantity::int FROM reservation")
    assert [tuple(each) for each in taken] == [(other, 10)]


async def test_every_order_with_goods_of_it_is_named_and_no_other(ports, village, lot):
    orders = [await an_order(ports, await a_person(ports), {village.dates: quantity}) for quantity in ("2", "3")]
    cancelled = await an_order(ports, village.buyer, {village.dates: "1"})
    await cancel_order(ports, village.buyer.caller, cancelled["id"], "en")
    await an_order(ports, village.buyer, {village.carpets: "1"})
    recall = await called_back(ports, village.garden, lot)
    goods = await goods_of(ports, village.garden.caller, recall)
    assert {(each.order, each.quantity, each.tracking_number) for each in goods} == {
        (order["id"], order["lines"][0]["quantity"], order["consignments"][0]["tracking_number"]) for order in orders
    }
    assert {each.buyer for each in goods} == {None}
    operator = await an_operator(ports)
    assert None not in {each.buyer for each in await goods_of(ports, operator.caller, recall)}


async def test_each_buyer_is_told_once_in_their_language(ports, village, lot):
    english, chinese = await a_person(ports, language="en"), await a_person(ports, language="zh-Hans")
    orders = [await an_order(ports, buyer, {village.dates: "2"}) for buyer in (english, chinese)]
    await work(ports)
    recall = await called_back(ports, village.garden, lot)
    assert ("lot.recalled", {"recall": recall}) in await waiting(ports)
    await work(ports)
    told = await messages(ports, "lot_recalled")
    assert sorted(each.to for each in told) == sorted([english.phone, chinese.phone])
    for buyer, order, language in ((english, orders[0], "en"), (chinese, orders[1], "zh-Hans")):
        (text,) = [each.text for each in told if each.to == buyer.phone]
        for word in (REASON[language], ADVICE[language], order["number"]):
            assert word in text
        assert f"/track/{order['consignments'][0]['tracking_number']}" in text
    async with nothing_happens(ports):
        await tell_recalled(ports, recall)
    assert all(each.told_at for each in await goods_of(ports, village.garden.caller, recall))


async def test_two_workers_at_once_tell_nobody_twice(ports, village, lot):
    for _ in range(3):
        await an_order(ports, await a_person(ports), {village.dates: "1"})
    recall = await called_back(ports, village.garden, lot)
    await asyncio.gather(*[tell_recalled(ports, recall) for _ in range(4)])
    assert len(await messages(ports, "lot_recalled")) == 3


async def test_more_than_are_told_at_once_are_told_one_after_another(ports, village, lot, monkeypatch):
    assert TOLD_AT_ONCE_MAX > 2
    for module in ("app.recalls.service", "app.flows.tell_recalled"):
        monkeypatch.setattr(f"{module}.TOLD_AT_ONCE_MAX", 2)
    for _ in range(5):
        await an_order(ports, await a_person(ports), {village.dates: "1"})
    await called_back(ports, village.garden, lot)
    ran = await work(ports)
    assert ran.count("lot.recalled") == 3
    assert len(await messages(ports, "lot_recalled")) == 5


async def test_tracking_says_that_goods_are_recalled_until_it_is_lifted(ports, village, lot):
    order = await an_order(ports, village.buyer, village.basket)
    mine = {each["producer"]: each["tracking_number"] for each in order["consignments"]}
    recall = await called_back(ports, village.garden, lot)
    shown = tracking_shape(await show_tracking(ports, mine[village.garden.producer.id]), "zh-Hans")
    assert [(each.reason, each.advice) for each in shown.recalls] == [(REASON["zh-Hans"], ADVICE["zh-Hans"])]
    other = tracking_shape(await show_tracking(ports, mine[village.loom.producer.id]), "en")
    assert other.recalls == []
    await lifted(ports, village.garden, recall)
    assert tracking_shape(await show_tracking(ports, mine[village.garden.producer.id]), "en").recalls == []


async def test_a_kept_answer_is_told_anew_once_its_buyers_are(ports, village, lot):
    order = await an_order(ports, village.buyer, {village.dates: "2"})
    number = order["consignments"][0]["tracking_number"]

    async def recalls():
        return orjson.loads(await tell_tracking(ports, number, "en"))["recalls"]

    assert await recalls() == []
    recall = await called_back(ports, village.garden, lot)
    await work(ports)
    assert len(await recalls()) == 1
    await lifted(ports, village.garden, recall)
    await work(ports)
    assert await recalls() == []


async def test_lifting_sells_what_is_left_and_tells_who_was_told(ports, village, lot):
    early = await a_person(ports)
    await an_order(ports, early, {village.dates: "2"})
    recall = await called_back(ports, village.garden, lot)
    await work(ports)
    await lifted(ports, village.garden, recall)
    await lifted(ports, village.garden, recall)
    await work(ports)
    assert [each.to for each in await messages(ports, "recall_lifted")] == [early.phone]
    assert await an_order(ports, village.buyer, {village.dates: "5"})
    again = await called_back(ports, village.garden, lot)
    assert len(await goods_of(ports, village.garden.caller, again)) == 2


async def test_recall_that_was_lifted_before_anybody_heard_of_it_tells_nobody(ports, village, lot):
    await an_order(ports, village.buyer, {village.dates: "2"})
    recall = await called_back(ports, village.garden, lot)
    await lifted(ports, village.garden, recall)
    await work(ports)
    assert await messages(ports, "lot_recalled") == await messages(ports, "recall_lifted") == []


async def test_same_id_and_words_again_change_nothing_others_are_refused(ports, village, lot):
    await an_order(ports, village.buyer, {village.dates: "2"})
    recall = await called_back(ports, village.garden, lot)
    async with nothing_happens(ports):
        assert await called_back(ports, village.garden, lot, id=recall) == recall
        with pytest.raises(IdTaken):
            await called_back(ports, village.garden, lot, id=recall, reason={"en": "Something else"})
        with pytest.raises(StateConflict):
            await called_back(ports, village.garden, lot)


async def test_who_may_ship_for_the_producer_may_recall_and_operators(ports, village, lot):
    clerk = await a_colleague(ports, village.garden, await a_person(ports), Grant.SEE)
    for other, refusal in ((clerk, GrantMissing), (village.loom, NotFound), (village.buyer, NotFound)):
        async with nothing_happens(ports):
            with pytest.raises(refusal):
                await called_back(ports, other, lot)
    operator = await an_operator(ports)
    recall = await called_back(ports, operator, lot)
    async with nothing_happens(ports):
        with pytest.raises(Forbidden):
            await lifted(ports, village.garden, recall)
        with pytest.raises(NotFound):
            await lifted(ports, village.loom, recall)
    await lifted(ports, operator, recall)


async def test_two_lots_with_one_id_are_told_apart_by_their_listing(ports, village):
    other = await a_listing(ports, village.garden)
    name = new_id("lot")
    for listing in (village.dates, other):
        await a_lot(ports, village.garden, listing, "5", id=name, **harvest(ports.clock.now().date()))
    with pytest.raises(Invalid):
        await called_back(ports, village.garden, name)
    await called_back(ports, village.garden, name, listing=other)
    recalled = await rows(ports, "SELECT listing_id FROM lot WHERE id = :id AND recalled_at IS NOT NULL", id=name)
    assert [each.listing_id for each in recalled] == [other]


async def test_lists_are_of_ones_own_producers_and_of_all_for_operators(ports, village, lot):
    first = await called_back(ports, village.garden, lot)
    second = await called_back(ports, village.loom, await lot_of(ports, village.carpets))
    await lifted(ports, village.loom, second)
    operator = await an_operator(ports)

    async def listed(someone, standing=False):
        async with ports.database.read() as connection:
            page = await list_recalls(connection, someone.caller, standing=standing, cursor=None, limit=10)
            return [each.id for each in page.items]

    assert await listed(village.garden) == [first]
    assert await listed(village.loom) == [second]
    assert await listed(village.buyer) == []
    assert await listed(operator) == [second, first]
    assert await listed(operator, standing=True) == [first]


async def test_agreed_goods_of_a_recalled_lot_cannot_be_ordered(ports, village, lot):
    offer = await a_held_offer(ports, village.buyer, village.garden, village.dates, "50", 8_000)
    lines = {"lines": [{"listing": village.dates, "quantity": "50", "offer": offer.id}]}
    quote = await a_quote(ports, village.buyer, {}, **lines)
    await called_back(ports, village.garden, lot)
    async with nothing_happens(ports):
        with pytest.raises(GoodsRecalled):
            await place(ports, village.buyer, ordering(quote))


@pytest.mark.parametrize("kind", ["stock", "offer"])
async def test_an_order_at_the_same_moment_is_in_the_recall_or_refused(ports, village, kind):
    """With real commits, again and again: no order with goods of a recalled lot is ever left out."""
    outcomes = set()
    for turn in range(8):
        listing = await a_listing(ports, village.garden)
        lot = await lot_of(ports, listing)
        buyers = [await a_person(ports) for _ in range(4 if kind == "stock" else 1)]
        bodies = [ordering(await _quoted(ports, village, buyer, listing, kind)) for buyer in buyers]

        async def later(story, wait):
            await asyncio.sleep(wait)
            return await story

        stories = [place(ports, buyer, body) for buyer, body in zip(buyers, bodies, strict=True)]
        recalled = later(called_back(ports, village.garden, lot), 0.004 * turn)
        answers = await asyncio.gather(*stories, recalled, return_exceptions=True)
        recall = answers.pop()
        assert isinstance(recall, str), recall
        assert all(isinstance(each, dict | Problem) for each in answers), answers
        placed = {each["id"] for each in answers if isinstance(each, dict)}
        assert {each.order for each in await goods_of(ports, village.garden.caller, recall)} == placed
        outcomes |= {isinstance(each, dict) for each in answers}
    assert outcomes


async def _quoted(ports, village, buyer, listing, kind):
    if kind == "stock":
        return await a_quote(ports, buyer, {listing: "2"})
    offer = await a_held_offer(ports, buyer, village.garden, listing, "50", 8_000)
    return await a_quote(ports, buyer, {}, lines=[{"listing": listing, "quantity": "50", "offer": offer.id}])
