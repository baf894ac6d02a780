"""Stock for orders: reserving, releasing and consuming it, with a fixed number of statements each.

Lots are always locked in the order (listing, lot), so that two orders never wait for each other.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.catalogue.errors import OfferChanged
from app.catalogue.rules import choose_lots
from app.catalogue.values import LotStock, ReservationState, StockWant, Taken
from app.core.database import Session, Sql, as_rows

__all__ = ["StockWant", "Taken", "consume", "release", "reserve"]

_LOCK_LOTS: Final = Sql(
    "SELECT lot.listing_id, lot.id, lot.quantity - lot.reserved - lot.consumed AS free, lot.expires_at, "
    "listing.version, listing.status FROM lot JOIN listing ON listing.id = lot.listing_id "
    "WHERE lot.listing_id = ANY(:listings) AND (lot.available_from IS NULL OR lot.available_from <= :now) "
    "AND (lot.expires_at IS NULL OR lot.expires_at > :now) AND lot.reserved + lot.consumed < lot.quantity "
    "ORDER BY lot.listing_id, lot.id FOR UPDATE OF lot"
)
# A seller's change locks the lots too, so the version that this statement sees stays until the order is committed.
_TAKE: Final = Sql(
    "WITH part AS (SELECT * FROM json_to_recordset(CAST(:parts AS json)) AS part "
    "(line_id text, listing_id text, lot_id text, quantity numeric, version int)), "
    "want AS (SELECT listing_id, lot_id, min(version) AS version, sum(quantity) AS quantity "
    "FROM part GROUP BY listing_id, lot_id), "
    "taken AS (UPDATE lot SET reserved = lot.reserved + want.quantity FROM want "
    "JOIN listing ON listing.id = want.listing_id AND listing.version = want.version AND listing.status = 'published' "
    "WHERE lot.listing_id = want.listing_id AND lot.id = want.lot_id "
    "AND lot.reserved + lot.consumed + want.quantity <= lot.quantity RETURNING lot.listing_id, lot.id), "
    "held AS (INSERT INTO reservation (order_id, line_id, lot_id, listing_id, quantity, state, created_at) "
    "SELECT :order, part.line_id, part.lot_id, part.listing_id, part.quantity, 'held', :now FROM part) "
    "SELECT listing_id FROM taken"
)
_LOCK_HELD: Final = text(
    "SELECT 1 FROM lot WHERE (listing_id, id) IN (SELECT listing_id, lot_id FROM reservation "
    "WHERE order_id = ANY(:orders) AND state = 'held') ORDER BY listing_id, id FOR UPDATE"
)
_END: Final = text(
    "WITH ended AS (UPDATE reservation SET state = :state WHERE order_id = ANY(:orders) AND state = 'held' "
    "RETURNING listing_id, lot_id, quantity), "
    "part AS (SELECT listing_id, lot_id, sum(quantity) AS quantity FROM ended GROUP BY listing_id, lot_id) "
    "UPDATE lot SET reserved = lot.reserved - part.quantity, consumed = lot.consumed + part.quantity * :consumed "
    "FROM part WHERE lot.listing_id = part.listing_id AND lot.id = part.lot_id"
)


async def reserve(session: Session, order_id: str, wants: Sequence[StockWant], now: datetime) -> list[Taken]:
    """Hold stock for an order, from the lots that spoil first. Two statements for any number of lines.

    Locks the lots until the transaction ends: call it last. All or nothing: raises `OutOfStock` for the first listing
    that has too little, `OfferChanged` for one that is not on sale at the version that was quoted.
    """
    listings = sorted({want.listing_id for want in wants})
    rows = await _LOCK_LOTS.all(session, {"listings": listings, "now": now})
    present = {row.listing_id: (row.version, row.status) for row in rows}
    for want in wants:
        if present.get(want.listing_id, (want.version, "published")) != (want.version, "published"):
            raise OfferChanged(want.listing_id)
    taken = choose_lots(wants, [LotStock(row.id, row.listing_id, row.free, row.expires_at) for row in rows])
    versions = {want.listing_id: want.version for want in wants}
    parts = [asdict(part) | {"version": versions[part.listing_id]} for part in taken]
    held = await _TAKE.all(session, {"order": order_id, "now": now, "parts": as_rows(parts)})
    kept = {row.listing_id for row in held}
    changed = [listing for listing in listings if listing not in kept]
    if changed:
        raise OfferChanged(changed[0])
    return taken


async def release(session: Session, order_ids: Collection[str]) -> None:
    """Give back what these orders still hold. Two statements; a repetition does nothing."""
    await _end(session, order_ids, ReservationState.RELEASED)


async def consume(session: Session, order_ids: Collection[str]) -> None:
    """What these orders hold has left the producer for good. Two statements; a repetition does nothing."""
    await _end(session, order_ids, ReservationState.CONSUMED)


async def _end(session: Session, order_ids: Collection[str], state: ReservationState) -> None:
    orders = list(order_ids)
    await session.execute(_LOCK_HELD, {"orders": orders})
    consumed = 1 if state is ReservationState.CONSUMED else 0
    await session.execute(_END, {"orders": orders, "state": state.value, "consumed": consumed})
