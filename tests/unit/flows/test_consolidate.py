"""Units against every combination looked at one by one, and every shown option priced again from the tariffs."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations, product

import pytest

from app.catalogue.together import load_pairs, may_ride_together
from app.catalogue.values import Category
from app.flows.consolidate import Freight, Unit, choose, has_room
from app.flows.plan_ways import CHARGEABLE_G, Around, Cargo, find_ways, round_up, ways_to_offer
from app.flows.ride_together import ride
from app.network.errors import RouteUnavailable
from app.network.origin_rules import OriginRules
from app.network.plan import FrontCache
from app.network.rules import last_mile, ready_to_board
from app.network.values import HubKind, HubPoint, Mode, Temperature
from app.orders.rules import combine, pareto, winners
from app.orders.values import Candidate, Combination, Label
from app.routing import Capacity, Place, Service, Stop, Tariff, Timetable, Used, Weekly
from app.routing.rules import price_rate, ride_price_minor, transfer_price_minor
from tests.unit.routing import chance as chances
from tests.unit.routing.drawn import DAY_S, HOUR_S, MONDAY, draw, moment

FOOD, CRAFT, COTTON, ANIMALS = Category.PRODUCE, Category.HANDICRAFT, Category.COTTON, Category.LIVESTOCK
COUNTY = "310115"


def around(timetable, destination, *, to_door=False, load=None):
    point = HubPoint(destination, {"en": destination}, HubKind.CITY, 31.2, 121.5, "310000", 0, 0, 0, "drawn")
    return Around(FrontCache(), timetable, load or {}, frozenset(), {}, point, COUNTY if to_door else None)


def freight(hub, *goods, kg=100, temperature="ambient", ready="Mon 00:00", **more):
    ready_at = datetime.fromtimestamp(moment(ready), UTC)
    cargo = Cargo(hub, Temperature(temperature), ready_at, kg * 1_000, 0, 1 if temperature == "live" else 0, **more)
    return Freight(cargo, frozenset(goods or {FOOD}))


def chosen(seen, freights):
    ways = [find_ways(seen, each.cargo) for each in freights]
    return ways, choose(seen, freights, ways)


def told(seen, freights):
    """The front's cheapest point: its price, and how each consignment goes, with `=` before legs that it shares."""
    _, choices = chosen(seen, freights)
    point = min(choices.front, key=lambda each: (each.price_minor, each.arrives_at))
    ridden = ride(seen, freights, choices.parts_of(point))
    ways = [" ".join(f"{'=' if leg.unit else ''}{leg.service}" for leg in legs) for legs in ridden.legs]
    return point.price_minor, ways, [unit.saved_minor for unit in ridden.shared]


# What is decided, drawn.

TWO_VALLEYS = """
    place U 1h
    A road: A 06:00 > U +2h; 100fen
    B road: B 06:00 > U +3h; 100fen
    T rail: U 12:00 > M +9h; 500fen 2fen/kg
"""


def test_two_that_meet_pay_the_base_of_the_common_ride_once():
    seen = around(draw(TWO_VALLEYS), "M")
    assert told(seen, [freight("A"), freight("B")]) == (100 + 100 + 500 + 400, ["A =T", "B =T"], [500])


def test_three_are_one_unit():
    seen = around(draw(TWO_VALLEYS), "M")
    three = [freight("A"), freight("B"), freight("A", CRAFT)]
    assert told(seen, three) == (300 + 500 + 600, ["A =T", "B =T", "A =T"], [1000])


def test_goods_from_one_hub_ride_as_one_from_the_start():
    seen = around(draw(TWO_VALLEYS), "M")
    assert told(seen, [freight("A"), freight("A", CRAFT)]) == (100 + 500 + 400, ["=A =T", "=A =T"], [600])


def test_unit_waits_for_a_later_train_when_that_is_cheaper():
    timetable = draw("""
        A road: A 06:00 > U +2h; 100fen
        B road: B 10:00 > U +4h; 100fen
        T rail: U 09:00 20:00 > M +9h; 500fen
    """)
    assert told(around(timetable, "M"), [freight("A"), freight("B")]) == (700, ["A =T", "B =T"], [500])


