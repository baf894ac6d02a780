"""The story of a way back: goods are packed anew, planned from the buyer's hub to their producer's, and booked on every ride."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.catalogue.queries import goods_to_pack
from app.catalogue.values import Category
from app.claims.models import GoodsReturn
from app.claims.return_rules import advance_return, ends_of_way
from app.claims.returns import change_return, find_return, get_return, lock_return
from app.claims.values import RETURN_DISPLAY, RETURN_VERBS, ReturnEvent, ReturnStatus
from app.core.clock import rfc3339
from app.core.database import Session
from app.core.errors import Forbidden, Gap, Invalid, StateConflict
from app.core.jobs import Job, enqueue
from app.core.limits import HAND_IN_NOTICE, PLANS_TRIED_MAX, RETURN_NOTICE
from app.flows.draft_order import leg_of
from app.flows.plan_ways import Around, Cargo, Way, find_ways, legs_of, look_around
from app.flows.ports import Ports
from app.flows.show_returns import ReturnShape, show_return
from app.flows.tell_people import hub_named, local_time
from app.identity.service import contacts_of_persons
from app.identity.values import Caller
from app.network.errors import CapacityFull, RouteUnavailable, TooManyWays
from app.network.queries import hubs_by_code
from app.network.rebook import held_by, rebook
from app.network.values import Temperature, Want
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order, OrderLine
from app.orders.rules import promise_for
from app.orders.service import get_order, list_lines, lock_order
from app.packaging.rules import choose_packages
from app.packaging.values import Package, PackagingKind
from app.routing import Reason
from app.shipments.lighten import drop_consignment, hold_booked
from app.shipments.onward import room_for
from app.shipments.queries import list_of_orders
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentDraft, Journey, JourneyLeg

Without = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be carried back: the consignment that brought it, its packages, and between which hubs; None when it never rode."""

    goods: GoodsReturn
    came: Journey
    packages: tuple[Package, ...]
    hubs: tuple[str, str] | None
    ready_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """The way that was chosen, ride by ride, and when the goods are back."""

    legs: tuple[JourneyLeg, ...]
    arrives_at: datetime


async def plan_return(ports: Ports, goods: str) -> None:
    """Job: look for a way back and book it. Where there is none, the return says why, and an operator reads it. May run twice."""
    async with ports.begin() as session:
        seen = await find_return(session, goods)
    if seen is None or seen.status not in (ReturnStatus.PLANNING, ReturnStatus.NO_WAY):
        return
    try:
        await _book(ports, seen, ports.clock.now() + RETURN_NOTICE)
    except (RouteUnavailable, TooManyWays):
        # Noted on the return, where people look for it.
        return


async def book_return(ports: Ports, caller: Caller, return_id: str, ready_at: datetime, language: str) -> ReturnShape:
    """The buyer, or an operator, says when the goods are brought to the hub: their way is booked from then on, in place of another.

    Raises `Invalid` for a time that is too soon or too late, `StateConflict` once they have left, `RouteUnavailable` or `TooManyWays`,
    which the return notes when it has no other way. The same again changes nothing.
    """
    async with ports.database.read() as connection:
        seen = await get_return(connection, caller, return_id)
    if not (caller.is_operator() or caller.id == seen.buyer_id):
        raise Forbidden(needs={"en": "the buyer of the goods, or an operator", "zh-Hans": "买家本人或运营人员身份"})
    advance_return(seen.status, ReturnEvent.BOOK)
    _require_time(seen, ready_at, ports.clock.now())
    if seen.status is not ReturnStatus.BOOKED or seen.ready_at != ready_at:
        await _book(ports, seen, ready_at)
    return await show_return(ports, caller, return_id, language)


def _require_time(goods: GoodsReturn, ready_at: datetime, now: datetime) -> None:
    first = now + HAND_IN_NOTICE
    if not first <= ready_at <= max(goods.due_at, first):
        words = {
            "en": f"From {rfc3339(first)} until {rfc3339(goods.due_at)}",
            "zh-Hans": f"须在 {rfc3339(first)} 至 {rfc3339(goods.due_at)} 之间",
        }
        raise Invalid(gaps=[Gap("/ready_at", words)])


