"""What the searches remember: labels in a heap, and by place the steps of a staircase that no other label beats."""

from typing import Any, Final, NamedTuple

import numpy as np

from app.routing.jit import compiled, inner
from app.routing.packed import Numbers, Records, Small

# The answers of a search that came to an end of its memory.
LABELS_FULL: Final = -1
STAIRS_FULL: Final = -2
FOUND_FULL: Final = -3

# `time` is the arrival, `reach` the earliest arrival at the target that may still be reached; price and CO2e count the least that
# is still to come, too. `run` is the start of the ride's run; a `leg` of -1 is the origin, or a rest. `latest`, `spent` and
# `after` are those of `limited`.
LABEL: Final[np.dtype[Any]] = np.dtype(
    [(name, np.int64) for name in ("reach", "time", "price", "co2e", "run", "latest", "spent")]
    + [(name, np.int32) for name in ("parent", "leg", "spot", "steps", "after")],
    align=True,
)
STEP: Final[np.dtype[Any]] = np.dtype([("price", np.int64), ("co2e", np.int64), ("label", np.int64)])


class Labels(NamedTuple):
    """Labels by number. `keys` are those in the heap by arrivals, `heap` are their numbers, and `counts` is how many there are and how many in the heap."""

    rows: Records
    keys: Numbers
    heap: Numbers
    counts: Numbers


class Stairs(NamedTuple):
    """By spot, the labels kept so far as `STEP`s: prices rise from step to step, CO2e falls."""

    size: Numbers
    steps: Records


class Ask(NamedTuple):
    """A query in numbers."""

    origin: int
    target: int
    depart_after: int
    deadline: int
    window: int
    epsilon_bps: int
    labels_max: int
    is_under_way: bool


def make_labels(most: int) -> Labels:
    """Memory for so many labels. Pages that are never written to cost nothing."""
    return Labels(np.empty(most, LABEL), np.empty(most, np.int64), np.empty(most, np.int64), np.zeros(2, np.int64))


def make_stairs(places: int, width: int) -> Stairs:
    return Stairs(np.zeros(places, np.int64), np.empty((places, width), STEP))


@inner
def precedes(rows: Records, number: Small, one: int, other: int) -> bool:
    """Whether a label is taken up before another of the same arrivals: by price, CO2e, steps, and then step by step from the origin."""
    if rows[one].price != rows[other].price:
        return bool(rows[one].price < rows[other].price)
    if rows[one].co2e != rows[other].co2e:
        return bool(rows[one].co2e < rows[other].co2e)
    return is_first(rows, number, one, other)


@inner
def is_first(rows: Records, number: Small, one: int, other: int) -> bool:
    """Whether a path comes before another: the one with fewer steps, else by the first ride or run in which they differ."""
    if rows[one].steps != rows[other].steps:
        return bool(rows[one].steps < rows[other].steps)
    first = False
    while one != other:
        leg, other_leg = rows[one].leg, rows[other].leg
        if leg != other_leg:
            first = (number[leg] if leg >= 0 else -1) < (number[other_leg] if other_leg >= 0 else -1)
        elif rows[one].run != rows[other].run:
            first = rows[one].run < rows[other].run
        one, other = rows[one].parent, rows[other].parent
    return first


@inner
def push(labels: Labels, number: Small, label: int, since: int) -> None:
    """Count the newest label, and put it into the heap."""
    labels.counts[0] = label + 1
    lift(labels, number, label, since)


@inner
def lift(labels: Labels, number: Small, label: int, since: int) -> None:
    """Put a label into the heap, by arrival at the target, then by its own."""
    rows, keys, heap, counts = labels.rows, labels.keys, labels.heap, labels.counts
    key = (rows[label].reach - since) << 24 | (rows[label].time - since)
    hole = counts[1]
    counts[1] = hole + 1
    while hole > 0:
        above = (hole - 1) >> 1
        if keys[above] < key or (keys[above] == key and not precedes(rows, number, label, heap[above])):
            break
        keys[hole] = keys[above]
        heap[hole] = heap[above]
        hole = above
    keys[hole] = key
    heap[hole] = label


