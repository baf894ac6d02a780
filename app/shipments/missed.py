"""Which delays may cost a connection: a quick look at what an event changed; whoever plans decides. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from app.network.values import Mode
from app.shipments.values import LegState, LegStatus, PlannedLeg, State

# No dwell and no cut-off together are longer than this [M]: with more time left, nothing can be missed.
DWELL_AND_CUTOFF_MAX: Final = timedelta(hours=24)


def may_miss(legs: Sequence[PlannedLeg], before: State, after: State, expected: Mapping[str, datetime]) -> bool:
    """Whether what became known puts the next booked ride in doubt: the goods reach it later than planned, with little time left.

    `expected` is when a carrier has just said that they reach a hub. What is over, what nobody has begun, and the courier, who comes
    when the goods are there, are in no doubt.
    """
    if after.estimated_at is None or (after.legs == before.legs and not expected):
        return False
    done = sum(state.status is not LegStatus.PLANNED for state in after.legs)
    if not 0 < done < len(legs) or legs[done].mode == Mode.COURIER:
        return False
    last, following = legs[done - 1], legs[done]
    reached = _reached(last, after.legs[done - 1], expected.get(last.to_hub))
    return reached > last.arrives_at and following.departs_at - reached < DWELL_AND_CUTOFF_MAX


def _reached(leg: PlannedLeg, state: LegState, expected: datetime | None) -> datetime:
    """When the goods reached the end of a leg, or will: as a carrier expects, or as late as they left."""
    late = max((state.departed_at or leg.departs_at) - leg.departs_at, timedelta())
    return state.arrived_at or expected or leg.arrives_at + late
