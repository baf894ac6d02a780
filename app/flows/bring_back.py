"""The story of goods that go back to their producer: they came, or nobody handed them in, and the money that waited for that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.catalogue.reserve import release_line
from app.claims.models import BuyerClaim, GoodsReturn
from app.claims.return_rules import (
    ENDS,
    UNSTARTED,
    advance_return,
    borne_by,
    can_be_sold_again,
    has_come_back,
)
from app.claims.returns import (
    change_return,
    find_return,
    get_return,
    lock_return,
    lock_returning,
    lock_returns_of,
)
from app.claims.rules import refundable_minor
from app.claims.service import standings_of
from app.claims.values import ClaimEvent, ReturnEvent, ReturnStatus
from app.core.database import Session
from app.core.errors import Forbidden
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.limits import RETURN_OVERDUE
from app.flows.claim_goods import paid_minor, sold_line, step
from app.flows.ports import Ports
from app.flows.return_steps import free_room, start_return, stop_return
from app.flows.show_returns import ReturnShape, return_shape
from app.identity.rules import require_grant
from app.identity.values import Caller, Grant
from app.ledger.rules import return_carriage_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import PLATFORM, AccountKind, AccountRef, State, Transfer, TransferKind
from app.orders.models import Order, OrderLine
from app.orders.policies import CarriageBack, Claimable, ClaimKind, claimable_of, goes_back
from app.orders.service import list_lines, lock_order
from app.payments.disputes import is_disputed, require_undisputed
from app.payments.errors import PaymentDisputed
from app.payments.service import get_payment_of
from app.shipments.lighten import hold_booked
from app.shipments.queries import list_of_orders, ways_back
from app.shipments.values import ConsignmentStatus, Journey


async def follow_returns(ports: Ports, session: Session, order: Order, journeys: Sequence[Journey]) -> None:
    """The goods of a delivered order that go back, by what all consignments say: those refused at the door set out, others arrive.

    Runs as often as it likes: a return goes forwards only. The order is locked.
    """
    now = ports.clock.now()
    await _send_back_refused(session, order, journeys, now)
    returns = await lock_returns_of(session, order.id)
    ways = await ways_back(session, [each.way_id for each in returns if each.way_id])
    outbound = {journey.id: journey for journey in journeys}
    for goods in (each for each in returns if each.ended_at is None):
        event = _event_of(goods, outbound.get(goods.consignment_id), ways.get(goods.way_id or ""))
        if event is ReturnEvent.CALL_OFF:
            await _take_refusal_back(ports, session, order, goods, now)
        elif event is not None:
            await _go_on(ports, session, order, goods, event, now)


def _event_of(goods: GoodsReturn, came: Journey | None, way: Journey | None) -> ReturnEvent | None:
    """What has become of goods since they were last looked at. Pure."""
    if goods.at_door and came is not None and came.status is ConsignmentStatus.RETURNED:
        return ReturnEvent.ARRIVE
    if goods.at_door and came is not None and not any(came.refuses(line) for line in goods.lines):
        # Who told of a refusal has said since that there was none.
        return ReturnEvent.CALL_OFF if goods.status in UNSTARTED else None
    if way is None or way.status is ConsignmentStatus.BOOKED:
        return None
    if has_come_back(way):
        return ReturnEvent.ARRIVE
    if way.status is ConsignmentStatus.LOST:
        return ReturnEvent.LOSE
    return ReturnEvent.LEAVE if goods.status is ReturnStatus.BOOKED else None


async def _send_back_refused(session: Session, order: Order, journeys: Sequence[Journey], now: datetime) -> None:
    """What was refused at the door and goes back by the terms is planned, once: as a whole or line by line."""
    refused = [journey for journey in journeys if journey.refused or journey.refused_lines]
    if not refused:
        return
    known = {line for goods in await lock_returns_of(session, order.id) if goods.at_door for line in goods.lines}
    lines = await list_lines(session, order.id)
    for journey in refused:
        mine = [line for line in lines if line.consignment_id == journey.id and journey.refuses(line.id)]
        back = [line for line in mine if goes_back(order.terms, line.id)]
        # A consignment that was refused goes back whole as soon as something of it does.
        going = mine if journey.refused and back else back
        if going and not known.intersection(line.id for line in going):
            policy = refusal_of(order, back[0])
            due = now + policy.hand_in
            await start_return(session, order, going, policy.carriage_back, due, now, at_door=True)


def refusal_of(order: Order, line: OrderLine) -> Claimable:
    """The frozen policy by which goods of this line go back when they are refused: that of the hand-over before that of a refusal."""
    policies = {each.kind: each for each in claimable_of(order.terms, line.id)}
    found = [policies[kind] for kind in (ClaimKind.HAND_OVER, ClaimKind.REFUSAL) if kind in policies]
    return next(each for each in found if each.carriage_back is not CarriageBack.NONE)


async def _go_on(
    ports: Ports, session: Session, order: Order, goods: GoodsReturn, event: ReturnEvent, now: datetime
) -> None:
    """Take locked goods a step further, and with their end the money that waited for it."""
    status = advance_return(goods.status, event)
    ended = now if status in ENDS else None
    await change_return(session, goods, now, status=status, ended_at=ended, reason=None, rule=None)
    if ended is not None:
        await _settle(ports, session, order, goods, now)


async def _take_refusal_back(ports: Ports, session: Session, order: Order, goods: GoodsReturn, now: datetime) -> None:
    """The carrier has corrected a refusal: the goods are with the buyer, and what waited for them is over."""
    for claim in await lock_returning(session, order.id, goods.lines):
        await step(ports, session, order, claim, ClaimEvent.EXPIRE, 0, {})
    await stop_return(session, goods, ReturnEvent.CALL_OFF, now)
    await free_room(session, goods)


async def settle_return(ports: Ports, goods: str) -> None:
    """Job: money of goods that are back, lost, or stay, that had to wait for a bank's decision. Harmless when it runs twice."""
    async with ports.begin() as session:
        seen = await find_return(session, goods)
        if seen is None:
            return
        order = await lock_order(session, seen.order_id)
        row = await lock_return(session, seen.id)
        if row.ended_at is not None and row.settled_at is None:
            await _settle(ports, session, order, row, ports.clock.now())


