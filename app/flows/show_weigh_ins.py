"""Weigh-ins as the buyer, the producer, the carrier and operators see them."""

from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.values import CURRENCY
from app.orders.models import OrderLine
from app.orders.service import lines_by_id
from app.orders.weighing import weighed_total
from app.shipments.models import WeighIn
from app.shipments.weigh_in_schemas import SignatureShape, WeighInShape
from app.shipments.weigh_ins import get_weigh_in, list_weigh_ins
from app.shipments.weighing import DISPLAY, WeighInStatus


async def show_weigh_in(ports: Ports, caller: Caller, weigh_in_id: str, language: str) -> WeighInShape:
    """One weigh-in, for its buyer, its producer's members, who recorded it, and operators. Two statements."""
    async with ports.database.read() as connection:
        weigh_in = await get_weigh_in(connection, caller, weigh_in_id)
        lines = await lines_by_id(connection, [(weigh_in.order_id, weigh_in.line_id)])
    return weigh_in_shape(weigh_in, lines[weigh_in.line_id], CURRENCY, caller, language)


async def show_weigh_ins(
    ports: Ports,
    caller: Caller,
    *,
    consignment: str | None,
    status: WeighInStatus | None,
    cursor: str | None,
    limit: int,
    language: str,
) -> Page[WeighInShape]:
    """Those that the caller may see, the newest first; corrections stand beside what they corrected. Two statements."""
    async with ports.database.read() as connection:
        found = await list_weigh_ins(
            connection, caller, consignment=consignment, status=status, cursor=cursor, limit=limit
        )
        lines = await lines_by_id(connection, [(each.order_id, each.line_id) for each in found])
    items = [weigh_in_shape(each, lines[each.line_id], CURRENCY, caller, language) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(found) > limit else None)


def weigh_in_shape(weigh_in: WeighIn, line: OrderLine, currency: str, caller: Caller, language: str) -> WeighInShape:
    """Everything about one weigh-in; what it costs is no carrier's business. Pure."""
    same = ("id", "status", "estimated_g", "gross_g", "tare_g", "net_g", "charged_g", "settled_g", "weighed_at")
    also = ("instrument", "ticket", "photo", "supersedes", "due_at", "decided_at", "created_at", "updated_at")
    cost = weighed_total(weigh_in.charged_g, line.price_minor, line.price_per) if line.price_per else 0
    return WeighInShape(
        **{name: getattr(weigh_in, name) for name in (*same, *also)},
        order=weigh_in.order_id,
        consignment=weigh_in.consignment_id,
        line=weigh_in.line_id,
        status_text=pick(DISPLAY[weigh_in.status], language),
        trash_pct=None if weigh_in.trash_pct is None else str(weigh_in.trash_pct),
        regain_pct=None if weigh_in.regain_pct is None else str(weigh_in.regain_pct),
        cost=None if caller.person_id is None else Money(cost, currency),
        signature=SignatureShape(
            by=weigh_in.signed_by,
            public_key=weigh_in.public_key,
            value=weigh_in.signature,
            payload=weigh_in.payload,
        ),
    )
