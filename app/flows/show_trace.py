"""The story of somebody asking where goods went, or where they came from: one call each way."""

from decimal import Decimal
from typing import Final

from app.core.errors import NotFound
from app.core.paging import decode_cursor, encode_cursor
from app.core.quantity import as_text
from app.flows.ports import Ports
from app.flows.show_tracking import show_tracking, tracking_shape
from app.identity.rules import may_any
from app.identity.values import Caller
from app.orders.service import orders_by_id
from app.recalls.service import find_lot
from app.shipments.labels import find_packages
from app.shipments.trace import goods_inside, list_custody, list_inside, list_sold, read_lot, sold_goods, traced_lot
from app.shipments.trace_schemas import LotTrace, PackageTrace, TracedPackage
from app.shipments.values import Journey

NO_PACKAGE: Final = {"en": "package", "zh-Hans": "包裹"}


async def trace_lot(
    ports: Ports, caller: Caller, lot_id: str, listing_id: str | None, *, cursor: str | None, limit: int
) -> LotTrace:
    """Where everything of a lot went: for its producer's people, and with the buyers' names for operators. Three statements.

    Raises `NotFound` for anybody else, `Invalid` when several lots have this id.
    """
    after = decode_cursor(cursor, str, str) or ("", "")
    async with ports.database.read() as connection:
        found = await find_lot(connection, caller, lot_id, listing_id)
        row = await read_lot(connection, found.listing_id, found.id)
        sold = await list_sold(connection, found.listing_id, found.id, (str(after[0]), str(after[1])), limit + 1)
    last = sold[limit - 1] if len(sold) > limit else None
    orders, quantity = row.sold
    return LotTrace(
        lot=traced_lot(row),
        ear_tags=row.lot_tags,
        orders=orders,
        quantity=as_text(Decimal(quantity)),
        sold=[sold_goods(each, named=caller.is_operator()) for each in sold[:limit]],
        next_cursor=encode_cursor([last.order_id, last.line_id]) if last else None,
    )


async def trace_package(ports: Ports, caller: Caller | None, name: str, language: str) -> PackageTrace:
    """Where the goods of a package grew, what is certified of them, and every step since. `name` is its id or its SSCC.

    Public as tracking is: whoever is not its buyer, of its producer's people or an operator sees no order, no animal and nobody
    who told. Raises `NotFound`.
    """
    async with ports.database.read() as connection:
        named = await find_packages(connection, [name])
    if not named:
        raise NotFound(what=NO_PACKAGE)
    shown = await show_tracking(ports, named[0].tracking_number)
    journey = shown.journey
    whole = caller is not None and _concerns(caller, journey)
    async with ports.begin() as session:
        inside = await list_inside(session, journey.order_id, journey.id)
        custody = await list_custody(session, journey.id) if whole else None
        orders = await orders_by_id(session, [journey.order_id]) if whole else {}
    number, package = next((n, each) for n, each in enumerate(journey.packages, 1) if each.id == named[0].id)
    return PackageTrace(
        package=TracedPackage(id=package.id, sscc=package.sscc),
        type=package.type,
        weight_g=package.weight_g,
        number=number,
        count=len(journey.packages),
        goods=[goods_inside(row, whole=whole) for row in inside],
        journey=tracking_shape(shown, language),
        order=journey.order_id if whole else None,
        order_number=orders[journey.order_id].number if whole else None,
        custody=custody,
    )


def _concerns(caller: Caller, journey: Journey) -> bool:
    is_buyer = caller.person_id is not None and caller.person_id == journey.buyer_id
    return caller.is_operator() or is_buyer or may_any(caller, journey.producer_id)
