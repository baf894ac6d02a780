"""Consignments of one order that meet at a hub and ride on as one from there: which can, and the front that comes of it.

A unit follows the way of a leader, which it joins at one hub, each member having come by a way of its own. The members stay
consignments with bookings of their own; what they share is the price of each ride, charged once for all their weights.
`app.flows.ride_together` tells a chosen unit leg by leg.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, groupby
from typing import Final, NamedTuple

from app.catalogue.together import may_ride_together
from app.catalogue.values import Category
from app.flows.plan_ways import (
    CHARGEABLE_G,
    VOLUME_MM3,
    Around,
    Cargo,
    Way,
    closed_to,
    courier_co2e_g,
    hand_in_at,
    ride_co2e_g,
    round_up,
)
from app.network.endurance import exposure_limit_s
from app.network.rules import last_mile, ready_to_board
from app.network.values import Temperature
from app.orders.rules import combine, pareto, thin_out
from app.orders.values import Candidate, Combination
from app.routing import CHILLED_SLOTS_UNBOUNDED, Leg, chilled_slots
from app.routing.rules import price_rate, ride_price_minor, tariff_of, transfer_price_minor

# Of so many consignments or fewer, every two are tried as a unit; always, all that can be at a hub in time.
PAIRS_UP_TO: Final = 3
UNITS_TRIED_MAX: Final = 4
# Of each consignment, so many ways are looked at for a unit: the cheapest, fastest and greenest, then the best compromises.
UNIT_WAYS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Freight:
    """A consignment as it is planned, and the kinds of goods in it."""

    cargo: Cargo
    goods: frozenset[Category]


class Coming(NamedTuple):
    """A member on its way to a unit: what its first `own_legs` rides and the transfer to the unit cost and emit."""

    price_minor: int
    co2e_g: int
    ready_at: int
    member: int
    own_legs: int
    way: Way


@dataclass(frozen=True, slots=True)
class Unit:
    """Members that ride as one from ride `since` of a way; when that is behind its last ride, they share the courier only.

    The way was planned for `leader`, who gave it and may itself ride apart; every member comes by a way of its own.
    """

    leader: int
    way: Way
    since: int
    coming: tuple[Coming, ...]
    price_minor: int
    co2e_g: int

    @property
    def members(self) -> tuple[int, ...]:
        return tuple(sorted(each.member for each in self.coming))


Part = Way | Unit
Parts = Mapping[int, Part]
Place = tuple[str, bool]
"""A hub, and whether it is the last one, where only the courier is shared."""


class Choice(NamedTuple):
    """One way for the consignments of one temperature: the way of each, or the unit that it rides in."""

    arrives_at: datetime
    price_minor: int
    co2e_g: int
    parts: Parts


@dataclass(frozen=True, slots=True)
class Choices:
    """The front of a whole order. Each point chooses one of the choices of each temperature."""

    front: Sequence[Combination]
    by_temperature: Sequence[Sequence[Choice]]

    def parts_of(self, point: Combination) -> list[Part]:
        """The way of each consignment, or the unit that it rides in, in the order of the consignments."""
        chosen: dict[int, Part] = {}
        for choices, number in zip(self.by_temperature, point.plans, strict=True):
            chosen |= choices[number].parts
        return [chosen[member] for member in sorted(chosen)]


def choose(around: Around, freights: Sequence[Freight], ways: Sequence[Sequence[Way]]) -> Choices:
    """The front of arrival, price and CO2e over all combinations of the consignments' ways, and over units of them.

    Exact over what is tried: consignments that ride alone take any of their ways; a unit takes the rest of any way of any
    of its members from any hub on it, unless that arrives too late for another, and each member comes by the beginning of
    any way of its own that is there in time.
    Which members: of up to three consignments every pair, and at each hub all that are compatible and in time.
    Of each, its UNIT_WAYS_MAX best ways are looked at for units. An order has at most one unit for each temperature, and nobody changes from one unit into another. CPU only.
    """

    def temperature(member: int) -> Temperature:
        return freights[member].cargo.temperature

    groups = [tuple(group) for _, group in groupby(sorted(range(len(freights)), key=temperature), temperature)]
    by_temperature = [_choices(around, freights, ways, members) for members in groups]
    candidates = [
        [Candidate(choice.arrives_at, choice.price_minor, choice.co2e_g, i) for i, choice in enumerate(choices)]
        for choices in by_temperature
    ]
    return Choices(combine(candidates), by_temperature)


def _choices(
    around: Around, freights: Sequence[Freight], ways: Sequence[Sequence[Way]], members: Sequence[int]
) -> list[Choice]:
    alone = {member: [_choice_of(member, way) for way in ways[member]] for member in members}
    choices = _combined(list(alone.values()))
    if len(members) == 1 or freights[members[0]].cargo.temperature is Temperature.LIVE:
        return choices
    best = {member: _best_of(alone[member]) for member in members}
    meeting = _Meeting(around, freights, {m: [ways[m][i] for i in best[m]] for m in members})
    for together, units in meeting.units().items():
        others = [[alone[member][i] for i in best[member]] for member in members if member not in together]
        choices += _combined([units, *others])
    return choices


def _best_of(choices: Sequence[Choice]) -> list[int]:
    """Which of a consignment's ways are looked at for a unit, in their order."""
    points = [Combination(each.arrives_at, each.price_minor, each.co2e_g, (i,)) for i, each in enumerate(choices)]
    return [point.plans[0] for point in thin_out(points, UNIT_WAYS_MAX)]


