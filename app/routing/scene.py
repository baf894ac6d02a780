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
from app.routing.packed import HALF_WAY, Blocks, Flags, Kind, Net, Numbers, Records, Small
from app.routing.queue import Queue, make_queue, put, take
from app.routing.rules import MG_G_M_PER_MG_T_KM, MILLIMINOR_G_M_PER_MINOR_T_KM

# So many moments by which the goods may still arrive are told apart, of so many that are looked at.
LEVELS_MAX: Final = 32
LEVELS_LIMITED: Final = 8
MOMENTS_MAX: Final = 1_024
TOO_LATE: Final = -1

SPOT: Final[np.dtype[Any]] = np.dtype(
    [("earliest", np.int64), ("latest", np.int64)]
    + [(name, np.int32) for name in ("place", "boarding_first", "boarding_end", "inbound_first")],
    align=True,
)
DOOR: Final[np.dtype[Any]] = np.dtype(
    [(name, np.int32) for name in ("service", "wait", "depart", "leg_first", "leg_end")]
)
LEG: Final[np.dtype[Any]] = np.dtype(
    [(name, np.int32) for name in ("tail", "head", "door", "service", "board", "alight", "arrive")]
)


class Ground(NamedTuple):
    """What a scene is drawn from: its spots, which are places, and the numbers of the rides between them.

    Goods that are at a spot by `latest_by[spot, level]`, which counts from `since`, may arrive by `reach[level]`; the levels rise.
    """

    spots: Records
    number: Small
    latest_by: Small
    reach: Numbers
    origin: int
    target: int
    since: int
    deadline: int


class Scene(NamedTuple):
    """A ground with the boardings at each spot as doors, and their rides as legs.

    By spot, `price_left` and `co2e_left` are the least that is still to come; by leg, `price` and `co2e` are what it takes beyond
    the best that its tail can hope for.
    """

    spots: Records
    doors: Records
    legs: Records
    number: Small
    inbound: Small
    latest_by: Small
    reach: Numbers
    origin: int
    target: int
    since: int
    deadline: int
    price: Numbers
    co2e: Numbers
    price_left: Numbers
    co2e_left: Numbers


def survey(
    net: Net, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, longer: int, levels: int = LEVELS_MAX
) -> tuple[int, Ground | None]:
    """The earliest arrival, or NEVER, and the ground of all that arrives no more than `longer` after it, with so many levels.

    It is the same for all loads that may use the same services and find the same runs full.
    Python calls the kernels one by one: together they would take twice as long to compile.
    """
    arrival, latest = np.empty((2, len(net.places)), np.int64)
    first = int(earliest_arrivals(net, kind, active, blocks, ask, longer, arrival))
    if first >= NEVER:
        return NEVER, None
    deadline = min(ask.deadline, first + longer)
    latest_arrivals(net, kind, active, blocks, ask, deadline, arrival, latest)
    ground = _stake_out(net, kind, active, blocks, ask, deadline, arrival, latest)
    _tell_levels(net, blocks, _draw(net, ground), first, levels)
    return first, ground


@compiled
def _stake_out(
    net: Net, kind: Kind, active: Flags, blocks: Blocks, ask: Ask, deadline: int, arrival: Numbers, latest: Numbers
) -> Ground:
    """The ground, its levels still unknown."""
    local = np.full(len(net.places), -1, np.int64)
    size = most = 0
    for place in range(len(net.places)):
        if arrival[place] <= latest[place]:
            local[place] = size
            size += 1
            for boarding in range(net.places[place].boarding_first, net.places[place].boarding_end):
                most += net.boardings[boarding].ride_end - net.boardings[boarding].ride_first
    spots = np.zeros(size, SPOT)
    number = np.empty(most, np.int32)
    rides = 0
    for place in range(len(net.places)):
        if local[place] < 0:
            continue
        spot = spots[local[place]]
        spot.place, spot.earliest, spot.latest = place, arrival[place], latest[place]
        if place != ask.target:
            rides = _catch(net, kind, active, blocks, ask, arrival, latest, number, place, rides)
    return Ground(
        spots,
        number[:rides].copy(),
        np.full((size, LEVELS_MAX), TOO_LATE, np.int32),
        np.full(LEVELS_MAX, NEVER, np.int64),
        local[ask.origin],
        local[ask.target],
        ask.depart_after,
        deadline,
    )


