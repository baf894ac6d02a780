"""What a receiver said when goods were handed over: read of their tracking events, for claims to rest on."""

from collections.abc import Iterable
from typing import Any

from app.core.clock import rfc3339
from app.core.database import Session
from app.shipments.queries import list_events
from app.shipments.rules import hand_over_of, standing_of_versions
from app.shipments.values import Condition, Journey, JourneyEvent


async def remarks_of(session: Session, journeys: Iterable[Journey]) -> dict[str, dict[str, Any]]:
    """By consignment what its receiver remarked, or why it was refused; those that were taken without a word are left out.

    No statement when there are none, one otherwise.
    """
    remarked = [journey for journey in journeys if journey.condition not in (None, Condition.ACCEPTED)]
    if not remarked:
        return {}
    events = await list_events(session, [journey.id for journey in remarked])
    read = {journey.id: remark_of(journey, events.get(journey.id, ())) for journey in remarked}
    return {consignment: remark for consignment, remark in read.items() if remark}


def remark_of(journey: Journey, events: Iterable[JourneyEvent]) -> dict[str, Any] | None:
    """The remark as a claim keeps it: by which event, what, when, and in which words. Pure."""
    known = standing_of_versions(events)
    event = known.get(hand_over_of((each.scan for each in known.values()), journey.legs) or ("", ""))
    if event is None or event.condition is None:
        return None
    return {
        "event": event.id,
        "condition": event.condition.value,
        "words": event.note or "",
        "at": rfc3339(event.occurred_at),
    } | ({"refused_lines": list(event.refused_lines)} if event.refused_lines else {})
