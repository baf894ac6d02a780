"""What is read for traces: which orders have goods of a lot, and of which lots the goods of a consignment are."""

from typing import Any, Final

from app.core.database import Reader, Sql
from app.core.quantity import as_text
from app.shipments.trace_schemas import (
    BuyerShape,
    CustodyStep,
    GoodsInside,
    OriginShape,
    SoldGoods,
    TracedLot,
    TracedPackage,
)

_LOT: Final = (
    "lot.id AS lot_id, lot.listing_id, listing.title, lot.harvested_on, lot.created_at AS came_in_at, lot.expires_at, lot.recalled_at, "
    "lot.certificates, lot.ear_tags AS lot_tags, producer.id AS producer_id, producer.name AS producer_name, producer.village, "
    "producer.county, producer.hub AS producer_hub"
)
_OF_LOT: Final = (
    "FROM lot JOIN listing ON listing.id = lot.listing_id JOIN producer ON producer.id = listing.producer_id "
)
_TAGS: Final = (
    "ARRAY(SELECT tag FROM ear_tag WHERE ear_tag.lot_id = held.lot_id AND ear_tag.listing_id = held.listing_id "
    "AND ear_tag.order_id = held.order_id AND ear_tag.line_id = held.line_id ORDER BY tag) AS ear_tags"
)
_ONE_LOT: Final = Sql(
    f"SELECT {_LOT}, (SELECT jsonb_build_array(count(DISTINCT held.order_id), coalesce(sum(held.quantity), 0)::text) "  # noqa: S608 - constants of this file
    "FROM reservation AS held JOIN order_line AS line ON line.order_id = held.order_id AND line.id = held.line_id "
    "WHERE held.listing_id = lot.listing_id AND held.lot_id = lot.id AND held.state <> 'released') AS sold "
    f"{_OF_LOT} WHERE lot.listing_id = :listing AND lot.id = :lot"
)
_SOLD: Final = Sql(
    'SELECT held.order_id, held.line_id, held.quantity, held.state, "order".number, "order".created_at AS ordered_at, "order".buyer_id, '  # noqa: S608
    "\"order\".deliver_to ->> 'name' AS name, consignment.id AS consignment_id, consignment.tracking_number, consignment.status, "
    f"consignment.hub, consignment.ended_at, {_TAGS}, "
    "(SELECT coalesce(jsonb_agg(jsonb_build_object('id', package.id, 'sscc', package.sscc) ORDER BY package.id), '[]') "
    "FROM package WHERE package.consignment_id = consignment.id) AS packages FROM reservation AS held "
    "JOIN order_line AS line ON line.order_id = held.order_id AND line.id = held.line_id "
    'JOIN "order" ON "order".id = held.order_id JOIN consignment ON consignment.id = line.consignment_id '
    "WHERE held.listing_id = :listing AND held.lot_id = :lot AND held.state <> 'released' "
    "AND (held.order_id, held.line_id) > (:after_order, :after_line) ORDER BY held.order_id, held.line_id LIMIT :most"
)
_INSIDE: Final = Sql(
    f"SELECT {_LOT}, line.id AS line_id, held.quantity, {_TAGS} "
    f"{_OF_LOT} JOIN reservation AS held ON held.listing_id = lot.listing_id AND held.lot_id = lot.id AND held.state <> 'released' "
    "JOIN order_line AS line ON line.order_id = held.order_id AND line.id = held.line_id "
    "WHERE line.order_id = :order AND line.consignment_id = :consignment ORDER BY line.id, lot.id"
)
_CUSTODY: Final = Sql(
    "SELECT party, party_event_id, type, occurred_at, recorded_at, hub FROM tracking_event WHERE consignment_id = :consignment "
    "ORDER BY occurred_at, id"
)


async def read_lot(reader: Reader, listing_id: str, lot_id: str) -> Any:
    """The row of a lot with its origin, and how many orders have how much of it."""
    return await _ONE_LOT.first(reader, {"listing": listing_id, "lot": lot_id})


async def list_sold(reader: Reader, listing_id: str, lot_id: str, after: tuple[str, str], most: int) -> list[Any]:
    """Order lines with goods of a lot that were not given back, by their ids."""
    asked = {"listing": listing_id, "lot": lot_id, "after_order": after[0], "after_line": after[1], "most": most}
    return await _SOLD.all(reader, asked)


async def list_inside(reader: Reader, order_id: str, consignment_id: str) -> list[Any]:
    """The lots of a consignment's goods, by line."""
    return await _INSIDE.all(reader, {"order": order_id, "consignment": consignment_id})


async def list_custody(reader: Reader, consignment_id: str) -> list[CustodyStep]:
    """Everything that anybody told of a consignment, by when it happened, what was withdrawn later too."""
    rows = await _CUSTODY.all(reader, {"consignment": consignment_id})
    same = ("party", "type", "occurred_at", "recorded_at", "hub")
    return [CustodyStep(**{name: getattr(row, name) for name in same}, event=row.party_event_id) for row in rows]


def traced_lot(row: Any) -> TracedLot:
    same = ("title", "came_in_at", "expires_at", "recalled_at", "certificates")
    return TracedLot(
        **{name: getattr(row, name) for name in same},
        lot=row.lot_id,
        listing=row.listing_id,
        harvested_on=row.harvested_on.isoformat() if row.harvested_on else None,
        origin=OriginShape(
            producer=row.producer_id,
            name=row.producer_name,
            village=row.village,
            county=row.county,
            hub=row.producer_hub,
        ),
    )


def sold_goods(row: Any, *, named: bool) -> SoldGoods:
    """A line of a lot's trace; the buyer only when they may be named. Pure."""
    same = ("ordered_at", "ear_tags", "tracking_number", "status", "hub", "ended_at")
    return SoldGoods(
        **{name: getattr(row, name) for name in same},
        order=row.order_id,
        order_number=row.number,
        line=row.line_id,
        quantity=as_text(row.quantity),
        handed_over=row.state == "consumed",
        consignment=row.consignment_id,
        packages=[TracedPackage(**package) for package in row.packages],
        buyer=BuyerShape(id=row.buyer_id, name=row.name) if named else None,
    )


def goods_inside(row: Any, *, whole: bool) -> GoodsInside:
    """Goods of a package's trace; line, quantity and animals only for those whom they concern. Pure."""
    return GoodsInside(
        lot=traced_lot(row),
        line=row.line_id if whole else None,
        quantity=as_text(row.quantity) if whole else None,
        ear_tags=list(row.ear_tags) if whole else None,
    )