async def _settle(ports: Ports, session: Session, order: Order, goods: GoodsReturn, now: datetime) -> None:
    """The claims that waited for goods are settled, carriers of those that came back are owed their freight, and what can be sold again is stock.

    While a bank decides about the payment all of it waits; once it has decided for the buyer, nothing more goes back.
    """
    if await is_disputed(session, order.id):
        later = Job("return.settle", {"goods": goods.id}, run_at=now + RETURN_OVERDUE)
        await enqueue(session, [later])
        return
    claims = await lock_returning(session, order.id, goods.lines)
    kinds = frozenset(ClaimKind(claim.kind) for claim in claims)
    from_buyer = await _pay_back(ports, session, order, goods, claims)
    way = (await ways_back(session, [goods.way_id])).get(goods.way_id) if goods.way_id else None
    if goods.status is ReturnStatus.BACK and way is not None:
        await _pay_carriers(session, order, goods, way, from_buyer, now)
    await change_return(session, goods, now, settled_at=now)
    if goods.status is ReturnStatus.BACK and can_be_sold_again(kinds, way):
        for line in sorted(goods.lines):
            await release_line(session, order.id, line)


async def _pay_back(
    ports: Ports, session: Session, order: Order, goods: GoodsReturn, claims: Sequence[BuyerClaim]
) -> int:
    """Settle what waited; answers how much of the way back came out of what goes back to the buyer: of goods that came."""
    lines = await list_lines(session, order.id)
    payment = await get_payment_of(session, order.id)
    left = goods.carriage_minor if goods.status is ReturnStatus.BACK else 0
    for claim in claims:
        line = next(each for each in lines if each.id == claim.line_id)
        most = refundable_minor(
            sold_line(line), await standings_of(session, order.id), paid_minor(order, payment, lines)
        )
        granted = min(claim.agreed_minor or 0, most)
        if granted and await _may_go_back(session, order):
            await step(ports, session, order, claim, ClaimEvent.COME_BACK, granted, {}, left)
            left -= claim.carriage_minor
        else:
            await step(ports, session, order, claim, ClaimEvent.EXPIRE, 0, {})
    return (goods.carriage_minor if goods.status is ReturnStatus.BACK else 0) - left


async def _may_go_back(session: Session, order: Order) -> bool:
    try:
        await require_undisputed(session, order.id)
    except PaymentDisputed:
        return False
    return True