def test_who_comes_after_the_cut_off_does_not_join():
    timetable = draw("""
        A road: A 06:00 > U +2h; 100fen
        B road: B 06:00 > U +5h; 100fen
        T rail: U 12:00 > M +9h; 500fen cutoff=2h until=2026-01-05
        L rail: U 23:00 > M +9h; 900fen until=2026-01-05
    """)
    seen = around(timetable, "M")
    assert told(seen, [freight("A"), freight("B")]) == (100 + 100 + 900, ["A =L", "B =L"], [900])
    fast, *_ = chosen(seen, [freight("A"), freight("A")])[1].front
    assert fast.arrives_at == datetime.fromtimestamp(moment("Mon 21:00"), UTC)


def test_nobody_joins_a_unit_that_arrives_too_late_for_its_own_goods():
    timetable = draw("""
        A road: A 06:00 > U +2h; 100fen
        B road: B 06:00 > U +3h; 100fen
        T rail: U 12:00 > M +9h; 900fen
        S rail: U 12:00 > M +60h; 500fen
    """)
    seen = around(timetable, "M")
    keeps, spoils = freight("A"), freight("B", arrive_by=datetime.fromtimestamp(moment("Tue 12:00"), UTC))
    assert told(seen, [keeps, freight("B")]) == (700, ["A =S", "B =S"], [500])
    for freights in ([keeps, spoils], [spoils, keeps]):
        _, choices = chosen(seen, freights)
        for point in choices.front:
            legs = ride(seen, freights, choices.parts_of(point)).legs[freights.index(spoils)]
            assert legs[-1].arrives_at <= spoils.cargo.arrive_by
    assert told(seen, [keeps, spoils]) == (1_100, ["A =T", "B =T"], [900])


def test_unit_that_is_too_heavy_for_the_run_is_none():
    seen = around(draw(TWO_VALLEYS.replace("2fen/kg", "2fen/kg cap=150kg")), "M")
    assert told(seen, [freight("A"), freight("B")]) == (200 + 2 * 700, ["A T", "B T"], [])


def test_what_is_booked_already_counts_against_the_unit():
    """A later run would have room for both, but it is on the front of neither: a unit takes the way of one of its members."""
    booked = {("T", moment("Mon 12:00"), 0): Used(29_850_000, 0, 0)}
    seen = around(draw(TWO_VALLEYS), "M", load=booked)
    assert told(seen, [freight("A"), freight("B")]) == (200 + 2 * 700, ["A T", "B T"], [])
    assert told(seen, [freight("A", kg=50), freight("B")]) == (200 + 500 + 300, ["A =T", "B =T"], [500])


@pytest.mark.parametrize("others", [COTTON, ANIMALS])
def test_goods_that_do_not_go_together_ride_apart(others):
    seen = around(draw(TWO_VALLEYS), "M")
    assert told(seen, [freight("A"), freight("B", others)]) == (200 + 2 * 700, ["A T", "B T"], [])


def test_crafts_ride_with_either_when_the_two_others_may_not_meet():
    seen = around(draw(TWO_VALLEYS), "M")
    price, ways, saved = told(seen, [freight("A"), freight("B", COTTON), freight("B", CRAFT)])
    assert (price, ways, saved) == (800 + 100 + 500 + 400, ["A T", "=B =T", "=B =T"], [600])
    price, ways, saved = told(seen, [freight("A"), freight("B", COTTON), freight("A", CRAFT)])
    assert (price, ways, saved) == (800 + 100 + 500 + 400, ["=A =T", "B T", "=A =T"], [600])


def test_two_ride_as_one_on_the_way_of_a_third_that_rides_apart():
    seen = around(draw(TWO_VALLEYS + "    C road: C 06:00 > U +1h; 100fen\n"), "M")
    three = [freight("A"), freight("B", COTTON), freight("C", COTTON)]
    assert told(seen, three) == (300 + 700 + 500 + 400, ["A T", "B =T", "C =T"], [500])


def test_chilled_and_ambient_goods_are_no_unit():
    timetable = draw(
        TWO_VALLEYS.replace("fen\n", "fen takes=ambient,chilled\n").replace("fen/kg", "fen/kg takes=ambient,chilled")
    )
    cold = Timetable([replace(place, is_cooled=True) for place in timetable.places], timetable.services, "drawn")
    _, ways, saved = told(around(cold, "M"), [freight("A"), freight("B", temperature="chilled")])
    assert (ways, saved) == (["A T", "B T"], [])


