"""The public list and its search on a real database: filters, pages, words, and how few statements they take."""

from datetime import timedelta

import orjson
import pytest
from psycopg import AsyncCursor
from sqlalchemy import text

from app.catalogue import queries, service
from app.catalogue.values import Category, ListingStatus, Sort, Wanted
from app.core.errors import Invalid
from app.core.ids import new_id
from tests.db.selling import changed, listed, page, shown
from tests.factories.catalogue import CARPET, COTTON, a_draft, a_listing
from tests.factories.identity import LOOM, a_producer
from tests.factories.network import networked
from tests.factories.tables import statements_of

template = networked


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
    assert await listed(ports, cooperative_id=loom.producer.id) == [carpet]
    assert await listed(ports, cooperative_id=seller.producer.id) == []
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
        Wanted(cooperative_id="prd_roof"),
        Wanted(cooperative_id="prd_roof", sort=Sort.PRICE),
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


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(cooperative_id="prd_roof_7"), "ix_listing_cooperative_id_listed_at_id"),
        (Wanted(cooperative_id="prd_roof_7", sort=Sort.PRICE), "ix_listing_cooperative_id_price_minor_id"),
    ],
)
async def test_page_under_a_roof_is_one_range_of_an_index_of_its_own(ports, seller, wanted, index):
    await a_listing(ports, seller)
    async with ports.begin() as session:
        await session.execute(
            text(
                "INSERT INTO listing SELECT (jsonb_populate_record(listing, jsonb_build_object('id', 'lst_' || n, "
                "'cooperative_id', 'prd_roof_' || n % 50, 'listed_at', listed_at + n * interval '1 second'))).* "
                "FROM listing, generate_series(1, 5000) AS n"
            )
        )
    async with ports.database.read() as connection:
        await connection.execute(text("ANALYZE listing"))
        body = await queries.list_listings(connection, wanted, cursor=None, limit=24, now=ports.clock.now())
        items = orjson.loads(body)["items"]
        assert len(items) == 24
        statement = queries._statement(wanted.sort, ("published", "cooperative"), after=False)
        values = {"now": ports.clock.now(), "limit": 25, "cooperative": wanted.cooperative_id}
        driver = await queries.driver_of(connection)
        plan = "\n".join(row[0] for row in await (await driver.execute(f"EXPLAIN {statement}", values)).fetchall())
    assert index in plan
    assert "Sort" not in plan


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
