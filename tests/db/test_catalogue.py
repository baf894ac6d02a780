"""Listings, lots and photos on a real database: drafts, changes, states, the public list and its search."""

from datetime import date, timedelta
from decimal import Decimal

import orjson
import pytest
from psycopg import AsyncCursor
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from app.catalogue import lots, photos, queries, service
from app.catalogue.errors import ListingIncomplete, StockTaken, TooManyUploads, UploadDiffers, UploadMissing
from app.catalogue.models import Listing, Lot
from app.catalogue.reserve import StockWant, reserve
from app.catalogue.schemas import ListingCard, ListingChange, ListingShape, LotChange, NewListing, NewMedia
from app.catalogue.values import UPLOADS_WAITING_MAX, Category, ListingEvent, ListingStatus, Sort, Wanted
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.paging import Page
from app.core.storage import Stored
from app.flows.publish_listing import publish_listing, tell_sellers
from tests.factories.catalogue import CARPET, COTTON, HARVEST, JUJUBE, SHEEP, a_draft, a_listing, a_lot, a_photo, flock
from tests.factories.identity import LOOM, a_person, a_producer, an_operator
from tests.factories.jobs import waiting
from tests.factories.network import networked
from tests.factories.tables import statements_of, value

template = networked


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)


async def shown(ports, listing_id):
    async with ports.database.read() as connection:
        rendered = await queries.find_listing(connection, listing_id, ports.clock.now())
    return ListingShape.model_validate_json(rendered.body)


async def page(ports, *, cursor=None, limit=24, **wanted):
    async with ports.database.read() as connection:
        body = await queries.list_listings(
            connection, Wanted(**wanted), cursor=cursor, limit=limit, now=ports.clock.now()
        )
    return Page[ListingCard].model_validate_json(body)


async def listed(ports, **wanted):
    return [item.id for item in (await page(ports, **wanted)).items]


async def changed(ports, seller, listing_id, versions=None, **change):
    async with ports.begin() as session:
        command = ListingChange.model_validate(change)
        await service.change_listing(session, seller.caller, listing_id, command, versions, ports.clock.now())
    return await shown(ports, listing_id)


async def created(ports, seller, **asked):
    async with ports.begin() as session:
        command = NewListing.model_validate({"producer": seller.producer.id} | asked)
        rendered = await service.create_listing(session, seller.caller, command, ports.clock.now())
    return ListingShape.model_validate_json(rendered.body)


async def moved(ports, who, listing_id, event):
    async with ports.begin() as session:
        await service.end_sale(session, who.caller, listing_id, event, ports.clock.now())


async def published(ports, who, listing_id):
    async with ports.begin() as session:
        await publish_listing(session, who.caller, listing_id, ports.clock.now())


async def gaps_of(refused, awaited):
    with pytest.raises(refused) as caught:
        await awaited
    return [gap.pointer for gap in caught.value.gaps]


async def corrected(ports, seller, listing_id, lot_id, **change):
    async with ports.begin() as session:
        command = LotChange.model_validate(change)
        return await lots.change_lot(session, seller.caller, listing_id, lot_id, command, ports.clock.now())


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


async def test_stock_counts_from_the_day_it_is_there(ports, seller):
    listing_id = await a_listing(ports, seller)
    soon = (ports.clock.now() + timedelta(days=2)).isoformat()
    await a_lot(ports, seller, listing_id, "25", available_from=soon, **HARVEST)
    assert (await shown(ports, listing_id)).available == 500
    ports.clock.advance(timedelta(days=2))
    assert (await shown(ports, listing_id)).available == 525
    assert [item.available for item in (await page(ports)).items] == [Decimal(525)]


