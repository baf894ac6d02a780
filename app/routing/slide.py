"""The legs of a limited journey in time: loaded, or taken out of the cold, as late as the first leg that is bound to a timetable allows."""

from app.routing.moments import last_open, last_run
from app.routing.timetable import Timetable

REST = -1
Step = tuple[int, int]
"""A ride and the start of its run; the ride of a rest is REST."""


def postponed(timetable: Timetable, steps: list[Step], *, is_loaded: bool) -> list[Step]:
    """The same rides with the on-demand ones at the beginning, unless the goods are loaded already, and after each rest as late as can be."""
    stretches: list[list[Step]] = [[]]
    for step in steps:
        if step[0] == REST:
            stretches.append([])
        else:
            stretches[-1].append(step)
    first, *others = stretches
    moved = first if is_loaded else _load_late(timetable, first)
    for stretch in others:
        moved = moved + _load_late(timetable, stretch)
    return moved


def cooled(timetable: Timetable, steps: list[Step]) -> list[Step]:
    """The same rides, waiting where it is cold: vehicles on demand leave the last cold place before a timetable just in time."""
    net, moved = timetable.net, list(steps)
    first = 0
    for end in range(1, len(steps) + 1):
        if end < len(steps) and _is_on_demand(timetable, steps[end - 1]) and _is_on_demand(timetable, steps[end]):
            continue
        cold = [n for n in range(first, end) if timetable.places[net.rides[steps[n][0]]["tail"]].is_cooled]
        if cold and _is_on_demand(timetable, steps[end - 1]):
            moved[cold[-1] : end + 1] = _load_late(timetable, steps[cold[-1] : end + 1])
        first = end
    return moved


def _is_on_demand(timetable: Timetable, step: Step) -> bool:
    net = timetable.net
    return bool(net.services[net.rides[step[0]]["service"]]["on_demand"])


def _load_late(timetable: Timetable, stretch: list[Step]) -> list[Step]:
    net = timetable.net
    loose = 0
    while loose < len(stretch) and _is_on_demand(timetable, stretch[loose]):
        loose += 1
    if not loose:
        return stretch
    if loose < len(stretch):
        ride, start = stretch[loose]
        by = _handled_by(timetable, ride, start)
    else:
        by = stretch[-1][1] + int(net.rides[stretch[-1][0]]["arrive"])
    late: list[Step] = []
    for ride, _ in reversed(stretch[:loose]):
        packed = net.rides[ride]
        start = int(last_run(net, int(packed["service"]), by - int(packed["arrive"])))
        late.append((ride, start))
        by = _handled_by(timetable, ride, start)
    return late[::-1] + stretch[loose:]


def _handled_by(timetable: Timetable, ride: int, start: int) -> int:
    """The last moment at which the dwell before a ride may begin."""
    net = timetable.net
    packed = net.rides[ride]
    wait, dwell = net.boardings[packed["boarding"]]["wait"], net.places[packed["tail"]]["dwell"]
    return int(last_open(net, int(packed["tail"]), start - int(wait) - int(dwell)))
