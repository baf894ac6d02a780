"""The story of partners telling what happened to the goods they carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.database import Session
from app.core.errors import Problem
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.queries import known_hubs
from app.notify.announce import announce
from app.orders.service import returnable_of
from app.shipments.record import DUPLICATE, Locked, Party, append, judge, lock_consignments
from app.shipments.rules import read_tracking_number
from app.shipments.schemas import TrackingEventRequest
from app.shipments.values import Condition

OutcomeStatus = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event, and why when it was rejected."""

    status: OutcomeStatus
    problem: Problem | None = None


async def record_tracking(ports: Ports, caller: Caller, told: Sequence[TrackingEventRequest]) -> list[Outcome]:
    """Add what is new, recompute the consignments from all their events, and put the news of it, in one transaction.

    Each event is judged by itself; the outcomes come in the order of the events. Events already known change nothing.
    The consignments are locked in the order of their ids; the number of statements does not depend on the batch.
    """
    if not told:
        return []
    now = ports.clock.now()
    party = Party(caller.id, caller.carrier, caller.is_operator())
    numbers = {number for event in told if (number := read_tracking_number(event.tracking_number))}
    async with ports.begin() as session:
        hubs = await known_hubs(session, {event.hub for event in told if event.hub})
        locked = await lock_consignments(session, numbers)
        judgement = judge(told, locked, party, hubs, await _returnable(session, told, locked), now)
        jobs, news = await append(session, judgement, locked, now)
        await announce(session, news, jobs)
    return [_outcome(word) for word in judgement.words]


async def _returnable(session: Session, told: Sequence[TrackingEventRequest], locked: Locked) -> set[str]:
    """Which of the consignments go back when they are refused; looked up only when a refusal is told."""
    if all(event.condition is not Condition.REFUSED for event in told):
        return set()
    return await returnable_of(session, {journey.order_id for journey in locked.journeys.values()})


def _outcome(word: Problem | str | None) -> Outcome:
    if isinstance(word, Problem):
        return Outcome("rejected", word)
    return Outcome("duplicate" if word == DUPLICATE else "accepted")
