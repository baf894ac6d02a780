"""The parts of the network that hang together by single places only, as a village's bus hangs on its county town.

Whoever leaves such a part, or enters one that does not lead on, comes back through the same place, later and no cheaper; so only
the parts between origin and target are worth a search. (Biconnected components; Hopcroft and Tarjan 1973.)
"""

from collections.abc import Sequence
from itertools import pairwise

from app.routing.calendar import PARTLESS


def parts_of(places: int, calls: Sequence[Sequence[int]]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Of each place: its part towards the root, the place by which that hangs there, how many parts above; of each service: its part.

    A service that calls at two places connects each pair of its calls, so all its rides are of one part. A root has no part.
    """
    order, parent = _walk(places, neighbours := _neighbours(places, calls))
    found = {place: number for number, place in enumerate(order)}
    lowest = [found[place] for place in range(places)]
    for place in reversed(order):
        for other in neighbours[place]:
            if parent[other] == place and found[other] > found[place]:
                lowest[place] = min(lowest[place], lowest[other])
            elif other != parent[place]:
                lowest[place] = min(lowest[place], found[other])
    part, gate, depth = [PARTLESS] * places, list(range(places)), [0] * places
    for place in order:
        above = parent[place]
        if above == PARTLESS:
            continue
        # A child from which nothing leads higher than to its parent begins a new part, that hangs on the parent.
        starts = lowest[place] >= found[above]
        part[place] = place if starts else part[above]
        gate[place] = above if starts else gate[above]
        depth[place] = depth[gate[place]] + 1
    return part, gate, depth, [_part_of(calling, part, depth) for calling in calls]


def _neighbours(places: int, calls: Sequence[Sequence[int]]) -> list[list[int]]:
    """A ring through the calls of each service: connected by two ways, as the pairs of its calls are."""
    near: list[set[int]] = [set() for _ in range(places)]
    for calling in calls:
        ring = list(dict.fromkeys(calling))
        for one, other in pairwise([*ring, ring[0]]):
            if one != other:
                near[one].add(other)
                near[other].add(one)
    return [sorted(each) for each in near]


def _walk(places: int, neighbours: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """The places in the order of a walk that goes on from the last place found, and from where each was found."""
    parent = [PARTLESS] * places
    order: list[int] = []
    seen = [False] * places
    for root in range(places):
        if seen[root]:
            continue
        seen[root] = True
        order.append(root)
        todo = [(root, iter(neighbours[root]))]
        while todo:
            place, others = todo[-1]
            fresh = next((other for other in others if not seen[other]), None)
            if fresh is None:
                todo.pop()
            else:
                seen[fresh] = True
                parent[fresh] = place
                order.append(fresh)
                todo.append((fresh, iter(neighbours[fresh])))
    return order, parent


def _part_of(calling: Sequence[int], part: Sequence[int], depth: Sequence[int]) -> int:
    """All calls of a service are of one part, or one of them is the place by which it hangs: the deepest tells."""
    return part[max(calling, key=lambda place: depth[place])]
