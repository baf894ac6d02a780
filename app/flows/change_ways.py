"""The steps that changing ways takes: read a batch, decide on each consignment, write each in a transaction of its own."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from app.core.ids import new_id
from app.core.limits import PLAN_HORIZON
from app.flows.plan_onward import Case, Network, NoWay, Onward, plan_onward
from app.flows.ports import Ports
from app.ledger.rules import reroute_entries
from app.ledger.service import record
from app.ledger.values import State, Transfer, TransferKind
from app.network.capacity import read_load
from app.network.errors import CapacityFull
from app.network.rebook import BookingsMoved, held_by, rebook
from app.network.values import Held
from app.orders.promise import lock_promise, postpone
from app.orders.rules import is_open
from app.routing import Reason, Used
from app.shipments.onward import room_for
from app.shipments.queries import list_events, list_locked
from app.shipments.replan import Cause, Change, JourneyMoved, change_way, lock_journey, strand
from app.shipments.values import Journey, JourneyLeg

TRIES_MAX: Final = 6
WRITERS: Final = 4
Changed = Onward | NoWay | None
Giving = Mapping[str, Collection[Held]]


async def change_ways(ports: Ports, ids: Sequence[str], giving: Giving, cause: Cause) -> dict[str, Onward | NoWay]:
    """Decide on these consignments in this order, and write what changes; answers only those for which something did.

    `giving` are bookings that give way, by consignment. Those that ask the same of the same network share one plan.
    """
    cases = await _read(ports, ids, giving)
    if not cases:
        return {}
    batch = Batch(ports, giving, cause, list(cases.values()))
    await batch.look()
    wanted = [cases[each] for each in ids if each in cases]
    # A few at the same time, each begun in its turn: most of the time of a transaction is waiting.
    turns = asyncio.Semaphore(WRITERS)

    async def in_turn(case: Case) -> Changed:
        async with turns:
            return await batch.change(case)

    async with asyncio.TaskGroup() as group:
        found = [group.create_task(in_turn(case)) for case in wanted]
    changes = ((case.journey.id, task.result()) for case, task in zip(wanted, found, strict=True))
    return {each: change for each, change in changes if change is not None}


async def _read(ports: Ports, ids: Sequence[str], giving: Giving) -> dict[str, Case]:
    """Everything about these consignments, in three statements, whose order lets no change between them go unseen.

    A new scan is one more event than was read, a new way another version of the journey, and bookings that are newer than
    the journey belong to a version that it has left. All of it is checked when the case is written.
    """
    async with ports.database.read() as connection:
        events = await list_events(connection, ids)
        journeys = await list_locked(connection, ids)
        held = await held_by(connection, ids)
    return {
        journey.id: Case(
            journey=journey,
            scans=tuple(event.scan for event in events.get(journey.id, ())),
            held={leg.id: held[leg.id] for leg in journey.legs if leg.id in held},
            gives_way=frozenset(booking.leg_id for booking in giving.get(journey.id, ())),
        )
        for journey in journeys
    }


class Batch:
    """Consignments that are decided on one after the other, on a network that is looked at again when a departure has filled up."""

    def __init__(self, ports: Ports, giving: Giving, cause: Cause, cases: Sequence[Case]) -> None:
        self._ports, self._giving, self._cause = ports, giving, cause
        rooms = [room_for(case.journey) for case in cases]
        self._largest = Used(
            max(room.weight_g for room in rooms),
            max(room.volume_mm3 for room in rooms),
            max(room.live_places for room in rooms),
        )
        self._latest = max((leg.arrives_at for case in cases for leg in case.journey.legs), default=ports.clock.now())
        self._network: Network | None = None
        # One decision at a time, so that whoever asks the same finds the answer.
        self._deciding = asyncio.Lock()

    async def look(self) -> Network:
        """The network as it is now, with all runs that have no room for the largest of these goods. Two statements."""
        ports, now = self._ports, self._ports.clock.now()
        async with ports.database.read() as connection:
            timetable = await ports.timetable.current(connection)
            load = await read_load(connection, now, max(now, self._latest) + PLAN_HORIZON, self._largest)
        self._network = Network(
            ports.fronts, timetable, load, ports.timetable.crossing, ports.timetable.hubs, ports.origin_rules
        )
        return self._network

    async def change(self, case: Case) -> Changed:
        """One consignment. A departure that fills up or a scan that comes in meanwhile: look again, plan again, a few times."""
        filled: frozenset[tuple[str, int]] = frozenset()
        for _ in range(TRIES_MAX):
            async with self._deciding:
                network = self._network or await self.look()
                found = await asyncio.to_thread(plan_onward, network, case, filled, self._ports.clock.now())
            if found is None:
                return None
            try:
                written = await self._write(case, found)
            except CapacityFull as full:
                filled |= {(full.service, int(full.departure_at.timestamp()))}
                self._network = None
            except (JourneyMoved, BookingsMoved):
                case = (await _read(self._ports, [case.journey.id], self._giving))[case.journey.id]
            else:
                return found if written else None
        # Whatever it tried was taken by others, again and again.
        journey = case.journey
        lost = NoWay(journey.hub or journey.legs[0].from_hub, self._ports.clock.now(), Reason.FULL.value)
        return lost if await self._write(case, lost) else None

    async def _write(self, case: Case, found: Onward | NoWay) -> bool:
        """Whole or not at all; false when its order has ended. Order, consignment, bookings and departures are locked in turn."""
        journey, now = case.journey, self._ports.clock.now()
        async with self._ports.begin() as session:
            promised = await lock_promise(session, journey.order_id)
            if promised is None or not is_open(promised.status):
                return False
            await lock_journey(session, journey.id)
            seen = {held.id: held.run_at for held in case.left.values()}
            if isinstance(found, NoWay):
                # What it held on runs ahead is free for others.
                why = (found.hub, found.ready_at, found.reason)
                await strand(session, journey, len(case.scans), why, self._cause, now, found.rule)
                await rebook(session, seen, list(seen), (), now)
            else:
                change = found.change
                await change_way(session, journey, len(case.scans), change, self._cause, now)
                await record(session, _freight_moves(journey, change), now)
                if change.promised_by > promised.by:
                    await postpone(session, journey.order_id, change.promised_from, change.promised_by, now)
                await rebook(session, seen, found.given_up, found.wants, now)
        return True


def _freight_moves(journey: Journey, change: Change) -> list[Transfer]:
    """Who carries gets paid: one pending transfer, posted or void with the sale; none when no carrier's part changes.

    It is written with the change of way, which nobody can write twice.
    """
    dropped, taken = _freight(journey.legs[change.since :]), _freight(change.legs)
    entries = reroute_entries(journey.currency, dropped, taken)
    if not entries:
        return []
    return [Transfer(new_id("trf"), TransferKind.REROUTE, journey.order_id, State.PENDING, entries)]


def _freight(legs: Sequence[JourneyLeg]) -> dict[str, int]:
    """The price of these legs by carrier."""
    owed: dict[str, int] = {}
    for leg in legs:
        owed[leg.carrier] = owed.get(leg.carrier, 0) + leg.price_minor
    return owed