async def _pay_carriers(
    session: Session, order: Order, goods: GoodsReturn, way: Journey, from_buyer: int, now: datetime
) -> None:
    """Who carried goods back is owed its freight, by whoever the policy says."""
    carried: dict[str, int] = {}
    for leg in way.legs:
        carried[leg.carrier] = carried.get(leg.carrier, 0) + leg.price_minor
    accounts = await _payers(session, order, goods)
    cost = sum(carried.values())
    borne = borne_by(CarriageBack(goods.pays), accounts, goods.carriage_minor, cost, from_buyer)
    entries = return_carriage_entries(order.currency, carried, borne)
    if entries:
        transfer = Transfer(new_id("trf"), TransferKind.RETURN_CARRIAGE, order.id, State.POSTED, entries)
        await record_transfers(session, [transfer], now)


async def _payers(session: Session, order: Order, goods: GoodsReturn) -> dict[CarriageBack, AccountRef]:
    """The accounts of everybody who may have to pay a way back; the carrier is the one who handed the goods over."""
    came = next(
        each for each in (await list_of_orders(session, [order.id]))[order.id] if each.id == goods.consignment_id
    )
    accounts = {
        CarriageBack.BUYER: AccountRef(AccountKind.BUYER, order.buyer_id, order.currency),
        CarriageBack.PRODUCER: AccountRef(AccountKind.PRODUCER_AVAILABLE, goods.producer_id, order.currency),
        CarriageBack.PLATFORM: AccountRef(AccountKind.RETURNS, PLATFORM, order.currency),
    }
    if came.legs:
        accounts[CarriageBack.CARRIER] = AccountRef(AccountKind.CARRIER_FREIGHT, came.legs[-1].carrier, order.currency)
    return accounts


async def lapse_return(ports: Ports, goods: str) -> None:
    """Job: the time to hand goods in is over. Nobody did: the claim is over too. There was no way: the money goes back without them.

    Goods that are under way have a week more than they were to take, and count as lost then. Harmless when they came.
    """
    async with ports.begin() as session:
        seen = await find_return(session, goods)
        if seen is None:
            return
        order = await lock_order(session, seen.order_id)
        row, now = await lock_return(session, seen.id), ports.clock.now()
        if row.ended_at is not None or row.due_at > now:
            return
        if row.status in (ReturnStatus.PLANNING, ReturnStatus.NO_WAY):
            await _stay(ports, session, order, row, now)
        elif row.status is ReturnStatus.BOOKED and not row.at_door and await hold_booked(session, row.way_id or ""):
            for claim in await lock_returning(session, order.id, row.lines):
                await step(ports, session, order, claim, ClaimEvent.EXPIRE, 0, {})
            await stop_return(session, row, ReturnEvent.EXPIRE, now)
            await free_room(session, row)
        else:
            await _wait_on(ports, session, order, row, now)


async def _wait_on(ports: Ports, session: Session, order: Order, goods: GoodsReturn, now: datetime) -> None:
    """Goods that carriers have: look again later; a week after they were to be there they count as lost."""
    way = (await ways_back(session, [goods.way_id or ""]))[goods.way_id or ""]
    overdue = way.promised_by + RETURN_OVERDUE
    if overdue <= now:
        await _go_on(ports, session, order, goods, ReturnEvent.LOSE, now)
    else:
        await change_return(session, goods, now, due_at=overdue)
        await enqueue(session, [Job("return.lapse", {"goods": goods.id}, run_at=overdue)])


async def _stay(ports: Ports, session: Session, order: Order, goods: GoodsReturn, now: datetime) -> None:
    """Goods need not come: what waited for them is settled. The room that was booked is given back last, after all money."""
    await stop_return(session, goods, ReturnEvent.KEEP, now)
    await _settle(ports, session, order, goods, now)
    await free_room(session, goods)


async def keep_goods(ports: Ports, session: Session, caller: Caller, return_id: str, language: str) -> ReturnShape:
    """The producer, or an operator, does not want the goods back: they stay, and the money goes back at once.

    Raises `StateConflict` once they have left, `PaymentDisputed` while a bank decides.
    """
    seen = await get_return(session, caller, return_id)
    if not caller.is_operator():
        needs = {"en": "a member of the goods' producer, or an operator", "zh-Hans": "该商品卖家的成员或运营人员身份"}
        require_grant(caller, seen.producer_id, Grant.PRICE, Forbidden(needs=needs))
    order = await lock_order(session, seen.order_id)
    row = await lock_return(session, seen.id)
    advance_return(row.status, ReturnEvent.KEEP)
    await _stay(ports, session, order, row, ports.clock.now())
    way: dict[str, Any] = await ways_back(session, [row.way_id] if row.way_id else [])
    return return_shape(row, way.get(row.way_id or ""), language)
