"""The planner's verbs: from a question to the exact front or to the reason why there is none, and the last moment to hand in."""

from dataclasses import replace

import numpy as np

from app.routing.blocks import blocks_of
from app.routing.bounds import earliest_arrival, latest_departure
from app.routing.calendar import NEVER
from app.routing.fronts import Plans
from app.routing.labels import LABELS_FULL, Ask, trace
from app.routing.limited import Limit, World, find_limited_front
from app.routing.memory import Memory, memory
from app.routing.packed import Blocks
from app.routing.reasons import unreachable_because
from app.routing.search import find_front
from app.routing.timetable import Timetable
from app.routing.values import (
    LABELS_MAX,
    NO_LOAD,
    Capacity,
    Front,
    Load,
    NoPlan,
    Place,
    Plan,
    Query,
    Reason,
    SearchTooLarge,
    Service,
    Stop,
    Tariff,
)


def plan(timetable: Timetable, query: Query, load: Load = NO_LOAD, *, labels_max: int = LABELS_MAX) -> Front | NoPlan:
    """The exact Pareto front of arrival, price and CO2e, each plan bookable on `load` as it stands; or why there is none.

    The goods are handed in at `depart_after` and are ready after the dwell of the origin. Of plans that are equal on all three
    counts, the one with the fewest legs is returned, then the first by services, stops and runs, leg by leg.
    Raises SearchTooLarge rather than lose a plan.
    """
    if query.origin not in timetable.numbers or query.destination not in timetable.numbers:
        return NoPlan(Reason.UNKNOWN_PLACE)
    if query.origin == query.destination:
        return Front((Plan(query.depart_after, 0, 0, ()),), timetable.version)
    plans = _search(timetable, query, load, labels_max)
    return Front(plans, timetable.version) if plans else NoPlan(_why_none(timetable, query, labels_max))


def arrives_first(timetable: Timetable, query: Query, load: Load = NO_LOAD) -> int | None:
    """The earliest arrival whatever the price, without the limits of the journey; None when that is after the deadline."""
    if not {query.origin, query.destination} <= timetable.numbers.keys():
        return None
    ask = _ask(timetable, query, 0)
    arrival = earliest_arrival(timetable.net, timetable.costs(query), blocks_of(timetable, query, load), ask)
    return int(arrival) if arrival < NEVER else None


def hand_in_by(timetable: Timetable, query: Query, load: Load = NO_LOAD) -> int | None:
    """The last moment to hand the goods in so that they arrive in time, without the limits of the journey; None when it is too late."""
    if not {query.origin, query.destination} <= timetable.numbers.keys():
        return None
    ask = _ask(timetable, query, 0)
    moment = latest_departure(timetable.net, timetable.costs(query), blocks_of(timetable, query, load), ask)
    return int(moment) if moment > -NEVER else None


def _search(timetable: Timetable, query: Query, load: Load, labels_max: int) -> Plans | None:
    """The plans of the front, None when there are none. Memory that is too narrow is widened, and the search begins again."""
    blocks = blocks_of(timetable, query, load)
    ask = _ask(timetable, query, labels_max)
    with memory() as mine:
        mine.fit(len(timetable.places), labels_max)
        while True:
            if query.max_journey_s is None and query.max_exposure_s is None:
                bounds = timetable.bounds(query, ask.target)
                points = find_front(
                    timetable.net, timetable.costs(query), bounds, blocks, ask, mine.labels, mine.stairs, mine.found
                )
            else:
                points = find_limited_front(_world(timetable, query, blocks, ask, mine), mine.found)
            if points == LABELS_FULL:
                raise SearchTooLarge(labels_max)
            if points >= 0:
                break
            mine.widen(points)
        return Plans(timetable, query, *trace(mine.labels, mine.found, points)) if points else None


def _ask(timetable: Timetable, query: Query, labels_max: int) -> Ask:
    return Ask(
        origin=timetable.numbers[query.origin],
        target=timetable.numbers[query.destination],
        depart_after=query.depart_after,
        deadline=query.deadline,
        window=NEVER if query.window_s is None else query.window_s,
        epsilon_bps=query.epsilon_bps,
        labels_max=labels_max,
        is_under_way=query.spent_s is not None,
    )


def _world(timetable: Timetable, query: Query, blocks: Blocks, ask: Ask, mine: Memory) -> World:
    is_journey = query.max_journey_s is not None
    most = query.max_journey_s if query.max_journey_s is not None else query.max_exposure_s
    counts_at = np.array([is_journey or not place.is_cooled for place in timetable.places], dtype=np.bool_)
    limit = Limit(
        most=most or 0,
        spent=query.spent_s or 0,
        rest=query.rest_s if is_journey else 0,
        is_journey=is_journey,
        is_loaded=not is_journey or ask.is_under_way,
        counts_at=counts_at,
        rests_at=np.array([place.can_rest for place in timetable.places], dtype=np.bool_),
    )
    costs, bounds = timetable.costs(query), timetable.bounds(query, ask.target)
    return World(timetable.net, costs, bounds, blocks, ask, limit, mine.labels, mine.stairs, mine.kept)


def _why_none(timetable: Timetable, query: Query, labels_max: int) -> Reason:
    """The first constraint in the order of `Reason` without which there would be a plan."""
    if reason := unreachable_because(timetable, query):
        return reason
    if arrives_first(timetable, replace(query, excluded_departures=frozenset())) is None:
        return Reason.CUT_OFF
    if arrives_first(timetable, query) is None:
        return Reason.EXCLUDED
    if query.max_journey_s is not None and not _search(timetable, query, NO_LOAD, labels_max):
        return Reason.JOURNEY_LIMIT
    if query.max_exposure_s is not None and not _search(timetable, query, NO_LOAD, labels_max):
        return Reason.EXPOSURE_LIMIT
    return Reason.FULL


def warm_up() -> None:
    """Compile every kernel, or load what is compiled: a second when it is on disk, half a minute when it is not."""
    stops = (Stop("A", 0, 0, 0), Stop("B", 60, 60, 1))
    service = Service("S", "road", "", stops, Tariff(), Capacity(1, 1), on_demand=True)
    timetable = Timetable([Place("A"), Place("B")], [service], "warm-up")
    query = Query("A", "B", 0, 1)
    for asked in (query, replace(query, max_journey_s=60)):
        plan(timetable, asked)
    arrives_first(timetable, query)
    hand_in_by(timetable, query)
