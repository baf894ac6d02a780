"""Goods that go back, as people see them."""

from app.claims.models import GoodsReturn
from app.claims.return_schemas import ReturnShape
from app.claims.returns import get_return, list_returns
from app.claims.values import RETURN_DISPLAY, ReturnStatus
from app.core.errors import Forbidden
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.values import Caller, Scope
from app.orders.policies import CarriageBack
from app.shipments.queries import ways_back
from app.shipments.values import Journey

__all__ = ["ReturnShape", "return_shape", "show_return", "show_returns"]


async def show_return(ports: Ports, caller: Caller, return_id: str, language: str) -> ReturnShape:
    """One of them, for whom it concerns; `NotFound` for anybody else, `Forbidden` for a key without the scope."""
    require_scope(caller)
    async with ports.database.read() as connection:
        goods = await get_return(connection, caller, return_id)
        ways = await ways_back(connection, [goods.way_id] if goods.way_id else [])
    return return_shape(goods, ways.get(goods.way_id or ""), language)


async def show_returns(
    ports: Ports, caller: Caller, status: ReturnStatus | None, cursor: str | None, limit: int, language: str
) -> Page[ReturnShape]:
    """The buyer's, the producer's, the carrier's, or for operators all; the newest first. `Forbidden` for a key without the scope."""
    require_scope(caller)
    async with ports.database.read() as connection:
        found = await list_returns(connection, caller, status, cursor, limit)
        page = found[:limit]
        ways = await ways_back(connection, [goods.way_id for goods in page if goods.way_id])
    items = [return_shape(goods, ways.get(goods.way_id or ""), language) for goods in page]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(found) > limit else None)


def require_scope(caller: Caller) -> None:
    """A partner's key reads what its carrier brings back as it reads what it carries."""
    if caller.partner_id is not None and Scope.TRACKING_READ not in caller.scopes:
        scope = Scope.TRACKING_READ.value
        raise Forbidden(needs={"en": f"an API key with the scope {scope}", "zh-Hans": f"具有 {scope} 权限的 API 密钥"})


def return_shape(goods: GoodsReturn, way: Journey | None, language: str) -> ReturnShape:
    """Everything about goods that go back, with the consignment that brings them. Pure."""
    return ReturnShape(
        id=goods.id,
        order=goods.order_id,
        consignment=goods.consignment_id,
        lines=goods.lines,
        producer=goods.producer_id,
        status=goods.status,
        status_text=pick(RETURN_DISPLAY[goods.status], language),
        at_door=goods.at_door,
        pays=CarriageBack(goods.pays),
        carriage=Money(goods.carriage_minor, goods.currency) if way else None,
        way=goods.way_id,
        tracking_number=way.tracking_number if way else None,
        hand_in_hub=way.legs[0].from_hub if way and way.legs else None,
        hand_in_by=way.hand_in_by if way else None,
        to=way.legs[-1].to_hub if way and way.legs else None,
        expected_by=way.promised_by if way else None,
        reason=goods.reason,
        rule=goods.rule,
        due_at=goods.due_at,
        created_at=goods.created_at,
        updated_at=goods.updated_at,
        ended_at=goods.ended_at,
    )