async def _book(ports: Ports, goods: GoodsReturn, ready_at: datetime) -> None:
    """Plan and write; again when a departure has filled up meanwhile. Raises why there is no way, which is noted before."""
    without: Without = frozenset()
    refused: RouteUnavailable | TooManyWays | None = None
    for _ in range(PLANS_TRIED_MAX):
        try:
            errand, found = await _plan(ports, goods, ready_at, without)
        except (RouteUnavailable, TooManyWays) as none:
            refused = none
            break
        try:
            await _write(ports, errand, found)
        except CapacityFull as full:
            without |= {(full.service, int(full.departure_at.timestamp()))}
        else:
            return
    if refused is None:
        refused = RouteUnavailable(Reason.FULL, *(errand.hubs or ("", "")), errand.came.temperature)
    # In a transaction of its own: the refusal is what an operator has to know.
    await _note_none(ports, goods, refused)
    raise refused


async def _plan(ports: Ports, goods: GoodsReturn, ready_at: datetime, without: Without) -> tuple[Errand, Found]:
    """Read what goes back and the network as it is, then decide: the cheapest way, of two the one that is there first."""
    async with ports.begin() as session:
        errand = await _errand(session, goods, ready_at)
    if errand.hubs is None or errand.hubs[0] == errand.hubs[1]:
        return errand, Found((), ready_at)
    cargo = cargo_of(errand)
    async with ports.database.read() as connection:
        around = await look_around(ports, connection, "", errand.hubs[1], [cargo])
    return errand, await asyncio.to_thread(_choose, around, cargo, without)


def _choose(around: Around, cargo: Cargo, without: Without) -> Found:
    def merit(way: Way) -> tuple[int, datetime, int]:
        return way.price_minor, way.arrives_at, way.co2e_g

    way = min(find_ways(around, cargo, without), key=merit)
    return Found(tuple(leg_of(leg) for leg in legs_of(around, cargo, way)), way.arrives_at)


async def _errand(session: Session, goods: GoodsReturn, ready_at: datetime) -> Errand:
    order = await get_order(session, goods.order_id, None)
    lines = await list_lines(session, order.id)
    came = next(
        each for each in (await list_of_orders(session, [order.id]))[order.id] if each.id == goods.consignment_id
    )
    inside = [line for line in lines if line.consignment_id == came.id]
    back = [line for line in inside if line.id in goods.lines]
    whole = len(back) == len(inside)
    packages = _as_they_came(came) if whole else await _packed_anew(session, order, back)
    return Errand(goods, came, packages, ends_of_way(came), ready_at)


def _as_they_came(came: Journey) -> tuple[Package, ...]:
    """Goods of a whole consignment go back in the packages in which they came; nobody pays for these again."""
    return tuple(
        Package(
            type=package.type,
            name=package.name,
            units=package.units,
            weight_g=package.weight_g,
            length_mm=package.length_mm,
            width_mm=package.width_mm,
            height_mm=package.height_mm,
            own_mass_g=package.own_mass_g,
            price_minor=0,
            co2e_g=0,
            reusable=package.reusable,
        )
        for package in came.packages
    )


async def _packed_anew(session: Session, order: Order, lines: Sequence[OrderLine]) -> tuple[Package, ...]:
    """Some lines of a consignment take the room that they would have taken by themselves."""
    goods = await goods_to_pack(session, [line.listing_id for line in lines])
    kind = order.terms.get("packaging") or PackagingKind.STANDARD
    counted = [replace(goods[line.listing_id], count=line.quantity) for line in lines]
    return tuple(
        replace(package, price_minor=0, co2e_g=0, deposit_minor=0, return_days=0)
        for package in choose_packages(PackagingKind(kind), counted)
    )


def cargo_of(errand: Errand) -> Cargo:
    """The goods as the planner sees them. Pure."""
    assert errand.hubs
    packages, came = errand.packages, errand.came
    is_live = came.temperature == Temperature.LIVE
    return Cargo(
        hub=errand.hubs[0],
        temperature=Temperature(came.temperature),
        ready_at=errand.ready_at,
        weight_g=sum(package.weight_g for package in packages),
        volume_mm3=sum(package.volume_mm3 for package in packages),
        live_heads=sum(package.units for package in packages) if is_live else 0,
        piece_weight_g=max(package.weight_g for package in packages),
        piece_length_mm=max(max(package.length_mm, package.width_mm, package.height_mm) for package in packages),
        species=frozenset(came.species or ()),
        origin=came.origin,
        categories=frozenset(map(Category, came.categories or ())),
    )