def test_animals_never_share():
    timetable = draw("T road: U 12:00 > M +9h; 500fen takes=live")
    _, ways, saved = told(around(timetable, "M"), [freight("U", ANIMALS, temperature="live")] * 2)
    assert (ways, saved) == (["T", "T"], [])


def a_truck_with_toll(*, on_demand=True):
    """From U to M, 100 km, a tonne at most: a yuan and a tenth per tonne-kilometre, of which a tenth is toll."""
    stops = (Stop("U", 0, 0, 0), Stop("M", 9 * HOUR_S, 9 * HOUR_S, 100_000))
    tariff = Tariff(base_minor=500, milliminor_per_tkm=110_000, toll_milliminor_per_tkm=10_000)
    departures = () if on_demand else (Weekly(tuple(range(7)), (12 * HOUR_S,)),)
    truck = Service(
        "T", "road", "c", stops, tariff, Capacity(10**6, 10**12), departures=departures, on_demand=on_demand
    )
    return around(Timetable([Place("U"), Place("M")], [truck], "drawn"), "M")


@pytest.mark.parametrize(
    ("tonnes", "toll_free", "on_demand", "per_tonne"),
    [
        ((0.4, 0.4), (True, True), True, 10_000),
        ((0.4, 0.3), (True, True), True, 11_000),
        ((0.4, 0.4), (True, False), True, 11_000),
        ((0.4, 0.4), (True, True), False, 11_000),
    ],
)
def test_unit_of_the_green_channel_that_fills_a_truck_on_call_pays_no_toll(tonnes, toll_free, on_demand, per_tonne):
    seen = a_truck_with_toll(on_demand=on_demand)
    freights = [freight("U", kg=int(t * 1_000), toll_free=free) for t, free in zip(tonnes, toll_free, strict=True)]
    price, ways, saved = told(seen, freights)
    assert (price, ways) == (500 + round(sum(tonnes) * per_tonne), ["=T", "=T"])
    alone = sum(500 + round(each * 11_000) for each in tonnes)
    assert saved == [alone - price]


def test_who_fills_a_truck_alone_is_in_no_unit_that_would_make_it_pay_toll():
    alone, other = freight("U", kg=800, toll_free=True), freight("U", kg=100)
    assert told(a_truck_with_toll(), [alone, other]) == (500 + 8_000 + 500 + 1_100, ["T", "T"], [])


def test_courier_alone_is_shared_by_those_who_meet_at_the_last_hub():
    timetable = draw("""
        A road: A 06:00 > M +2h; 100fen
        B road: B 06:00 > M +3h; 100fen
    """)
    seen = around(timetable, "M", to_door=True)
    freights = [freight("A", kg=10), freight("B", kg=20)]
    one, two, both = (
        last_mile(seen.destination, COUNTY, kg * 1_000, Temperature.AMBIENT).price_minor for kg in (10, 20, 30)
    )
    price, ways, saved = told(seen, freights)
    assert (price, saved) == (200 + both, [one + two - both])
    assert [way.split()[1][0] for way in ways] == ["=", "="]


def test_table_of_pairs_keeps_food_from_raw_cotton_and_animals_from_everything():
    assert frozenset({FOOD, CRAFT}) in load_pairs()
    assert not may_ride_together({FOOD}, {COTTON})
    assert not may_ride_together({FOOD, CRAFT}, {COTTON})
    assert not any(may_ride_together({ANIMALS}, {other}) for other in Category)


@pytest.mark.parametrize(
    ("opening", "at", "ready"),
    [
        ((), "Mon 05:00", "Mon 06:00"),
        (((8 * HOUR_S, 18 * HOUR_S),), "Mon 05:00", "Mon 09:00"),
        (((8 * HOUR_S, 18 * HOUR_S),), "Mon 17:59", "Mon 18:59"),
        (((8 * HOUR_S, 18 * HOUR_S),), "Mon 18:00", "Mon+1 09:00"),
        (((6 * DAY_S + 20 * HOUR_S, 7 * DAY_S + 4 * HOUR_S),), "Mon 03:00", "Mon 04:00"),
        (((6 * DAY_S + 20 * HOUR_S, 7 * DAY_S + 4 * HOUR_S),), "Mon 04:00", "Sun 21:00"),
    ],
)
def test_dwell_begins_while_the_place_is_open(opening, at, ready):
    assert ready_to_board(Place("U", dwell_s=HOUR_S, opening=opening), moment(at)) == moment(ready)