async def test_a_lot_is_added_once_for_its_id(ports, seller):
    listing_id, lot_id = await a_draft(ports, seller), new_id("lot")
    for _ in range(2):
        assert await a_lot(ports, seller, listing_id, "5", id=lot_id, **HARVEST) == lot_id
    with pytest.raises(IdTaken):
        await a_lot(ports, seller, listing_id, "6", id=lot_id, **HARVEST)
    assert (await shown(ports, listing_id)).available == 5


async def test_lots_of_goods_on_sale_are_complete(ports, seller):
    listing_id = await a_listing(ports, seller)
    assert await gaps_of(Invalid, a_lot(ports, seller, listing_id, "5")) == ["/harvested_on"]
    assert await gaps_of(Invalid, a_lot(ports, seller, listing_id, "5.5", **HARVEST)) == ["/quantity"]


async def test_an_ear_tag_stands_in_one_lot_until_its_listing_is_archived_unsold(ports, seller):
    animals = flock()
    first = await a_draft(ports, seller, SHEEP)
    await a_lot(ports, seller, first, "2", **animals)
    other = await a_draft(ports, await_other := await a_producer(ports), SHEEP)
    again = a_lot(
        ports, await_other, other, "2", **animals | {"ear_tags": [*flock(1)["ear_tags"], animals["ear_tags"][1]]}
    )
    assert await gaps_of(Invalid, again) == ["/ear_tags/1"]
    await moved(ports, seller, first, ListingEvent.ARCHIVE)
    await a_lot(ports, await_other, other, "2", **animals)


async def test_a_lot_is_corrected_but_not_below_what_is_sold(ports, seller):
    listing_id = await a_draft(ports, seller)
    lot_id = await a_lot(ports, seller, listing_id, "10", **HARVEST)
    await published(ports, seller, listing_id)
    async with ports.begin() as session:
        await reserve(session, new_id("ord"), [StockWant("lin", listing_id, Decimal(4), 2)], ports.clock.now())
    lot = await corrected(ports, seller, listing_id, lot_id, quantity="6", harvested_on="2026-01-21")
    assert (lot.quantity, lot.available, lot.reserved, lot.harvested_on) == (6, 2, 4, date(2026, 1, 21))
    with pytest.raises(StockTaken):
        await corrected(ports, seller, listing_id, lot_id, quantity="3")
    assert await gaps_of(Invalid, corrected(ports, seller, listing_id, lot_id, harvested_on="2026-03-03")) == [
        "/harvested_on"
    ]
    with pytest.raises(NotFound):
        await corrected(ports, seller, listing_id, new_id("lot"), quantity="3")


async def test_a_renewed_certificate_lets_animals_be_published(ports, seller):
    listing_id = await a_draft(ports, seller, SHEEP)
    animals = flock()
    lot_id = await a_lot(ports, seller, listing_id, "2", **animals)
    ports.clock.advance(timedelta(days=7))
    assert await gaps_of(ListingIncomplete, published(ports, seller, listing_id)) == ["/lots/0/certificates"]
    fresh = animals["certificates"][0] | {"issued_on": "2026-03-09", "expires_on": "2026-03-14"}
    await corrected(ports, seller, listing_id, lot_id, certificates=[fresh])
    await published(ports, seller, listing_id)


async def test_lots_are_for_their_sellers_eyes(ports, seller):
    listing_id = await a_listing(ports, seller)
    await a_lot(ports, seller, listing_id, "7", **HARVEST)
    operator, stranger = await an_operator(ports), await a_person(ports)
    async with ports.database.read() as connection:
        for who in (seller, operator):
            first = await lots.list_lots(connection, who.caller, listing_id, cursor=None, limit=1)
            rest = await lots.list_lots(connection, who.caller, listing_id, cursor=first.next_cursor, limit=1)
            assert [lot.quantity for lot in (*first.items, *rest.items)] == [7, 500]
            assert rest.next_cursor is None
        with pytest.raises(NotFound):
            await lots.list_lots(connection, stranger.caller, listing_id, cursor=None, limit=1)


