"""The exact search for goods whose journey has no limit: labels leave the heap by the earliest arrival they may still reach.

NAMOA* with dimensionality reduction (Pulido, Mandow and Pérez de la Cruz 2015): since the labels of a place leave the heap in
order of time, whether one is beaten is a question of price and CO2e only. Both are counted with the least that is still to come.
"""

from app.routing.calendar import NEVER
from app.routing.jit import compiled
from app.routing.labels import (
    FOUND_FULL,
    LABELS_FULL,
    STAIRS_FULL,
    Ask,
    Labels,
    Stairs,
    is_reached,
    pop,
    push,
    step_at,
    takes,
)
from app.routing.moments import first_free, first_open, first_run
from app.routing.packed import Blocks, Bounds, Costs, Net, Numbers


@compiled
def start_search(costs: Costs, bounds: Bounds, ask: Ask, labels: Labels, stairs: Stairs) -> None:
    """Forget the search before, and put the origin into the heap."""
    stairs.size[:] = 0
    labels.counts[:] = 0
    labels.earliest[0] = ask.depart_after + bounds.time[ask.origin]
    labels.price[0] = bounds.price[ask.origin] + (0 if ask.is_under_way else costs.origin_price[ask.origin])
    labels.co2e[0] = bounds.co2e[ask.origin] + (0 if ask.is_under_way else costs.origin_co2e[ask.origin])
    labels.parent[0] = labels.ride[0] = -1
    labels.steps[0] = 0
    labels.place[0] = ask.origin
    push(labels, 0)


@compiled
def find_front(
    net: Net, costs: Costs, bounds: Bounds, blocks: Blocks, ask: Ask, labels: Labels, stairs: Stairs, found: Numbers
) -> int:
    """Every point of the front of arrival, price and CO2e, in that order, as the label of its first path by (steps, path).

    How many there are in `found`, or a negative number rather than lose one.
    """
    start_search(costs, bounds, ask, labels, stairs)
    if bounds.time[ask.origin] >= NEVER:
        return 0
    points, deadline = 0, ask.deadline
    while labels.counts[1]:
        label = pop(labels)
        if labels.earliest[label] > deadline:
            break
        place = labels.place[label]
        if is_reached(stairs, ask.target, labels.price[label], labels.co2e[label], ask.epsilon_bps):
            continue
        kept = takes(stairs, place, labels, label)
        if kept == STAIRS_FULL:
            return STAIRS_FULL
        if kept and place == ask.target:
            if points == found.shape[0]:
                return FOUND_FULL
            found[points] = label
            points += 1
            if points == 1:
                deadline = min(deadline, labels.earliest[label] + ask.window)
        elif kept and not _expand(net, costs, bounds, blocks, ask, labels, stairs, label, deadline):
            return LABELS_FULL
    return points


@compiled
def _expand(
    net: Net,
    costs: Costs,
    bounds: Bounds,
    blocks: Blocks,
    ask: Ask,
    labels: Labels,
    stairs: Stairs,
    label: int,
    deadline: int,
) -> bool:
    """Take, on every service that stops here, the first run with room: a later one would only be later. False when memory ends."""
    place = labels.place[label]
    ready = first_open(net, place, labels.earliest[label] - bounds.time[place]) + net.dwell[place]
    price = labels.price[label] - bounds.price[place]
    co2e = labels.co2e[label] - bounds.co2e[place]
    for boarding in range(net.boarding_first[place], net.boarding_first[place + 1]):
        start = NEVER
        service = net.boarding_service[boarding]
        for ride in range(net.ride_first[boarding], net.ride_end[boarding]):
            head = net.ride_head[ride]
            time_left = bounds.time[head]
            if costs.time[ride] + time_left >= NEVER or head == ask.origin:
                continue
            through = price + costs.price[ride] + bounds.price[head]
            emitted = co2e + costs.co2e[ride] + bounds.co2e[head]
            step = step_at(stairs, head, through)
            # At the next place, an equal label may yet have fewer steps.
            if step >= 0 and (
                stairs.co2e[head, step] < emitted
                or (stairs.co2e[head, step] == emitted and stairs.price[head, step] < through)
            ):
                continue
            if is_reached(stairs, ask.target, through, emitted, ask.epsilon_bps):
                continue
            if start == NEVER:
                start = first_run(net, service, ready + net.boarding_wait[boarding])
            latest = deadline - net.ride_arrive[ride] - time_left
            run = first_free(net, blocks, service, net.ride_board[ride], net.ride_alight[ride], start, latest)
            if run > latest:
                continue
            new = labels.counts[0]
            if new >= ask.labels_max:
                return False
            labels.earliest[new] = run + net.ride_arrive[ride] + time_left
            labels.price[new] = through
            labels.co2e[new] = emitted
            labels.run[new] = run
            labels.parent[new] = label
            labels.ride[new] = ride
            labels.place[new] = head
            labels.steps[new] = labels.steps[label] + 1
            push(labels, new)
    return True
