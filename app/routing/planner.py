"""The planner's verbs: from a question to the exact front or to the reason why there is none, and the last moment to hand in."""

from dataclasses import replace
from typing import Final

import numpy as np

from app.routing.blocks import PackedLoad, blocks_of
from app.routing.calendar import NEVER, PARTLESS
from app.routing.floods import earliest_arrivals, latest_arrivals, mark_parts
from app.routing.fronts import Plans
from app.routing.labels import LABELS_FULL, Ask, trace
from app.routing.limited import Limit, World, find_limited_front, look_ahead
from app.routing.memory import Memory, memory
from app.routing.packed import Blocks, Flags, Kind, Numbers
from app.routing.reasons import unreachable_because
from app.routing.scene import LEVELS_LIMITED, Ground, Scene, stage, survey
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

# With more segments than this full, telling two questions apart costs more than it saves.
FULL_REMEMBERED_MAX: Final = 512


def plan(
    timetable: Timetable, query: Query, load: Load | PackedLoad = NO_LOAD, *, labels_max: int = LABELS_MAX
) -> Front | NoPlan:
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
    return Front(plans, timetable.version) if plans else NoPlan(_why_none(timetable, query, load, labels_max))


def arrives_first(timetable: Timetable, query: Query, load: Load | PackedLoad = NO_LOAD) -> int | None:
    """The earliest arrival whatever the price, without the limits of the journey; None when that is after the deadline."""
    if not {query.origin, query.destination} <= timetable.numbers.keys():
        return None
    ask = _ask(timetable, query, 0)
    arrival = np.empty(len(timetable.places), np.int64)
    answer = earliest_arrivals(
        timetable.net,
        timetable.kind(query),
        _between(timetable, ask),
        blocks_of(timetable, query, load),
        ask,
        -1,
        arrival,
    )
    return int(answer) if answer < NEVER else None


def hand_in_by(timetable: Timetable, query: Query, load: Load | PackedLoad = NO_LOAD) -> int | None:
    """The last moment to hand the goods in so that they arrive in time, without the limits of the journey; None when it is too late."""
    if not {query.origin, query.destination} <= timetable.numbers.keys():
        return None
    ask = _ask(timetable, query, 0)
    net, kind, active = timetable.net, timetable.kind(query), _between(timetable, ask)
    blocks = blocks_of(timetable, query, load)
    arrival, latest = np.empty((2, len(timetable.places)), np.int64)
    earliest_arrivals(net, kind, active, blocks, ask, NEVER, arrival)
    moment = latest_arrivals(net, kind, active, blocks, ask, ask.deadline, arrival, latest)
    return int(moment) if moment > -NEVER else None


def _between(timetable: Timetable, ask: Ask) -> Flags:
    """The parts of the network that lie between origin and target."""
    active = np.zeros(len(timetable.places), np.bool_)
    mark_parts(timetable.net, ask.origin, ask.target, active)
    return active


def _is_warm(timetable: Timetable, active: Flags) -> bool:
    """Whether a place of these parts does not keep goods cold."""
    places = timetable.net.places
    inside = active[places["part"]] & (places["part"] != PARTLESS)
    return bool(timetable.is_warm[inside].any() or timetable.is_warm[places["gate"][inside]].any())


def _search(timetable: Timetable, query: Query, load: Load | PackedLoad, labels_max: int) -> Plans | None:
    """The plans of the front, None when there are none."""
    ask = _ask(timetable, query, labels_max)
    blocks = blocks_of(timetable, query, load)
    active = _between(timetable, ask)
    is_limited = query.max_journey_s is not None or (
        query.max_exposure_s is not None
        and (_is_warm(timetable, active) or (query.spent_s or 0) > query.max_exposure_s)
    )
    if is_limited:
        # Animals may rest, and goods may be kept cold, in a part that leads nowhere.
        active[:] = True
    with memory() as mine:
        mine.fit(len(timetable.places), labels_max)
        found = _find(timetable, query, blocks, ask, active, mine, is_limited=is_limited)
        return Plans(timetable, query, *found) if found else None


