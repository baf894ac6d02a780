"""Versions of one event: the latest declaration counts, a retraction discards what was before it, and no order of arrival matters."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.shipments.rules import recompute, standing_of_versions, story_of
from app.shipments.values import ConsignmentStatus, EventType, JourneyLeg, Scan

T, C = EventType, ConsignmentStatus
MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PLACES = ("HOTAN", "URUMQI", "XIAN")


def hour(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def ride(at: int, from_hub: str, to_hub: str) -> JourneyLeg:
    departs_at, arrives_at = hour(at), hour(at + 20)
    return JourneyLeg(
        from_hub, to_hub, "road", "S", departs_at, 0, 1, "KUNLUN", departs_at, arrives_at, distance_m=1, price_minor=1
    )


LEGS = (ride(4, "HOTAN", "URUMQI"), ride(40, "URUMQI", "XIAN"))


def told(kind, at_h, hub=None, *, key="e", declared_h=None, retracted=False, **more):
    declared_at = None if declared_h is None else hour(declared_h)
    return Scan(("ptn", key), kind, hour(at_h), hub, declared_at=declared_at, retracted=retracted, **more)


def status(*scans):
    return recompute(scans, LEGS, MONDAY).status


@st.composite
def versions(draw):
    """Up to four events, each told in several versions, some of them retracted, some correcting another."""
    scans = []
    for key in "abcd"[: draw(st.integers(1, 4))]:
        for declared in draw(st.sets(st.none() | st.integers(0, 5), min_size=1, max_size=4)):
            kind = draw(st.sampled_from(sorted(T)))
            estimated_at = hour(draw(st.integers(0, 200))) if kind is T.ESTIMATED else None
            corrects = draw(st.sampled_from([None, None, ("ptn", "a"), ("ptn", "b")]))
            scan = told(
                kind, draw(st.integers(0, 90)), draw(st.sampled_from([None, *PLACES])), key=key, declared_h=declared
            )
            scans.append(replace(scan, retracted=draw(st.booleans()), estimated_at=estimated_at, corrects=corrects))
    return scans


@given(versions(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_versions_gives_the_same_state(told_so_far, chance: random.Random):
    again = told_so_far + chance.choices(told_so_far, k=len(told_so_far))
    chance.shuffle(again)
    assert recompute(again, LEGS, MONDAY) == recompute(told_so_far, LEGS, MONDAY)
    assert story_of(again) == story_of(told_so_far)


@given(versions())
def test_what_was_superseded_or_retracted_might_never_have_been_told(told_so_far):
    standing = list(standing_of_versions(told_so_far).values())
    assert recompute(standing, LEGS, MONDAY) == recompute(told_so_far, LEGS, MONDAY)
    assert not any(scan.retracted for scan in standing)


@given(versions())
def test_retracting_everything_leaves_what_was_planned_and_telling_it_again_brings_it_back(told_so_far):
    keys = {scan.key for scan in told_so_far}
    gone = [told(T.OBSERVED, 0, key=key, declared_h=50, retracted=True) for _, key in keys]
    assert recompute([*told_so_far, *gone], LEGS, MONDAY) == recompute([], LEGS, MONDAY)
    before = standing_of_versions(told_so_far)
    again = [replace(scan, declared_at=hour(51)) for scan in before.values()]
    assert recompute([*told_so_far, *gone, *again], LEGS, MONDAY) == recompute(before.values(), LEGS, MONDAY)


@given(versions(), st.lists(st.integers(0, 300), max_size=4))
def test_estimates_never_change_what_happened(told_so_far, hours):
    more = [told(T.ESTIMATED, at, key=f"x{i}", estimated_at=hour(at + 9)) for i, at in enumerate(hours)]
    before, after = recompute(told_so_far, LEGS, MONDAY), recompute([*told_so_far, *more], LEGS, MONDAY)
    assert replace(after, estimated_at=None) == replace(before, estimated_at=None)


@given(versions(), st.lists(st.tuples(st.sampled_from(sorted(T)), st.integers(0, 300)), max_size=5))
def test_late_scans_never_reopen_a_delivery_unless_it_is_retracted(told_so_far, late):
    delivery = told(T.DELIVERED, 301, key="delivery")
    scans = [told(kind, at, "XIAN", key=f"late{i}") for i, (kind, at) in enumerate(late)]
    others = [scan for scan in told_so_far if scan.type not in (T.RETURNED, T.LOST)]
    if status(*others, delivery) is C.DELIVERED:
        after = [told(kind, 302, "URUMQI", key=f"after{i}") for i, (kind, _) in enumerate(late)]
        assert status(*others, delivery, *after) is C.DELIVERED
        gone = replace(delivery, declared_at=hour(400), retracted=True)
        assert status(*others, delivery, *scans, gone) is status(*others, *scans)


def test_later_declaration_takes_the_place_of_the_first_whatever_comes_first():
    first, later = told(T.ARRIVED, 30, "XIAN"), told(T.ARRIVED, 30, "URUMQI", declared_h=31)
    assert recompute([later, first], LEGS, MONDAY).hub == "URUMQI"
    assert recompute([first, later], LEGS, MONDAY).hub == "URUMQI"


def test_retraction_that_comes_before_what_it_retracts_holds_too():
    assert status(told(T.LOST, 9, declared_h=10, retracted=True), told(T.LOST, 9)) is C.BOOKED


def test_what_a_retracted_event_corrected_counts_again():
    wrong = told(T.ARRIVED, 30, "URUMQI", key="w")
    right = told(T.LOST, 31, key="r", corrects=("ptn", "w"))
    assert status(wrong, right) is C.LOST
    assert status(wrong, right, told(T.LOST, 31, key="r", declared_h=40, retracted=True)) is C.AT_HUB


def test_observation_moves_nothing_but_where_the_goods_were_seen():
    under_way = told(T.DEPARTED, 4, "HOTAN", key="d")
    before, after = (recompute(scans, LEGS, MONDAY) for scans in ([under_way], [under_way, told(T.OBSERVED, 9)]))
    assert (after.status, after.legs, after.hub) == (before.status, before.legs, before.hub)
    assert after.last_event_at == hour(9)
