"""The story that every door leads to: what a party tells is judged, added, and what the goods become with it is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.database import Session
from app.core.errors import Problem
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.queries import known_hubs
from app.orders.service import lines_of_consignments, returnable_of
from app.shipments.record import DUPLICATE, Held, Party, append, judge, lock_consignments
from app.shipments.told import ToldEvent
from app.shipments.values import Condition

OutcomeStatus = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event, and why when it was rejected."""

    status: OutcomeStatus
    problem: Problem | None = None


async def record_events(
    ports: Ports, session: Session, caller: Caller, told: Sequence[ToldEvent], *, whole: bool = False
) -> list[Outcome]:
    """Add what is new, recompute the consignments from all their events, and queue the news of it, in the caller's transaction.

    Each event is judged by itself, and the outcomes come in the order of the events; with `whole`, nothing is added when one of
    them is rejected. Events already known change nothing. The consignments are locked in the order of their ids, until the
    transaction ends; the number of statements does not depend on the batch.
    """
    if not told:
        return []
    now = ports.clock.now()
    party = Party(caller.id, caller.carrier, caller.is_operator())
    hubs = await _hubs(ports, session, told)
    held = await lock_consignments(session, told, party)
    returnable = await _returnable(session, told, held.values())
    judgement = judge(told, held, party, hubs, returnable, now, await _lines(session, told, held.values()))
    outcomes = [_outcome(word) for word in judgement.words]
    if not whole or all(outcome.problem is None for outcome in outcomes):
        await append(session, judgement, now)
    return outcomes


async def _hubs(ports: Ports, session: Session, told: Sequence[ToldEvent]) -> set[str]:
    """Which of the places that are named are hubs; looked up only for those that are not on this process's map."""
    named = {event.hub for event in told if event.hub}
    known = {hub for hub in named if hub in ports.timetable.hubs}
    return known | await known_hubs(session, named - known) if named - known else known


async def _returnable(session: Session, told: Sequence[ToldEvent], held: Iterable[Held]) -> set[str]:
    """Which of the consignments go back when they are refused; looked up only when a refusal is told."""
    if all(event.condition is not Condition.REFUSED for event in told):
        return set()
    return await returnable_of(session, {consignment.order_id for consignment in held})


async def _lines(session: Session, told: Sequence[ToldEvent], held: Iterable[Held]) -> dict[str, set[str]]:
    """The lines in each consignment; looked up only when some are said to be refused by themselves."""
    if not any(event.refused_lines for event in told):
        return {}
    return await lines_of_consignments(session, {consignment.order_id for consignment in held})


def _outcome(word: Problem | str | None) -> Outcome:
    if isinstance(word, Problem):
        return Outcome("rejected", word)
    return Outcome("duplicate" if word == DUPLICATE else "accepted")
