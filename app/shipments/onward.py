"""What is left of a journey: where the goods are, what they have spent of their hours, and whether the rest still holds. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from app.network.values import Mode, Temperature
from app.routing import Used, chilled_slots
from app.shipments.rules import story_of
from app.shipments.values import (
    ENDED,
    ConsignmentStatus,
    EventType,
    Journey,
    JourneyLeg,
    LegStatus,
    Scan,
)

_OUT_OF_OUR_HANDS: Final = ENDED | {ConsignmentStatus.RETURNING, ConsignmentStatus.OUT_FOR_DELIVERY}
_AT_A_HUB: Final = frozenset({ConsignmentStatus.AT_HUB, ConsignmentStatus.HELD})


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The hub where the goods are or will be next, and when they got or get there.

    `is_carried`: they have been on the road. `is_there`: they have been seen there. Not `is_known`: they left for nobody knows where.
    """

    hub: str
    at: datetime
    is_carried: bool
    is_there: bool
    is_known: bool = True


def frozen_legs(legs: Sequence[JourneyLeg]) -> int:
    """How many legs are executed or under way: always the first ones. Nothing may change them."""
    return max((number for number, leg in enumerate(legs, start=1) if leg.status is not LegStatus.PLANNED), default=0)


def rides_left(journey: Journey) -> tuple[JourneyLeg, ...]:
    """The rides between hubs that nobody has begun; the courier's way to the door is none."""
    left = journey.legs[frozen_legs(journey.legs) :]
    return left[:-1] if left and left[-1].mode == Mode.COURIER else left


def room_for(journey: Journey) -> Used:
    """What a consignment takes up of a run: its packages, a place for each animal, and the slots of what is kept cold."""
    volume_mm3 = sum(package.length_mm * package.width_mm * package.height_mm for package in journey.packages)
    is_live = journey.temperature == Temperature.LIVE
    return Used(
        weight_g=sum(package.weight_g for package in journey.packages),
        volume_mm3=volume_mm3,
        live_places=sum(package.units for package in journey.packages) if is_live else 0,
        chilled_slots=chilled_slots(journey.temperature, volume_mm3),
    )


def courier_left(journey: Journey) -> JourneyLeg | None:
    last = journey.legs[-1] if journey.legs else None
    return last if last and last.mode == Mode.COURIER and last.status is LegStatus.PLANNED else None


def whereabouts(journey: Journey, scans: Iterable[Scan], now: datetime) -> Whereabouts | None:
    """Where the rest of the journey begins, by what its events amount to; None when it is out of our hands.

    A leg under way ends where it was planned to, as late as it left or as a carrier expects. Goods that nobody has handed in are there
    when they have to be for their first departure, not earlier.
    """
    if journey.status in _OUT_OF_OUR_HANDS or journey.cancelled_at is not None or not journey.legs:
        return None
    done = frozen_legs(journey.legs)
    last = journey.legs[done - 1] if done else None
    if last is not None and last.status is LegStatus.UNDER_WAY:
        return Whereabouts(last.to_hub, max(_arrival(last, scans), now), is_carried=True, is_there=False)
    planned = last.to_hub if last else journey.legs[0].from_hub
    if journey.last_event_at is not None and journey.status not in (
        ConsignmentStatus.BOOKED,
        ConsignmentStatus.PICKED_UP,
    ):
        return _last_seen(journey, last, planned, journey.last_event_at)
    return Whereabouts(planned, journey.hand_in_by, is_carried=False, is_there=False)


def _last_seen(journey: Journey, last: JourneyLeg | None, planned: str, seen_at: datetime) -> Whereabouts:
    """Goods that stand still, where they should or elsewhere; or that set out without saying on which ride."""
    if journey.status is ConsignmentStatus.IN_TRANSIT:
        return Whereabouts(journey.hub or planned, seen_at, is_carried=True, is_there=False, is_known=False)
    if journey.status in _AT_A_HUB and journey.hub not in {None, planned}:
        return Whereabouts(journey.hub or planned, seen_at, is_carried=True, is_there=True)
    came_at = last.arrived_at if last else None
    return Whereabouts(planned, came_at or seen_at, is_carried=last is not None, is_there=True)


def _arrival(leg: JourneyLeg, scans: Iterable[Scan]) -> datetime:
    late = max((leg.departed_at or leg.departs_at) - leg.departs_at, timedelta())
    told = [
        scan.estimated_at
        for scan in story_of(scans)
        if scan.type is EventType.ESTIMATED and scan.hub == leg.to_hub and scan.estimated_at
    ]
    return told[-1] if told else leg.arrives_at + late


def spent_s(
    journey: Journey,
    until: datetime,
    *,
    rest_s: int = 0,
    rests_at: Collection[str] = (),
    cooled_at: Collection[str] = (),
) -> int:
    """The hours that count against the goods so far, in seconds, as the planner counts them.

    Animals: since they were loaded, or since their last rest of `rest_s` where they can be rested. Others: what they waited at hubs
    that are not cooled, from the first arrival on.
    """
    gone = journey.legs[: frozen_legs(journey.legs)]
    if not gone:
        return 0
    stays = [(before.to_hub, _arrived(before), _departed(after)) for before, after in pairwise(gone)]
    stays.append((gone[-1].to_hub, _arrived(gone[-1]), until))
    if journey.temperature == Temperature.LIVE:
        rested = (end for hub, since, end in stays if rest_s and hub in rests_at and end - since >= _seconds(rest_s))
        spent = until - max((_departed(gone[0]), *rested))
    else:
        waits = (max(end - since, timedelta()) for hub, since, end in stays if hub not in cooled_at)
        spent = sum(waits, start=timedelta())
    return max(int(spent.total_seconds()), 0)


def _departed(leg: JourneyLeg) -> datetime:
    return leg.departed_at or leg.departs_at


def _arrived(leg: JourneyLeg) -> datetime:
    return leg.arrived_at or leg.arrives_at + max(_departed(leg) - leg.departs_at, timedelta())


def _seconds(count: int) -> timedelta:
    return timedelta(seconds=count)


def moved(leg: JourneyLeg, starts: Mapping[str, datetime]) -> JourneyLeg:
    """The leg by when its run starts now."""
    shift = starts.get(leg.id, leg.run_at) - leg.run_at
    if not shift:
        return leg
    return replace(leg, run_at=leg.run_at + shift, departs_at=leg.departs_at + shift, arrives_at=leg.arrives_at + shift)


def still_connects(
    planned: Sequence[JourneyLeg],
    timed: Sequence[JourneyLeg],
    place: Whereabouts,
    came_from: JourneyLeg | None,
    boards_by: Callable[[JourneyLeg, datetime], datetime],
    noticed_by: datetime,
) -> bool:
    """Whether each ride, by its times of now, is still caught by who comes from the one before.

    `boards_by` answers when goods that arrive at a moment can be on a ride. A wait that is no shorter than planned needs no proof.
    Goods that nobody has handed in are there in time, but a first ride that leaves earlier than was said must leave after `noticed_by`.
    """
    arrives, wait_from = place.at, came_from.arrives_at if came_from else None
    for was, leg in zip(planned, timed, strict=True):
        is_first = leg is timed[0]
        shorter = wait_from is None or leg.departs_at - arrives < was.departs_at - wait_from
        is_told = leg.departs_at >= min(was.departs_at, noticed_by)
        is_free = is_first and not place.is_carried and not place.is_there and is_told
        if shorter and not is_free and boards_by(leg, arrives) > leg.departs_at:
            return False
        arrives, wait_from = leg.arrives_at, was.arrives_at
    return True