async def test_filters_and_orders_of_the_public_list(ports, seller):
    loom = await a_producer(ports, **LOOM)
    dear = await a_listing(ports, seller, price={"amount": 9_900, "currency": "CNY"})
    ports.clock.advance(timedelta(minutes=1))
    cheap = await a_listing(ports, seller, price={"amount": 1_100, "currency": "CNY"})
    ports.clock.advance(timedelta(minutes=1))
    carpet = await a_listing(ports, loom, CARPET, quantity="5")
    draft = await a_draft(ports, seller)
    assert await listed(ports) == [carpet, cheap, dear]
    assert await listed(ports, sort=Sort.PRICE) == [cheap, dear, carpet]
    assert await listed(ports, category=Category.PRODUCE) == [cheap, dear]
    assert await listed(ports, max_price_minor=9_900) == [cheap, dear]
    assert await listed(ports, max_price_minor=9_899, category=Category.PRODUCE) == [cheap]
    assert await listed(ports, county="65") == [carpet, cheap, dear]
    assert await listed(ports, county="6531", sort=Sort.PRICE) == [carpet]
    assert await listed(ports, county="653221", category=Category.PRODUCE) == [cheap, dear]
    assert await listed(ports, county="653221", category=Category.HANDICRAFT) == []
    assert await listed(ports, producer_id=seller.producer.id) == [cheap, dear]
    drafts = {"producer_id": seller.producer.id, "status": ListingStatus.DRAFT}
    assert await listed(ports, **drafts, sort=Sort.PRICE) == [draft]


@pytest.mark.parametrize("asked", [{}, {"q": "骏枣 hotan"}, {"max_price_minor": 10_000}, {"county": "65"}])
@pytest.mark.parametrize("order", Sort)
async def test_pages_hold_everything_once_though_keys_are_equal(ports, seller, order, asked):
    made = {await a_listing(ports, seller) for _ in range(5)}
    seen, cursor = [], None
    for _ in range(3):
        one = await page(ports, cursor=cursor, limit=2, sort=order, **asked)
        seen += [item.id for item in one.items]
        cursor = one.next_cursor
    assert cursor is None
    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "WyIxIiwieCJd", "WzFlOTk5LCJ4Il0"])
async def test_a_foreign_cursor_is_refused(ports, cursor):
    with pytest.raises(Invalid):
        await page(ports, cursor=cursor)


@pytest.mark.parametrize("key", [-(2**63), 2**63])
@pytest.mark.parametrize("order", Sort)
async def test_a_forged_key_in_a_cursor_harms_nobody(ports, seller, order, key):
    await a_listing(ports, seller)
    forged = queries.encode_cursor([key, "lst"]) if abs(key) < 2**63 else queries.encode_cursor([-(2**60), "lst"])
    await page(ports, cursor=forged, sort=order)


@pytest.mark.parametrize(
    "typed",
    [
        "骏枣",
        "和田",
        "自然风干",
        "一级",
        "枣园",
        "巴格其",
        "农产品",
        "jujub",
        "HOTAN date",
        "和田骏枣 box",
        "bagqi 骏枣",
        "枣",
    ],
)
async def test_search_finds_words_of_title_text_attributes_producer_and_village(ports, seller, typed):
    dates = await a_listing(ports, seller)
    await a_listing(ports, await a_producer(ports, **LOOM), COTTON, quantity="9")
    assert await listed(ports, q=typed) == [dates]
    assert await listed(
        ports, q=typed, category=Category.PRODUCE, county="6532", sort=Sort.PRICE, max_price_minor=10**6
    ) == [dates]
    assert await listed(ports, q=typed, category=Category.COTTON) == []


@pytest.mark.parametrize(
    "typed", ["苹果", "骏枣 苹果", "ujub", "!!!", "'; DROP TABLE listing; --", "a' | 'b", "\\", "&&", ":*"]
)
async def test_search_finds_nothing_that_is_not_there_whatever_is_typed(ports, seller, typed):
    await a_listing(ports, seller)
    assert await listed(ports, q=typed) == []