@inner
def _catch(
    net: Net,
    kind: Kind,
    active: Flags,
    blocks: Blocks,
    ask: Ask,
    arrival: Numbers,
    latest: Numbers,
    number: Small,
    place: int,
    rides: int,
) -> int:
    """Add the rides from a place that can be caught in time; how many there are by then."""
    ready = first_open(net, place, arrival[place]) + net.places[place].dwell
    for boarding_number in range(net.places[place].boarding_first, net.places[place].boarding_end):
        boarding = net.boardings[boarding_number]
        service, start = boarding.service, NEVER
        if not kind.goes[service] or not active[net.services[service].part]:
            continue
        for ride_number in range(boarding.ride_first, boarding.ride_end):
            ride = net.rides[ride_number]
            head = ride.head
            by = latest[head] - ride.arrive
            if arrival[head] > latest[head] or head == ask.origin or arrival[place] + ride.least > latest[head]:
                continue
            if start == NEVER:
                start = first_run(net, service, ready + boarding.wait)
            if first_free(net, blocks, service, ride.board, ride.alight, start, by) <= by:
                number[rides] = ride_number
                rides += 1
    return rides


def stage(net: Net, kind: Kind, ground: Ground) -> Scene:
    """The scene on this ground, with what its legs cost and emit for this kind of load."""
    scene = _draw(net, ground)
    price, co2e, price_left, co2e_left = _weigh(net, kind, scene)
    return scene._replace(price=price, co2e=co2e, price_left=price_left, co2e_left=co2e_left)


@compiled
def _draw(net: Net, ground: Ground) -> Scene:
    """The scene on this ground without its weights. The rides of a spot, and those of a boarding, lie beside each other."""
    spots, number = ground.spots.copy(), ground.number
    local = np.empty(len(net.places), np.int32)
    for spot in range(len(spots)):
        local[spots[spot].place] = spot
    doors, legs = np.empty(len(number), DOOR), np.empty(len(number), LEG)
    boarding, door = -1, -1
    for leg in range(len(number)):
        ride = net.rides[number[leg]]
        tail = local[ride.tail]
        if ride.boarding != boarding:
            boarding, door = ride.boarding, door + 1
            new_door, spot_left = doors[door], spots[tail]
            new_door.service, new_door.leg_first = ride.service, leg
            new_door.wait, new_door.depart = net.boardings[boarding].wait, net.boardings[boarding].depart
            if spot_left.boarding_end == 0:
                spot_left.boarding_first = door
            spot_left.boarding_end = door + 1
        doors[door].leg_end = leg + 1
        new = legs[leg]
        new.tail, new.head, new.door, new.service = tail, local[ride.head], door, ride.service
        new.board, new.alight, new.arrive = ride.board, ride.alight, ride.arrive
    nothing = np.empty(0, np.int64)
    return Scene(
        spots,
        doors[: door + 1],
        legs,
        number,
        _inbound(spots, legs),
        ground.latest_by,
        ground.reach,
        ground.origin,
        ground.target,
        ground.since,
        ground.deadline,
        nothing,
        nothing,
        nothing,
        nothing,
    )


@inner
def _inbound(spots: Records, legs: Records) -> Small:
    """The legs by their heads; `inbound_first` of a spot is the first of its own."""
    into = np.zeros(len(spots) + 1, np.int64)
    for leg in range(len(legs)):
        into[legs[leg].head + 1] += 1
    for spot in range(len(spots)):
        into[spot + 1] += into[spot]
        spots[spot].inbound_first = into[spot]
    inbound = np.empty(len(legs), np.int32)
    for leg in range(len(legs)):
        head = legs[leg].head
        inbound[into[head]] = leg
        into[head] += 1
    return inbound


@inner
def inbound_end(scene: Scene, spot: int) -> int:
    return int(scene.spots[spot + 1].inbound_first) if spot + 1 < len(scene.spots) else len(scene.legs)