# Against everything looked at one by one.


def every_pair(seen, freights, ways):
    """Each pair of ways as it is, and with a unit from every hub of the one onwards that the other reaches in time."""
    for combination in product(*ways):
        arrives_at = max(way.arrives_at for way in combination)
        yield arrives_at, sum(way.price_minor for way in combination), sum(way.co2e_g for way in combination)
    for (first, follower), leader in product(permutations((0, 1)), (None,)):
        assert leader is None
        for way, other in product(ways[first], ways[follower]):
            yield from joined(seen, freights[first].cargo, way, freights[follower].cargo, other)


def joined(seen, cargo, way, other_cargo, other):
    together = round_up(cargo.weight_g + other_cargo.weight_g, CHARGEABLE_G)
    rides, others = way.journey.legs, other.journey.legs
    for since in range(len(rides)):
        for own in range(len(others) + 1):
            hub = others[own - 1].to_place if own else other_cargo.hub
            came = others[own - 1].arrives_at if own else int(other_cargo.ready_at.timestamp())
            service = seen.service(rides[since].service)
            in_time = came + seen.place(hub).dwell_s + service.cutoff_s <= rides[since].departs_at
            if hub != rides[since].from_place or not in_time:
                continue
            if not all(has_room(seen, each, (cargo, other_cargo)) for each in rides[since:]):
                continue
            price = sum(each.price_minor + each.handling_price_minor for each in (*rides[:since], *others[:own]))
            price += rides[since].handling_price_minor
            price += transfer_price_minor(seen.place(hub), round_up(other_cargo.weight_g, CHARGEABLE_G)) if own else 0
            for number, each in enumerate(rides[since:]):
                tariff = seen.service(each.service).tariff
                price += ride_price_minor(tariff, price_rate(tariff, each.distance_m), together)
                price += transfer_price_minor(seen.place(each.from_place), together) if number else 0
            co2e = sum(grams(each, cargo, cargo) for each in rides)
            co2e += sum(grams(each, other_cargo, other_cargo) for each in others[:own])
            co2e += sum(grams(each, cargo, other_cargo) for each in rides[since:])
            yield way.arrives_at, price, co2e


