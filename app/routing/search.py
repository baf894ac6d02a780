"""The exact search for goods whose journey has no limit: labels leave the heap by the earliest arrival they may still reach.

NAMOA* with dimensionality reduction (Pulido, Mandow and Pérez de la Cruz 2015): since the labels of a place leave the heap in
order of time, whether one is beaten is a question of price and CO2e only. Both are counted with the least that is still to come.
"""

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
    is_beaten,
    is_reached,
    lift,
    pop,
    push,
    takes,
)
from app.routing.moments import first_free, first_open, first_run
from app.routing.packed import Blocks, Kind, Net, Numbers
from app.routing.scene import LEVELS_MAX, Scene, level_of, reach_of


@inner
def start_search(kind: Kind, scene: Scene, ask: Ask, labels: Labels, stairs: Stairs) -> None:
    """Forget the search before, and put the origin into the heap. Nothing is transferred there unless the goods are under way."""
    stairs.size[:] = 0
    labels.counts[:] = 0
    row = labels.rows[0]
    row.time = ask.depart_after
    row.reach = scene.reach[0]
    row.price = scene.price_left[scene.origin] - (0 if ask.is_under_way else kind.handling[ask.origin])
    row.co2e = scene.co2e_left[scene.origin] - (0 if ask.is_under_way else kind.handling_co2e[ask.origin])
    row.parent = row.leg = -1
    row.run = row.latest = row.spent = row.steps = row.after = 0
    row.spot = scene.origin
    push(labels, scene.number, 0, ask.depart_after)


@compiled
def find_front(
    net: Net, kind: Kind, scene: Scene, blocks: Blocks, ask: Ask, labels: Labels, stairs: Stairs, found: Numbers
) -> int:
    """Every point of the front of arrival, price and CO2e, in that order, as the label of its first path by (steps, path).

    How many there are in `found`, or a negative number rather than lose one.
    """
    start_search(kind, scene, ask, labels, stairs)
    # By level, the label that was put off last; each leads on to the one before it.
    later = np.full(LEVELS_MAX, -1, np.int64)
    points = 0
    for level in range(LEVELS_MAX):
        _take_up(scene, ask, labels, stairs, later[level])
        while labels.counts[1]:
            label = pop(labels, scene.number)
            row = labels.rows[label]
            if is_reached(stairs, scene.target, row.price, row.co2e, ask.epsilon_bps):
                continue
            kept = takes(stairs, scene.number, labels, label)
            if kept == STAIRS_FULL:
                return STAIRS_FULL
            if kept and row.spot == scene.target:
                if points == found.shape[0]:
                    return FOUND_FULL
                found[points] = label
                points += 1
            elif kept and not _expand(net, scene, blocks, ask, labels, stairs, label, level, later):
                return LABELS_FULL
    return points


@inner
def _take_up(scene: Scene, ask: Ask, labels: Labels, stairs: Stairs, label: int) -> None:
    """Put into the heap what was put off to this level and has not been beaten since: most has, and never costs a place in the heap."""
    while label >= 0:
        row = labels.rows[label]
        if not (
            is_beaten(stairs, row.spot, row.price, row.co2e)
            or is_reached(stairs, scene.target, row.price, row.co2e, ask.epsilon_bps)
        ):
            lift(labels, scene.number, label, ask.depart_after)
        label = row.after


@inner
def _expand(
    net: Net,
    scene: Scene,
    blocks: Blocks,
    ask: Ask,
    labels: Labels,
    stairs: Stairs,
    label: int,
    level: int,
    later: Numbers,
) -> bool:
    """Take, on every service that stops here, the first run with room: a later one would only be later. False when memory ends."""
    row = labels.rows[label]
    spot = scene.spots[row.spot]
    ready = first_open(net, spot.place, row.time) + net.places[spot.place].dwell
    for number in range(spot.boarding_first, spot.boarding_end):
        door = scene.doors[number]
        start = NEVER
        for leg_number in range(door.leg_first, door.leg_end):
            price = row.price + scene.price[leg_number]
            co2e = row.co2e + scene.co2e[leg_number]
            leg = scene.legs[leg_number]
            head = leg.head
            # At the next place, an equal label may yet have fewer steps.
            if is_beaten(stairs, head, price, co2e):
                continue
            if is_reached(stairs, scene.target, price, co2e, ask.epsilon_bps):
                continue
            if start == NEVER:
                start = first_run(net, door.service, ready + door.wait)
            by = scene.spots[head].latest - leg.arrive
            run = first_free(net, blocks, door.service, leg.board, leg.alight, start, by)
            if run > by:
                continue
            new = labels.counts[0]
            if new >= ask.labels_max:
                return False
            made = labels.rows[new]
            made.time = run + leg.arrive
            put_off = level_of(scene, head, made.time)
            made.reach = reach_of(scene, head, made.time, put_off)
            made.price = price
            made.co2e = co2e
            made.run = run
            made.parent = label
            made.leg = leg_number
            made.spot = head
            made.steps = row.steps + 1
            if put_off <= level:
                push(labels, scene.number, new, ask.depart_after)
            else:
                labels.counts[0] = new + 1
                made.after = later[put_off]
                later[put_off] = new
    return True