async def _write(ports: Ports, errand: Errand, found: Found) -> None:
    """The one transaction: the consignment that brings the goods back, with its bookings last. Raises `CapacityFull`, `StateConflict`.

    Locks the order, the return, and the consignment that it takes the place of.
    """
    now = ports.clock.now()
    async with ports.begin() as session:
        order = await lock_order(session, errand.goods.order_id)
        row = await lock_return(session, errand.goods.id)
        status = advance_return(row.status, ReturnEvent.BOOK)
        former = row.way_id
        if former is not None:
            if not await hold_booked(session, former):
                under_way = RETURN_DISPLAY[ReturnStatus.UNDER_WAY]
                raise StateConflict(state=under_way, verb=RETURN_VERBS[ReturnEvent.BOOK])
            await drop_consignment(session, former, now)
        prefix = ports.settings.gs1_company_prefix
        (way,) = await create_consignments(session, [_draft(row, errand, found)], now, company_prefix=prefix)
        carriage = sum(leg.price_minor for leg in way.legs)
        due_at = max(row.due_at, way.hand_in_by)
        if due_at > row.due_at:
            await enqueue(session, [Job("return.lapse", {"goods": row.id}, run_at=due_at)])
        booked = {"way_id": way.id, "carriage_minor": carriage, "ready_at": errand.ready_at, "due_at": due_at}
        await change_return(session, row, now, status=status, reason=None, rule=None, **booked)
        await _tell(session, order, way, now)
        held = await held_by(session, [former] if former else [])
        seen = {each.id: each.run_at for each in held.values()}
        await rebook(session, seen, list(seen), _wants(way), now)


def _draft(goods: GoodsReturn, errand: Errand, found: Found) -> ConsignmentDraft:
    promise = promise_for(errand.ready_at, found.arrives_at)
    came = errand.came
    return ConsignmentDraft(
        order_id=goods.order_id,
        producer_id=goods.producer_id,
        buyer_id=goods.buyer_id,
        currency=goods.currency,
        temperature=came.temperature,
        promised_from=promise.start,
        promised_by=promise.end,
        packages=errand.packages,
        legs=found.legs,
        origin=came.origin,
        categories=came.categories,
        species=came.species,
        return_id=goods.id,
    )


def _wants(way: Journey) -> list[Want]:
    room = room_for(way)
    return [
        Want(
            leg_id=leg.id,
            consignment_id=way.id,
            service_id=leg.service_id,
            run_at=leg.run_at,
            board=leg.board,
            alight=leg.alight,
            weight_g=room.weight_g,
            volume_mm3=room.volume_mm3,
            live_places=room.live_places,
            chilled_slots=room.chilled_slots,
        )
        for leg in way.legs
    ]


async def _note_none(ports: Ports, goods: GoodsReturn, refused: RouteUnavailable | TooManyWays) -> None:
    """There is no way back: noted on a return that has none, for an operator to find; one that is booked stays as it is."""
    async with ports.begin() as session:
        await lock_order(session, goods.order_id)
        row = await lock_return(session, goods.id)
        if row.status not in (ReturnStatus.PLANNING, ReturnStatus.NO_WAY):
            return
        fields = refused.fields
        rule = fields.get("rule")
        reason = fields.get("reason", "too_many_ways")
        status = advance_return(row.status, ReturnEvent.FIND_NONE)
        await change_return(
            session, row, ports.clock.now(), status=status, reason=reason, rule=rule["number"] if rule else None
        )


async def _tell(session: Session, order: Order, way: Journey, now: datetime) -> None:
    """The buyer hears where the goods are handed in, by when, and under which number."""
    buyer = (await contacts_of_persons(session, [order.buyer_id]))[order.buyer_id]
    hub = ""
    if way.legs:
        hubs = await hubs_by_code(session, {way.legs[0].from_hub})
        hub = hub_named(hubs, way.legs[0].from_hub, buyer.language)
    told: Mapping[str, str] = {
        "number": order.number,
        "tracking": way.tracking_number,
        "hub": hub,
        "hand_in_by": local_time(way.hand_in_by),
    }
    await queue_messages(session, [Notice(buyer.phone, Template.RETURN_BOOKED, buyer.language, dict(told))], now)
