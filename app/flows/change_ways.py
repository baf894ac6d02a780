"""The steps that changing ways takes: read a batch, decide on each consignment, write each in a transaction of its own."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from app.core.jobs import Job, enqueue
from app.core.limits import PLAN_HORIZON
from app.flows.plan_onward import Case, Network, NoWay, Onward, plan_onward
from app.flows.ports import Ports
from app.network.capacity import read_load
from app.network.errors import CapacityFull
from app.network.rebook import BookingsMoved, held_by, rebook
from app.network.values import Held
from app.orders.promise import postpone
from app.orders.rules import is_open
from app.orders.service import lock_order
from app.routing import Reason, Used
from app.shipments.onward import room_for
from app.shipments.queries import list_events, list_locked
from app.shipments.replan import Cause, change_way, lock_journey, strand

TRIES_MAX: Final = 6
Giving = Mapping[str, Collection[Held]]


class JourneyMoved(Exception):
    """The consignment is not as it was read: look again."""


async def change_ways(ports: Ports, ids: Sequence[str], giving: Giving, cause: Cause) -> dict[str, Onward | NoWay]:
    """Decide on these consignments in this order, and write what changes; answers only those for which something did.

    `giving` are bookings that give way, by consignment. Those that ask the same of the same network share one plan.
    """
    cases = await _read(ports, ids, giving)
    if not cases:
        return {}
    network = await _look(ports, list(cases.values()))
    changed: dict[str, Onward | NoWay] = {}
    for consignment_id in ids:
        if consignment_id in cases:
            network, found = await _change(ports, network, cases[consignment_id], giving, cause)
            if found is not None:
                changed[consignment_id] = found
    return changed


async def _read(ports: Ports, ids: Sequence[str], giving: Giving) -> dict[str, Case]:
    """Everything about these consignments, in three statements, in an order in which nothing new looks old: the journeys come last."""
    async with ports.database.read() as connection:
        held = await held_by(connection, ids)
        events = await list_events(connection, ids)
        journeys = await list_locked(connection, ids)
    return {
        journey.id: Case(
            journey=journey,
            scans=tuple(event.scan for event in events.get(journey.id, ())),
            held={leg.id: held[leg.id] for leg in journey.legs if leg.id in held},
            gives_way=frozenset(booking.leg_id for booking in giving.get(journey.id, ())),
        )
        for journey in journeys
    }


async def _look(ports: Ports, cases: Sequence[Case]) -> Network:
    """The network as it is now, with what is booked on all runs that these goods could take. Two statements."""
    now = ports.clock.now()
    rooms = [room_for(case.journey) for case in cases]
    largest = Used(
        max(room.weight_g for room in rooms),
        max(room.volume_mm3 for room in rooms),
        max(room.live_places for room in rooms),
    )
    latest = max(leg.arrives_at for case in cases for leg in case.journey.legs)
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
        load = await read_load(connection, now, max(now, latest) + PLAN_HORIZON, largest)
    return Network(ports.fronts, timetable, load, ports.timetable.crossing, ports.timetable.hubs)


async def _change(
    ports: Ports, network: Network, case: Case, giving: Giving, cause: Cause
) -> tuple[Network, Onward | NoWay | None]:
    """One consignment. A departure that fills up or a scan that comes in meanwhile: look again, plan again, a few times."""
    filled: frozenset[tuple[str, int]] = frozenset()
    for _ in range(TRIES_MAX):
        now = ports.clock.now()
        found = await asyncio.to_thread(plan_onward, network, case, filled, now)
        if found is None:
            return network, None
        try:
            if isinstance(found, Onward):
                written = await _write(ports, case, found, cause)
            else:
                written = await _strand(ports, case, found, cause)
        except CapacityFull as full:
            filled |= {(full.service, int(full.departure_at.timestamp()))}
            network = await _look(ports, [case])
        except (JourneyMoved, BookingsMoved):
            case = (await _read(ports, [case.journey.id], giving))[case.journey.id]
        else:
            return network, found if written else None
    # Whatever it tried was taken by others, again and again.
    lost = NoWay(case.journey.hub or case.journey.legs[0].from_hub, ports.clock.now(), Reason.FULL.value)
    return network, lost if await _strand(ports, case, lost, cause) else None


async def _write(ports: Ports, case: Case, onward: Onward, cause: Cause) -> bool:
    """The new way, whole or not at all; false when its order has ended. Order, consignment, bookings and departures are locked in turn."""
    journey, now = case.journey, ports.clock.now()
    async with ports.begin() as session:
        order = await lock_order(session, journey.order_id)
        if not is_open(order.status):
            return False
        if await lock_journey(session, journey.id) != journey:
            raise JourneyMoved
        change = onward.change
        await change_way(session, journey, change, cause, now)
        if change.promised_by > order.promised_by:
            await postpone(session, order, change.promised_from, change.promised_by, now)
        if onward.is_new_way or change.promised_by != journey.promised_by or change.hand_in_by != journey.hand_in_by:
            news = {"consignment": journey.id, "version": journey.plan_version + 1}
            await enqueue(session, [Job("shipment.replanned", news)])
        seen = {held.id: held.run_at for held in case.left.values()}
        await rebook(session, seen, onward.given_up, onward.wants, now)
    return True


async def _strand(ports: Ports, case: Case, found: NoWay, cause: Cause) -> bool:
    """No way: what it held on runs ahead is free for others, and an operator sees it."""
    journey, now = case.journey, ports.clock.now()
    async with ports.begin() as session:
        order = await lock_order(session, journey.order_id)
        if not is_open(order.status):
            return False
        if await lock_journey(session, journey.id) != journey:
            raise JourneyMoved
        await strand(session, journey, found.hub, found.ready_at, found.reason, cause, now)
        seen = {held.id: held.run_at for held in case.left.values()}
        await rebook(session, seen, list(seen), (), now)
    return True
