"""How sure an estimated arrival is: from what happened, the timetable, and how late its rides were before. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.shipments.exception_values import Spread, Terms
from app.shipments.values import JourneyLeg, LegStatus

# From so many runs on, what is known of a ride stands for itself; with fewer, its mode widens it; with hardly any it says nothing.
RUNS_ENOUGH: Final = 20
RUNS_MIN: Final = 5


@dataclass(frozen=True, slots=True)
class Past:
    """How late runs of one ride were: seconds of the departure, thousandths of the planned time on the way. `service_id` "" is a whole mode.

    `low` and `high` are the tenth and the ninetieth of a hundred runs.
    """

    service_id: str
    from_hub: str
    to_hub: str
    mode: str
    runs: int
    departs_low_s: int
    departs_high_s: int
    takes_low_pml: int
    takes_high_pml: int

    @property
    def spread(self) -> Spread:
        return Spread(self.departs_low_s, self.departs_high_s, self.takes_low_pml, self.takes_high_pml)


def spread_of(leg: JourneyLeg, past: Mapping[tuple[str, str, str, str], Past], terms: Terms) -> Spread:
    """What a ride may deviate by. Few runs widen: by those of its mode, and where there are few of these, by the table's default."""
    own = past.get((leg.service_id, leg.from_hub, leg.to_hub, leg.mode))
    if own is not None and own.runs >= RUNS_ENOUGH:
        return own.spread
    whole = past.get(("", "", "", leg.mode))
    wide = whole.spread if whole is not None and whole.runs >= RUNS_ENOUGH else terms.spread_for(leg.mode)
    return wide.hull(own.spread) if own is not None and own.runs >= RUNS_MIN else wide


def expected_between(
    legs: Sequence[JourneyLeg], estimated_at: datetime, past: Sequence[Past], terms: Terms, now: datetime
) -> tuple[datetime, datetime]:
    """Between which times the goods arrive, eight times in ten or more: the estimate, earlier and later by what the rides that are left may deviate.

    Each ride departs by its timetable or when the goods are there; waits on the way swallow a part of a delay. That all rides are slow, or
    quick, at once is less likely than each alone: the interval is rather too wide than too narrow. The estimate lies within.
    """
    known = {(each.service_id, each.from_hub, each.to_hub, each.mode): each for each in past}
    spreads = [spread_of(leg, known, terms) for leg in legs]
    still = Spread(0, 0, 0, 0)
    middle = _arrival(legs, [still] * len(legs), now, late=True)
    low, high = (_arrival(legs, spreads, now, late=late) for late in (False, True))
    earlier, later = min(low - middle, timedelta()), max(high - middle, timedelta())
    return min(max(estimated_at + earlier, now), estimated_at), estimated_at + later


def _arrival(legs: Sequence[JourneyLeg], spreads: Sequence[Spread], now: datetime, *, late: bool) -> datetime:
    """When the last leg ends if every one that is left deviates by its one end."""
    there = now
    for leg, spread in zip(legs, spreads, strict=True):
        if leg.status is LegStatus.DONE:
            there = leg.arrived_at or leg.arrives_at
            continue
        departs = timedelta(seconds=spread.departs_high_s if late else spread.departs_low_s)
        takes = 1 + (spread.takes_high_pml if late else spread.takes_low_pml) / 1_000
        left = leg.departed_at if leg.status is LegStatus.UNDER_WAY else None
        if left is None:
            left = max(leg.departs_at + departs, there, now) if leg.status is LegStatus.PLANNED else leg.departs_at
        there = max(left + (leg.arrives_at - leg.departs_at) * takes, now)
    return there