@inner
def pop(labels: Labels, number: Small) -> int:
    """Take the first label out of the heap."""
    rows, keys, heap, counts = labels.rows, labels.keys, labels.heap, labels.counts
    top = heap[0]
    size = counts[1] - 1
    counts[1] = size
    last, key = heap[size], keys[size]
    hole, below = 0, 1
    while below < size:
        if below + 1 < size and (
            keys[below + 1] < keys[below]
            or (keys[below + 1] == keys[below] and precedes(rows, number, heap[below + 1], heap[below]))
        ):
            below += 1
        if key < keys[below] or (key == keys[below] and not precedes(rows, number, heap[below], last)):
            break
        keys[hole] = keys[below]
        heap[hole] = heap[below]
        hole = below
        below = 2 * hole + 1
    keys[hole] = key
    heap[hole] = last
    return int(top)


@inner
def step_at(stairs: Stairs, spot: int, price: int) -> int:
    """The last step of a spot that is no dearer, or -1: of all those, it has the least CO2e."""
    first, last = 0, stairs.size[spot]
    while first < last:
        middle = (first + last) >> 1
        if stairs.steps[spot, middle].price <= price:
            first = middle + 1
        else:
            last = middle
    return first - 1


@inner
def is_beaten(stairs: Stairs, spot: int, price: int, co2e: int) -> bool:
    """Whether a label that was kept before is no dearer and no dirtier, and better in one of the two."""
    step = step_at(stairs, spot, price)
    return step >= 0 and (
        stairs.steps[spot, step].co2e < co2e
        or (stairs.steps[spot, step].co2e == co2e and stairs.steps[spot, step].price < price)
    )


@inner
def takes(stairs: Stairs, number: Small, labels: Labels, label: int) -> int:
    """Keep a label unless it is beaten, in place of those that it beats: 1, 0, or STAIRS_FULL. Of equals, the first path wins."""
    row = labels.rows[label]
    spot, price, co2e = row.spot, row.price, row.co2e
    size = stairs.size[spot]
    steps = stairs.steps[spot]
    first = last = step_at(stairs, spot, price) + 1
    if first > 0 and steps[first - 1].co2e <= co2e:
        step = first - 1
        if steps[step].co2e < co2e or steps[step].price < price:
            return 0
        if not is_first(labels.rows, number, label, steps[step].label):
            return 0
        first -= 1
    elif first > 0 and steps[first - 1].price == price:
        first -= 1
    while last < size and steps[last].co2e >= co2e:
        last += 1
    if size + 1 - (last - first) > steps.shape[0]:
        return STAIRS_FULL
    stairs.size[spot] = _make_one(steps, first, last, size)
    steps[first].price = price
    steps[first].co2e = co2e
    steps[first].label = label
    return 1


@inner
def _make_one(steps: Records, first: int, last: int, size: int) -> int:
    """Make room for one step in the place of those from `first` until `last`; how many there are then."""
    if last == first:
        for step in range(size, first, -1):
            steps[step] = steps[step - 1]
    elif last > first + 1:
        for step in range(last, size):
            steps[step - (last - first - 1)] = steps[step]
    return size + 1 - (last - first)


@inner
def is_reached(stairs: Stairs, target: int, price: int, co2e: int, epsilon_bps: int) -> bool:
    """Whether something that arrived before is at most so many hundredths of a per cent dearer and dirtier."""
    dearest = price + price * epsilon_bps // 10_000
    step = step_at(stairs, target, dearest)
    return step >= 0 and stairs.steps[target, step].co2e <= co2e + co2e * epsilon_bps // 10_000


@compiled
def trace(labels: Labels, number: Small, found: Numbers, points: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """(arrival, price, CO2e) of each label found; where its steps begin among all; the ride and the run of each step."""
    rows = labels.rows
    told = np.empty((points, 3), np.int64)
    first = np.zeros(points + 1, np.int64)
    for place in range(points):
        row = rows[found[place]]
        told[place, 0], told[place, 1], told[place, 2] = row.time, row.price, row.co2e
        first[place + 1] = first[place] + row.steps
    ride, run = np.empty(first[points], np.int64), np.empty(first[points], np.int64)
    for place in range(points):
        label = found[place]
        for step in range(first[place + 1] - 1, first[place] - 1, -1):
            row = rows[label]
            ride[step], run[step] = (number[row.leg] if row.leg >= 0 else -1), row.run
            label = row.parent
    return told, first, ride, run
