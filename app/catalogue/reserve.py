"""Stock for orders: reserving, releasing and consuming it, with a fixed number of statements each.

Lots are always locked in the order (listing, lot), so that two orders never wait for each other.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from string import Template
from typing import Any, Final

from sqlalchemy import text

from app.catalogue.errors import GoodsRecalled, OfferChanged
from app.catalogue.queries import FREE, SELLABLE
from app.catalogue.stock import choose_lots
from app.catalogue.values import Held, LotStock, ReservationState, ShortHarvest, StockWant, Taken
from app.core.database import Reader, Session, Sql, as_rows

__all__ = [
    "StockWant",
    "Taken",
    "consume",
    "held_by",
    "release",
    "release_line",
    "require_not_recalled",
    "reserve",
    "take_over",
]

_LOCK_LOTS: Final = Sql(
    Template(
        "SELECT lot.listing_id, lot.id, $free AS free, expires_at, available_from, ear_tags <> '[]' AS tagged, "
        "listing.version, listing.status FROM lot JOIN listing ON listing.id = lot.listing_id "
        "WHERE lot.listing_id = ANY(:listings) AND $sellable AND $free > 0 "
        "ORDER BY lot.listing_id, lot.id FOR UPDATE OF lot"
    ).substitute(free=FREE, sellable=SELLABLE)
)
# A seller's change locks the lots too, so the version that this statement sees stays until the order is committed.
_TAKING: Final = (
    "WITH part AS (SELECT * FROM json_to_recordset(CAST(:parts AS json)) AS part "
    "(line_id text, listing_id text, lot_id text, quantity numeric, version int)), "
    "want AS (SELECT listing_id, lot_id, min(version) AS version, sum(quantity) AS quantity "
    "FROM part GROUP BY listing_id, lot_id), "
    "taken AS (UPDATE lot SET reserved = lot.reserved + want.quantity FROM want "
    "JOIN listing ON listing.id = want.listing_id AND listing.version = want.version AND listing.status = 'published' "
    "WHERE lot.listing_id = want.listing_id AND lot.id = want.lot_id "
    "AND lot.reserved + lot.consumed + want.quantity <= coalesce(lot.presold_max, lot.quantity) "
    "RETURNING lot.listing_id, lot.id), "
    "held AS (INSERT INTO reservation (order_id, line_id, lot_id, listing_id, quantity, state, created_at) "
    "SELECT :order, part.line_id, part.lot_id, part.listing_id, part.quantity, 'held', :now FROM part)"
)
_TAKE: Final = Sql(Template("$taking SELECT listing_id FROM taken").substitute(taking=_TAKING))
# Of each lot the free animals with the lowest numbers. Who takes them has locked the lot.
_TAKE_ANIMALS: Final = Sql(
    Template(
        "$taking, span AS (SELECT part.*, sum(quantity) OVER (PARTITION BY listing_id, lot_id ORDER BY line_id) "
        "AS until FROM part), "
        "animal AS (SELECT tag, listing_id, lot_id, row_number() OVER (PARTITION BY listing_id, lot_id ORDER BY tag) AS place "
        "FROM ear_tag WHERE (listing_id, lot_id) IN (SELECT listing_id, lot_id FROM want) AND order_id IS NULL), "
        "picked AS (UPDATE ear_tag SET order_id = :order, line_id = span.line_id "
        "FROM animal JOIN span USING (listing_id, lot_id) "
        "WHERE place > until - quantity AND place <= until AND ear_tag.tag = animal.tag AND ear_tag.order_id IS NULL "
        "RETURNING ear_tag.tag, ear_tag.lot_id, ear_tag.line_id) "
        "SELECT listing_id, NULL AS line_id, NULL AS lot_id, NULL AS tag FROM taken "
        "UNION ALL SELECT NULL, line_id, lot_id, tag FROM picked"
    ).substitute(taking=_TAKING)
)
_HARVEST: Final = text(
    "SELECT lot.harvested, held.order_id, sum(held.quantity) AS quantity, min(held.created_at) AS since, "
    "min(listing.min_quantity) AS least, min(listing.step) AS step, (SELECT coalesce(sum(beside.quantity), 0) "
    "FROM reservation AS beside WHERE beside.order_id = held.order_id AND beside.listing_id = :listing "
    "AND beside.lot_id <> :lot AND beside.state = 'held') AS other "
    "FROM lot JOIN listing ON listing.id = lot.listing_id LEFT JOIN reservation AS held ON held.listing_id = lot.listing_id AND held.lot_id = lot.id AND held.state <> 'released' "
    "WHERE lot.listing_id = :listing AND lot.id = :lot AND lot.harvested IS NOT NULL GROUP BY 1, 2"
)
# What is held changes its holder: the lots count it all the while, so that nobody else can have it.
_TAKE_OVER: Final = Sql(
    "WITH moved AS (UPDATE reservation SET order_id = :to, line_id = :to_line "
    "WHERE order_id = :from AND line_id = :from_line AND state = 'held' RETURNING lot_id), "
    "named AS (UPDATE ear_tag SET order_id = :to, line_id = :to_line WHERE order_id = :from AND line_id = :from_line RETURNING tag) "
    "SELECT (SELECT count(*) FROM moved) AS parts, ARRAY(SELECT tag FROM named ORDER BY tag) AS tags"
)
# A recall takes the same lock alone, before it looks for who holds goods of the lot.
_KEEP_RECALLS_OUT: Final = Sql(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('lot ' || lot_id, 0)) FROM reservation "
    "WHERE order_id = :holder AND line_id = :line AND state = 'held' ORDER BY lot_id"
)
_RECALLED_OF: Final = Sql(
    "SELECT lot.listing_id FROM reservation AS held JOIN lot ON lot.listing_id = held.listing_id AND lot.id = held.lot_id "
    "WHERE held.order_id = :holder AND held.line_id = :line AND held.state = 'held' AND lot.recalled_at IS NOT NULL"
)
_HELD_BY: Final = Sql(
    "SELECT held.order_id AS holder, lot.id, lot.listing_id, held.quantity, lot.expires_at, lot.available_from "
    "FROM reservation AS held JOIN lot ON lot.listing_id = held.listing_id AND lot.id = held.lot_id "
    "WHERE held.order_id = ANY(:holders) AND held.state = 'held' ORDER BY held.order_id, lot.id"
)
_OF_LINES: Final = "(CAST(:lines AS text[]) IS NULL OR line_id = ANY(CAST(:lines AS text[])))"
_LOCK_HELD: Final = text(
    "SELECT 1 FROM lot WHERE (listing_id, id) IN (SELECT listing_id, lot_id FROM reservation "
    "WHERE order_id = ANY(:orders) AND state = 'held' AND {lines}) ORDER BY listing_id, id FOR UPDATE"
    "".replace("{lines}", _OF_LINES)
)
_END: Final = text(
    "WITH ended AS (UPDATE reservation SET state = :state WHERE order_id = ANY(:orders) AND state = 'held' AND {lines} "
    "RETURNING listing_id, lot_id, quantity), "
    "freed AS (UPDATE ear_tag SET order_id = NULL, line_id = NULL WHERE order_id = ANY(:orders) AND :consumed = 0), "
    "part AS (SELECT listing_id, lot_id, sum(quantity) AS quantity FROM ended GROUP BY listing_id, lot_id) "
    "UPDATE lot SET reserved = lot.reserved - part.quantity, consumed = lot.consumed + part.quantity * :consumed "
    "FROM part WHERE lot.listing_id = part.listing_id AND lot.id = part.lot_id".replace("{lines}", _OF_LINES)
)
_LINE_HOLDS: Final = text(
    "SELECT held.lot_id, held.quantity FROM reservation AS held "
    "JOIN lot ON lot.listing_id = held.listing_id AND lot.id = held.lot_id "
    "WHERE held.order_id = :order AND held.line_id = :line AND held.state = 'held' "
    "ORDER BY lot.listing_id, lot.id FOR UPDATE OF lot"
)
_KEEP_OF_LINE: Final = text(
    "WITH part AS (SELECT * FROM json_to_recordset(CAST(:parts AS json)) AS part (lot_id text, kept numeric)), "
    "cut AS (SELECT held.listing_id, held.lot_id, held.quantity - part.kept AS given, part.kept FROM part "
    "JOIN reservation AS held ON held.order_id = :order AND held.line_id = :line AND held.lot_id = part.lot_id "
    "WHERE held.state = 'held' AND part.kept < held.quantity), "
    "noted AS (UPDATE reservation AS held SET quantity = CASE WHEN cut.kept > 0 THEN cut.kept ELSE held.quantity END, "
    "state = CASE WHEN cut.kept > 0 THEN held.state ELSE 'released' END FROM cut "
    "WHERE held.order_id = :order AND held.line_id = :line AND held.lot_id = cut.lot_id) "
    "UPDATE lot SET reserved = lot.reserved - cut.given FROM cut "
    "WHERE lot.listing_id = cut.listing_id AND lot.id = cut.lot_id"
)


_LOCK_LINE: Final = text(
    "SELECT 1 FROM lot WHERE (listing_id, id) IN (SELECT listing_id, lot_id FROM reservation "
    "WHERE order_id = :order AND line_id = :line AND state <> 'released') ORDER BY listing_id, id FOR UPDATE"
)
_END_LINE: Final = text(
    "WITH former AS MATERIALIZED (SELECT lot_id, state FROM reservation "
    "WHERE order_id = :order AND line_id = :line AND state <> 'released' FOR UPDATE), "
    "ended AS (UPDATE reservation AS held SET state = 'released' FROM former "
    "WHERE held.order_id = :order AND held.line_id = :line AND held.lot_id = former.lot_id "
    "RETURNING held.listing_id, held.lot_id, held.quantity, former.state), "
    "freed AS (UPDATE ear_tag SET order_id = NULL, line_id = NULL WHERE order_id = :order AND line_id = :line) "
    "UPDATE lot SET reserved = lot.reserved - CASE WHEN ended.state = 'held' THEN ended.quantity ELSE 0 END, "
    "consumed = lot.consumed - CASE WHEN ended.state = 'consumed' THEN ended.quantity ELSE 0 END FROM ended "
    "WHERE lot.listing_id = ended.listing_id AND lot.id = ended.lot_id"
)


async def reserve(session: Session, order_id: str, wants: Sequence[StockWant], now: datetime) -> list[Taken]:
    """Hold stock for an order, from the lots that spoil first of those that keep its promise. Two statements for any number of lines.

    Animals with ear tags are held by their tags, each by one order. Locks the lots until the transaction ends: call it last.
    All or nothing: raises `OutOfStock` for the first listing that has too little, `OfferChanged` for one that is not on sale
    at the version that was quoted, or whose lots do not keep the promise any more.
    """
    if not wants:
        return []
    listings = sorted({want.listing_id for want in wants})
    rows = await _LOCK_LOTS.all(session, {"listings": listings, "now": now})
    present = {row.listing_id: (row.version, row.status) for row in rows}
    for want in wants:
        if present.get(want.listing_id, (want.version, "published")) != (want.version, "published"):
            raise OfferChanged(want.listing_id)
    lots = [LotStock(row.id, row.listing_id, row.free, row.expires_at, row.available_from, row.tagged) for row in rows]
    taken = choose_lots(wants, lots)
    tagged = {(lot.listing_id, lot.id) for lot in lots if lot.tagged}
    versions = {want.listing_id: want.version for want in wants}
    parts = [asdict(part) | {"version": versions[part.listing_id]} for part in taken]
    take = _TAKE_ANIMALS if tagged else _TAKE
    held = await take.all(session, {"order": order_id, "now": now, "parts": as_rows(parts)})
    kept = {row.listing_id for row in held}
    changed = [listing for listing in listings if listing not in kept]
    if changed:
        raise OfferChanged(changed[0])
    return _with_animals(taken, tagged, held) if tagged else taken


def _with_animals(taken: Sequence[Taken], tagged: Collection[tuple[str, str]], held: Sequence[Any]) -> list[Taken]:
    """The parts with the tags of their animals, in order; of a tagged lot there is one for each head."""
    picked = sorted((row for row in held if row.tag), key=attrgetter("line_id", "lot_id", "tag"))
    tags = {
        place: tuple(row.tag for row in rows) for place, rows in groupby(picked, key=attrgetter("line_id", "lot_id"))
    }
    named = [replace(part, ear_tags=tags.get((part.line_id, part.lot_id), ())) for part in taken]
    assert all(len(part.ear_tags) == part.quantity for part in named if (part.listing_id, part.lot_id) in tagged)
    return named


async def release(session: Session, order_ids: Collection[str]) -> None:
    """Give back what these orders still hold. Two statements; a repetition does nothing."""
    await _end(session, order_ids, ReservationState.RELEASED)


async def release_line(session: Session, order_id: str, line_id: str) -> None:
    """Give back what one line holds, its animals too, also when it was handed in: it goes back to the producer.

    Two statements; a repetition does nothing.
    """
    await session.execute(_LOCK_LINE, {"order": order_id, "line": line_id})
    await session.execute(_END_LINE, {"order": order_id, "line": line_id})


async def consume(session: Session, order_ids: Collection[str], line_ids: Collection[str] | None = None) -> None:
    """What these orders hold, or these lines of them, has left the producer for good. Two statements; a repetition does nothing."""
    await _end(session, order_ids, ReservationState.CONSUMED, line_ids)


async def take_over(session: Session, holder: tuple[str, str], by: tuple[str, str]) -> list[str]:
    """What one holder (order or offer, and its line) holds is another's from now on; answers the ear tags of animals.

    One statement that locks no lot: what is reserved stays reserved. Whoever calls has locked the holder itself, and the
    former holder holds something.
    """
    (from_id, from_line), (to_id, to_line) = holder, by
    moved = await _TAKE_OVER.first(session, {"from": from_id, "from_line": from_line, "to": to_id, "to_line": to_line})
    assert moved.parts, f"{from_id} holds nothing"
    return list(moved.tags)


async def require_not_recalled(session: Session, holder: tuple[str, str]) -> None:
    """Raise `GoodsRecalled` when what is held is of a lot that is called back. Two statements.

    Until the transaction ends no lot of it can be: a recall waits, and then finds the order that takes the goods over.
    """
    asked = {"holder": holder[0], "line": holder[1]}
    await _KEEP_RECALLS_OUT.all(session, asked)
    recalled = await _RECALLED_OF.first(session, asked)
    if recalled is not None:
        raise GoodsRecalled(listing=recalled.listing_id)


async def held_by(reader: Reader, holders: Collection[str]) -> dict[str, list[LotStock]]:
    """The lots that these hold, with how much of each as what is free. One statement."""
    held: dict[str, list[LotStock]] = {holder: [] for holder in holders}
    for row in await _HELD_BY.all(reader, {"holders": list(holders)}):
        held[row.holder].append(LotStock(row.id, row.listing_id, row.quantity, row.expires_at, row.available_from))
    return held


async def find_harvest(session: Session, listing_id: str, lot_id: str) -> ShortHarvest | None:
    """What came of a forecast and who holds how much of it; None once it is shared out. One statement."""
    rows = (await session.execute(_HARVEST, {"listing": listing_id, "lot": lot_id})).all()
    if not rows:
        return None
    held = (Held(r.order_id, r.quantity, r.since, r.other, r.least, r.step) for r in rows if r.order_id)
    return ShortHarvest(rows[0].harvested, tuple(held))


async def keep_of_line(session: Session, order_id: str, line_id: str, lot_id: str, quantity: Decimal) -> None:
    """Let a line hold so much and no more: first gives the lot that fell short, then the others. Two statements.

    Locks the lots in the order of all. Nothing left is nothing held.
    """
    rows = (await session.execute(_LINE_HOLDS, {"order": order_id, "line": line_id})).all()
    left, parts = quantity, []
    for row in sorted(rows, key=lambda held: (held.lot_id == lot_id, held.lot_id)):
        kept = min(row.quantity, left)
        left -= kept
        parts.append({"lot_id": row.lot_id, "kept": kept})
    await session.execute(_KEEP_OF_LINE, {"order": order_id, "line": line_id, "parts": as_rows(parts)})


async def _end(
    session: Session, order_ids: Collection[str], state: ReservationState, line_ids: Collection[str] | None = None
) -> None:
    which = {"orders": list(order_ids), "lines": None if line_ids is None else list(line_ids)}
    await session.execute(_LOCK_HELD, which)
    consumed = 1 if state is ReservationState.CONSUMED else 0
    await session.execute(_END, which | {"state": state.value, "consumed": consumed})
