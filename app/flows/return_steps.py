"""The steps that every story of goods that go back takes: they begin, and they end before anybody has handed them in."""

from collections.abc import Sequence
from datetime import datetime

from app.claims.models import GoodsReturn
from app.claims.return_rules import ENDS, advance_return
from app.claims.returns import add_return, change_return
from app.claims.values import RETURN_DISPLAY, RETURN_VERBS, ReturnEvent, ReturnStatus
from app.core.database import Session
from app.core.errors import StateConflict
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.network.capacity import release_capacity
from app.orders.models import Order, OrderLine
from app.orders.policies import CarriageBack
from app.shipments.lighten import drop_consignment, hold_booked


async def start_return(
    session: Session,
    order: Order,
    lines: Sequence[OrderLine],
    pays: CarriageBack,
    due_at: datetime,
    now: datetime,
    *,
    at_door: bool = False,
) -> GoodsReturn:
    """Goods of these lines of one consignment are to go back; a job looks for the way, another one looks when the time is over."""
    goods = GoodsReturn(
        id=new_id("rtn"),
        order_id=order.id,
        consignment_id=lines[0].consignment_id,
        buyer_id=order.buyer_id,
        producer_id=lines[0].producer_id,
        lines=[line.id for line in lines],
        status=ReturnStatus.PLANNING,
        pays=pays,
        at_door=at_door,
        currency=order.currency,
        due_at=due_at,
        created_at=now,
        updated_at=now,
    )
    await add_return(session, goods)
    about = {"goods": goods.id}
    await enqueue(session, [Job("return.plan", about), Job("return.lapse", about, run_at=due_at)])
    return goods


async def stop_return(session: Session, goods: GoodsReturn, event: ReturnEvent, now: datetime) -> None:
    """Goods that nobody has handed in need not come, or come no more: their consignment is not to be. `free_room` comes last.

    The caller has locked them. Raises `StateConflict` once they have left: a scan that comes in meanwhile holds the consignment.
    """
    status = advance_return(goods.status, event)
    if goods.way_id is not None:
        if not await hold_booked(session, goods.way_id):
            raise StateConflict(state=RETURN_DISPLAY[ReturnStatus.UNDER_WAY], verb=RETURN_VERBS[event])
        await drop_consignment(session, goods.way_id, now)
    ended = now if status in ENDS else None
    await change_return(session, goods, now, status=status, ended_at=ended, reason=None, rule=None)


async def free_room(session: Session, goods: GoodsReturn) -> None:
    """What is not carried back gives back its room: the last statements before the commit."""
    await release_capacity(session, [goods.way_id] if goods.way_id else [])
