"""Reads of listings, one statement each. A page and one listing, the hot ones, go from text kept ready to text sent.

These two speak to the driver itself: compiling statements and typing rows would cost more than the query.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from string import Template
from typing import Any, Final

import orjson
from psycopg import AsyncClientCursor
from psycopg.rows import tuple_row

from app.catalogue.attributes import storage_of
from app.catalogue.pricing import ladder
from app.catalogue.rendering import tiers_of
from app.catalogue.rules import is_packed
from app.catalogue.search import search_query
from app.catalogue.values import (
    Category,
    CycleTerms,
    ListingStatus,
    LotStock,
    Offer,
    Parcel,
    Rendered,
    Sort,
    Species,
    Tier,
    Wanted,
)
from app.core.database import Reader, Sql, driver_of
from app.core.limits import PAGE_SIZE_MAX
from app.core.money import Money
from app.core.paging import decode_cursor, encode_cursor
from app.core.quantity import GRAMS, Unit
from app.identity.values import Caller
from app.network.values import Temperature
from app.packaging.values import Goods

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# What can be had of a listing at `now`: the rest of its lots that have begun and have not spoilt, and of forecasts what may
# be sold ahead; but a forecast whose day has come is no longer sold before it is confirmed, and nothing of a recalled lot is.
SELLABLE: Final = (
    "(available_from IS NULL OR (available_from <= :now) = (presold_max IS NULL)) "
    "AND (expires_at IS NULL OR expires_at > :now) AND recalled_at IS NULL"
)
FREE: Final = "coalesce(presold_max, quantity) - reserved - consumed"
AVAILABLE: Final = (
    Template("(SELECT coalesce(trim_scale(sum($free)), 0) FROM lot WHERE lot.listing_id = listing.id AND $sellable)")
    .substitute(free=FREE, sellable=SELLABLE)
    .replace(":now", "%(now)s")
)
_ONE: Final = Template(
    "SELECT document, description::text, $available::text, version, producer_id, status FROM listing WHERE id = %(id)s"
).substitute(available=AVAILABLE)
# The end of a statement on listings that are or were on sale.
_ON_SALE: Final = "FROM listing WHERE listing.id = ANY(:listings) AND status IN ('published', 'paused')"
_OFFERS: Final = Sql(
    Template(
        "SELECT listing.id, producer_id, category, title, unit, price_minor, currency, tiers, net_weight_g, weighed, price_per, weight_g, length_mm, width_mm, "
        "height_mm, min_quantity, step, temperature, shelf_life_h, lead_time_h, hub, county, version, status, "
        "attributes ->> 'species' AS species, attributes -> 'made_to_order' = 'true' AS made_to_order, "
        "CASE WHEN category = 'produce' THEN attributes END AS stored, "
        "(SELECT jsonb_build_object('id', id, 'service', service_id, 'hub', hub, 'lead_time_h', lead_time_h, 'open_h', open_h) "
        "FROM order_cycle WHERE order_cycle.id = listing.cycle_id) AS cycle, "
        "(SELECT jsonb_agg(jsonb_build_object('id', price_list.id, 'price_minor', priced.price_minor, 'tiers', priced.tiers)) "
        "FROM price_list_price AS priced JOIN price_list ON price_list.id = priced.price_list_id "
        "WHERE priced.listing_id = listing.id AND (price_list.for_members AND price_list.producer_id = ANY(:producers) "
        "OR EXISTS (SELECT FROM price_list_buyer WHERE price_list_id = price_list.id AND person_id = :buyer))) AS lists, "
        "(SELECT json_agg(json_build_array(lot.id, ($free)::text, expires_at, available_from)) FROM lot "
        "WHERE lot.listing_id = listing.id AND $sellable AND $free > 0) AS lots $on_sale"
    ).substitute(on_sale=_ON_SALE, free=FREE, sellable=SELLABLE)
)
_STOCKS: Final = Sql(
    Template(
        "SELECT id, version, (SELECT coalesce(sum($free), 0) FROM lot WHERE lot.listing_id = listing.id AND $sellable) "
        "AS available $on_sale"
    ).substitute(on_sale=_ON_SALE, free=FREE, sellable=SELLABLE)
)
_FILTERS: Final = {
    "published": "status = 'published'",
    "status": "status = %(status)s",
    "category": "category = %(category)s",
    "province": "province = %(county)s",
    "prefecture": "prefecture = %(county)s",
    "county": "county = %(county)s",
    "max_price": "price_minor <= %(max_price)s",
    "query": "search @@ %(query)s::tsquery",
    "producer": "producer_id = %(producer)s",
    "cooperative": "cooperative_id = %(cooperative)s",
}
# A page is the beginning of a range of an index … The longest page stands in the statement, because PostgreSQL takes a
# limit that is a parameter for a tenth of the range: a kept plan would then look dear among many listings, and every
# page be planned anew, which costs more than reading it.
_RANGED_PAGE: Final = Template("SELECT id, document, $key FROM listing WHERE $ranged $order LIMIT $longest")
# … or has to be sifted out of it, and then the range may be long: words that are common may never meet. So only its
# beginning is sifted; when that does not fill the page, little fits, and all of it is looked up and sorted.
_SIFTED: Final = {Sort.NEWEST: frozenset({"query", "max_price"}), Sort.PRICE: frozenset({"query"})}
_SIFTED_PAGE: Final = Template(
    "WITH near AS MATERIALIZED (SELECT id, document, $key FROM "
    "(SELECT id, document, listed_at, price_minor, search FROM listing WHERE $ranged $order LIMIT 2000) AS begun "
    "WHERE $sifted $order LIMIT %(limit)s), "
    "filled AS MATERIALIZED (SELECT count(*) = %(limit)s AS page FROM near), "
    "far AS MATERIALIZED (SELECT id, document, $key FROM listing "
    "WHERE $ranged AND $sifted AND NOT (SELECT page FROM filled)) "
    "SELECT id, document, $key FROM near WHERE (SELECT page FROM filled) "
    "UNION ALL (SELECT id, document, $key FROM far $order LIMIT %(limit)s)"
)
_STOCKED: Final = Template("SELECT document, $available::text, $key, id FROM ($page) AS listing $order LIMIT %(limit)s")
_PACKED: Final = Sql(
    "SELECT id, category, temperature, weight_g, length_mm, width_mm, height_mm FROM listing WHERE id = ANY(:listings)"
)
_PLACES: Final = {2: "province", 4: "prefecture", 6: "county"}
_ORDERS: Final = {Sort.NEWEST: ("listed_at", "<", "DESC"), Sort.PRICE: ("price_minor", ">", "ASC")}


async def find_listing(connection: Reader, listing_id: str, now: datetime) -> Rendered | None:
    """A listing in whatever state, with its stock. One statement. What a session changed must be flushed before."""
    driver = await driver_of(connection)
    async with driver.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_ONE, {"id": listing_id, "now": now})
        row = await cursor.fetchone()
    if row is None:
        return None
    document, description, available, version, producer_id, status = row
    body = f'{document[:-1]},"available":"{available}","description":{description}}}'
    return Rendered(body.encode(), f'"{version}-{available}"', producer_id, ListingStatus(status))


async def list_listings(connection: Reader, wanted: Wanted, *, cursor: str | None, limit: int, now: datetime) -> bytes:
    """A page as JSON. One statement that reads one range of one index, however many listings there are.

    Its plan is kept, but for a price limit that has to be sifted: that is best answered in ways that depend on the limit, so
    it is sent with its values in it.
    """
    after = decode_cursor(cursor, int, str)
    query = search_query(wanted.q)
    if wanted.q and query is None:
        return _page([], None)
    # Drafts may lack a price, so only what is on sale is sorted by it.
    sort = wanted.sort if wanted.status is ListingStatus.PUBLISHED else Sort.NEWEST
    values = {
        "now": now,
        "limit": limit + 1,
        "status": wanted.status.value,
        "category": wanted.category,
        "county": wanted.county,
        "max_price": wanted.max_price_minor,
        "query": query,
        "producer": wanted.producer_id,
        "cooperative": wanted.cooperative_id,
        **_after(sort, after),
    }
    statement = _statement(sort, _filters(wanted), after=after is not None)
    depends = wanted.max_price_minor is not None and "max_price" in _SIFTED[sort]
    driver = await driver_of(connection)
    reading = AsyncClientCursor(driver, row_factory=tuple_row) if depends else driver.cursor(row_factory=tuple_row)
    async with reading:
        await reading.execute(statement, values)
        rows = await reading.fetchall()
    if len(rows) <= limit:
        return _page(rows, None)
    return _page(rows[:limit], _cursor(sort, *rows[limit - 1][2:]))


async def stocks(connection: Reader, listing_ids: Collection[str], now: datetime) -> dict[str, tuple[int, Decimal]]:
    """The version of each of these listings that are or were on sale, and what can be had of it. One statement."""
    rows = await _STOCKS.all(connection, {"listings": list(listing_ids), "now": now})
    return {row.id: (row.version, row.available) for row in rows}


async def offers(
    connection: Reader, listing_ids: Collection[str], now: datetime, buyer: Caller | None = None
) -> dict[str, Offer]:
    """What stands behind these listings now, at this buyer's prices; those never published, or archived, are absent.

    One statement.
    """
    whose = {
        "buyer": buyer.id if buyer else "",
        "producers": sorted(buyer.producers | buyer.cooperatives) if buyer else [],
    }
    rows = await _OFFERS.all(connection, {"listings": list(listing_ids), "now": now, **whose})
    return {row.id: _offer(row) for row in rows}


async def goods_to_pack(connection: Reader, listing_ids: Collection[str]) -> dict[str, Goods]:
    """What one unit of each of these listings ships as, on sale or not; none of them counted yet. One statement."""
    rows = await _PACKED.all(connection, {"listings": list(listing_ids)})
    return {
        row.id: Goods(
            length_mm=row.length_mm,
            width_mm=row.width_mm,
            height_mm=row.height_mm,
            weight_g=row.weight_g,
            count=Decimal(0),
            temperature=row.temperature,
            already_packed=is_packed(Category(row.category)),
        )
        for row in rows
    }


def _filters(wanted: Wanted) -> tuple[str, ...]:
    asked = {
        "published" if wanted.status is ListingStatus.PUBLISHED else "status": True,
        "category": wanted.category,
        _PLACES.get(len(wanted.county), ""): wanted.county,
        "max_price": wanted.max_price_minor is not None,
        "query": wanted.q,
        "producer": wanted.producer_id,
        "cooperative": wanted.cooperative_id,
    }
    return tuple(name for name, value in asked.items() if value)


@cache
def _statement(sort: Sort, filters: tuple[str, ...], *, after: bool) -> str:
    """The statement for these filters; a few hundred exist. The stock is looked up for the page's own listings only."""
    key, beyond, direction = _ORDERS[sort]
    ranged = [_FILTERS[name] for name in filters if name not in _SIFTED[sort]]
    sifted = [_FILTERS[name] for name in filters if name in _SIFTED[sort]]
    if after:
        ranged.append(f"({key}, id) {beyond} (%(after_key)s, %(after_id)s)")
    words = {
        "key": key,
        "ranged": " AND ".join(ranged),
        "sifted": " AND ".join(sifted),
        "order": f"ORDER BY {key} {direction}, id {direction}",
        "longest": PAGE_SIZE_MAX + 1,
    }
    page = (_SIFTED_PAGE if sifted else _RANGED_PAGE).substitute(words)
    return _STOCKED.substitute(words, available=AVAILABLE, page=page)


