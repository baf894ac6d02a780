"""A co-operative's price lists: its members and the buyers that it names are quoted by them, and nobody else sees that they exist."""

import pytest

from app.catalogue import price_lists, queries
from app.catalogue.errors import OfferChanged
from app.catalogue.price_list_schemas import PriceListChange
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.flows.show_order import show_order
from tests.factories.catalogue import CARPET, a_draft, a_listing, a_price_list
from tests.factories.identity import a_person
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, ordering, place
from tests.factories.tables import nothing_happens, statements_of
from tests.factories.village import a_village

template, ports = networked, planned


def fen(amount):
    return {"amount": amount, "currency": "CNY"}


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def line_of(ports, buyer, listing, quantity="1"):
    (line,) = (await a_quote(ports, buyer, {listing: quantity})).lines
    return line


async def page_of(ports, listing):
    async with ports.database.read() as connection:
        return (await queries.find_listing(connection, listing, ports.clock.now())).body


async def changed(ports, seller, list_id, **change):
    async with ports.begin() as session:
        row = await price_lists.lock_list(session, seller.caller, list_id)
        command = PriceListChange.model_validate(change)
        return await price_lists.change_list(session, row, command, ports.clock.now())


async def ended(ports, seller, list_id):
    async with ports.begin() as session:
        row = await price_lists.lock_list(session, seller.caller, list_id)
        await price_lists.end_list(session, row, ports.clock.now())


async def test_named_buyer_and_members_pay_the_lists_price_and_others_the_public_one(ports, village):
    prices = [{"listing": village.carpets, "price": fen(150_000), "tiers": [{"from": "3", "price": fen(140_000)}]}]
    listed = await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
    stranger = await a_person(ports)
    member = village.loom.person
    assert [(await line_of(ports, who, village.carpets)).price.amount for who in (village.buyer, stranger, member)] == [
        150_000,
        168_000,
        168_000,
    ]
    mine, three = [await line_of(ports, village.buyer, village.carpets, quantity) for quantity in ("1", "3")]
    assert (mine.price_list, mine.tier_from, mine.next_tier.from_, mine.next_tier.total.amount) == (
        listed,
        None,
        3,
        420_000,
    )
    assert (three.price_list, three.tier_from, three.price.amount, three.total.amount) == (listed, 3, 140_000, 420_000)
    theirs = await line_of(ports, stranger, village.carpets)
    assert (theirs.price_list, theirs.next_tier) == (None, None)
    await changed(ports, village.loom, listed, for_members=True)
    assert (await line_of(ports, member, village.carpets)).price.amount == 150_000
    assert (await line_of(ports, stranger, village.carpets)).price.amount == 168_000


async def test_order_freezes_the_price_and_the_list_that_it_is_from(ports, village):
    prices = [{"listing": village.carpets, "price": fen(150_000)}]
    listed = await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
    order = await an_order(ports, village.buyer, {village.carpets: "2"})
    await ended(ports, village.loom, listed)
    (line,) = (await show_order(ports, order["id"], village.buyer.caller, "en")).lines
    assert (line.price.amount, line.total.amount, line.price_list) == (150_000, 300_000, listed)
    assert (await line_of(ports, village.buyer, village.carpets)).price_list is None


@pytest.mark.parametrize("change", [{"prices": []}, {"buyers": []}, {"end": True}])
async def test_quote_by_a_list_that_has_changed_is_refused(ports, village, change):
    prices = [{"listing": village.carpets, "price": fen(150_000)}]
    listed = await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
    quote = await a_quote(ports, village.buyer, {village.carpets: "1"})
    if "end" in change:
        await ended(ports, village.loom, listed)
    else:
        await changed(ports, village.loom, listed, **change)
    async with nothing_happens(ports):
        with pytest.raises(OfferChanged):
            await place(ports, village.buyer, ordering(quote))
    assert (await line_of(ports, village.buyer, village.carpets)).price.amount == 168_000


async def test_buyer_never_pays_more_by_a_list_than_everybody(ports, village):
    prices = [{"listing": village.carpets, "price": fen(170_000)}]
    await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
    line = await line_of(ports, village.buyer, village.carpets)
    assert (line.price.amount, line.price_list) == (168_000, None)


async def test_public_page_says_nothing_of_a_list_and_costs_one_statement_as_before(ports, village):
    before = await page_of(ports, village.carpets)
    listed = await a_price_list(
        ports,
        village.loom,
        buyers=[village.buyer.id],
        prices=[{"listing": village.carpets, "price": fen(150_000)}],
    )
    with statements_of(ports.database) as sent:
        after = await page_of(ports, village.carpets)
    assert len(sent) == 1
    assert listed.encode() not in after
    assert b"150000" not in after

    def said(page):
        return [part for part in page.split(b",") if not part.startswith((b'"version"', b'"updated_at"'))]

    assert said(after) == said(before)


async def test_quote_by_lists_takes_as_many_statements_as_without(ports, village):
    counts = []
    for listed in (False, True):
        if listed:
            for _ in range(3):
                prices = [{"listing": village.carpets, "price": fen(150_000)}]
                await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
        await a_quote(ports, village.buyer, {village.carpets: "1"})
        with statements_of(ports.database) as sent:
            await a_quote(ports, village.buyer, {village.carpets: "1"})
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 6, sent


async def test_everything_that_is_wrong_with_a_list_is_named_at_once_and_nothing_changes(ports, village):
    prices = [
        {"listing": village.dates, "price": fen(1)},
        {"listing": village.carpets, "price": fen(0), "tiers": [{"from": "1", "price": fen(2)}]},
        {"listing": village.carpets, "price": fen(2)},
    ]
    buyers = [village.buyer.id, village.buyer.id, new_id("per")]
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as caught:
            await a_price_list(ports, village.loom, buyers=buyers, prices=prices)
    assert [gap.pointer for gap in caught.value.gaps] == [
        "/buyers/1",
        "/buyers/2",
        "/prices/0/listing",
        "/prices/1/price/amount",
        "/prices/1/tiers/0/from",
        "/prices/1/tiers/0/price/amount",
        "/prices/2/listing",
    ]


async def test_only_members_of_a_cooperative_keep_its_lists(ports, village):
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as caught:
            await a_price_list(ports, village.garden)
        assert [gap.pointer for gap in caught.value.gaps] == ["/producer"]
        with pytest.raises(Forbidden):
            await a_price_list(ports, village.garden, producer=village.loom.producer.id)
    listed = await a_price_list(ports, village.loom, buyers=[village.buyer.id])
    async with ports.begin() as session:
        for who in (village.garden, village.buyer):
            with pytest.raises(NotFound):
                await price_lists.get_list(session, who.caller, listed)
            with pytest.raises(NotFound):
                await price_lists.lock_list(session, who.caller, listed)
            assert (await price_lists.list_lists(session, who.caller, None, 10)).items == []


async def test_same_list_again_is_the_first_and_another_body_is_refused(ports, village):
    listed = new_id("prl")
    rug = await a_listing(ports, village.loom, CARPET)
    for _ in range(2):
        assert await a_price_list(ports, village.loom, id=listed, prices=[{"listing": rug, "price": fen(5)}]) == listed
    with pytest.raises(IdTaken):
        await a_price_list(ports, village.loom, id=listed, prices=[])


async def test_drafts_may_stand_on_a_list_before_they_are_on_sale(ports, village):
    draft = await a_draft(ports, village.loom, CARPET)
    assert await a_price_list(ports, village.loom, prices=[{"listing": draft, "price": fen(5)}])