def _choice_of(member: int, way: Way) -> Choice:
    return Choice(way.arrives_at, way.price_minor, way.co2e_g, {member: way})


def _combined(parts: Sequence[Sequence[Choice]]) -> list[Choice]:
    """The front of choices for different consignments together."""
    if len(parts) == 1:
        return list(parts[0])
    candidates = [[Candidate(c.arrives_at, c.price_minor, c.co2e_g, i) for i, c in enumerate(part)] for part in parts]
    return [
        Choice(
            point.arrives_at,
            point.price_minor,
            point.co2e_g,
            {member: way for part, i in zip(parts, point.plans, strict=True) for member, way in part[i].parts.items()},
        )
        for point in combine(candidates)
    ]


@dataclass(eq=False, slots=True)
class _End:
    """The end of a way from one of its rides on. Equal ends of different ways are one object; `ride` None is the door."""

    leader: int
    way: Way
    since: int
    ride: Leg | None
    onward: "_End | None"


class _Meeting:
    """The search for units among consignments of one temperature. What it works out is kept while one order is looked at."""

    def __init__(self, around: Around, freights: Sequence[Freight], ways: Mapping[int, Sequence[Way]]) -> None:
        self.around = around
        self.freights = freights
        self.ways = ways
        self._coming = {member: coming_of(around, freights[member].cargo, member, ways[member]) for member in ways}
        self._pairs = {
            pair for pair in combinations(ways, 2) if may_ride_together(*(freights[member].goods for member in pair))
        }
        self._members_at: dict[Place, list[int]] = defaultdict(list)
        for member, at in self._coming.items():
            for place in at:
                self._members_at[place].append(member)
        self._closed = {member: closed_to(around, freights[member].cargo) for member in ways}
        self._in_time: dict[tuple[int, Place, int], list[Coming]] = {}
        self._shared: dict[tuple[_End, tuple[int, ...]], tuple[int, int] | None] = {}
        self._tried_of: dict[tuple[int, ...], list[tuple[int, ...]]] = {}

    def units(self) -> dict[tuple[int, ...], list[Choice]]:
        """The front of every set of members that is tried, the larger sets first, at most UNITS_TRIED_MAX of them."""
        found: dict[tuple[int, ...], list[tuple[_End, tuple[Coming, ...]]]] = {}
        points: dict[tuple[int, ...], list[Combination]] = {}
        for end in self._ends():
            for coming in self._groups(end):
                members = tuple(sorted(by[0].member for by in coming))
                shared = self._cost(end, members)
                if shared is None:
                    continue
                tried, made = found.setdefault(members, []), points.setdefault(members, [])
                for price_minor, co2e_g, chosen in _cheapest_and_cleanest(coming):
                    total = price_minor + shared[0], co2e_g + shared[1]
                    made.append(Combination(end.way.arrives_at, *total, (len(tried),)))
                    tried.append((end, chosen))
        ranked = sorted(found, key=lambda members: (-len(members), members))[:UNITS_TRIED_MAX]
        return {m: [_unit_of(point, *found[m][point.plans[0]]) for point in pareto(points[m])] for m in ranked}

    def _ends(self) -> Iterator[_End]:
        """Every end of every way, once."""
        known: dict[tuple[object, ...], _End] = {}
        for leader, ways in self.ways.items():
            for way in ways:
                onward: _End | None = None
                for since in range(len(way.journey.legs), -1, -1):
                    ride = way.journey.legs[since] if since < len(way.journey.legs) else None
                    key = (id(onward), *_run(ride)) if ride else (way.journey.arrives_at,)
                    if key not in known:
                        known[key] = _End(leader, way, since, ride, onward)
                        if ride or way.courier:
                            yield known[key]
                    onward = known[key]

    def _groups(self, end: _End) -> Iterator[list[list[Coming]]]:
        """Who may ride this, with the ways on which each is in time: all of them, and every two if they are few."""
        if end.ride:
            place = end.ride.from_place, False
            until = end.ride.departs_at - self.around.service(end.ride.service).cutoff_s
        else:
            place, until = (self.around.destination.code, True), end.way.journey.arrives_at
        here = self._members_at.get(place, ())
        coming = {
            member: by
            for member in here
            if self._is_early_enough(member, end.way) and (by := self._coming_by(member, place, until))
        }
        if len(coming) < 2:
            return
        for members in self._tried(tuple(coming)):
            yield [coming[member] for member in members]

    def _is_early_enough(self, member: int, way: Way) -> bool:
        """Whether goods of this member are still of use when this way, which may be another's, arrives."""
        latest = self.freights[member].cargo.arrive_by
        return latest is None or way.arrives_at <= latest

    def _tried(self, here: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Which of those who are in time may ride together."""
        if here not in self._tried_of:
            tried = {self._all_with(member, here) for member in here}
            if len(self.ways) <= PAIRS_UP_TO:
                tried.update(pair for pair in combinations(here, 2) if pair in self._pairs)
            self._tried_of[here] = sorted(members for members in tried if len(members) > 1)
        return self._tried_of[here]

    def _all_with(self, first: int, coming: Iterable[int]) -> tuple[int, ...]:
        """A member and all others that may ride with it and with each other, the first ones before the last."""
        together = [first]
        for member in coming:
            if all((member, other) in self._pairs or (other, member) in self._pairs for other in together):
                together.append(member)
        return tuple(sorted(together))

    def _coming_by(self, member: int, place: Place, until: int) -> list[Coming]:
        """The cheapest and cleanest ways of being at a place by a moment, the cheapest first."""
        key = member, place, until
        if key not in self._in_time:
            kept: list[Coming] = []
            for each in self._coming[member].get(place, ()):
                if each.ready_at <= until and (not kept or each.co2e_g < kept[-1].co2e_g):
                    kept.append(each)
            self._in_time[key] = kept
        return self._in_time[key]

    def _cost(self, end: _End, members: tuple[int, ...]) -> tuple[int, int] | None:
        """Price and CO2e of riding this end together, without the transfer to its first ride; None when they do not fit."""
        key = end, members
        if key not in self._shared:
            self._shared[key] = self._worked_out(end, members)
        return self._shared[key]

    def _worked_out(self, end: _End, members: tuple[int, ...]) -> tuple[int, int] | None:
        cargoes = [self.freights[member].cargo for member in members]
        weight_g = sum(cargo.weight_g for cargo in cargoes)
        if end.ride is None:
            courier = end.way.courier
            co2e_g = sum(courier_co2e_g(courier, cargo) or 0 for cargo in cargoes) if courier else 0
            return price_to_door(self.around, cargoes[0].temperature, weight_g), co2e_g
        onward = self._cost(end.onward, members) if end.onward else (0, 0)
        if onward is None or not has_room(self.around, end.ride, cargoes):
            return None
        # On the leader's way the others may not come where they must not go.
        if any(
            end.ride.to_place in no.places or end.ride.service in no.services
            for no in (self._closed[each] for each in members)
        ):
            return None
        # Each came within what it bears outside the cold, and may have nothing of that left.
        if exposure_limit_s(cargoes[0].temperature) and not self.around.place(end.ride.from_place).is_cooled:
            return None
        price = price_of_ride(self.around, end.ride, cargoes)
        if end.onward and end.onward.ride:
            price += price_of_transfer(self.around, end.onward.ride, weight_g)
        planned_g = self.freights[end.leader].cargo.weight_g
        co2e = sum(ride_co2e_g(end.ride, planned_g, cargo.weight_g) or 0 for cargo in cargoes)
        return price + onward[0], co2e + onward[1]


def _run(ride: Leg) -> tuple[str, int, int, int]:
    return ride.service, ride.departure_at, ride.board_stop, ride.alight_stop


def _unit_of(point: Combination, end: _End, coming: tuple[Coming, ...]) -> Choice:
    unit = Unit(end.leader, end.way, end.since, coming, point.price_minor, point.co2e_g)
    return Choice(point.arrives_at, point.price_minor, point.co2e_g, dict.fromkeys(unit.members, unit))


def _cheapest_and_cleanest(coming: Sequence[Sequence[Coming]]) -> list[tuple[int, int, tuple[Coming, ...]]]:
    """Price and CO2e of every combination of ways to the unit that no other beats in both."""
    combined: list[tuple[int, int, tuple[Coming, ...]]] = [(0, 0, ())]
    for by in coming:
        every = [
            (price + one.price_minor, co2e + one.co2e_g, (*chosen, one))
            for price, co2e, chosen in combined
            for one in by
        ]
        combined = []
        for each in sorted(every, key=lambda one: one[:2]):
            if not combined or each[1] < combined[-1][1]:
                combined.append(each)
    return combined


def coming_of(around: Around, cargo: Cargo, member: int, ways: Sequence[Way]) -> Mapping[Place, Sequence[Coming]]:
    """Where a consignment could join others: by place, each beginning of a way once, the cheapest first."""
    found: dict[Place, dict[int, Coming]] = {}
    numbers: dict[tuple[object, ...], int] = {}
    chargeable_g = round_up(cargo.weight_g, CHARGEABLE_G)
    for way in ways:
        price, co2e, at, hub, came = 0, 0, hand_in_at(cargo), cargo.hub, -1
        for number, ride in enumerate(way.journey.legs):
            if came not in found.setdefault((hub, False), {}):
                place = around.place(hub)
                transfer = transfer_price_minor(place, chargeable_g) if number else 0
                found[hub, False][came] = Coming(price + transfer, co2e, ready_to_board(place, at), member, number, way)
            price += ride.price_minor + ride.handling_price_minor
            co2e += ride_co2e_g(ride, cargo.weight_g, cargo.weight_g) or 0
            at, hub = ride.arrives_at, ride.to_place
            key = (*_run(ride), came)
            came = numbers.setdefault(key, len(numbers))
        found.setdefault((hub, True), {}).setdefault(came, Coming(price, co2e, at, member, len(way.journey.legs), way))
    return {place: sorted(once.values(), key=lambda one: one[:3]) for place, once in found.items()}


def has_room(around: Around, ride: Leg, cargoes: Sequence[Cargo]) -> bool:
    """Whether a run takes all these together, on what is booked, and each of their pieces."""
    service = around.service(ride.service)
    weight_g, volume_mm3 = sum(cargo.weight_g for cargo in cargoes), sum(cargo.volume_mm3 for cargo in cargoes)
    slots = sum(chilled_slots(cargo.temperature, cargo.volume_mm3) for cargo in cargoes)
    room = service.capacity
    slots_max = CHILLED_SLOTS_UNBOUNDED if room.chilled_slots is None else room.chilled_slots
    heaviest, longest = service.piece_weight_g_max, service.piece_length_mm_max
    if any(heaviest is not None and cargo.piece_weight_g > heaviest for cargo in cargoes):
        return False
    if any(longest is not None and cargo.piece_length_mm > longest for cargo in cargoes):
        return False
    if weight_g > room.weight_g or volume_mm3 > room.volume_mm3 or slots > slots_max:
        return False
    if service.on_demand:
        return True
    for segment in range(ride.board_stop, ride.alight_stop):
        used = around.load.get((ride.service, ride.departure_at, segment))
        if used and (
            used.weight_g + weight_g > room.weight_g
            or used.volume_mm3 + volume_mm3 > room.volume_mm3
            or used.chilled_slots + slots > slots_max
        ):
            return False
    return True


def price_of_ride(around: Around, ride: Leg, cargoes: Sequence[Cargo]) -> int:
    """What a ride costs for all these together, by the planner's arithmetic and by the whole kilogram.

    Without toll when all of it is of the green channel and fills a vehicle of its own (decision 16): a unit is one load.
    """
    weight_g = round_up(sum(cargo.weight_g for cargo in cargoes), CHARGEABLE_G)
    volume_mm3 = round_up(sum(cargo.volume_mm3 for cargo in cargoes), VOLUME_MM3)
    is_toll_free = all(cargo.toll_free for cargo in cargoes)
    tariff = tariff_of(around.service(ride.service), weight_g, volume_mm3, is_toll_free=is_toll_free)
    return ride_price_minor(tariff, price_rate(tariff, ride.distance_m), weight_g)


def price_of_transfer(around: Around, ride: Leg, weight_g: int) -> int:
    """What the transfer to this ride costs for this weight."""
    return transfer_price_minor(around.place(ride.from_place), round_up(weight_g, CHARGEABLE_G))


def price_to_door(around: Around, temperature: Temperature, weight_g: int) -> int:
    """What the courier asks for this weight; nothing when the goods are fetched at the hub."""
    courier = last_mile(around.destination, around.county, weight_g, temperature) if around.county else None
    return courier.price_minor if courier else 0
