"""The timeline of a journey in words: what is planned, what happened, what came first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.core.clock import rfc3339
from app.core.text import pick
from app.flows.show_tracking import Shown
from app.network.values import Mode
from app.shipments.values import (
    ENDED,
    EVENT_DISPLAY,
    MODE_DISPLAY,
    ConsignmentStatus,
    EventType,
    JourneyEvent,
    JourneyLeg,
    LegStatus,
)
from app.web.words import WORDS, distance, moment, short_moment

EVENTS_SHOWN_MAX: Final = 40
_SET_OUT: Final = frozenset({EventType.DEPARTED, EventType.LOADED, EventType.OUT_FOR_DELIVERY})
_GOING_BACK: Final = frozenset({ConsignmentStatus.RETURNING, ConsignmentStatus.RETURNED})
_SIGNS: Final = {"CEL": "°C", "FAH": "°F", "KEL": "K", "P1": "%"}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline. `kind` is `ahead`, `now` or `past`; `icon` is a mode of transport or None."""

    kind: str
    what: str
    place: str
    when: str
    machine_when: str
    planned: bool
    icon: str | None = None
    more: str = ""


def is_recalled(shown: Shown) -> bool:
    """Whether the order was cancelled before the goods were handed in."""
    return shown.journey.cancelled_at is not None and shown.journey.status is ConsignmentStatus.BOOKED


def steps(shown: Shown, language: str) -> Iterable[Step]:
    """The timeline, the farthest future first and the order itself last."""
    journey, words = shown.journey, WORDS[language]
    moves = journey.status not in ENDED | _GOING_BACK and not is_recalled(shown)
    for leg in reversed(journey.legs):
        if moves and leg.status is not LegStatus.DONE:
            yield _ahead(shown, leg, language)
    newest = shown.events[-1].id if shown.events else None
    for event in reversed(shown.events[-EVENTS_SHOWN_MAX:]):
        yield _happened(shown, event, "now" if event.id == newest else "past", language)
    yield Step(
        kind="past" if shown.events else "now",
        what=words["booked"],
        place="",
        when=short_moment(journey.created_at, language),
        machine_when=rfc3339(journey.created_at),
        planned=False,
    )


def _ahead(shown: Shown, leg: JourneyLeg, language: str) -> Step:
    words = WORDS[language]
    last = leg == shown.journey.legs[-1]
    arrives_at = shown.estimated_at if last and shown.estimated_at else leg.arrives_at
    to_door = leg.mode == Mode.COURIER
    carried = f"{pick(MODE_DISPLAY[Mode(leg.mode)], language)} · {distance(leg.distance_m, language)}"
    return Step(
        kind="ahead",
        what=words["to_door"] if to_door else shown.place_name(leg, language),
        place="",
        when=short_moment(arrives_at, language),
        machine_when=rfc3339(arrives_at),
        planned=True,
        icon=leg.mode,
        more=carried,
    )


def _happened(shown: Shown, event: JourneyEvent, kind: str, language: str) -> Step:
    leg = next((leg for leg in shown.journey.legs if event.type in _SET_OUT and leg.from_hub == event.hub), None)
    told = [pick(MODE_DISPLAY[Mode(leg.mode)], language)] if leg else []
    told += [f"{reading['value']} {_SIGNS[reading['unit']]}" for reading in event.readings[:3]]
    if event.type is EventType.ESTIMATED and event.estimated_at:
        told.append(moment(event.estimated_at, language))
    return Step(
        kind=kind,
        what=pick(EVENT_DISPLAY[event.type], language),
        place=shown.hub_name(event.hub, language) if event.hub else "",
        when=short_moment(event.occurred_at, language),
        machine_when=rfc3339(event.occurred_at),
        planned=False,
        icon=leg.mode if leg else None,
        more=" · ".join(told),
    )
