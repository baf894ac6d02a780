"""What the searches remember: labels in a heap, and by place the steps of a staircase that no other label beats."""

from typing import Final, NamedTuple

import numpy as np

from app.routing.jit import compiled
from app.routing.packed import Numbers

# The answers of a search that came to an end of its memory.
LABELS_FULL: Final = -1
STAIRS_FULL: Final = -2
FOUND_FULL: Final = -3


class Labels(NamedTuple):
    """Labels by number. `earliest` is the earliest arrival at the target that one may still reach; price and CO2e count the least
    that is still to come, too. `run` is the start of the ride's run; a `ride` of -1 is the origin, or a rest. `latest` and `spent`
    are those of `limited`. `heap` holds numbers, `counts` how many labels there are and how many are in the heap.
    """

    earliest: Numbers
    price: Numbers
    co2e: Numbers
    run: Numbers
    latest: Numbers
    spent: Numbers
    parent: Numbers
    ride: Numbers
    place: Numbers
    steps: Numbers
    after: Numbers
    heap: Numbers
    counts: Numbers


class Stairs(NamedTuple):
    """By place, the labels kept so far: prices rise from step to step, CO2e falls."""

    size: Numbers
    price: Numbers
    co2e: Numbers
    label: Numbers


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
    columns = {name: np.empty(most, np.int64) for name in Labels._fields}
    return Labels(**{**columns, "counts": np.zeros(2, np.int64)})


def make_stairs(places: int, width: int) -> Stairs:
    shape = (places, width)
    return Stairs(
        np.zeros(places, np.int64), np.empty(shape, np.int64), np.empty(shape, np.int64), np.empty(shape, np.int64)
    )


@compiled
def precedes(labels: Labels, one: int, other: int) -> bool:
    """Whether a label is taken up before another: by arrival, price, CO2e, steps, and then step by step from the origin."""
    if labels.earliest[one] != labels.earliest[other]:
        return bool(labels.earliest[one] < labels.earliest[other])
    if labels.price[one] != labels.price[other]:
        return bool(labels.price[one] < labels.price[other])
    if labels.co2e[one] != labels.co2e[other]:
        return bool(labels.co2e[one] < labels.co2e[other])
    return is_first(labels, one, other)


@compiled
def is_first(labels: Labels, one: int, other: int) -> bool:
    """Whether a path comes before another: the one with fewer steps, else by the first ride or run in which they differ."""
    if labels.steps[one] != labels.steps[other]:
        return bool(labels.steps[one] < labels.steps[other])
    first = False
    while one != other:
        if labels.ride[one] != labels.ride[other]:
            first = labels.ride[one] < labels.ride[other]
        elif labels.run[one] != labels.run[other]:
            first = labels.run[one] < labels.run[other]
        one, other = labels.parent[one], labels.parent[other]
    return first


@compiled
def push(labels: Labels, label: int) -> None:
    """Put the newest label into the heap."""
    heap, counts = labels.heap, labels.counts
    hole = counts[1]
    counts[0] = label + 1
    counts[1] = hole + 1
    while hole > 0:
        above = (hole - 1) >> 1
        if not precedes(labels, label, heap[above]):
            break
        heap[hole] = heap[above]
        hole = above
    heap[hole] = label


@compiled
def pop(labels: Labels) -> int:
    """Take the first label out of the heap."""
    heap, counts = labels.heap, labels.counts
    top = heap[0]
    counts[1] -= 1
    size = counts[1]
    last = heap[size]
    hole = 0
    while True:
        below = 2 * hole + 1
        if below >= size:
            break
        if below + 1 < size and precedes(labels, heap[below + 1], heap[below]):
            below += 1
        if not precedes(labels, heap[below], last):
            break
        heap[hole] = heap[below]
        hole = below
    heap[hole] = last
    return int(top)


@compiled
def step_at(stairs: Stairs, place: int, price: int) -> int:
    """The last step of a place that is no dearer, or -1: of all those, it has the least CO2e."""
    first, last = 0, stairs.size[place]
    while first < last:
        middle = (first + last) >> 1
        if stairs.price[place, middle] <= price:
            first = middle + 1
        else:
            last = middle
    return first - 1


@compiled
def takes(stairs: Stairs, place: int, labels: Labels, label: int) -> int:
    """Keep a label unless it is beaten, in place of those that it beats: 1, 0, or STAIRS_FULL. Of equals, the first path wins."""
    price, co2e = labels.price[label], labels.co2e[label]
    size = stairs.size[place]
    first = last = step_at(stairs, place, price) + 1
    if first > 0 and stairs.co2e[place, first - 1] <= co2e:
        step = first - 1
        if stairs.co2e[place, step] < co2e or stairs.price[place, step] < price:
            return 0
        if not is_first(labels, label, stairs.label[place, step]):
            return 0
        first -= 1
    elif first > 0 and stairs.price[place, first - 1] == price:
        first -= 1
    while last < size and stairs.co2e[place, last] >= co2e:
        last += 1
    if size + 1 - (last - first) > stairs.price.shape[1]:
        return STAIRS_FULL
    _replace(stairs, place, first, last)
    stairs.price[place, first] = price
    stairs.co2e[place, first] = co2e
    stairs.label[place, first] = label
    return 1


@compiled
def _replace(stairs: Stairs, place: int, first: int, last: int) -> None:
    """Make the steps from `first` until `last` one step."""
    size = stairs.size[place]
    if last == first:
        for step in range(size, first, -1):
            _copy(stairs, place, step - 1, step)
    elif last > first + 1:
        for step in range(last, size):
            _copy(stairs, place, step, step - (last - first - 1))
    stairs.size[place] = size + 1 - (last - first)


@compiled
def _copy(stairs: Stairs, place: int, source: int, target: int) -> None:
    stairs.price[place, target] = stairs.price[place, source]
    stairs.co2e[place, target] = stairs.co2e[place, source]
    stairs.label[place, target] = stairs.label[place, source]


@compiled
def is_reached(stairs: Stairs, target: int, price: int, co2e: int, epsilon_bps: int) -> bool:
    """Whether something that arrived before is at most so many hundredths of a per cent dearer and dirtier."""
    dearest = price + price * epsilon_bps // 10_000
    step = step_at(stairs, target, dearest)
    return step >= 0 and stairs.co2e[target, step] <= co2e + co2e * epsilon_bps // 10_000


@compiled
def trace(labels: Labels, found: Numbers, points: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """(arrival, price, CO2e) of each label found; where its steps begin among all; the ride and the run of each step."""
    told = np.empty((points, 3), np.int64)
    first = np.zeros(points + 1, np.int64)
    for number in range(points):
        label = found[number]
        told[number, 0], told[number, 1], told[number, 2] = (
            labels.earliest[label],
            labels.price[label],
            labels.co2e[label],
        )
        first[number + 1] = first[number] + labels.steps[label]
    ride, run = np.empty(first[points], np.int64), np.empty(first[points], np.int64)
    for number in range(points):
        label = found[number]
        for step in range(first[number + 1] - 1, first[number] - 1, -1):
            ride[step], run[step] = labels.ride[label], labels.run[label]
            label = labels.parent[label]
    return told, first, ride, run
