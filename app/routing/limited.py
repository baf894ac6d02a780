"""The exact search for goods that bear only so much: animals on the road, the cold chain outside the cold.

A label holds for any moment from `earliest` to `latest` at which its dwell may begin, with the same time `spent`, because
loading may be postponed as long as every leg is on demand; whoever waits longer spends more. Time spent is counted on rides and at
places for animals (a journey), only at places that are not cooled for the cold chain (an exposure). A label whose ride is -1 is not
loaded yet: at the origin, or after a rest, and waits for nothing.
"""

from typing import NamedTuple

from app.routing.calendar import NEVER
from app.routing.jit import compiled
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
from app.routing.moments import first_free, first_open, first_run, open_until
from app.routing.packed import Blocks, Bounds, Costs, Flags, Net, Numbers
from app.routing.search import start_search


class Limit(NamedTuple):
    """What may be spent at `most`, and where it is counted. `rest` is how long animals stay to be fresh again, 0 for never."""

    most: int
    spent: int
    rest: int
    is_journey: bool
    is_loaded: bool
    counts_at: Flags
    rests_at: Flags


class World(NamedTuple):
    """All that one search looks at."""

    net: Net
    costs: Costs
    bounds: Bounds
    blocks: Blocks
    ask: Ask
    limit: Limit
    labels: Labels
    stairs: Stairs
    kept: Numbers


@compiled
def find_limited_front(world: World, found: Numbers) -> int:
    """As `find_front`, of the journeys within the limit."""
    ask, labels, stairs, limit, net = world.ask, world.labels, world.stairs, world.limit, world.net
    start_search(world.costs, world.bounds, ask, labels, stairs)
    world.kept[:] = -1
    handled = first_open(net, ask.origin, ask.depart_after)
    waited = handled - ask.depart_after if limit.counts_at[ask.origin] and limit.is_loaded else 0
    labels.earliest[0] = handled + world.bounds.time[ask.origin]
    labels.latest[0] = handled if limit.is_loaded else NEVER
    labels.spent[0] = limit.spent + waited
    if labels.earliest[0] > ask.deadline:
        return 0
    points = 0
    while labels.counts[1]:
        label = pop(labels)
        if points and labels.earliest[label] > labels.earliest[found[0]] + ask.window:
            break
        if is_reached(stairs, ask.target, labels.price[label], labels.co2e[label], ask.epsilon_bps):
            continue
        if not _take_next_run(world, label):
            return LABELS_FULL
        if labels.place[label] == ask.target:
            points = _find(world, found, points, label)
            if points < 0:
                return points
        elif not _is_beaten(world, label):
            labels.after[label] = world.kept[labels.place[label]]
            world.kept[labels.place[label]] = label
            if not _expand(world, label):
                return LABELS_FULL
    return points


@compiled
def _find(world: World, found: Numbers, points: int, label: int) -> int:
    """How many points there are with this label among them, or which memory is full."""
    kept = takes(world.stairs, world.ask.target, world.labels, label)
    if kept <= 0:
        return STAIRS_FULL if kept == STAIRS_FULL else points
    if points == found.shape[0]:
        return FOUND_FULL
    found[points] = label
    return points + 1


@compiled
def _is_beaten(world: World, label: int) -> bool:
    """Whether another of its place, which is there as early, is as good at every later moment."""
    labels = world.labels
    place = labels.place[label]
    price, co2e, spent = labels.price[label], labels.co2e[label], labels.spent[label]
    loaded = labels.latest[label] - spent
    other = world.kept[place]
    while other >= 0:
        is_as_good = (
            labels.price[other] <= price
            and labels.co2e[other] <= co2e
            and labels.spent[other] <= spent
            and (not world.limit.counts_at[place] or labels.latest[other] - labels.spent[other] >= loaded)
        )
        if is_as_good and (labels.price[other] < price or labels.co2e[other] < co2e or is_first(labels, other, label)):
            return True
        other = labels.after[other]
    return False


@compiled
def _expand(world: World, label: int) -> bool:
    """Take every service that stops here, and the rest that the place offers. False when memory ends."""
    net, labels, bounds, limit = world.net, world.labels, world.bounds, world.limit
    place = labels.place[label]
    handled = labels.earliest[label] - bounds.time[place]
    for boarding in range(net.boarding_first[place], net.boarding_first[place + 1]):
        service = net.boarding_service[boarding]
        ready = handled + net.dwell[place] + net.boarding_wait[boarding]
        start = NEVER if net.on_demand[service] else first_run(net, service, ready)
        for ride in range(net.ride_first[boarding], net.ride_end[boarding]):
            head = net.ride_head[ride]
            if world.costs.time[ride] + bounds.time[head] >= NEVER or head == world.ask.origin:
                continue
            if net.on_demand[service]:
                done = _ride_on_demand(world, label, ride, ready)
            else:
                done = _ride_run(world, label, ride, start)
            if not done:
                return False
    if limit.rest > 0 and limit.rests_at[place] and labels.ride[label] >= 0:
        rested = first_open(net, place, handled + limit.rest)
        return _offer(world, label, -1, -1, place, rested, NEVER, 0)
    return True


@compiled
def _counted_before(world: World, label: int, place: int, waited: int) -> int:
    """What passes at a place between the beginning of the dwell and the departure, as far as it counts."""
    is_loaded = world.labels.ride[label] >= 0 or (world.limit.is_loaded and world.labels.parent[label] < 0)
    return waited if is_loaded and world.limit.counts_at[place] else 0


