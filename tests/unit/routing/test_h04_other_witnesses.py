"""Projections of the front against Dijkstra on a graph spread out in time, forwards against backwards, and epsilon against exact."""

import random
from dataclasses import replace
from itertools import combinations

import networkx as nx
import pytest

from app.routing import (
    NO_LOAD,
    Front,
    Load,
    Place,
    Query,
    SearchTooLarge,
    Service,
    Timetable,
    arrives_first,
    hand_in_by,
    plan,
)
from tests.unit.routing import chance, oracle

BATCH = 50
BATCHES = range(40_000, 40_400, BATCH)


def drawn(seed: int) -> tuple[random.Random, list[Place], list[Service], Query, Load]:
    """A network with every constraint that an unlimited journey knows."""
    dice = random.Random(seed)
    places, services = chance.network(dice)
    load = chance.load(dice, services) if dice.random() < 0.6 else NO_LOAD
    places, services, query = chance.constrained(dice, places, services, chance.question(dice, places))
    return dice, places, services, replace(query, max_exposure_s=None, window_s=None), load


def spread_out(places: list[Place], services: list[Service], query: Query, load: Load) -> nx.DiGraph:
    """A node for each second at each place (`aboard` apart, because handling is paid between), an edge for each ride of each run."""
    graph = nx.DiGraph()
    end = oracle.last_arrival(query)
    for place in places:
        price, co2e = oracle.transfer(place, query.weight_g)
        for at in range(query.depart_after, end + 1):
            graph.add_edge(("there", place.code, at), ("there", place.code, at + 1), time=1, price=0, co2e=0)
            if oracle.is_open(place, at):
                is_free = place.code == query.origin and query.spent_s is None
                terms = {"price": 0 if is_free else price, "co2e": 0 if is_free else co2e or 0}
                graph.add_edge(("there", place.code, at), ("ready", place.code, at + place.dwell_s), time=0, **terms)
            graph.add_edge(("ready", place.code, at), ("ready", place.code, at + 1), time=1, price=0, co2e=0)
    for service in services:
        if not oracle.is_offered(service, query):
            continue
        for run in oracle.runs(service, query.depart_after - 200, end):
            for board, alight in combinations(range(len(service.stops)), 2):
                tail, head = service.stops[board], service.stops[alight]
                departs, arrives = run + tail.depart_offset_s, run + head.arrive_offset_s
                if arrives > end or {tail.place, head.place} & query.excluded_places or tail.place == head.place:
                    continue
                if head.place != query.origin and oracle.has_room(service, run, board, alight, query, load):
                    start, stop = ("ready", tail.place, departs - service.cutoff_s), ("there", head.place, arrives)
                    price = oracle.ride_price(service, board, alight, query.weight_g)
                    co2e = oracle.ride_co2e(service, board, alight, query) or 0
                    known = graph.get_edge_data(start, stop, {"price": price, "co2e": co2e})
                    graph.add_edge(start, stop, time=1, price=min(price, known["price"]), co2e=min(co2e, known["co2e"]))
    return graph