def _after(sort: Sort, after: tuple[str | int, ...] | None) -> dict[str, Any]:
    if after is None:
        return {}
    # No list holds a later time or a higher price; the calendar would end soon after.
    key, listing_id = min(max(int(after[0]), 0), 2**53), after[1]
    return {"after_key": key if sort is Sort.PRICE else _EPOCH + key * _MICROSECOND, "after_id": listing_id}


def _cursor(sort: Sort, key: Any, listing_id: str) -> str:
    return encode_cursor([key if sort is Sort.PRICE else (key - _EPOCH) // _MICROSECOND, listing_id])


def _page(rows: Sequence[tuple[Any, ...]], next_cursor: str | None) -> bytes:
    items = ",".join([f'{row[0][:-1]},"available":"{row[1]}"}}' for row in rows])
    return b'{"items":[%b],"next_cursor":%b}' % (items.encode(), orjson.dumps(next_cursor))


def _lot(listing_id: str, lot_id: str, free: str, expires_at: str | None, available_from: str | None) -> LotStock:
    return LotStock(lot_id, listing_id, Decimal(free), _moment(expires_at), _moment(available_from))


def _moment(at: str | None) -> datetime | None:
    return datetime.fromisoformat(at) if at else None


def _offer(row: Any) -> Offer:
    lots = tuple(_lot(row.id, *lot) for lot in row.lots or ())
    return Offer(
        listing_id=row.id,
        producer_id=row.producer_id,
        category=Category(row.category),
        title=row.title,
        unit=Unit(row.unit),
        price=Money(row.price_minor, row.currency),
        package=Parcel(row.weight_g, row.length_mm, row.width_mm, row.height_mm),
        min_quantity=row.min_quantity,
        step=row.step,
        temperature=Temperature(row.temperature),
        shelf_life_h=row.shelf_life_h,
        lead_time_h=row.lead_time_h,
        hub=row.hub,
        county=row.county,
        version=row.version,
        available=sum((lot.free for lot in lots), Decimal(0)),
        status=ListingStatus(row.status),
        species=Species(row.species) if row.species else None,
        made_to_order=bool(row.made_to_order),
        storage=storage_of(row.stored) if row.stored else None,
        cycle=CycleTerms(**row.cycle) if row.cycle else None,
        net_weight_g=row.net_weight_g,
        price_per=_price_per(row),
        ladder=ladder(Money(row.price_minor, row.currency), tiers_of(row.tiers), _listed(row)),
        lots=lots,
    )


def _price_per(row: Any) -> Unit | None:
    if not row.weighed:
        return None
    unit = Unit(row.unit)
    return unit if unit in GRAMS else Unit(row.price_per)


def _listed(row: Any) -> list[Tier]:
    """What the buyer's price lists say of a listing."""
    return [
        tier
        for each in row.lists or ()
        for tier in (
            Tier(Decimal(0), Money(each["price_minor"], row.currency), each["id"]),
            *tiers_of(each["tiers"], each["id"]),
        )
    ]
