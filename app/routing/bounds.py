"""The kernels of one measure at a time: the least still to come before a target, the earliest arrival and the latest departure."""

from heapq import heappop, heappush

import numpy as np

from app.routing.calendar import NEVER
from app.routing.jit import compiled
from app.routing.labels import Ask
from app.routing.moments import first_free, first_open, first_run, last_free, last_open, last_run
from app.routing.packed import Blocks, Bounds, Costs, Net, Numbers


def measure_bounds(net: Net, costs: Costs, target: int) -> Bounds:
    return Bounds(
        least_to(net, costs.time, target), least_to(net, costs.price, target), least_to(net, costs.co2e, target)
    )


@compiled
def least_to(net: Net, cost: Numbers, target: int) -> Numbers:
    """Dijkstra backwards from the target by one measure."""
    least = np.full(net.dwell.shape[0], NEVER, np.int64)
    least[target] = 0
    queue = [(0, target)]
    while queue:
        value, head = heappop(queue)
        if value > least[head]:
            continue
        for number in range(net.inbound_first[head], net.inbound_first[head + 1]):
            ride = net.inbound_ride[number]
            through = value + cost[ride]
            tail = net.ride_tail[ride]
            if through < least[tail]:
                least[tail] = through
                heappush(queue, (through, tail))
    return least


@compiled
def earliest_arrival(net: Net, costs: Costs, blocks: Blocks, ask: Ask) -> int:
    """When the goods could arrive if nothing but time mattered, or NEVER when that is after the deadline (Dijkstra by time)."""
    arrival = np.full(net.dwell.shape[0], NEVER, np.int64)
    arrival[ask.origin] = ask.depart_after
    queue = [(ask.depart_after, ask.origin)]
    while queue:
        time, place = heappop(queue)
        if place == ask.target:
            return time
        if time > arrival[place]:
            continue
        ready = first_open(net, place, time) + net.dwell[place]
        for boarding in range(net.boarding_first[place], net.boarding_first[place + 1]):
            service = net.boarding_service[boarding]
            start = NEVER
            for ride in range(net.ride_first[boarding], net.ride_end[boarding]):
                head = net.ride_head[ride]
                if costs.time[ride] >= NEVER or time + costs.time[ride] >= arrival[head]:
                    continue
                if start == NEVER:
                    start = first_run(net, service, ready + net.boarding_wait[boarding])
                offset = net.ride_arrive[ride]
                latest = min(ask.deadline, arrival[head] - 1) - offset
                run = first_free(net, blocks, service, net.ride_board[ride], net.ride_alight[ride], start, latest)
                if run <= latest:
                    arrival[head] = run + offset
                    heappush(queue, (run + offset, head))
    return NEVER


@compiled
def latest_departure(net: Net, costs: Costs, blocks: Blocks, ask: Ask) -> int:
    """The last moment to hand the goods in so that they arrive by the deadline, or -NEVER when that was before `depart_after`."""
    latest = np.full(net.dwell.shape[0], -NEVER, np.int64)
    latest[ask.target] = ask.deadline
    queue = [(-ask.deadline, ask.target)]
    while queue:
        negative, head = heappop(queue)
        by = -negative
        if head == ask.origin:
            return by
        if by < latest[head]:
            continue
        for number in range(net.inbound_first[head], net.inbound_first[head + 1]):
            ride = net.inbound_ride[number]
            tail = net.ride_tail[ride]
            if costs.time[ride] >= NEVER or by - costs.time[ride] <= latest[tail]:
                continue
            service, board = net.boarding_service[net.ride_of[ride]], net.ride_board[ride]
            wait = net.boarding_wait[net.ride_of[ride]]
            earliest = max(ask.depart_after, latest[tail] + 1) + net.dwell[tail] + wait
            start = last_run(net, service, by - net.ride_arrive[ride])
            run = last_free(net, blocks, service, board, net.ride_alight[ride], start, earliest)
            handed = last_open(net, tail, run - wait - net.dwell[tail])
            if run >= earliest and handed >= max(ask.depart_after, latest[tail] + 1):
                latest[tail] = handed
                heappush(queue, (-handed, tail))
    return -NEVER
