"""How sure an estimate is: wide where little is known, narrower with each leg that is behind, and right as often as it says."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shipments.arrival import RUNS_ENOUGH, RUNS_MIN, Past, expected_between, spread_of
from app.shipments.exception_values import Spread, exception_terms
from app.shipments.values import LegStatus
from tests.factories.shipments import hours, to_shanghai

TERMS = exception_terms()
LEGS = to_shanghai()
END = LEGS[-1].arrives_at


def past(leg, runs, low_s=-60, high_s=60, low_pml=-10, high_pml=10):
    return Past(leg.service_id, leg.from_hub, leg.to_hub, leg.mode, runs, low_s, high_s, low_pml, high_pml)


def whole(mode, runs, *spread):
    return Past("", "", "", mode, runs, *spread)


def chosen(leg, *rows):
    return spread_of(leg, {(row.service_id, row.from_hub, row.to_hub, row.mode): row for row in rows}, TERMS)


def test_enough_runs_speak_for_themselves_and_few_are_widened():
    leg, wide = LEGS[0], whole("road", RUNS_ENOUGH, -900, 7_200, -5, 400)
    assert chosen(leg, past(leg, RUNS_ENOUGH), wide) == Spread(-60, 60, -10, 10)
    assert chosen(leg, past(leg, RUNS_ENOUGH - 1), wide) == Spread(-900, 7_200, -10, 400)
    assert chosen(leg, past(leg, RUNS_MIN - 1, -9_999, 9_999), wide) == wide.spread
    assert chosen(leg, wide) == wide.spread
    default = TERMS.spread_for("road")
    assert chosen(leg, replace(wide, runs=RUNS_ENOUGH - 1)) == default
    assert chosen(leg, past(leg, RUNS_MIN, -9_999, 9_999)) == default.hull(Spread(-9_999, 9_999, -10, 10))
    assert chosen(leg) == default


def test_every_mode_has_a_default():
    assert set(TERMS.spreads) == {"road", "rail", "air", "water", "bus", "courier"}


def test_what_is_well_known_is_narrow_and_what_is_not_is_wide():
    known = [past(leg, 100) for leg in LEGS]
    low, high = expected_between(LEGS, END, known, TERMS, hours(0))
    wide_low, wide_high = expected_between(LEGS, END, [], TERMS, hours(0))
    assert wide_low <= low <= END <= high <= wide_high
    assert high - low < timedelta(hours=1)
    assert wide_high - wide_low > timedelta(hours=4)


def test_wait_on_the_way_swallows_a_delay():
    """Three hours more on the first ride vanish in the thirteen hours before the next."""
    slow = [past(LEGS[0], 100, 0, 0, 0, 110), *(past(leg, 100, 0, 0, 0, 0) for leg in LEGS[1:])]
    assert expected_between(LEGS, END, slow, TERMS, hours(0)) == (END, END)
    slower = [past(LEGS[0], 100, 0, 0, 0, 600), *slow[1:]]
    _, high = expected_between(LEGS, END, slower, TERMS, hours(0))
    assert high == END, "the train does not wait less for it: it leaves by its timetable or when the goods are there"


def test_each_leg_that_is_behind_makes_it_surer():
    legs, widths = list(LEGS), []
    for number, leg in enumerate(LEGS):
        low, high = expected_between(legs, END, [], TERMS, leg.departs_at)
        widths.append(high - low)
        legs[number] = replace(leg, status=LegStatus.DONE, departed_at=leg.departs_at, arrived_at=leg.arrives_at)
    assert widths == sorted(widths, reverse=True)
    assert expected_between(legs, END, [], TERMS, hours(148)) == (END, END)


@given(estimate_h=st.integers(100, 300), now_h=st.integers(0, 300), begun=st.integers(0, 4), late_h=st.integers(0, 30))
def test_estimate_lies_within_and_nothing_before_now(estimate_h, now_h, begun, late_h):
    legs = list(LEGS)
    for number in range(begun):
        leg, late = legs[number], timedelta(hours=late_h)
        legs[number] = replace(
            leg, status=LegStatus.DONE, departed_at=leg.departs_at + late, arrived_at=leg.arrives_at + late
        )
    estimated, now = max(hours(estimate_h), hours(now_h)), hours(now_h)
    low, high = expected_between(legs, estimated, [], TERMS, now)
    assert now <= low <= estimated <= high


@pytest.mark.parametrize("seed", range(5))
def test_of_journeys_drawn_from_the_history_eight_in_ten_or_more_arrive_within(seed):
    chance = random.Random(seed)
    late = {leg.id: [(chance.gauss(1_200, 900), chance.gauss(60, 60)) for _ in range(400)] for leg in LEGS}

    def ends(values):
        ordered = sorted(values)
        return round(ordered[len(ordered) // 10]), round(ordered[len(ordered) * 9 // 10])

    known = []
    for leg in LEGS:
        (low_s, high_s), (low_pml, high_pml) = (ends(side) for side in zip(*late[leg.id], strict=True))
        known.append(past(leg, 400, low_s, high_s, low_pml, high_pml))
    low, high = expected_between(LEGS, END, known, TERMS, hours(0))
    within = 0
    for _ in range(500):
        there = hours(0)
        for leg in LEGS:
            departs_s, takes_pml = chance.choice(late[leg.id])
            left = max(leg.departs_at + timedelta(seconds=departs_s), there)
            there = left + (leg.arrives_at - leg.departs_at) * (1 + takes_pml / 1_000)
        within += low <= there <= high
    assert within >= 400, within