async def test_search_follows_a_change(ports, seller):
    listing_id = await a_listing(ports, seller)
    await changed(ports, seller, listing_id, title={"zh-Hans": "若羌灰枣"})
    assert await listed(ports, q="灰枣") == [listing_id]
    assert await listed(ports, q="5 公斤箱装") == []


async def test_listings_follow_their_producer(ports, seller):
    listing_id = await a_listing(ports, seller)
    async with ports.begin() as session:
        moved_to = {"name": '{"zh-Hans": "昆仑果园"}', "county": "652901", "hub": "AKSU", "id": seller.producer.id}
        await session.execute(
            text("UPDATE producer SET name = CAST(:name AS jsonb), county = :county, hub = :hub WHERE id = :id"),
            moved_to,
        )
    for version in (3, 3):
        async with ports.begin() as session:
            assert await service.refresh_listings(session, seller.producer.id, ports.clock.now()) is None
        assert (await shown(ports, listing_id)).version == version
    assert await listed(ports, q="昆仑果园", county="6529") == [listing_id]
    assert await listed(ports, county="6532") == []


async def test_a_page_and_a_listing_take_one_statement_each(ports, seller, monkeypatch):
    made = [await a_listing(ports, seller) for _ in range(3)]
    sent = []
    execute = AsyncCursor.execute

    async def noting(self, query, *rest, **more):
        sent.append(query)
        return await execute(self, query, *rest, **more)

    monkeypatch.setattr(AsyncCursor, "execute", noting)
    async with ports.database.read() as connection:
        sent.clear()
        await queries.list_listings(connection, Wanted(), cursor=None, limit=24, now=ports.clock.now())
        await queries.find_listing(connection, made[0], ports.clock.now())
    assert len(sent) == 2


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(sort=Sort.PRICE),
        Wanted(category=Category.PRODUCE),
        Wanted(county="653221"),
        Wanted(category=Category.PRODUCE, county="65"),
        Wanted(max_price_minor=10_000, sort=Sort.PRICE),
    ],
)
async def test_among_many_listings_a_page_is_read_by_a_plan_that_was_kept(ports, seller, wanted):
    await a_listing(ports, seller)
    async with ports.begin() as session:
        await session.execute(
            text(
                "INSERT INTO listing SELECT (jsonb_populate_record(listing, jsonb_build_object('id', 'lst_' || n))).* "
                "FROM listing, generate_series(1, 3000) AS n"
            )
        )
    async with ports.database.read() as connection:
        await connection.execute(text("ANALYZE listing"))
        for limit in (24, 100, 12, 50) * 3:
            await queries.list_listings(connection, wanted, cursor=None, limit=limit, now=ports.clock.now())
        plans = text("SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE '%document%'")
        assert (await connection.execute(plans)).scalar_one() > 0


async def test_offers_take_one_statement_for_any_number(ports, seller):
    made = [await a_listing(ports, seller) for _ in range(3)]
    draft = await a_draft(ports, seller)
    async with ports.begin() as session:
        with statements_of(ports.database) as sent:
            offered = await queries.offers(session, [*made, draft, new_id("lst")], ports.clock.now())
    assert len(sent) == 1
    assert set(offered) == set(made)
    offer = offered[made[0]]
    assert (offer.price.amount, offer.available, offer.version, offer.species) == (8_800, 500, 2, None)
    assert (offer.hub, offer.county, offer.lead_time_h, offer.shelf_life_h) == ("HOTAN", "653221", 12, 4_320)