def grams(leg, planned, cargo):
    if leg.co2e_mg is None:
        return 0
    return (leg.co2e_mg * cargo.weight_g // round_up(planned.weight_g, CHARGEABLE_G) + 500) // 1_000


def a_case(seed):
    """A random network, two cargoes on it and their ways; None when one of them cannot go."""
    chance = random.Random(seed)
    places, services = chances.network(chance)
    codes = [place.code for place in places]
    destination = chance.choice(codes)
    origins = [chance.choice([code for code in codes if code != destination]) for _ in range(2)]
    ready_at = datetime.fromtimestamp(MONDAY, UTC)
    freights = [
        Freight(
            Cargo(origin, Temperature.AMBIENT, ready_at, chance.choice((700, 1_000, 1_600, 2_300)), 0, 0),
            frozenset({FOOD}),
        )
        for origin in origins
    ]
    seen = around(Timetable(places, services, str(seed)), destination, load=chances.load(chance, services))
    try:
        return seen, freights, [find_ways(seen, each.cargo) for each in freights]
    except RouteUnavailable:
        return None


@pytest.mark.parametrize("animals", [False, True])
def test_winners_of_an_order_are_those_of_whole_fronts(animals):
    """Animals are handed over at the hub, so that they are there before what a courier brings."""
    fewer = 0
    for seed in range(1_500):
        case = a_case(seed)
        if case is None:
            continue
        seen, freights, _ = case
        cargoes = [freight.cargo for freight in freights]
        if animals:
            seen = replace(seen, county=COUNTY, destination=replace(seen.destination, adcode="310100"))
            cargoes[0] = replace(cargoes[0], temperature=Temperature.LIVE, live_heads=1)
        try:
            whole = combine([candidates(find_ways(seen, cargo)) for cargo in cargoes])
            offered = ways_to_offer(seen, cargoes, 1)  # the winners alone
        except RouteUnavailable:
            continue
        few = combine([candidates(each) for each in offered])
        best, kept = winners(whole), winners(few)
        assert max(map(len, offered)) <= 5
        for label in (Label.CHEAPEST, Label.FASTEST):
            assert few[kept[label]][:2] == whole[best[label]][:2], seed
        # By leg, grams are rounded.
        legs = sum(len(way.journey.legs) for each in offered for way in each)
        assert few[kept[Label.GREENEST]].co2e_g <= whole[best[Label.GREENEST]].co2e_g + legs, seed
        fewer += len(few) < len(whole)
    assert fewer > 100


def candidates(ways):
    return [Candidate(way.arrives_at, way.price_minor, way.co2e_g, i) for i, way in enumerate(ways)]


def test_front_is_that_of_every_combination_and_every_unit_of_two():
    seen_units = 0
    for seed in range(500):
        case = a_case(seed)
        if case is None:
            continue
        choices = choose(*case)
        everything = pareto(Combination(*point, ()) for point in every_pair(*case))
        assert [point[:3] for point in choices.front] == [point[:3] for point in everything], seed
        seen_units += any(isinstance(part, Unit) for point in choices.front for part in choices.parts_of(point))
    assert seen_units > 40


def test_every_shown_option_adds_up_and_is_charged_by_its_tariffs():
    shown = 0
    for seed in range(250):
        case = a_case(seed)
        if case is None:
            continue
        seen, freights, _ = case
        choices = choose(*case)
        for point in choices.front:
            ridden = ride(seen, freights, choices.parts_of(point))
            assert sum(leg.price.amount for legs in ridden.legs for leg in legs) == point.price_minor, seed
            assert sum(leg.co2e_g or 0 for legs in ridden.legs for leg in legs) == point.co2e_g, seed
            assert max(legs[-1].arrives_at for legs in ridden.legs) == point.arrives_at, seed
            for unit in ridden.shared:
                shown += 1
                assert unit.saved_minor >= 0
                replayed(seen, freights, ridden, unit)
    assert shown > 30


def replayed(seen, freights, ridden, unit):
    """The unit rides the same runs, and each member is there in time after legs that join."""
    shared = [[leg for leg in ridden.legs[member] if leg.unit == unit.number] for member in unit.members]
    runs = [[(leg.service, leg.run_at, leg.board, leg.alight) for leg in legs] for legs in shared]
    assert runs[0] == runs[1]
    assert shared[0][0].from_ == unit.hub
    for member in unit.members:
        at, hub = int(freights[member].cargo.ready_at.timestamp()), freights[member].cargo.hub
        for leg in ridden.legs[member]:
            assert leg.from_ == hub
            assert leg.mode != Mode.COURIER
            assert at + seen.place(hub).dwell_s + seen.service(leg.service).cutoff_s <= int(leg.departs_at.timestamp())
            at, hub = int(leg.arrives_at.timestamp()), leg.to
        assert hub == seen.destination.code


def test_same_question_gives_the_same_front_with_the_same_parts():
    case = next(case for case in map(a_case, range(50)) if case is not None)
    one, other = choose(*case), choose(*case)
    assert one.front == other.front
    assert [one.parts_of(point) for point in one.front] == [other.parts_of(point) for point in other.front]


@pytest.mark.parametrize("is_held", [False, True])
def test_unit_does_not_take_a_member_where_it_may_not_go(is_held):
    """By N it is cheaper for both; one of them may not be handled there, so they ride the dearer train together."""
    timetable = draw("""
        A road: A 06:00 > U +2h; 100fen
        B road: B 06:00 > U +3h; 100fen
        T rail: U 12:00 > N +2h; 300fen
        V rail: N 18:00 > M +5h; 300fen
        D rail: U 12:00 > M +9h; 900fen
    """)
    words = {"en": "said", "zh-Hans": "说明"}
    rule = {"number": "N-1", "what": words, "source": words, "origin": ["65"], "to": ["6201"], "transit": True}
    hub = HubPoint("N", words, HubKind.CITY, 36.0, 103.8, "620102", 0, 0, 0, "drawn")
    rules = OriginRules.model_validate({"version": "1", "rule": [rule]})
    seen = replace(around(timetable, "M"), hubs={"N": hub}, rules=rules)
    both = [freight("A", origin="530102"), freight("B", origin="653221" if is_held else "530102")]
    apart = (100 + 100 + 900, ["A =D", "B =D"], [900])
    assert told(seen, both) == (apart if is_held else (100 + 100 + 600, ["A =T =V", "B =T =V"], [600]))
