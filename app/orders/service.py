"""Verbs of buying: keep a quote, write an order with its lines, move its status, list a buyer's orders."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import delete, func, tuple_, update
from sqlmodel import col, select

from app.core.database import Reader, Session, Sql, as_rows, dump_json, inserting
from app.core.errors import IdTaken, NotFound
from app.core.money import Money
from app.core.paging import decode_cursor
from app.notify.announce import announce
from app.notify.webhook_values import News
from app.orders.errors import QuoteUsed
from app.orders.models import Order, OrderLine, Quote
from app.orders.policies import goes_back
from app.orders.rules import advance
from app.orders.values import OrderEvent, OrderStatus, Price

QUOTE: Final = {"en": "quote", "zh-Hans": "报价"}
ORDER: Final = {"en": "order", "zh-Hans": "订单"}
_KEEP: Final = Sql(
    "INSERT INTO quote (id, buyer_id, request, goods_minor, currency, lines, options, created_from, created_at, expires_at) "
    "VALUES (:id, :buyer_id, :request, :goods_minor, :currency, :lines, :options, :created_from, :created_at, :expires_at) "
    "ON CONFLICT DO NOTHING RETURNING id"
)
_QUOTE: Final = Sql(
    "SELECT id, buyer_id, request, goods_minor, currency, lines, options, created_from, created_at, expires_at "
    "FROM quote WHERE id = :id"
)
# The lines go in with the order, and only with it.
_ADD: Final = Sql(
    "WITH added AS ({order} ON CONFLICT DO NOTHING RETURNING id), lines AS ({lines} WHERE EXISTS (SELECT FROM added)) "
    "SELECT id FROM added".replace("{order}", inserting("order")).replace("{lines}", inserting("order_line", "lines"))
)
# What the world is told when an order comes to be this; of one that waits for its payment nobody is.
_TOLD: Final[Mapping[OrderStatus, str]] = {
    OrderStatus.AWAITING_PAYMENT: "order.unpaid",
    OrderStatus.PLACED: "order.placed",
    OrderStatus.IN_TRANSIT: "order.shipped",
    OrderStatus.DELIVERED: "order.delivered",
    OrderStatus.COMPLETED: "order.completed",
    OrderStatus.CANCELLED: "order.cancelled",
    OrderStatus.EXPIRED: "order.expired",
}
_ORDERED: Final = Sql('SELECT id FROM "order" WHERE quote_id = :quote')


async def keep_quote(session: Session, quote: Quote) -> Quote:
    """Store a quote once: the same id asked the same way answers the first one, otherwise `IdTaken`."""
    columns = {name: getattr(quote, name) for name in Quote.model_fields}
    for document in ("request", "lines", "options"):
        columns[document] = dump_json(columns[document])
    if await _KEEP.first(session, columns):
        return quote
    first = await _find_quote(session, quote.id)
    if first is None or first.buyer_id != quote.buyer_id or first.created_from != quote.created_from:
        raise IdTaken(id=quote.id)
    return first


async def _find_quote(reader: Reader, quote_id: str) -> Quote | None:
    # The row as it was read: it has the columns of a quote, none of which is ever changed.
    return cast("Quote | None", await _QUOTE.first(reader, {"id": quote_id}))


async def get_quote(reader: Reader, quote_id: str, buyer_id: str) -> Quote:
    quote = await _find_quote(reader, quote_id)
    if quote is None or quote.buyer_id != buyer_id:
        raise NotFound(what=QUOTE)
    return quote


async def add_order(session: Session, order: Order, lines: Sequence[OrderLine]) -> None:
    """Write an order and its lines, in one statement. Raises `QuoteUsed` when its quote was ordered before."""
    if not await _ADD.first(session, {"rows": as_rows([order]), "lines": as_rows(lines)}):
        earlier = await _ORDERED.first(session, {"quote": order.quote_id})
        if earlier is None:
            raise IdTaken(id=order.id)
        raise QuoteUsed(order=earlier.id)


async def find_placed(session: Session, order_id: str, buyer_id: str, quote_id: str, option_id: str) -> Order | None:
    """The order that this client made before under the id it chose; `IdTaken` when that id means something else."""
    order = await session.get(Order, order_id)
    if order is not None and (order.buyer_id, order.quote_id, order.option_id) != (buyer_id, quote_id, option_id):
        raise IdTaken(id=order_id)
    return order


async def get_order(session: Session, order_id: str, buyer_id: str | None) -> Order:
    """A buyer's own order; `buyer_id` None is an operator's view."""
    order = await session.get(Order, order_id)
    if order is None or (buyer_id is not None and order.buyer_id != buyer_id):
        raise NotFound(what=ORDER)
    return order


async def orders_by_id(session: Session, order_ids: Collection[str]) -> dict[str, Order]:
    """Those of these orders that exist. One statement."""
    rows = await session.execute(select(Order).where(col(Order.id).in_(set(order_ids))))
    return {order.id: order for order in rows.scalars()}


async def lock_order(session: Session, order_id: str, buyer_id: str | None = None) -> Order:
    """Like `get_order`, with the row locked until the transaction ends. Always the first lock of a story."""
    order = await session.get(Order, order_id, with_for_update=True, populate_existing=True)
    if order is None or (buyer_id is not None and order.buyer_id != buyer_id):
        raise NotFound(what=ORDER)
    return order


async def returnable_of(reader: Reader, order_ids: Collection[str]) -> set[str]:
    """The consignments of these orders that are sent back when they are refused at the door, by the terms. One statement."""
    rows = await reader.execute(
        select(col(OrderLine.consignment_id), col(OrderLine.id), col(Order.terms))
        .join(Order, col(Order.id) == col(OrderLine.order_id))
        .where(col(OrderLine.order_id).in_(set(order_ids)))
    )
    return {row.consignment_id for row in rows if goes_back(row.terms, row.id)}


async def lines_of_consignments(reader: Reader, order_ids: Collection[str]) -> dict[str, set[str]]:
    """The lines in each consignment of these orders. One statement."""
    wanted = select(col(OrderLine.consignment_id), col(OrderLine.id)).where(col(OrderLine.order_id).in_(set(order_ids)))
    found: dict[str, set[str]] = {}
    for consignment, line in await reader.execute(wanted):
        found.setdefault(consignment, set()).add(line)
    return found


async def list_lines(session: Session, order_id: str) -> list[OrderLine]:
    return list(
        (
            await session.execute(
                select(OrderLine).where(col(OrderLine.order_id) == order_id).order_by(col(OrderLine.id))
            )
        ).scalars()
    )


async def keep_of_line(session: Session, line: OrderLine, quantity: Decimal, total: Money) -> None:
    """A line of a locked order holds so much from now on; of nothing, the line goes."""
    if quantity > 0:
        line.quantity, line.total_minor = quantity, total.amount
    else:
        await session.delete(line)
    await session.flush()


async def lines_by_id(reader: Reader, wanted: Collection[tuple[str, str]]) -> dict[str, OrderLine]:
    """Lines by (order, line). One statement."""
    columns = [col(getattr(OrderLine, name)) for name in OrderLine.model_fields]
    keys = tuple_(col(OrderLine.order_id), col(OrderLine.id))
    rows = (await reader.execute(select(*columns).where(keys.in_(set(wanted))))).mappings()
    return {row["id"]: OrderLine(**row) for row in rows}


async def goods_by_producer(session: Session, order_ids: Collection[str]) -> dict[tuple[str, str], int]:
    """What each producer's goods in each of these orders came to when they were ordered, by order and producer. One statement."""
    total = func.sum(func.coalesce(col(OrderLine.ordered_minor), col(OrderLine.total_minor)))
    rows = await session.execute(
        select(col(OrderLine.order_id), col(OrderLine.producer_id), total)
        .where(col(OrderLine.order_id).in_(set(order_ids)))
        .group_by(col(OrderLine.order_id), col(OrderLine.producer_id))
    )
    return {(order_id, producer_id): int(goods) for order_id, producer_id, goods in rows}