async def test_photos_are_announced_uploaded_shown_and_let_go(ports, seller):
    photo_id = await a_photo(ports, seller)
    not_ready = changed(ports, seller, listing_id := await a_draft(ports, seller), photos=[photo_id])
    assert await gaps_of(Invalid, not_ready) == ["/photos/0"]
    async with ports.begin() as session:
        await photos.mark_ready(session, photo_id)
    seen = await changed(ports, seller, listing_id, photos=[photo_id])
    assert [photo.id for photo in seen.photos] == [photo_id]
    other = changed(ports, seller, await a_draft(ports, seller), photos=[photo_id])
    assert await gaps_of(Invalid, other) == ["/photos/0"]
    twice = changed(ports, seller, listing_id, photos=[photo_id, photo_id])
    assert await gaps_of(Invalid, twice) == ["/photos"]
    ports.clock.advance(timedelta(days=2))
    async with ports.begin() as session:
        assert await photos.forget_unused(session, ports.clock.now()) == []
    await changed(ports, seller, listing_id, photos=[])
    async with ports.begin() as session:
        assert await photos.forget_unused(session, ports.clock.now()) == [f"media/{photo_id}.jpg"]
    assert await value(ports, "SELECT count(*) FROM media") == 0


async def test_a_photo_is_private_until_its_listing_is_public(ports, seller):
    photo_id, stranger = await a_photo(ports, seller), await a_person(ports)
    async with ports.begin() as session:
        await photos.mark_ready(session, photo_id)
    listing_id = await a_draft(ports, seller, photos=[photo_id])
    await a_lot(ports, seller, listing_id, "1", **HARVEST)

    async def seen_by(caller):
        async with ports.database.read() as connection:
            return (await photos.find_photo(connection, caller, photo_id)).media.id

    assert await seen_by(seller.caller) == photo_id
    for caller in (None, stranger.caller):
        with pytest.raises(NotFound):
            await seen_by(caller)
    await published(ports, seller, listing_id)
    assert await seen_by(None) == await seen_by(stranger.caller) == photo_id


async def test_an_upload_is_what_was_announced(ports, seller):
    async with ports.begin() as session:
        command = NewMedia(content_type="image/png", bytes=3, sha256="0" * 64)
        media = (await photos.announce_photo(session, seller.caller, command, ports.clock.now())).media
    photos.require_arrived(media, Stored(3, "0" * 64))
    photos.require_arrived(media, Stored(3, None))
    with pytest.raises(UploadMissing):
        photos.require_arrived(media, None)
    for stored in (Stored(4, "0" * 64), Stored(3, "1" * 64)):
        with pytest.raises(UploadDiffers):
            photos.require_arrived(media, stored)


async def test_waiting_uploads_are_bounded(ports, seller):
    photo_id = await a_photo(ports, seller)
    row = "SELECT id || n, person_id, content_type, bytes, sha256, state, created_from, created_at FROM media, "
    async with ports.begin() as session:
        copies = f"{row} generate_series(2, {UPLOADS_WAITING_MAX}) n"
        columns = "(id, person_id, content_type, bytes, sha256, state, created_from, created_at)"
        await session.execute(text(f"INSERT INTO media {columns} {copies}"))
    with pytest.raises(TooManyUploads):
        await a_photo(ports, seller)
    assert photo_id


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


async def test_a_listing_of_many_languages_and_photos_is_found_and_shown_whole(ports, seller):
    tags = ["zh-Hans", "en", "ug", "kk-Arab", "ky-Arab", "bo", "mn-Mong", "ii", "za", "ru", "ur", "ko"]
    long = {tag: f"{tag} " + "枣" * 3_900 for tag in tags}
    listing_id = await a_listing(ports, seller, title={tag: f"{tag} 骏枣" for tag in tags}, description=long)
    seen = await shown(ports, listing_id)
    assert seen.description == long
    assert await listed(ports, q="骏枣 mong") == [listing_id]
    async with ports.database.read() as connection:
        body = await queries.list_listings(connection, Wanted(), cursor=None, limit=24, now=ports.clock.now())
    assert b"description" not in body
    assert len(orjson.loads(body)["items"]) == 1
