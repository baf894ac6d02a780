"""The story of looking at the clock: goods of which nobody says anything, that come too late, or animals on board for too long."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from app.core.database import Session
from app.flows.ports import Ports
from app.flows.tell_exceptions import tell_exceptions
from app.network.endurance import journey_limit
from app.network.values import Temperature
from app.shipments.due import DUE_READ_MAX, list_due
from app.shipments.exception_values import WATCHED, Raised, Terms, exception_terms
from app.shipments.exceptions import end_all, end_with_journeys, exceptions_of, lock_all, raise_all
from app.shipments.onward import spent_s
from app.shipments.queries import list_locked
from app.shipments.values import ConsignmentStatus
from app.shipments.watching import Due, endurance_of, lateness_of, silence_of


async def watch_shipments(ports: Ports) -> None:
    """Periodic: raise what the clock shows, once, with who is told; end what holds no longer.

    Some consignments in each transaction, each page a few statements; runs as often as it likes. What is silent is ended by the next
    event itself (`app.shipments.record.append`).
    """
    terms, after = exception_terms(), ""
    async with ports.begin() as session:
        await end_with_journeys(session)
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    rests = {place.code for place in timetable.places if place.can_rest}
    while True:
        async with ports.begin() as session:
            due = await list_due(session, terms, ports.clock.now(), after)
            await _look_at(ports, session, due, rests, terms)
        if len(due) < DUE_READ_MAX:
            return
        after = due[-1].id


async def _look_at(ports: Ports, session: Session, due: Sequence[Due], rests: Collection[str], terms: Terms) -> None:
    """Decide on those about which something may be said; what was read before they were locked is read anew where it has moved."""
    now, seen = ports.clock.now(), {each.id: each for each in due}
    found = {each.id: _by_clock(each, terms, now) for each in due}
    for raised in await _of_animals(session, due, rests, terms, now):
        found[raised.consignment_id].append(raised)
    known = {
        (each.what.consignment_id, each.what.kind)
        for each in await exceptions_of(session, list(seen), WATCHED)
        if each.what.ended_at is None
    }
    wanted = {(raised.consignment_id, raised.kind): raised for some in found.values() for raised in some}
    fresh, over = wanted.keys() - known, known - wanted.keys()
    if not fresh and not over:
        return
    changed = {consignment for consignment, _ in fresh | over}
    still = await _unmoved(session, changed, seen)
    await end_all(session, sorted(key for key in over if key[0] in still), now)
    new = [wanted[key] for key in sorted(fresh) if key[0] in still]
    await tell_exceptions(ports, session, await raise_all(session, new, now), seen, terms)


def _by_clock(due: Due, terms: Terms, now: datetime) -> list[Raised]:
    return [raised for raised in (silence_of(due, terms, now), lateness_of(due, terms, now)) if raised]


async def _of_animals(
    session: Session, due: Sequence[Due], rests: Collection[str], terms: Terms, now: datetime
) -> list[Raised]:
    """One statement, where there are any."""
    live = [each.id for each in due if each.temperature == Temperature.LIVE and each.status != ConsignmentStatus.BOOKED]
    raised = []
    for journey in await list_locked(session, live) if live else ():
        limit = journey_limit(journey.species or ())
        spent = timedelta(seconds=spent_s(journey, now, rest_s=limit.rest_s, rests_at=rests))
        raised += endurance_of(journey, spent, limit, terms, now)
    return raised


async def _unmoved(session: Session, ids: Collection[str], seen: dict[str, Due]) -> set[str]:
    """Lock these, and answer those that are as they were read: the others are looked at again next time."""
    await lock_all(session, sorted(ids))
    journeys = await list_locked(session, ids)
    return {
        journey.id
        for journey in journeys
        if (journey.last_event_at, journey.estimated_at, journey.status, journey.ended_at, journey.cancelled_at)
        == (seen[journey.id].last_event_at, seen[journey.id].estimated_at, seen[journey.id].status, None, None)
    }
