"""The part of the network that one question may need, as the kernels of its search see it, with what is at least still to come.

A place is in it when the goods can be there early enough to arrive in time, a ride when one of its runs can be caught in time. What is
still to come is counted within the scene only: no bound hopes for a ship that would arrive next week.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from app.routing.calendar import NEVER
from app.routing.floods import earliest_arrivals, latest_arrivals
from app.routing.jit import compiled, inner
from app.routing.labels import Ask
from app.routing.moments import first_free, first_open, first_run, last_free, last_open, last_run, place_in
from app.routing.packed import HALF_WAY, Blocks, Flags, Kind, Net, Numbers, Records
from app.routing.queue import make_queue, put, take
from app.routing.rules import MG_G_M_PER_MG_T_KM, MILLIMINOR_G_M_PER_MINOR_T_KM

# So many moments by which the goods may still arrive are told apart, of so many that are looked at.
LEVELS_MAX: Final = 16
MOMENTS_MAX: Final = 1_024

SPOT: Final[np.dtype[Any]] = np.dtype(
    [("place", np.int64), ("boarding_first", np.int64), ("boarding_end", np.int64), ("inbound_first", np.int64)]
    + [(name, np.int64) for name in ("earliest", "latest", "price_left", "co2e_left")],
    align=True,
)
DOOR: Final[np.dtype[Any]] = np.dtype(
    [(name, np.int64) for name in ("service", "wait", "depart", "leg_first", "leg_end")]
)
LEG: Final[np.dtype[Any]] = np.dtype(
    [(name, np.int64) for name in ("tail", "head", "door", "service", "board", "alight", "arrive")]
)


class Scene(NamedTuple):
    """Spots are places, doors the boardings there, legs their rides; `number` is that of the ride of a leg.

    `price` and `co2e` by leg are what it takes beyond the best that its tail can hope for. A label at a spot
    that is there by `latest_by[spot, level]` may arrive by `reach[level]`; the levels rise.
    """

    spots: Records
    doors: Records
    legs: Records
    number: Numbers
    inbound: Numbers
    price: Numbers
    co2e: Numbers
    latest_by: Numbers
    reach: Numbers
    origin: int
    target: int
    deadline: int


def survey(net: Net, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, longer: int) -> tuple[int, Scene | None]:
    """The earliest arrival, or NEVER, and the scene of all that arrives no more than `longer` after it.

    Python calls the kernels one by one: together they would take twice as long to compile.
    """
    arrival, latest = np.empty((2, len(net.places)), np.int64)
    first = int(earliest_arrivals(net, kind, active, blocks, ask, longer, arrival))
    if first >= NEVER:
        return NEVER, None
    deadline = min(ask.deadline, first + longer)
    latest_arrivals(net, kind, active, blocks, ask, deadline, arrival, latest)
    scene = _draw(net, kind, active, blocks, ask, deadline, arrival, latest)
    _weigh(net, kind, scene)
    _tell_levels(net, blocks, scene, first)
    return first, scene


@compiled
def _draw(
    net: Net, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, deadline: int, arrival: Numbers, latest: Numbers
) -> Scene:
    """The scene without its weights and levels."""
    local = np.full(len(net.places), -1, np.int64)
    size = rides = boardings = 0
    for place in range(len(net.places)):
        if arrival[place] <= latest[place]:
            local[place] = size
            size += 1
            boardings += net.places[place].boarding_end - net.places[place].boarding_first
            for boarding in range(net.places[place].boarding_first, net.places[place].boarding_end):
                rides += net.boardings[boarding].ride_end - net.boardings[boarding].ride_first
    spots = np.zeros(size, SPOT)
    doors = np.empty(boardings, DOOR)
    legs = np.empty(rides, LEG)
    number = np.empty(rides, np.int64)
    boardings = rides = 0
    for place in range(len(net.places)):
        if local[place] < 0:
            continue
        spot = spots[local[place]]
        spot.place, spot.earliest, spot.latest = place, arrival[place], latest[place]
        spot.boarding_first = boardings
        if place != ask.target:
            boardings, rides = _open_doors(
                net, kind, active, blocks, ask, arrival, latest, local, doors, legs, number, place, boardings, rides
            )
        spot.boarding_end = boardings
    legs, number = legs[:rides], number[:rides]
    return Scene(
        spots,
        doors,
        legs,
        number,
        _inbound(spots, legs),
        np.empty(rides, np.int64),
        np.empty(rides, np.int64),
        np.full((size, LEVELS_MAX), -NEVER, np.int64),
        np.full(LEVELS_MAX, NEVER, np.int64),
        local[ask.origin],
        local[ask.target],
        deadline,
    )


@inner
def _open_doors(
    net: Net,
    kind: Kind,
    active: Flags,
    blocks: Blocks,
    ask: Ask,
    arrival: Numbers,
    latest: Numbers,
    local: Numbers,
    doors: Records,
    legs: Records,
    number: Numbers,
    place: int,
    door: int,
    leg: int,
) -> tuple[int, int]:
    """Add the boardings of a place with the rides that can be caught in time; how many there are of both by then."""
    ready = first_open(net, place, arrival[place]) + net.places[place].dwell
    for boarding_number in range(net.places[place].boarding_first, net.places[place].boarding_end):
        boarding = net.boardings[boarding_number]
        service, start, leg_first = boarding.service, NEVER, leg
        if not kind.goes[service] or not active[net.services[service].part]:
            continue
        for ride_number in range(boarding.ride_first, boarding.ride_end):
            ride = net.rides[ride_number]
            head = ride.head
            by = latest[head] - ride.arrive
            if local[head] < 0 or head == ask.origin or arrival[place] + ride.least > latest[head]:
                continue
            if start == NEVER:
                start = first_run(net, service, ready + boarding.wait)
            if first_free(net, blocks, service, ride.board, ride.alight, start, by) > by:
                continue
            new = legs[leg]
            new.tail, new.head, new.door, new.service = local[place], local[head], door, service
            new.board, new.alight, new.arrive = ride.board, ride.alight, ride.arrive
            number[leg] = ride_number
            leg += 1
        if leg > leg_first:
            new_door = doors[door]
            new_door.service, new_door.wait, new_door.depart = service, boarding.wait, boarding.depart
            new_door.leg_first, new_door.leg_end = leg_first, leg
            door += 1
    return door, leg


@inner
def _inbound(spots: Records, legs: Records) -> Numbers:
    """The legs by their heads; `inbound_first` of a spot is the first of its own."""
    into = np.zeros(len(spots) + 1, np.int64)
    for leg in range(len(legs)):
        into[legs[leg].head + 1] += 1
    for spot in range(len(spots)):
        into[spot + 1] += into[spot]
        spots[spot].inbound_first = into[spot]
    inbound = np.empty(len(legs), np.int64)
    for leg in range(len(legs)):
        head = legs[leg].head
        inbound[into[head]] = leg
        into[head] += 1
    return inbound


@inner
def inbound_end(scene: Scene, spot: int) -> int:
    return int(scene.spots[spot + 1].inbound_first) if spot + 1 < len(scene.spots) else len(scene.legs)


@compiled
def _weigh(net: Net, kind: Kind, scene: Scene) -> None:
    """Price and CO2e of every leg, the transfer at its tail included; then only what is beyond the least to come."""
    for leg in range(len(scene.legs)):
        ride = net.rides[scene.number[leg]]
        scene.price[leg] = _price(kind, ride) + kind.handling[ride.tail]
        scene.co2e[leg] = _co2e(kind, ride) + kind.handling_co2e[ride.tail]
    price_left, co2e_left = least_left(scene, scene.price), least_left(scene, scene.co2e)
    scene.spots["price_left"][:] = price_left
    scene.spots["co2e_left"][:] = co2e_left
    for leg in range(len(scene.legs)):
        tail, head = scene.legs[leg].tail, scene.legs[leg].head
        scene.price[leg] += price_left[head] - price_left[tail]
        scene.co2e[leg] += co2e_left[head] - co2e_left[tail]


@inner
def _price(kind: Kind, ride: Any) -> int:
    """`ride_price_minor` of `rules`: weight times rate over 10^12, rounded up, in steps that fit 63 bits."""
    whole, high, low = ride.whole, ride.high, ride.low
    if kind.toll_free[ride.service]:
        rest = high * HALF_WAY + low - kind.toll_free[ride.service] * ride.distance
        whole += rest // MILLIMINOR_G_M_PER_MINOR_T_KM
        high = rest % MILLIMINOR_G_M_PER_MINOR_T_KM // HALF_WAY
        low = rest % HALF_WAY
    carried = kind.weight * high
    left = carried % HALF_WAY * HALF_WAY + kind.weight * low
    part = kind.weight * whole + carried // HALF_WAY
    part += (left + MILLIMINOR_G_M_PER_MINOR_T_KM - 1) // MILLIMINOR_G_M_PER_MINOR_T_KM
    return int(max(kind.minimum[ride.service], kind.base[ride.service] + part))


@inner
def _co2e(kind: Kind, ride: Any) -> int:
    """`ride_co2e_mg` of `rules`: weight times rate over 10^9, rounded half up, in steps that fit 63 bits."""
    rate = ride.distance * kind.intensity[ride.service]
    rest = kind.weight * (rate % MG_G_M_PER_MG_T_KM) + MG_G_M_PER_MG_T_KM // 2
    return int(kind.weight * (rate // MG_G_M_PER_MG_T_KM) + rest // MG_G_M_PER_MG_T_KM)


@inner
def least_left(scene: Scene, cost: Numbers) -> Numbers:
    """By spot, the least that is still to come before the target by one measure (Dijkstra backwards)."""
    least = np.full(len(scene.spots), NEVER, np.int64)
    least[scene.target] = 0
    queue = make_queue(len(scene.legs) + 1)
    put(queue, 0, scene.target)
    while queue.size[0]:
        value, head = take(queue)
        if value > least[head]:
            continue
        for number in range(scene.spots[head].inbound_first, inbound_end(scene, head)):
            leg = scene.inbound[number]
            through, tail = value + cost[leg], scene.legs[leg].tail
            if through < least[tail]:
                least[tail] = through
                put(queue, through, tail)
    return least


@compiled
def _tell_levels(net: Net, blocks: Blocks, scene: Scene, first: int) -> None:
    """Tell some moments of arrival apart: by when the goods must be where for each of them, and what comes next.

    The earlier ones lie closer together: there is more to be told apart.
    """
    moments = _arrivals(net, scene, first)
    last = min(LEVELS_MAX, len(moments)) - 1
    if len(moments) == 0:
        last = LEVELS_MAX - 1
    before = first - 1
    scene.reach[0] = first
    for level in range(LEVELS_MAX):
        if level >= last:
            scene.latest_by[:, level] = scene.spots["latest"]
        if level > last:
            continue
        if len(moments):
            by = moments[max(level, (level + 1) ** 2 * len(moments) // (last + 1) ** 2 - 1)]
            scene.reach[level] = moments[np.searchsorted(moments, before + 1)]
        else:
            by = first + (scene.deadline - first) * level**2 // last**2
            scene.reach[level] = before + 1
        if level < last:
            _be_there_by(net, blocks, scene, level, by)
        before = by


@inner
def _arrivals(net: Net, scene: Scene, first: int) -> Numbers:
    """All moments at which something may arrive, from the first on; none where vehicles come on demand, or there are too many."""
    moments = np.empty(MOMENTS_MAX, np.int64)
    moments[0] = first
    count = 1
    for number in range(scene.spots[scene.target].inbound_first, inbound_end(scene, scene.target)):
        leg = scene.legs[scene.inbound[number]]
        if net.services[leg.service].on_demand:
            return moments[:0]
        run = first_run(net, leg.service, first + 1 - leg.arrive)
        while run + leg.arrive <= scene.deadline:
            if count == MOMENTS_MAX:
                return moments[:0]
            moments[count] = run + leg.arrive
            count += 1
            run = first_run(net, leg.service, run + 1)
    return np.unique(moments[:count])


@inner
def _be_there_by(net: Net, blocks: Blocks, scene: Scene, level: int, deadline: int) -> None:
    """The last moment at which the dwell at each spot may begin so that the goods are at the target by this deadline."""
    latest = scene.latest_by
    latest[scene.target, level] = deadline
    queue = make_queue(len(scene.legs) + 1)
    put(queue, -deadline, scene.target)
    while queue.size[0]:
        negative, head = take(queue)
        by = -negative
        if by < latest[head, level] or head == scene.origin:
            continue
        for number in range(scene.spots[head].inbound_first, inbound_end(scene, head)):
            leg = scene.legs[scene.inbound[number]]
            tail = leg.tail
            place = scene.spots[tail].place
            floor = max(scene.spots[tail].earliest, latest[tail, level] + 1)
            before = scene.doors[leg.door].wait + net.places[place].dwell
            if by - leg.arrive < floor + before:
                continue
            start = last_run(net, leg.service, by - leg.arrive)
            run = last_free(net, blocks, leg.service, leg.board, leg.alight, start, floor + before)
            handed = last_open(net, place, run - before)
            if run >= floor + before and handed >= floor:
                latest[tail, level] = handed
                put(queue, -handed, tail)


@inner
def reach_of(scene: Scene, spot: int, time: int) -> int:
    """The earliest arrival at the target that goods at a spot at this time may still reach; NEVER when that is too late."""
    if spot == scene.target:
        return time
    level = level_of(scene, spot, time)
    return int(scene.reach[level]) if level < LEVELS_MAX else NEVER


@inner
def level_of(scene: Scene, spot: int, time: int) -> int:
    """The level of the earliest arrival that goods at a spot at this time may still reach."""
    if spot == scene.target:
        return place_in(scene.reach, 0, LEVELS_MAX, time + 1) - 1
    return place_in(scene.latest_by[spot], 0, LEVELS_MAX, time)