async def list_orders(session: Session, buyer_id: str, cursor: str | None, limit: int) -> list[Order]:
    """A buyer's orders, newest first; one more than `limit`, so that the caller sees whether there is a next page."""
    query = select(Order).where(col(Order.buyer_id) == buyer_id).order_by(col(Order.id).desc()).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        query = query.where(col(Order.id) < after[0])
    return list((await session.execute(query)).scalars())


async def move(session: Session, order: Order, event: OrderEvent, now: datetime, reason: str | None = None) -> None:
    """Take a locked order one step further, with the news of it; raises `StateConflict` when that step does not exist."""
    status = advance(order.status, event)
    delivered_at = now if event is OrderEvent.DELIVER else order.delivered_at
    changed = {"status": status, "updated_at": now, "delivered_at": delivered_at, "cancel_reason": reason}
    await session.execute(update(Order).where(col(Order.id) == order.id).values(changed))
    order.status, order.updated_at, order.delivered_at, order.cancel_reason = status, now, delivered_at, reason
    await announce(session, [news_of(order, _TOLD[status], now)])


def news_of(order: Order, name: str, now: datetime, **facts: Any) -> News:
    """What webhooks are told of an order; its producers are looked up when it is told."""
    told = {"order": order.id, "number": order.number, "status": order.status, **facts}
    return News(name, order.id, now, told, order.id, buyer=order.buyer_id, producers=None)


async def settle_line(session: Session, line: OrderLine, changed: Mapping[str, Any]) -> None:
    """Write what a weigh-in made of a line whose order is locked."""
    this = (col(OrderLine.order_id) == line.order_id, col(OrderLine.id) == line.id)
    await session.execute(update(OrderLine).where(*this).values(changed))
    await session.refresh(line)


async def reprice(session: Session, order: Order, price: Price, co2e: Mapping[str, Any], now: datetime) -> None:
    """A locked order comes to another amount, and emits other than it was quoted."""
    parts = {f"{name}_minor": getattr(price, name).amount for name in ("goods", "carriage", "packaging", "total")}
    await session.execute(
        update(Order).where(col(Order.id) == order.id).values(parts | {"co2e": co2e, "updated_at": now})
    )
    await session.refresh(order)


async def lower_box_deposit(session: Session, order: Order, less_minor: int) -> None:
    """Fewer boxes of a locked order have a deposit."""
    left = (order.box_deposit_minor or 0) - less_minor
    await session.execute(update(Order).where(col(Order.id) == order.id).values(box_deposit_minor=left or None))
    await session.refresh(order)


async def forget_quotes(session: Session, now: datetime) -> None:
    """Delete quotes that expired a day ago, at most 10,000 at a time: they hold addresses of people who did not buy."""
    old = select(col(Quote.id)).where(col(Quote.expires_at) < now - timedelta(days=1)).limit(10_000)
    await session.execute(delete(Quote).where(col(Quote.id).in_(old)))
