"""Listings on a real database: drafts, changes, and the states that they go through."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.catalogue.errors import ListingIncomplete
from app.catalogue.models import Listing, Lot
from app.catalogue.values import ListingEvent, ListingStatus
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.publish_listing import tell_sellers
from tests.db.selling import changed, created, gaps_of, listed, moved, published, shown
from tests.factories.catalogue import COTTON, HARVEST, JUJUBE, SHEEP, a_draft, a_listing, a_lot
from tests.factories.identity import a_person, a_producer, an_operator
from tests.factories.jobs import waiting
from tests.factories.network import networked
from tests.factories.tables import value

template = networked


async def test_a_draft_shows_what_was_said_and_what_follows_from_it(ports, seller):
    draft = await created(ports, seller, **COTTON)
    assert (draft.status, draft.version, draft.available) == (ListingStatus.DRAFT, 1, 0)
    assert draft.derived == {"micronaire_class": "B2"}
    assert (draft.county, draft.hub, draft.village) == ("653221", "HOTAN", {"zh-Hans": "巴格其镇", "en": "Bagqi"})
    assert draft == await shown(ports, draft.id)


async def test_a_draft_may_be_all_but_empty_but_not_wrong(ports, seller):
    bare = await created(ports, seller, category="produce", unit="box")
    assert (bare.title, bare.price, bare.package, bare.handling) == ({}, None, None, None)
    wrong = created(ports, seller, category="produce", unit="head", attributes={"colour": "red"}, step="0.5")
    assert await gaps_of(Invalid, wrong) == ["/attributes/colour", "/unit", "/step"]


async def test_creating_again_with_the_same_id_answers_the_first(ports, seller):
    asked = JUJUBE | {"id": new_id("lst")}
    first = await created(ports, seller, **asked)
    assert await created(ports, seller, **asked) == first
    with pytest.raises(IdTaken):
        await created(ports, seller, **asked | {"lead_time_h": 13})
    with pytest.raises(IdTaken):
        await created(ports, await a_producer(ports), **asked)


async def test_only_members_sell_for_a_producer(ports, seller):
    stranger = await a_producer(ports)
    with pytest.raises(Forbidden):
        await created(ports, stranger, **JUJUBE | {"producer": seller.producer.id})
    draft = await a_draft(ports, seller)
    with pytest.raises(NotFound):
        await changed(ports, stranger, draft, lead_time_h=1)
    on_sale = await a_listing(ports, seller)
    with pytest.raises(Forbidden):
        await changed(ports, stranger, on_sale, lead_time_h=1)


async def test_publishing_names_every_gap_and_changes_nothing(ports, seller):
    draft = await created(ports, seller, category="livestock", unit="head", attributes={"species": "sheep"})
    await a_lot(ports, seller, draft.id, "2")
    named = await gaps_of(ListingIncomplete, published(ports, seller, draft.id))
    assert named == [
        "/attributes/breed",
        "/attributes/age_months",
        "/title",
        "/price",
        "/package",
        "/handling",
        "/lots/0/ear_tags",
        "/lots/0/certificates",
    ]
    assert await shown(ports, draft.id) == draft.model_copy(update={"available": Decimal(2)})
    assert await waiting(ports) == []


async def test_publishing_twice_puts_one_job_and_sellers_hear_of_it(ports, seller):
    listing_id = await a_listing(ports, seller)
    await published(ports, seller, listing_id)
    assert await waiting(ports) == [("listing.published", {"listing": listing_id})]
    assert (await shown(ports, listing_id)).version == 2
    await tell_sellers(ports, listing_id)
    assert "和田骏枣" in await value(ports, "SELECT text FROM message WHERE template = 'listing_published'")


async def test_a_paused_listing_leaves_the_list_and_comes_back_where_it_was(ports, seller):
    first, second = await a_listing(ports, seller), await a_listing(ports, seller)
    at = (await shown(ports, first)).published_at
    await moved(ports, seller, first, ListingEvent.PAUSE)
    assert await listed(ports) == [second]
    ports.clock.advance(timedelta(hours=1))
    await published(ports, seller, first)
    assert await listed(ports) == [second, first] or await listed(ports) == [first, second]
    assert (await shown(ports, first)).published_at == at


async def test_operators_take_goods_off_sale_and_nobody_brings_back_the_archived(ports, seller):
    listing_id = await a_listing(ports, seller)
    with pytest.raises(Forbidden):
        await moved(ports, await a_person(ports), listing_id, ListingEvent.ARCHIVE)
    await moved(ports, await an_operator(ports), listing_id, ListingEvent.ARCHIVE)
    await moved(ports, seller, listing_id, ListingEvent.ARCHIVE)
    for refused in (published(ports, seller, listing_id), moved(ports, seller, listing_id, ListingEvent.PAUSE)):
        with pytest.raises(StateConflict):
            await refused
    with pytest.raises(StateConflict):
        await changed(ports, seller, listing_id, lead_time_h=1)
    with pytest.raises(StateConflict):
        await a_lot(ports, seller, listing_id, "1", **HARVEST)


async def test_a_change_raises_the_version_and_needs_the_one_it_was_made_for(ports, seller):
    listing_id = await a_listing(ports, seller)
    cheaper = await changed(ports, seller, listing_id, {2}, price={"amount": 7_700, "currency": "CNY"})
    assert (cheaper.version, cheaper.price.amount) == (3, 7_700)
    with pytest.raises(Changed):
        await changed(ports, seller, listing_id, {2}, lead_time_h=1)
    with pytest.raises(Changed):
        await changed(ports, seller, listing_id, set(), lead_time_h=1)


async def test_what_is_on_sale_stays_complete(ports, seller):
    listing_id = await a_listing(ports, seller)
    refused = changed(
        ports, seller, listing_id, title={}, attributes={"grade": "1"}, package=JUJUBE["package"] | {"width_mm": 3}
    )
    assert await gaps_of(ListingIncomplete, refused) == ["/attributes/variety", "/title", "/package"]
    flocks = await a_listing(ports, seller, SHEEP)
    goats = changed(ports, seller, flocks, attributes=SHEEP["attributes"] | {"species": "goat"})
    assert await gaps_of(ListingIncomplete, goats) == ["/attributes/species"]


async def test_a_new_shelf_life_moves_the_day_on_which_lots_spoil(ports, seller):
    listing_id = await a_listing(ports, seller)
    assert (await shown(ports, listing_id)).available == 500
    await changed(ports, seller, listing_id, handling={"temperature": "ambient", "shelf_life_h": 24})
    assert (await shown(ports, listing_id)).available == 0
    await changed(ports, seller, listing_id, handling={"temperature": "ambient"})
    assert (await shown(ports, listing_id)).available == 500


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (Lot, {"reserved": 400, "consumed": 101}),
        (Lot, {"reserved": -1}),
        (Lot, {"quantity": 0}),
        (Listing, {"price_minor": 0}),
        (Listing, {"price_minor": None}),
        (Listing, {"temperature": None}),
        (Listing, {"step": 0}),
    ],
)
async def test_the_database_itself_refuses_what_cannot_be(ports, seller, table, columns):
    await a_listing(ports, seller)
    with pytest.raises(IntegrityError):
        async with ports.begin() as session:
            await session.execute(update(table).values(columns))