def _find(
    timetable: Timetable, query: Query, blocks: Blocks, ask: Ask, active: Flags, mine: Memory, *, is_limited: bool
) -> tuple[Numbers, Numbers, Numbers, Numbers] | None:
    """Points and steps of the front. What arrives first within the limits may arrive later than without: then the window is wider."""
    net, kind = timetable.net, timetable.kind(query)
    longer = ask.window
    while True:
        if is_limited:
            # The ground may be the whole network, and most of the time goes into the search on it.
            first, ground = survey(net, kind, active, blocks, ask, longer, LEVELS_LIMITED)
        else:
            first, ground = _remembered(timetable, kind, active, blocks, ask, longer)
        if ground is None:
            return None
        scene = stage(net, kind, ground)
        while True:
            if is_limited:
                points = find_limited_front(kind, _world(timetable, query, blocks, ask, scene, mine), mine.found)
            else:
                points = find_front(net, kind, scene, blocks, ask, mine.labels, mine.stairs, mine.found)
            if points == LABELS_FULL:
                raise SearchTooLarge(ask.labels_max)
            if points >= 0:
                break
            mine.widen(points)
        arrives = int(mine.labels.rows["time"][mine.found[0]]) if points else NEVER
        needed = min(ask.deadline, arrives + ask.window)
        if not is_limited or scene.deadline >= needed:
            return trace(mine.labels, scene.number, mine.found, points) if points else None
        longer = needed - first


def _remembered(
    timetable: Timetable, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, longer: int
) -> tuple[int, Ground | None]:
    """`survey`, from memory where another load was to go between the same places at the same time."""
    if len(blocks.start) > FULL_REMEMBERED_MAX:
        return survey(timetable.net, kind, active, blocks, ask, longer)
    full = np.searchsorted(blocks.first, np.arange(len(blocks.start)), "right"), blocks.start, blocks.segment
    parts = (part.tobytes() for part in (kind.goes, kind.shut, active, *full))
    key = (ask.origin, ask.target, ask.depart_after, ask.deadline, longer, *parts)
    known = timetable.surveys.get(key)
    if known is None:
        known = survey(timetable.net, kind, active, blocks, ask, longer)
        timetable.surveys.put(key, known)
    return known


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


def _world(timetable: Timetable, query: Query, blocks: Blocks, ask: Ask, scene: Scene, mine: Memory) -> World:
    is_journey = query.max_journey_s is not None
    most = query.max_journey_s if query.max_journey_s is not None else query.max_exposure_s
    limit = Limit(
        most=most or 0,
        spent=query.spent_s or 0,
        rest=query.rest_s if is_journey else 0,
        is_journey=is_journey,
        is_loaded=not is_journey or ask.is_under_way,
        counts_at=timetable.is_warm | is_journey,
        rests_at=timetable.can_rest,
    )
    ahead = look_ahead(timetable.net, scene, blocks, limit)
    return World(timetable.net, scene, blocks, ask, limit, ahead, mine.labels, mine.stairs, mine.kept)


def _why_none(timetable: Timetable, query: Query, load: Load | PackedLoad, labels_max: int) -> Reason:
    """The first constraint in the order of `Reason` without which there would be a plan."""
    if reason := unreachable_because(timetable, query):
        return reason
    if arrives_first(timetable, replace(query, excluded_departures=frozenset())) is None:
        return Reason.CUT_OFF
    if arrives_first(timetable, query) is None:
        return Reason.EXCLUDED
    if query.max_journey_s is None and query.max_exposure_s is None:
        return Reason.FULL
    is_empty = load is NO_LOAD or not len(
        blocks_of(timetable, replace(query, excluded_departures=frozenset()), load).start
    )
    if not is_empty and _search(timetable, query, NO_LOAD, labels_max):
        return Reason.FULL
    return Reason.JOURNEY_LIMIT if query.max_journey_s is not None else Reason.EXPOSURE_LIMIT


def warm_up() -> None:
    """Compile every kernel, or load what is compiled: a second when it is on disk, half a minute when it is not."""
    stops = (Stop("A", 0, 0, 0), Stop("B", 60, 60, 1))
    service = Service("S", "road", "", stops, Tariff(), Capacity(1, 1), on_demand=True)
    timetable = Timetable([Place("A"), Place("B")], [service], "warm-up")
    query = Query("A", "B", 0, 1)
    for asked in (query, replace(query, max_journey_s=60)):
        plan(timetable, asked)
    plan(timetable, replace(query, destination="A", origin="B"))
    hand_in_by(timetable, query)