@compiled
def _ride_run(world: World, label: int, ride: int, start: int) -> bool:
    """Take the first run with room from this one on, after which the goods are bound to its moments."""
    net, labels, limit = world.net, world.labels, world.limit
    boarding, head, place = net.ride_of[ride], net.ride_head[ride], labels.place[label]
    latest = world.ask.deadline - net.ride_arrive[ride] - world.bounds.time[head]
    service = net.boarding_service[boarding]
    run = first_free(net, world.blocks, service, net.ride_board[ride], net.ride_alight[ride], start, latest)
    if run > latest:
        return True
    departs, arrives = run + net.boarding_depart[boarding], run + net.ride_arrive[ride]
    handled = min(labels.latest[label], run - net.boarding_wait[boarding] - net.dwell[place])
    spent = labels.spent[label] + _counted_before(world, label, place, departs - handled)
    spent += arrives - departs if limit.is_journey else 0
    return _arrive(world, label, ride, run, head, arrives, arrives, spent)


@compiled
def _take_next_run(world: World, label: int) -> bool:
    """Offer the run after the one that this label took, as long as a later loading is to be had by it."""
    net, labels = world.net, world.labels
    ride, before = labels.ride[label], labels.parent[label]
    if ride < 0 or net.on_demand[net.boarding_service[net.ride_of[ride]]]:
        return True
    boarding = net.ride_of[ride]
    handled = labels.run[label] - net.boarding_wait[boarding] - net.dwell[labels.place[before]]
    if handled >= labels.latest[before]:
        return True
    return _ride_run(world, before, ride, first_run(net, net.boarding_service[boarding], labels.run[label] + 1))


@compiled
def _ride_on_demand(world: World, label: int, ride: int, ready: int) -> bool:
    """Take the ride in every period between closures in which it may start."""
    net, labels, limit = world.net, world.labels, world.limit
    boarding, head, place = net.ride_of[ride], net.ride_head[ride], labels.place[label]
    service, arrive = net.boarding_service[boarding], net.ride_arrive[ride]
    dwell = net.dwell[place] + net.boarding_wait[boarding]
    deadline = world.ask.deadline - arrive - world.bounds.time[head]
    latest = min(NEVER, labels.latest[label] + dwell)
    ride_s = arrive - net.boarding_depart[boarding] if limit.is_journey else 0
    before = _counted_before(world, label, place, dwell + net.boarding_depart[boarding])
    while True:
        start = first_run(net, service, ready)
        if start > deadline:
            return True
        until = _next_closure(net, service, start)
        waited = _counted_before(world, label, place, max(0, start - latest))
        spent = labels.spent[label] + before + waited + ride_s
        last = max(start, min(latest, until - 1))
        if not _arrive(world, label, ride, start, head, start + arrive, min(NEVER, last + arrive), spent):
            return False
        if latest < until:
            return True
        ready = until


@compiled
def _next_closure(net: Net, service: int, at: int) -> int:
    for number in range(net.closed_first[service], net.closed_first[service + 1]):
        if net.closed_since[number] > at:
            return int(net.closed_since[number])
    return NEVER + 1


@compiled
def _arrive(world: World, label: int, ride: int, run: int, head: int, earliest: int, latest: int, spent: int) -> bool:
    """Offer an arrival at any moment between two, in each of the opening periods of the place in which its dwell may begin."""
    net = world.net
    if head == world.ask.target:
        return _offer(world, label, ride, run, head, earliest, latest, spent)
    while True:
        handled = first_open(net, head, earliest)
        if handled + world.bounds.time[head] > world.ask.deadline:
            return True
        if latest < handled:
            waited = handled - latest if world.limit.counts_at[head] else 0
            return _offer(world, label, ride, run, head, handled, handled, spent + waited)
        until = open_until(net, head, handled)
        last = latest if until >= NEVER else min(latest, until - 1)
        if not _offer(world, label, ride, run, head, handled, last, spent):
            return False
        if latest <= last:
            return True
        earliest = until


@compiled
def _offer(world: World, label: int, ride: int, run: int, head: int, earliest: int, latest: int, spent: int) -> bool:
    """Put a label into the heap, unless it is too late, past the limit, or beaten at the target. False when memory ends."""
    labels, bounds, limit, ask = world.labels, world.bounds, world.limit, world.ask
    left = bounds.time[head] if limit.is_journey and limit.rest == 0 else 0
    arrival = earliest + bounds.time[head]
    if arrival > ask.deadline or spent + left > limit.most:
        return True
    before = labels.place[label]
    price, co2e = labels.price[label], labels.co2e[label]
    if ride >= 0:
        price += world.costs.price[ride] + bounds.price[head] - bounds.price[before]
        co2e += world.costs.co2e[ride] + bounds.co2e[head] - bounds.co2e[before]
    if is_reached(world.stairs, ask.target, price, co2e, ask.epsilon_bps):
        return True
    new = labels.counts[0]
    if new >= ask.labels_max:
        return False
    labels.earliest[new] = arrival
    labels.price[new] = price
    labels.co2e[new] = co2e
    labels.run[new] = run
    labels.latest[new] = latest
    labels.spent[new] = spent
    labels.parent[new] = label
    labels.ride[new] = ride
    labels.place[new] = head
    labels.steps[new] = labels.steps[label] + 1
    push(labels, new)
    return True
