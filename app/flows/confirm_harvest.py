"""The story of a harvest that was sold ahead: what really came, and whom it is too little for. First ordered, first served."""

from datetime import datetime
from decimal import Decimal

from app.catalogue.lots import confirm_lot, settle_lot
from app.catalogue.rendering import lot_shape_of
from app.catalogue.reserve import find_harvest
from app.catalogue.schemas import Harvest, LotShape
from app.catalogue.service import lock_listing
from app.catalogue.stock import share_out
from app.core.database import Session
from app.core.ids import is_id
from app.core.jobs import Job, enqueue
from app.flows.bargain import fail_offer
from app.flows.cancel_order import give_back
from app.flows.cut_order import cut_order
from app.flows.ports import Ports
from app.identity.values import Caller, Grant
from app.offers.values import Side
from app.orders.errors import AlreadyShipped
from app.orders.rules import may
from app.orders.service import lock_order, move, orders_by_id
from app.orders.values import OrderEvent


async def confirm_harvest(
    session: Session, caller: Caller, listing_id: str, lot_id: str, command: Harvest, now: datetime
) -> LotShape:
    """The seller says what really came of a forecast. A repetition answers the same.

    Locks the listing and the lot. Nothing more of it is sold ahead; when it is too little, a job shares it out.
    Raises `Invalid`, or `StateConflict` for a lot that is no forecast or was confirmed otherwise.
    """
    listing = await lock_listing(session, caller, listing_id, Grant.SHIP)
    lot = await confirm_lot(session, listing, lot_id, command, now)
    if lot.harvested is not None:
        await enqueue(session, [Job("harvest.short", {"listing": listing_id, "lot": lot_id})])
    return lot_shape_of(lot)


async def share_harvest(ports: Ports, listing: str, lot: str) -> None:
    """Job: the orders that a harvest is too small for are cut down to what is left of it, or end; then the lot is one like any other.

    Goods that left already are served whatever was said. May run twice, or stop anywhere: it looks at what is held by then.
    """
    left: set[str] = set()
    while short := await _short(ports, listing, lot, left):
        for order, quantity in short.items():
            # What an agreed offer holds is no order yet.
            cut = None if is_id(order, "off") else await cut_order(ports, order, listing, lot, quantity)
            if cut is None:
                cut = await _cancel(ports, order, listing)
            if not cut:
                left.add(order)
    async with ports.begin() as session:
        await settle_lot(session, listing, lot)


async def _short(ports: Ports, listing: str, lot: str, left: set[str]) -> dict[str, Decimal]:
    """The orders that have to be cut down, as things stand, and to how much; none once the harvest is shared out."""
    async with ports.begin() as session:
        harvest = await find_harvest(session, listing, lot)
        if harvest is None:
            return {}
        orders = await orders_by_id(session, {held.order_id for held in harvest.held})
    ends = {
        held.order_id
        for held in harvest.held
        if held.order_id not in left
        and (held.order_id not in orders or may(orders[held.order_id].status, OrderEvent.CANCEL))
    }
    return share_out(harvest.held, harvest.quantity, ends)


async def _cancel(ports: Ports, order: str, listing: str) -> bool:
    """End one order whole, as if it had been cancelled, and say why; False when its goods have left or it ended otherwise.

    An agreed offer that holds of the harvest ends as well, and its deposit goes back.
    """
    if is_id(order, "off"):
        return await fail_offer(ports, order)
    try:
        async with ports.begin() as session:
            row = await lock_order(session, order)
            if not may(row.status, OrderEvent.CANCEL):
                return False
            await move(session, row, OrderEvent.CANCEL, ports.clock.now())
            await give_back(session, row, ports, Side.PRODUCER)
            await enqueue(session, [Job("order.unserved", {"order": order, "listing": listing})])
    except AlreadyShipped:
        return False
    return True