@pytest.mark.parametrize("first", BATCHES)
def test_least_arrival_price_and_co2e_are_those_of_a_graph_spread_out_in_time(first):
    found = 0
    for seed in range(first, first + BATCH // 2):
        _, places, services, query, load = drawn(seed)
        graph = spread_out(places, services, query, load)
        start = ("there", query.origin, query.depart_after)
        answer = plan(Timetable(places, services, "1"), query, load)
        ends = range(query.depart_after + 1, oracle.last_arrival(query) + 1)
        least = {}
        for measure in ("price", "co2e"):
            reached = nx.single_source_dijkstra_path_length(graph, start, weight=measure)
            least[measure] = {at: reached[node] for at in ends if (node := ("there", query.destination, at)) in reached}
        if not isinstance(answer, Front):
            assert not least["price"]
            continue
        found += 1
        assert answer.plans[0].arrives_at == min(least["price"])
        assert min(each.price_minor for each in answer.plans) == min(least["price"].values())
        assert min(each.co2e_mg for each in answer.plans) == min(least["co2e"].values())
    assert found >= BATCH // 10


@pytest.mark.parametrize("first", BATCHES)
def test_the_last_moment_to_hand_in_is_the_last_from_which_the_deadline_is_met(first):
    for seed in range(first, first + BATCH):
        _, places, services, query, load = drawn(seed)
        timetable, deadline = Timetable(places, services, "1"), oracle.last_arrival(query)
        moment = hand_in_by(timetable, query, load)
        later = range(query.depart_after, deadline + 1)
        in_time = [
            at
            for at in later
            if arrives_first(timetable, replace(query, depart_after=at, arrive_by=deadline), load) is not None
        ]
        assert moment == (max(in_time) if in_time else None)


@pytest.mark.parametrize("first", BATCHES)
@pytest.mark.parametrize("epsilon_bps", [1, 100, 2_500])
def test_an_epsilon_covers_the_exact_front_over_the_whole_chain(first, epsilon_bps):
    for seed in range(first, first + BATCH):
        _, places, services, query, load = drawn(seed)
        timetable = Timetable(places, services, "1")
        exact, near = plan(timetable, query, load), plan(timetable, replace(query, epsilon_bps=epsilon_bps), load)
        if not isinstance(exact, Front):
            assert near == exact
            continue
        points = {(each.arrives_at, each.price_minor, each.co2e_mg) for each in exact.plans}
        kept = [(each.arrives_at, each.price_minor, each.co2e_mg) for each in near.plans]
        assert set(kept) <= points
        for arrives_at, price, co2e in points:
            assert any(
                at <= arrives_at
                and minor * 10_000 <= price * (10_000 + epsilon_bps)
                and mg * 10_000 <= co2e * (10_000 + epsilon_bps)
                for at, minor, mg in kept
            )


@pytest.mark.parametrize("first", BATCHES)
def test_a_front_that_fits_is_whole_and_one_that_does_not_is_an_error(first):
    """Bag overflow is never silent: at every bound on labels, the answer is the same or there is none."""
    for seed in range(first, first + BATCH // 5):
        _, places, services, query, load = drawn(seed)
        timetable = Timetable(places, services, "1")
        whole = plan(timetable, query, load)
        for most in (1, 2, 5, 20, 100):
            try:
                bounded = plan(timetable, query, load, labels_max=most)
            except SearchTooLarge:
                continue
            assert bounded == whole


@pytest.mark.parametrize("first", BATCHES)
def test_a_later_last_call_never_helps(first):
    """Every run of one service arrives later at its end: nothing gets better."""
    for seed in range(first, first + BATCH):
        dice, places, services, query, load = drawn(seed)
        chosen = dice.choice(services)
        last = chosen.stops[-1]
        late = last.arrive_offset_s + 2
        stops = (*chosen.stops[:-1], replace(last, arrive_offset_s=late, depart_offset_s=late + 2))
        slower = [replace(each, stops=stops) if each is chosen else each for each in services]
        before, after = (plan(Timetable(places, each, "1"), query, load) for each in (services, slower))
        if isinstance(after, Front):
            assert isinstance(before, Front)
            for delayed in after.plans:
                assert any(
                    each.arrives_at <= delayed.arrives_at
                    and each.price_minor <= delayed.price_minor
                    and each.co2e_mg <= delayed.co2e_mg
                    for each in before.plans
                )


@pytest.mark.parametrize("first", BATCHES)
def test_money_in_another_unit_scales_every_price(first):
    """Whole tariffs times 7, weights of whole kilograms and no distance part: every price is 7 times as high, and no plan another."""
    for seed in range(first, first + BATCH):
        _, places, services, query, load = drawn(seed)
        query = replace(query, weight_g=1_000)

        def whole(service: Service) -> Service:
            tariff = replace(
                service.tariff, milliminor_per_kg=service.tariff.milliminor_per_kg // 400 * 1_000, milliminor_per_tkm=0
            )
            return replace(service, tariff=tariff)

        def dearer(service: Service) -> Service:
            tariff = service.tariff
            times = {name: 7 * getattr(tariff, name) for name in ("base_minor", "milliminor_per_kg", "minimum_minor")}
            return replace(service, tariff=replace(tariff, **times))

        plain = [replace(place, transfer_price_milliminor_per_kg=0) for place in places]
        dear = [replace(place, transfer_price_minor=7 * place.transfer_price_minor) for place in plain]
        services = [whole(service) for service in services]
        before = plan(Timetable(plain, services, "1"), query, load)
        after = plan(Timetable(dear, [dearer(service) for service in services], "1"), query, load)
        if not isinstance(before, Front):
            assert before == after
            continue
        assert [(each.arrives_at, 7 * each.price_minor, each.co2e_mg) for each in before.plans] == [
            (each.arrives_at, each.price_minor, each.co2e_mg) for each in after.plans
        ]
