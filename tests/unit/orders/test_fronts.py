"""The front of a whole order: against every pair looked at one by one, and what is left when only six may be shown."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.orders.rules import coarse, combine, labels, pareto, thin_out
from app.orders.values import Candidate, Combination, Label

START = datetime(2026, 3, 2, tzinfo=UTC)
criteria = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))


def candidates(triples: list[tuple[int, int, int]]) -> list[Candidate]:
    return [Candidate(START + timedelta(hours=h), price, co2e, i) for i, (h, price, co2e) in enumerate(triples)]


def beats(one: Combination, other: Combination) -> bool:
    return one[:3] != other[:3] and all(a <= b for a, b in zip(one[:3], other[:3], strict=True))


@given(st.lists(criteria, min_size=1, max_size=40))
def test_a_front_is_exactly_what_nothing_beats(triples: list[tuple[int, int, int]]) -> None:
    points = [Combination(c.arrives_at, c.price_minor, c.co2e_g, (c.plan,)) for c in candidates(triples)]
    front = pareto(points)
    assert {point[:3] for point in front} == {p[:3] for p in points if not any(beats(q, p) for q in points)}
    assert len({point[:3] for point in front}) == len(front)
    assert front == sorted(front)


@given(st.lists(st.lists(criteria, min_size=1, max_size=6), min_size=1, max_size=3))
def test_combining_consignment_by_consignment_loses_no_combination(fronts: list[list[tuple[int, int, int]]]) -> None:
    parts = [candidates(front) for front in fronts]
    every = [Combination(START, 0, 0, ())]
    for front in parts:
        every = [
            Combination(
                max(w.arrives_at, c.arrives_at), w.price_minor + c.price_minor, w.co2e_g + c.co2e_g, (*w.plans, c.plan)
            )
            for w in every
            for c in front
        ]
    assert {p[:3] for p in combine(parts)} == {p[:3] for p in pareto(every)}


@given(st.lists(st.tuples(*(st.integers(0, 99),) * 3), min_size=1, max_size=60), st.integers(6, 20))
def test_a_coarse_front_covers_the_whole_one_and_keeps_its_winners(
    triples: list[tuple[int, int, int]], most: int
) -> None:
    front = combine([candidates(triples)])
    few = coarse(front, most)
    assert len(few) <= most
    assert few == [point for point in front if point in few]
    assert {point for point, won in zip(front, labels(front), strict=True) if won} <= set(few)
    if len(few) > 3:
        price, co2e = (max(column) - min(column) for column in list(zip(*front, strict=True))[1:3])
        for point in front:
            assert any(
                kept.arrives_at <= point.arrives_at
                and 2 * (kept.price_minor - point.price_minor) <= price + 1
                and 2 * (kept.co2e_g - point.co2e_g) <= co2e + 1
                for kept in few
            )


@given(st.integers(3, 6), st.integers(0, 9))
def test_many_consignments_are_combined_within_bounds_and_the_winners_stay_exact(number: int, seed: int) -> None:
    chance = random.Random(seed)
    fronts = [
        candidates([(hour, 9_000 - hour * 80 + chance.randrange(99), chance.randrange(5_000)) for hour in range(90)])
        for _ in range(number)
    ]
    front = combine(fronts)
    assert min(point.price_minor for point in front) == sum(min(c.price_minor for c in each) for each in fronts)
    assert min(point.co2e_g for point in front) == sum(min(c.co2e_g for c in each) for each in fronts)
    assert min(point.arrives_at for point in front) == max(min(c.arrives_at for c in each) for each in fronts)
    for point in front:
        chosen = [each[plan] for each, plan in zip(fronts, point.plans, strict=True)]
        assert point.arrives_at == max(c.arrives_at for c in chosen)
        assert point[1:3] == (sum(c.price_minor for c in chosen), sum(c.co2e_g for c in chosen))


@given(st.lists(criteria, min_size=1, max_size=30), st.integers(3, 8))
def test_thinning_keeps_the_three_winners_and_the_order(triples: list[tuple[int, int, int]], most: int) -> None:
    front = combine([candidates(triples)])
    shown = thin_out(front, most)
    assert len(shown) == min(len(front), most)
    assert shown == [point for point in front if point in shown]
    won = {label for of_one in labels(shown) for label in of_one}
    assert won == set(Label)
    assert min(p.price_minor for p in shown) == min(p.price_minor for p in front)
    assert min(p.arrives_at for p in shown) == min(p.arrives_at for p in front)
    assert min(p.co2e_g for p in shown) == min(p.co2e_g for p in front)


def test_compromises_that_hardly_differ_are_shown_only_when_there_is_nothing_else() -> None:
    twins = [(10, 50 + i, 50 - i) for i in range(5)]
    front = combine([candidates([(0, 1_000, 1_000), (5, 400, 700), *twins, (12, 40, 300), (20, 0, 0)])])
    shown = [(point.price_minor, point.co2e_g) for point in thin_out(front, 5)]
    assert len([pair for pair in shown if pair in {(price, co2e) for _, price, co2e in twins}]) <= 2
    assert (400, 700) in shown
