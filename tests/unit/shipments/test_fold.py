"""The fold of events into a state: one journey told in every order, late, twice, wrongly and corrected."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shipments.mappings import JOURNEY_ORDER, LEG_AFTER, STATUS_AFTER
from app.shipments.rules import hand_over_of, news_of, recompute
from app.shipments.values import (
    Condition,
    ConsignmentStatus,
    EventType,
    JourneyLeg,
    LegStatus,
    Scan,
)

T, C = EventType, ConsignmentStatus
MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def hour(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def ride(from_hub, to_hub, departs_h, arrives_h, mode="road"):
    return JourneyLeg(
        from_hub=from_hub,
        to_hub=to_hub,
        mode=mode,
        service_id=f"{mode}-{from_hub}-{to_hub}",
        run_at=hour(departs_h),
        board=0,
        alight=1,
        carrier="KUNLUN",
        departs_at=hour(departs_h),
        arrives_at=hour(arrives_h),
        distance_m=1_000,
        price_minor=100,
    )


HOTAN_TO_XIAN = (ride("HOTAN", "URUMQI", 4, 30), ride("URUMQI", "XIAN", 40, 80, "rail"))
TO_THE_DOOR = (*HOTAN_TO_XIAN, ride("XIAN", "610100", 84, 90, "courier"))


def told(kind, at_h, hub=None, *, key=None, corrects=None, estimated_h=None, party="ptn", **door):
    return Scan(
        key=(party, key or f"{kind}-{at_h}-{hub}"),
        type=kind,
        occurred_at=hour(at_h),
        hub=hub,
        estimated_at=None if estimated_h is None else hour(estimated_h),
        corrects=None if corrects is None else (party, corrects),
        **door,
    )


def fold(*scans, legs=HOTAN_TO_XIAN, now_h=0.0):
    return recompute(scans, legs, hour(now_h))


def statuses(state):
    return [leg.status for leg in state.legs]


def test_consignment_without_events_is_booked_and_expected_as_planned():
    state = fold()
    assert state.status is ConsignmentStatus.BOOKED
    assert statuses(state) == [LegStatus.PLANNED, LegStatus.PLANNED]
    assert state.estimated_at == hour(80)


@pytest.mark.parametrize("kind", sorted(STATUS_AFTER))
def test_each_type_leads_where_the_published_table_says(kind):
    assert fold(told(kind, 1)).status is STATUS_AFTER[kind]


def test_every_type_has_a_place_in_the_order_of_a_journey():
    assert set(JOURNEY_ORDER) == set(EventType)
    assert set(LEG_AFTER) <= set(STATUS_AFTER)


def test_whole_journey_told_in_order_reaches_each_status():
    story = [
        (told(T.PICKED_UP, 1), ConsignmentStatus.PICKED_UP, 0),
        (told(T.RECEIVED, 2, "HOTAN"), ConsignmentStatus.AT_HUB, 0),
        (told(T.DEPARTED, 4, "HOTAN"), ConsignmentStatus.IN_TRANSIT, 0),
        (told(T.ARRIVED, 31, "URUMQI"), ConsignmentStatus.AT_HUB, 1),
        (told(T.HELD, 32, "URUMQI"), ConsignmentStatus.HELD, 1),
        (told(T.DEPARTED, 40, "URUMQI"), ConsignmentStatus.IN_TRANSIT, 1),
        (told(T.ARRIVED, 79, "XIAN"), ConsignmentStatus.AT_HUB, 2),
        (told(T.OUT_FOR_DELIVERY, 81), ConsignmentStatus.OUT_FOR_DELIVERY, 2),
        (told(T.DELIVERED, 82), ConsignmentStatus.DELIVERED, 2),
    ]
    for count in range(1, len(story) + 1):
        state = fold(*(scan for scan, _, _ in story[:count]))
        _, status, done = story[count - 1]
        assert state.status is status
        assert statuses(state).count(LegStatus.DONE) == done
    assert state.legs[1].departed_at == hour(40)
    assert state.ended_at == hour(82)
    assert state.estimated_at is None


KINDS = st.sampled_from(sorted(EventType))
KEYS = st.integers(0, 11).map(str)


@st.composite
def stories(draw):
    """Events of two parties with few ids, hubs and times, so that they collide, tie and correct each other."""
    scans = {}
    for _ in range(draw(st.integers(0, 14))):
        party, key = draw(st.sampled_from(["ptn_a", "ptn_b"])), draw(KEYS)
        kind, door = draw(KINDS), {}
        if kind is T.DELIVERED:
            door = {"condition": draw(st.sampled_from([None, *Condition])), "goes_back": draw(st.booleans())}
            door["refused_lines"] = draw(st.sampled_from([(), ("lin_a",), ("lin_b", "lin_a")]))
        scans[(party, key)] = told(
            kind,
            draw(st.integers(0, 100)) // 3,
            draw(st.sampled_from([None, "HOTAN", "URUMQI", "XIAN", "ELSEWHERE"])),
            key=key,
            party=party,
            corrects=draw(st.none() | KEYS),
            estimated_h=draw(st.none() | st.integers(0, 200)),
            **door,
        )
    return list(scans.values())


@given(stories(), st.randoms(use_true_random=False), st.sampled_from([HOTAN_TO_XIAN, TO_THE_DOOR, ()]))
def test_any_order_and_any_repetition_gives_the_same_state(story, chance: random.Random, legs):
    again = story + chance.choices(story, k=len(story)) if story else []
    chance.shuffle(again)
    assert recompute(again, legs, MONDAY) == recompute(story, legs, MONDAY)
    assert hand_over_of(again, legs) == hand_over_of(story, legs)


@given(stories(), st.sampled_from([HOTAN_TO_XIAN, TO_THE_DOOR, ()]))
def test_what_was_said_at_the_door_is_said_by_one_delivery_that_counts(story, legs):
    state, key = recompute(story, legs, MONDAY), hand_over_of(story, legs)
    said = next((scan for scan in story if scan.key == key), None)
    assert state.condition is (said.condition if said else None)
    assert state.refused_lines == (said.refused_lines if said else ())
    assert said is None or said.type is T.DELIVERED
    if state.condition is not None:
        assert state.status in {
            ConsignmentStatus.DELIVERED,
            ConsignmentStatus.RETURNING,
            ConsignmentStatus.RETURNED,
            ConsignmentStatus.LOST,
        }


def test_refused_goods_that_go_back_are_returning_until_they_are_home():
    refused = told(T.DELIVERED, 82, condition=Condition.REFUSED, goes_back=True)
    state = fold(refused, legs=TO_THE_DOOR)
    assert (state.status, state.condition, state.ended_at) == (C.RETURNING, Condition.REFUSED, None)
    assert set(statuses(state)) == {LegStatus.DONE}
    assert fold(refused, told(T.ARRIVED, 90, "XIAN")).status is C.RETURNING
    home = fold(refused, told(T.RETURNED, 99, "HOTAN"), legs=TO_THE_DOOR)
    assert (home.status, home.condition, home.ended_at) == (C.RETURNED, Condition.REFUSED, hour(99))
    assert fold(refused, told(T.DELIVERED, 99)).status is C.RETURNED
    assert fold(refused, replace(refused, key=("ptn_b", "told too"), occurred_at=hour(83))).status is C.RETURNING


def test_refused_goods_that_stay_have_been_delivered_and_a_correction_takes_the_word_back():
    refused = told(T.DELIVERED, 82, key="said", condition=Condition.REFUSED)
    state = fold(refused)
    assert (state.status, state.condition, state.ended_at) == (C.DELIVERED, Condition.REFUSED, hour(82))
    corrected = fold(refused, told(T.DELIVERED, 82, corrects="said", condition=Condition.ACCEPTED))
    assert corrected.condition is Condition.ACCEPTED
    assert news_of(state, corrected) == "shipment.advanced"


def test_of_two_words_in_the_same_second_the_graver_one_holds():
    quiet, plain = told(T.DELIVERED, 82, key="a", condition=Condition.ACCEPTED), told(T.DELIVERED, 82, key="b")
    refused = told(T.DELIVERED, 82, key="c", condition=Condition.REFUSED)
    assert fold(quiet, plain, refused).condition is Condition.REFUSED
    assert fold(quiet, plain).condition is Condition.ACCEPTED


@given(stories(), st.sampled_from([HOTAN_TO_XIAN, TO_THE_DOOR]))
def test_legs_are_done_from_the_first_on_and_at_most_one_is_under_way(story, legs):
    rank = {LegStatus.DONE: 0, LegStatus.UNDER_WAY: 1, LegStatus.PLANNED: 2}
    seen = statuses(recompute(story, legs, MONDAY))
    assert [rank[s] for s in seen] == sorted(rank[s] for s in seen)
    assert seen.count(LegStatus.UNDER_WAY) <= 1


@given(stories(), st.integers(0, 200))
def test_estimate_is_never_before_now(story, now_h):
    state = recompute(story, HOTAN_TO_XIAN, hour(now_h))
    assert state.estimated_at is None or state.estimated_at >= hour(now_h)


@given(stories(), stories())
def test_nothing_but_a_correction_undoes_a_delivery(story, later):
    delivered = told(T.DELIVERED, 200, key="the delivery", party="ptn_c")
    before = recompute([*story, delivered], HOTAN_TO_XIAN, MONDAY)
    if before.status is ConsignmentStatus.DELIVERED:
        after = recompute(
            [
                *story,
                delivered,
                *(replace(scan, key=("ptn_d", scan.key[1]), corrects=None, occurred_at=hour(300)) for scan in later),
            ],
            HOTAN_TO_XIAN,
            MONDAY,
        )
        assert after.status is ConsignmentStatus.DELIVERED
        assert after.ended_at == before.ended_at


def test_late_scan_does_not_reopen_a_delivered_shipment():
    delivered = told(T.DELIVERED, 50)
    for late in (told(T.ARRIVED, 30, "URUMQI"), told(T.DEPARTED, 60, "URUMQI"), told(T.HELD, 61), told(T.LOST, 62)):
        assert fold(delivered, late).status is ConsignmentStatus.DELIVERED


def test_corrected_delivery_reopens_the_shipment():
    story = [told(T.DEPARTED, 4, "HOTAN"), told(T.DELIVERED, 50, key="oops"), told(T.CORRECTED, 51, corrects="oops")]
    state = fold(*story)
    assert state.status is ConsignmentStatus.IN_TRANSIT
    assert state.ended_at is None
    assert state.estimated_at == hour(80)


def test_event_that_corrects_takes_the_place_of_the_one_it_names():
    wrong, right = told(T.ARRIVED, 30, "XIAN", key="a"), told(T.ARRIVED, 30, "URUMQI", key="b", corrects="a")
    assert fold(wrong, right) == fold(replace(right, corrects=None))


def test_correction_that_comes_before_what_it_corrects_holds_too():
    assert fold(told(T.CORRECTED, 5, corrects="a"), told(T.LOST, 6, key="a")).status is ConsignmentStatus.BOOKED


def test_a_party_cannot_correct_what_another_said():
    story = [told(T.DELIVERED, 50, key="d", party="ptn_a"), told(T.CORRECTED, 51, corrects="d", party="ptn_b")]
    assert fold(*story).status is ConsignmentStatus.DELIVERED


def test_withdrawing_a_correction_does_not_bring_back_what_it_corrected():
    story = [
        told(T.LOST, 5, key="a"),
        told(T.CORRECTED, 6, key="b", corrects="a"),
        told(T.CORRECTED, 7, key="c", corrects="b"),
    ]
    assert fold(*story).status is ConsignmentStatus.BOOKED


def test_arrival_further_on_means_that_the_legs_before_are_done():
    state = fold(told(T.ARRIVED, 79, "XIAN"))
    assert statuses(state) == [LegStatus.DONE, LegStatus.DONE]
    assert state.legs[0].arrived_at is None


def test_scan_at_a_hub_off_the_route_moves_no_leg():
    state = fold(told(T.DEPARTED, 4, "HOTAN"), told(T.ARRIVED, 20, "KORLA"))
    assert statuses(state) == [LegStatus.UNDER_WAY, LegStatus.PLANNED]
    assert (state.status, state.hub) == (ConsignmentStatus.AT_HUB, "KORLA")


def test_events_without_a_hub_are_read_along_the_plan():
    state = fold(told(T.DEPARTED, 4), told(T.ARRIVED, 30), told(T.DEPARTED, 41))
    assert statuses(state) == [LegStatus.DONE, LegStatus.UNDER_WAY]
    assert state.hub == "URUMQI"


def test_second_scan_of_the_same_departure_keeps_the_first_time():
    assert fold(told(T.DEPARTED, 4, "HOTAN"), told(T.DEPARTED, 5, "HOTAN")).legs[0].departed_at == hour(4)


def test_courier_leg_is_under_way_while_out_for_delivery_and_done_at_the_door():
    out = fold(told(T.OUT_FOR_DELIVERY, 85), legs=TO_THE_DOOR)
    assert statuses(out) == [LegStatus.DONE, LegStatus.DONE, LegStatus.UNDER_WAY]
    done = fold(told(T.OUT_FOR_DELIVERY, 85), told(T.DELIVERED, 88), legs=TO_THE_DOOR)
    assert done.legs[2].departed_at == hour(85)
    assert done.legs[2].arrived_at == hour(88)
    assert done.hub == "XIAN"


def test_goods_sent_back_are_returning_until_they_reach_the_first_hub():
    back = [told(T.RETURNED, 50, "URUMQI"), told(T.DEPARTED, 51, "URUMQI"), told(T.ARRIVED, 70, "HOTAN")]
    state = fold(*back)
    assert state.status is ConsignmentStatus.RETURNING
    assert state.estimated_at is None
    assert statuses(state) == [LegStatus.PLANNED, LegStatus.PLANNED]
    assert fold(*back, told(T.RETURNED, 71, "HOTAN")).status is ConsignmentStatus.RETURNED


def test_delivery_of_goods_on_their_way_back_is_a_return():
    assert fold(told(T.RETURNED, 50, "URUMQI"), told(T.DELIVERED, 71)).status is ConsignmentStatus.RETURNED


def test_lost_goods_that_are_scanned_again_are_found():
    state = fold(told(T.LOST, 35), told(T.DEPARTED, 40, "URUMQI"))
    assert state.status is ConsignmentStatus.IN_TRANSIT
    assert state.ended_at is None


def test_damage_is_kept_even_when_it_is_told_after_delivery():
    state = fold(told(T.DELIVERED, 80), told(T.DAMAGED, 81))
    assert state.damaged
    assert state.status is ConsignmentStatus.DELIVERED


def test_delay_of_a_departure_is_carried_to_the_end():
    assert fold(told(T.DEPARTED, 7, "HOTAN")).estimated_at == hour(83)


def test_early_departure_does_not_promise_an_earlier_train():
    assert fold(told(T.DEPARTED, 2, "HOTAN")).estimated_at == hour(80)


def test_late_arrival_within_the_wait_for_the_next_departure_costs_nothing():
    assert fold(told(T.ARRIVED, 38, "URUMQI")).estimated_at == hour(80)
    assert fold(told(T.ARRIVED, 42, "URUMQI")).estimated_at == hour(82)


def test_what_a_carrier_expects_goes_before_the_plan():
    assert fold(told(T.ESTIMATED, 5, estimated_h=100)).estimated_at == hour(100)
    assert fold(told(T.ESTIMATED, 5, "URUMQI", estimated_h=45)).estimated_at == hour(85)


def test_newer_estimate_replaces_the_older():
    story = [told(T.ESTIMATED, 5, estimated_h=100), told(T.ESTIMATED, 6, estimated_h=90)]
    assert fold(*story).estimated_at == hour(90)


def test_estimate_of_a_place_already_reached_is_ignored():
    story = [told(T.ARRIVED, 31, "URUMQI"), told(T.ESTIMATED, 32, "URUMQI", estimated_h=60)]
    assert fold(*story).estimated_at == hour(80)
    assert fold(*story).legs[0].arrived_at == hour(31)


def test_later_delay_makes_an_older_estimate_later_but_never_earlier():
    expects = told(T.ESTIMATED, 3, estimated_h=90)
    assert fold(expects, told(T.DEPARTED, 4, "HOTAN")).estimated_at == hour(90)
    assert fold(expects, told(T.DEPARTED, 20, "HOTAN")).estimated_at == hour(96)


def test_delivered_shipment_has_no_estimate_whatever_is_said_later():
    assert fold(told(T.DELIVERED, 80), told(T.ESTIMATED, 81, estimated_h=99)).estimated_at is None


@pytest.mark.parametrize(
    ("scans", "news"),
    [
        ([], None),
        ([told(T.ESTIMATED, 1, estimated_h=90)], None),
        ([told(T.DAMAGED, 1)], None),
        ([told(T.PICKED_UP, 1)], "shipment.advanced"),
        ([told(T.DELIVERED, 1)], "shipment.delivered"),
        ([told(T.RETURNED, 1)], "shipment.returned"),
    ],
)
def test_news_are_told_when_something_moved(scans, news):
    assert news_of(fold(), fold(*scans)) == news
