"""The kernels of time alone: how early the goods may be at each place, and how late they may still be there."""

import numpy as np

from app.routing.calendar import NEVER, PARTLESS
from app.routing.jit import compiled, inner
from app.routing.labels import Ask
from app.routing.moments import first_free, first_open, first_run, last_free, last_open, last_run
from app.routing.packed import Blocks, Flags, Kind, Net, Numbers
from app.routing.queue import Queue, make_queue, put, take


@compiled
def mark_parts(net: Net, origin: int, target: int, active: Flags) -> None:
    """Mark the parts of the network between two places; none when nothing leads from one to the other."""
    while origin != target:
        if net.places[origin].part == net.places[target].part != PARTLESS:
            active[net.places[origin].part] = True
            return
        if net.places[origin].depth < net.places[target].depth:
            origin, target = target, origin
        if net.places[origin].part == PARTLESS:
            active[:] = False
            return
        active[net.places[origin].part] = True
        origin = net.places[origin].gate


@compiled
def earliest_arrivals(
    net: Net, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, longer: int, arrival: Numbers
) -> int:
    """When the goods could arrive if nothing but time mattered, or NEVER when that is after the deadline (Dijkstra by time).

    Tells the earliest arrival at each place up to `longer` after that, or only until then when it is negative.
    """
    arrival[:] = NEVER
    if kind.shut[ask.origin]:
        return NEVER
    arrival[ask.origin] = ask.depart_after
    queue = make_queue(len(net.rides) + 1)
    put(queue, ask.depart_after, ask.origin)
    deadline, answer = ask.deadline, NEVER
    while queue.size[0]:
        time, place = take(queue)
        if time > arrival[place]:
            continue
        if time > deadline:
            break
        if place == ask.target:
            answer = time
            if longer < 0:
                break
            deadline = min(deadline, time + longer)
            continue
        _leave(net, kind, active, blocks, place, time, deadline, arrival, queue)
    return answer


@inner
def _leave(
    net: Net,
    kind: Kind,
    active: Flags,
    blocks: Blocks,
    place: int,
    time: int,
    deadline: int,
    arrival: Numbers,
    queue: Queue,
) -> None:
    """Take the first run of every service that stops here to wherever it arrives earlier than anything before."""
    ready = first_open(net, place, time) + net.places[place].dwell
    for number in range(net.places[place].boarding_first, net.places[place].boarding_end):
        boarding = net.boardings[number]
        service, start = boarding.service, NEVER
        if not kind.goes[service] or not active[net.services[service].part]:
            continue
        for ride_number in range(boarding.ride_first, boarding.ride_end):
            ride = net.rides[ride_number]
            if time + ride.least >= arrival[ride.head] or kind.shut[ride.head]:
                continue
            if start == NEVER:
                start = first_run(net, service, ready + boarding.wait)
            latest = min(deadline, arrival[ride.head] - 1) - ride.arrive
            run = first_free(net, blocks, service, ride.board, ride.alight, start, latest)
            if run <= latest:
                arrival[ride.head] = run + ride.arrive
                put(queue, run + ride.arrive, ride.head)


@compiled
def latest_arrivals(
    net: Net, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, deadline: int, arrival: Numbers, latest: Numbers
) -> int:
    """The last moment at which the dwell at each place may begin so that the goods are at the target by the deadline.

    -NEVER where that was before `arrival`. The answer is that of the origin.
    """
    latest[:] = -NEVER
    latest[ask.target] = deadline
    queue = make_queue(len(net.rides) + 1)
    put(queue, -deadline, ask.target)
    while queue.size[0]:
        negative, head = take(queue)
        by = -negative
        if by < latest[head] or head == ask.origin:
            continue
        for number in range(net.places[head].inbound_first, net.places[head].inbound_end):
            ride = net.rides[net.inbound[number]]
            tail, service = ride.tail, ride.service
            if by - ride.least <= latest[tail] or arrival[tail] >= NEVER or tail == ask.target:
                continue
            if not kind.goes[service] or not active[net.services[service].part]:
                continue
            floor = max(arrival[tail], latest[tail] + 1)
            before = net.boardings[ride.boarding].wait + net.places[tail].dwell
            start = last_run(net, service, by - ride.arrive)
            run = last_free(net, blocks, service, ride.board, ride.alight, start, floor + before)
            handed = last_open(net, tail, run - before)
            if run >= floor + before and handed >= floor:
                latest[tail] = handed
                put(queue, -handed, tail)
    return int(latest[ask.origin])


@compiled
def is_connected(net: Net, goes: Flags, shut: Flags, origin: int, target: int) -> bool:
    """Whether the services that go lead from one place to another, whatever their times, without touching what is shut."""
    seen = shut.copy()
    todo = np.empty(len(net.places) + 1, np.int64)
    todo[0] = origin
    size = 0 if seen[origin] else 1
    while size and not seen[target]:
        size -= 1
        place = todo[size]
        seen[place] = True
        for number in range(net.places[place].boarding_first, net.places[place].boarding_end):
            boarding = net.boardings[number]
            if not goes[boarding.service]:
                continue
            for ride in range(boarding.ride_first, boarding.ride_end):
                if not seen[net.rides[ride].head]:
                    seen[net.rides[ride].head] = True
                    todo[size] = net.rides[ride].head
                    size += 1
    return bool(seen[target] and not shut[target])
