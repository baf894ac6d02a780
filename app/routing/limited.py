"""The exact search for goods that bear only so much: animals on the road, the cold chain outside the cold.

A label holds for any moment from `earliest` to `latest` at which its dwell may begin, with the same time `spent`, because
loading may be postponed as long as every leg is on demand; whoever waits longer spends more. Time spent is counted on rides and at
places for animals (a journey), only at places that are not cooled for the cold chain (an exposure). A label whose ride is -1 is not
loaded yet: at the origin, or after a rest, and waits for nothing.

What a label has spent tells how often the animals must still rest at least. That many rests bound when they arrive, what they pay and
emit, and whether they arrive at all.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from app.routing.calendar import NEVER
from app.routing.jit import compiled, inner
from app.routing.labels import (
    FOUND_FULL,
    LABELS_FULL,
    STAIRS_FULL,
    Ask,
    Labels,
    Stairs,
    is_first,
    is_reached,
    pop,
    push,
    takes,
)
from app.routing.moments import first_free, first_open, first_run, open_until, place_in
from app.routing.packed import Blocks, Flags, Kind, Net, Numbers, Small
from app.routing.queue import make_queue, put
from app.routing.scene import LEVELS_MAX, TOO_LATE, Scene, least_left, lower_left, reach_of, spread_back
from app.routing.search import start_search

# Up to so many rests that are still needed are told apart.
RESTS_TOLD: Final = 4


class Limit(NamedTuple):
    """What may be spent at `most`, and where it is counted. `rest` is how long animals stay to be fresh again, 0 for never."""

    most: int
    spent: int
    rest: int
    is_journey: bool
    is_loaded: bool
    counts_at: Flags
    rests_at: Flags


class Ahead(NamedTuple):
    """What is still to come at least, by the number of rests and by spot.

    `left` is what is spent before the target, or before the first rest, when no more rests than that many are taken; `fresh` the same
    of goods that are not loaded yet. Goods that take that many rests or more may be at a spot no later than
    `latest_by[rests, spot, level]`, and pay and emit `price` and `co2e` beyond what the scene counts.
    """

    left: Numbers
    fresh: Numbers
    latest_by: Small
    price: Numbers
    co2e: Numbers


class World(NamedTuple):
    """All that one search looks at. By spot, `kept` is the label that was kept last."""

    net: Net
    scene: Scene
    blocks: Blocks
    ask: Ask
    limit: Limit
    ahead: Ahead
    labels: Labels
    stairs: Stairs
    kept: Numbers


@compiled
def look_ahead(net: Net, scene: Scene, blocks: Blocks, limit: Limit) -> Ahead:
    """What is to come from every spot, with as many rests as make a difference, up to RESTS_TOLD."""
    spent = _spent_by_leg(net, scene, limit)
    most_rests = RESTS_TOLD if limit.rest > 0 else 0
    size = len(scene.spots)
    left, fresh = np.empty((most_rests + 1, size), np.int64), np.empty((most_rests + 1, size), np.int64)
    left[0] = least_left(scene, spent)
    fresh[0] = _fresh(scene, left[0])
    rests = 0
    while rests < most_rests and _rest_once_more(scene, limit, spent, left[rests], fresh[rests], left[rests + 1]):
        rests += 1
        fresh[rests] = _fresh(scene, left[rests])
    if rests == RESTS_TOLD:
        # The last number of rests stands for all that are more.
        while _rest_once_more(scene, limit, spent, left[rests].copy(), fresh[rests], left[rests]):
            fresh[rests] = _fresh(scene, left[rests])
    latest_by = np.empty((rests + 1, size, LEVELS_MAX), np.int32)
    latest_by[0] = scene.latest_by
    price, co2e = np.zeros((rests + 1, size), np.int64), np.zeros((rests + 1, size), np.int64)
    for number in range(1, rests + 1):
        _rest_by(net, blocks, scene, limit, latest_by, number)
        price[number] = _beyond(scene, limit, scene.price, price[number - 1])
        co2e[number] = _beyond(scene, limit, scene.co2e, co2e[number - 1])
    return Ahead(left[: rests + 1], fresh[: rests + 1], latest_by, price, co2e)


@inner
def _spent_by_leg(net: Net, scene: Scene, limit: Limit) -> Numbers:
    """By leg, the least that goods spend from arriving at its tail to arriving at its head."""
    least = np.zeros(len(scene.legs), np.int64)
    for number in range(len(scene.legs)):
        ride = net.rides[scene.number[number]]
        if limit.is_journey:
            least[number] = ride.least
        elif limit.counts_at[ride.tail]:
            door = scene.doors[scene.legs[number].door]
            least[number] = net.places[ride.tail].dwell + door.wait + door.depart
    return least


@inner
def _fresh(scene: Scene, left: Numbers) -> Numbers:
    """By spot, what is left of goods that are loaded there only when they depart: their dwell does not count."""
    least = np.full(len(scene.spots), NEVER, np.int64)
    for number in range(len(scene.legs)):
        leg = scene.legs[number]
        if left[leg.head] < NEVER:
            least[leg.tail] = min(least[leg.tail], leg.arrive - scene.doors[leg.door].depart + left[leg.head])
    return least


@inner
def _rest_once_more(
    scene: Scene, limit: Limit, spent: Numbers, before: Numbers, fresh: Numbers, after: Numbers
) -> bool:
    """What is left with one rest more than before; whether that is less anywhere."""
    after[:] = before
    for spot in range(len(scene.spots)):
        if limit.rests_at[scene.spots[spot].place] and fresh[spot] <= limit.most:
            after[spot] = 0
    lower_left(scene, spent, after)
    return bool((after < before).any())


@inner
def _rest_by(net: Net, blocks: Blocks, scene: Scene, limit: Limit, latest_by: Small, rests: int) -> None:
    """By when goods must be at each spot for each level when they take one rest more than those before."""
    latest = np.empty(len(scene.spots), np.int64)
    for level in range(LEVELS_MAX):
        if level > 0 and scene.reach[level] >= NEVER:
            latest_by[rests, :, level] = latest_by[rests, :, level - 1]
            continue
        queue = make_queue(len(scene.legs) + len(scene.spots) + 1)
        latest[:] = -NEVER
        for spot in range(len(scene.spots)):
            by = latest_by[rests - 1, spot, level] + scene.since - limit.rest
            is_place = limit.rests_at[scene.spots[spot].place] and spot != scene.target
            if is_place and latest_by[rests - 1, spot, level] != TOO_LATE and by >= scene.spots[spot].earliest:
                latest[spot] = by
                put(queue, -by, spot)
        spread_back(net, blocks, scene, latest, queue)
        for spot in range(len(scene.spots)):
            latest_by[rests, spot, level] = max(TOO_LATE, latest[spot] - scene.since)


@inner
def _beyond(scene: Scene, limit: Limit, cost: Numbers, before: Numbers) -> Numbers:
    """By spot, what one rest more makes goods pay or emit at least beyond what the scene counts; NEVER where none can be had."""
    least = np.full(len(scene.spots), NEVER, np.int64)
    for spot in range(len(scene.spots)):
        if limit.rests_at[scene.spots[spot].place] and spot != scene.target:
            least[spot] = before[spot]
    lower_left(scene, cost, least)
    return least


@compiled
def find_limited_front(kind: Kind, world: World, found: Numbers) -> int:
    """As `find_front`, of the journeys within the limit."""
    ask, labels, stairs, limit, scene = world.ask, world.labels, world.stairs, world.limit, world.scene
    start_search(kind, scene, ask, labels, stairs)
    world.kept[:] = -1
    row = labels.rows[0]
    handled = first_open(world.net, ask.origin, ask.depart_after)
    waited = handled - ask.depart_after if limit.counts_at[ask.origin] and limit.is_loaded else 0
    row.time = handled
    row.latest = handled if limit.is_loaded else NEVER
    row.spent = limit.spent + waited
    if row.spent > limit.most:
        return 0
    points = 0
    while labels.counts[1]:
        label = pop(labels, scene.number)
        row = labels.rows[label]
        if points and row.reach > labels.rows[found[0]].time + ask.window:
            break
        if is_reached(stairs, scene.target, row.price, row.co2e, ask.epsilon_bps):
            continue
        if not _take_next_run(world, label):
            return LABELS_FULL
        if row.spot == scene.target:
            points = _find(world, found, points, label)
            if points < 0:
                return points
        elif not _is_beaten(world, label):
            row.after = world.kept[row.spot]
            world.kept[row.spot] = label
            if not _expand(world, label):
                return LABELS_FULL
    return points


@inner
def _find(world: World, found: Numbers, points: int, label: int) -> int:
    """How many points there are with this label among them, or which memory is full."""
    kept = takes(world.stairs, world.scene.number, world.labels, label)
    if kept <= 0:
        return STAIRS_FULL if kept == STAIRS_FULL else points
    if points == found.shape[0]:
        return FOUND_FULL
    found[points] = label
    return points + 1


@inner
def _is_beaten(world: World, label: int) -> bool:
    """Whether another of its place, which is there as early, is as good at every later moment. It has left the heap before."""
    rows = world.labels.rows
    row = rows[label]
    loaded = row.latest - row.spent
    counts = world.limit.counts_at[world.scene.spots[row.spot].place]
    number = world.kept[row.spot]
    while number >= 0:
        other = rows[number]
        if (
            other.time <= row.time
            and other.price <= row.price
            and other.co2e <= row.co2e
            and other.spent <= row.spent
            and (not counts or other.latest - other.spent >= loaded)
            and (other.price < row.price or other.co2e < row.co2e or is_first(rows, world.scene.number, number, label))
        ):
            return True
        number = other.after
    return False


@inner
def _expand(world: World, label: int) -> bool:
    """Take every service that stops here, and the rest that the place offers. False when memory ends."""
    net, scene, limit = world.net, world.scene, world.limit
    row = world.labels.rows[label]
    spot = scene.spots[row.spot]
    for number in range(spot.boarding_first, spot.boarding_end):
        door = scene.doors[number]
        ready = row.time + net.places[spot.place].dwell + door.wait
        on_demand = net.services[door.service].on_demand
        start = NEVER if on_demand else first_run(net, door.service, ready)
        for leg in range(door.leg_first, door.leg_end):
            if not (_ride_on_demand(world, label, leg, ready) if on_demand else _ride_run(world, label, leg, start)):
                return False
    if limit.rest > 0 and limit.rests_at[spot.place] and _is_loaded(world, row):
        rested = first_open(net, spot.place, row.time + limit.rest)
        return _offer(world, label, -1, -1, row.spot, rested, NEVER, 0)
    return True


@inner
def _free_until(world: World, row: Any) -> int:
    """Until when the dwell of a label may begin without more being spent: for ever where nothing is counted."""
    return int(row.latest) if world.limit.counts_at[world.scene.spots[row.spot].place] else NEVER


@inner
def _is_loaded(world: World, row: Any) -> bool:
    return bool(row.leg >= 0 or (world.limit.is_loaded and row.parent < 0))


@inner
def _counted_before(world: World, label: int, place: int, waited: int) -> int:
    """What passes at a place between the beginning of the dwell and the departure, as far as it counts."""
    is_loaded = _is_loaded(world, world.labels.rows[label])
    return waited if is_loaded and world.limit.counts_at[place] else 0


@inner
def _ride_run(world: World, label: int, leg_number: int, start: int) -> bool:
    """Take the first run with room from this one on, after which the goods are bound to its moments."""
    net, scene, limit = world.net, world.scene, world.limit
    row, leg = world.labels.rows[label], scene.legs[leg_number]
    door, place = scene.doors[leg.door], scene.spots[row.spot].place
    by = scene.spots[leg.head].latest - leg.arrive
    while True:
        run = first_free(net, world.blocks, leg.service, leg.board, leg.alight, start, by)
        if run > by:
            return True
        departs, arrives = run + door.depart, run + leg.arrive
        ready = run - door.wait - net.places[place].dwell
        spent = row.spent + _counted_before(world, label, place, departs - min(row.latest, ready))
        spent += arrives - departs if limit.is_journey else 0
        if _rests_needed(world, world.ahead.left, leg.head, spent) < 0:
            return True
        if ready >= _free_until(world, row) or _is_borne(world, leg.head, arrives, spent):
            return _arrive(world, label, leg_number, run, leg.head, arrives, arrives, spent)
        # A later one may not have to wait where it arrives.
        start = first_run(net, leg.service, run + 1)


@inner
def _is_borne(world: World, head: int, arrives: int, spent: int) -> bool:
    """Whether goods that arrive then at a spot, and wait until it opens, can still bear what is to come."""
    place, is_target = world.scene.spots[head].place, head == world.scene.target
    waited = 0 if is_target or not world.limit.counts_at[place] else first_open(world.net, place, arrives) - arrives
    return _rests_needed(world, world.ahead.left, head, spent + waited) >= 0


@inner
def _rests_needed(world: World, left: Numbers, spot: int, spent: int) -> int:
    """How many rests goods at a spot that have spent so much need at least, as far as they are told apart; -1 when none would do."""
    for rests in range(len(left)):
        if spent + left[rests, spot] <= world.limit.most:
            return rests
    return -1


@inner
def _take_next_run(world: World, label: int) -> bool:
    """Offer the run after the one that this label took, as long as a later loading is to be had by it."""
    net, scene, rows = world.net, world.scene, world.labels.rows
    row = rows[label]
    if row.leg < 0:
        return True
    leg, before = scene.legs[row.leg], rows[row.parent]
    if net.services[leg.service].on_demand:
        return True
    handled = row.run - scene.doors[leg.door].wait - net.places[scene.spots[before.spot].place].dwell
    if handled >= _free_until(world, before):
        return True
    return _ride_run(world, row.parent, row.leg, first_run(net, leg.service, row.run + 1))


@inner
def _ride_on_demand(world: World, label: int, leg_number: int, ready: int) -> bool:
    """Take the ride in every period between closures in which it may start."""
    net, scene, limit = world.net, world.scene, world.limit
    row, leg = world.labels.rows[label], scene.legs[leg_number]
    door, place = scene.doors[leg.door], scene.spots[row.spot].place
    dwell = net.places[place].dwell + door.wait
    by = scene.spots[leg.head].latest - leg.arrive
    latest = min(NEVER, _free_until(world, row) + dwell)
    ride_s = leg.arrive - door.depart if limit.is_journey else 0
    before = _counted_before(world, label, place, dwell + door.depart)
    while True:
        start = first_run(net, leg.service, ready)
        if start > by:
            return True
        until = _next_closure(net, leg.service, start)
        waited = _counted_before(world, label, place, max(0, start - latest))
        spent = row.spent + before + waited + ride_s
        last = max(start, min(latest, until - 1))
        arrives, arrives_last = start + leg.arrive, min(NEVER, last + leg.arrive)
        if not _arrive(world, label, leg_number, start, leg.head, arrives, arrives_last, spent):
            return False
        if latest < until:
            return True
        ready = until


@inner
def _next_closure(net: Net, service: int, at: int) -> int:
    for number in range(net.services[service].closed_first, net.services[service].closed_end):
        if net.closed_since[number] > at:
            return int(net.closed_since[number])
    return NEVER + 1


@inner
def _arrive(world: World, label: int, leg: int, run: int, head: int, earliest: int, latest: int, spent: int) -> bool:
    """Offer an arrival at any moment between two, in each of the opening periods of the place in which its dwell may begin."""
    net, spot = world.net, world.scene.spots[head]
    if head == world.scene.target:
        return _offer(world, label, leg, run, head, earliest, latest, spent)
    while True:
        handled = first_open(net, spot.place, earliest)
        if handled > spot.latest:
            return True
        if latest < handled:
            waited = handled - latest if world.limit.counts_at[spot.place] else 0
            return _offer(world, label, leg, run, head, handled, handled, spent + waited)
        until = open_until(net, spot.place, handled)
        last = latest if until >= NEVER else min(latest, until - 1)
        if not _offer(world, label, leg, run, head, handled, last, spent):
            return False
        if latest <= last:
            return True
        earliest = until


@inner
def _level_with_rests(world: World, spot: int, time: int, rests: int) -> int:
    """The level of the earliest arrival that goods at a spot at this time may still reach with so many rests."""
    if spot == world.scene.target:
        return 0
    return place_in(world.ahead.latest_by[rests, spot], 0, LEVELS_MAX, time - world.scene.since)


@inner
def _offer(world: World, label: int, leg: int, run: int, head: int, earliest: int, latest: int, spent: int) -> bool:
    """Put a label into the heap, unless it is too late, past the limit, or beaten at the target. False when memory ends."""
    labels, scene, ahead, ask = world.labels, world.scene, world.ahead, world.ask
    row = labels.rows[label]
    rests = _rests_needed(world, ahead.left if leg >= 0 else ahead.fresh, head, spent)
    if earliest > scene.spots[head].latest or rests < 0:
        return True
    reach = reach_of(scene, head, earliest, _level_with_rests(world, head, earliest, rests))
    if reach >= NEVER:
        return True
    price = row.price + (scene.price[leg] if leg >= 0 else 0)
    co2e = row.co2e + (scene.co2e[leg] if leg >= 0 else 0)
    beyond_price, beyond_co2e = price + ahead.price[rests, head], co2e + ahead.co2e[rests, head]
    if is_reached(world.stairs, scene.target, beyond_price, beyond_co2e, ask.epsilon_bps):
        return True
    new = labels.counts[0]
    if new >= ask.labels_max:
        return False
    made = labels.rows[new]
    made.time = earliest
    made.reach = reach
    made.price = price
    made.co2e = co2e
    made.run = run
    made.latest = latest
    made.spent = spent
    made.parent = label
    made.leg = leg
    made.spot = head
    made.steps = row.steps + 1
    push(labels, scene.number, new, ask.depart_after)
    return True