@compiled
def _weigh(net: Net, kind: Kind, scene: Scene) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Price and CO2e of every leg, the transfer at its tail included; then only what is beyond the least to come."""
    price, co2e = np.empty(len(scene.legs), np.int64), np.empty(len(scene.legs), np.int64)
    for leg in range(len(scene.legs)):
        ride = net.rides[scene.number[leg]]
        price[leg] = _price(kind, ride) + kind.handling[ride.tail]
        co2e[leg] = _co2e(kind, ride) + kind.handling_co2e[ride.tail]
    price_left, co2e_left = least_left(scene, price), least_left(scene, co2e)
    for leg in range(len(scene.legs)):
        tail, head = scene.legs[leg].tail, scene.legs[leg].head
        price[leg] += price_left[head] - price_left[tail]
        co2e[leg] += co2e_left[head] - co2e_left[tail]
    return price, co2e, price_left, co2e_left


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
    lower_left(scene, cost, least)
    return least


@inner
def lower_left(scene: Scene, cost: Numbers, least: Numbers) -> None:
    """Lower what is still to come by one measure to what the legs make of it, beginning where it is known (Dijkstra backwards)."""
    queue = make_queue(len(scene.legs) + len(scene.spots) + 1)
    for spot in range(len(scene.spots)):
        if least[spot] < NEVER:
            put(queue, least[spot], spot)
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


@compiled
def _tell_levels(net: Net, blocks: Blocks, scene: Scene, first: int, levels: int) -> None:
    """Tell some moments of arrival apart: by when the goods must be where for each of them, and what comes next.

    The earlier ones lie closer together: there is more to be told apart.
    """
    moments = _arrivals(net, scene, first)
    last = min(levels, len(moments)) - 1
    if len(moments) == 0:
        last = levels - 1
    before = first - 1
    scene.reach[0] = first
    latest = np.full(len(scene.spots), -NEVER, np.int64)
    for level in range(LEVELS_MAX):
        if level >= last:
            latest[:] = scene.spots["latest"]
        if level > last:
            _note_level(scene, level, latest)
            continue
        if len(moments):
            by = moments[max(level, (level + 1) ** 2 * len(moments) // (last + 1) ** 2 - 1)]
            scene.reach[level] = moments[np.searchsorted(moments, before + 1)]
        else:
            by = first + (scene.deadline - first) * level**2 // last**2
            scene.reach[level] = before + 1
        if level < last:
            _be_there_by(net, blocks, scene, by, latest)
        _note_level(scene, level, latest)
        before = by


@inner
def _note_level(scene: Scene, level: int, latest: Numbers) -> None:
    for spot in range(len(latest)):
        scene.latest_by[spot, level] = max(TOO_LATE, latest[spot] - scene.since)


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
def _be_there_by(net: Net, blocks: Blocks, scene: Scene, deadline: int, latest: Numbers) -> None:
    """The last moment at which the dwell at each spot may begin so that the goods are at the target by this deadline.

    `latest` tells it for an earlier deadline; only what is later now is looked at.
    """
    latest[scene.target] = deadline
    queue = make_queue(len(scene.legs) + 1)
    put(queue, -deadline, scene.target)
    spread_back(net, blocks, scene, latest, queue)


@inner
def spread_back(net: Net, blocks: Blocks, scene: Scene, latest: Numbers, queue: Queue) -> None:
    """From the moments in the queue, with their signs turned, backwards: the last moment at which the dwell at each spot may begin."""
    while queue.size[0]:
        negative, head = take(queue)
        by = -negative
        if by < latest[head] or head == scene.origin:
            continue
        for number in range(scene.spots[head].inbound_first, inbound_end(scene, head)):
            leg = scene.legs[scene.inbound[number]]
            tail = leg.tail
            place = scene.spots[tail].place
            floor = max(scene.spots[tail].earliest, latest[tail] + 1)
            before = scene.doors[leg.door].wait + net.places[place].dwell
            if by - leg.arrive < floor + before:
                continue
            start = last_run(net, leg.service, by - leg.arrive)
            run = last_free(net, blocks, leg.service, leg.board, leg.alight, start, floor + before)
            handed = last_open(net, place, run - before)
            if run >= floor + before and handed >= floor:
                latest[tail] = handed
                put(queue, -handed, tail)


@inner
def reach_of(scene: Scene, spot: int, time: int, level: int) -> int:
    """The earliest arrival at the target of goods at a spot at this time, which is of this level; NEVER when that is too late."""
    if spot == scene.target:
        return time
    return int(scene.reach[level]) if level < LEVELS_MAX else NEVER


@inner
def level_of(scene: Scene, spot: int, time: int) -> int:
    """The level of the earliest arrival that goods at a spot at this time may still reach."""
    if spot == scene.target:
        return place_in(scene.reach, 0, LEVELS_MAX, time + 1) - 1
    return place_in(scene.latest_by[spot], 0, LEVELS_MAX, time - scene.since)
