"""Which news puts the next booked ride in doubt; and what the clock alone says. Pure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.network.endurance import journey_limit
from app.shipments.exception_values import Raised, exception_terms
from app.shipments.exceptions import Stored, reconcile
from app.shipments.missed import DWELL_AND_CUTOFF_MAX, may_miss
from app.shipments.rules import recompute
from app.shipments.values import EventType, Scan
from app.shipments.watching import Due, lateness_of, silence_of
from tests.factories.shipments import hours, to_shanghai

LEGS = to_shanghai()
TERMS = exception_terms()


def state(*events):
    scans = [Scan(("ptn", f"{kind}{at}"), EventType(kind), hours(at), hub) for kind, at, hub in events]
    return recompute(scans, LEGS, hours(0))


def doubt(*events, expected=None):
    return may_miss(LEGS, state(*events[:-1]), state(*events), expected or {})


LEFT = ("departed", 4, "HOTAN")


@pytest.mark.parametrize(
    ("events", "doubted"),
    [
        ([LEFT], False),
        ([("departed", 3, "HOTAN")], False),
        ([("departed", 6, "HOTAN")], True),
        ([LEFT, ("arrived", 31, "URUMQI")], False),
        ([LEFT, ("arrived", 31.1, "URUMQI")], True),
        ([LEFT, ("arrived", 60, "URUMQI")], True),
        ([LEFT, ("arrived", 60, "URUMQI"), ("observed", 61, "URUMQI")], False),
        ([LEFT, ("arrived", 60, "URUMQI"), ("departed", 61, "URUMQI")], True),
        ([LEFT, ("delivered", 200, None)], False),
        ([("out_for_delivery", 170, "SHANGHAI")], False),
    ],
)
def test_only_what_is_later_than_planned_puts_a_connection_in_doubt(events, doubted):
    assert doubt(*events) is doubted


def test_the_courier_comes_when_the_goods_are_there():
    assert not doubt(LEFT, ("arrived", 200, "SHANGHAI"))


def test_with_more_time_left_than_any_dwell_nothing_can_be_missed():
    far = (
        LEGS[0],
        replace(LEGS[1], departs_at=LEGS[0].arrives_at + DWELL_AND_CUTOFF_MAX + timedelta(hours=3)),
        *LEGS[2:],
    )
    before, after = state(), state(("departed", 6, "HOTAN"))
    assert may_miss(LEGS, before, after, {})
    assert not may_miss(far, before, after, {})


def test_estimate_of_the_carrier_counts_for_the_hub_that_comes_next_only():
    assert doubt(LEFT, ("observed", 5, None), expected={"URUMQI": hours(40)})
    assert not doubt(LEFT, ("observed", 5, None), expected={"URUMQI": hours(30)})
    assert not doubt(LEFT, ("observed", 5, None), expected={"XIAN": hours(140)})


def due(**changes):
    usual = {
        "id": "con", "order_id": "ord", "producer_id": "prd", "buyer_id": "per", "tracking_number": "CM", "status": "in_transit",
        "temperature": "ambient", "hub": "HOTAN", "promised_by": hours(162), "estimated_at": hours(148), "last_event_at": hours(4),
        "stranded_at": None, "ends_at": hours(148), "last_carrier": "COURIER", "leg_status": "under_way", "leg_mode": "road",
        "leg_carrier": "KUNLUN", "leg_from": "HOTAN", "leg_to": "URUMQI", "leg_departs_at": hours(4), "leg_arrives_at": hours(31),
        "leg_departed_at": hours(4),
    }  # fmt: skip
    return Due(**(usual | changes))


@pytest.mark.parametrize(
    ("changes", "at_h", "since_h"),
    [
        ({}, 37, None),
        ({}, 37.1, 31),
        ({"leg_departed_at": hours(9)}, 37.1, None),
        ({"leg_departed_at": hours(9)}, 42.1, 36),
        ({"leg_mode": "rail"}, 42, None),
        ({"last_event_at": hours(35)}, 41, None),
        ({"last_event_at": hours(35)}, 41.1, 35),
        ({"estimated_at": hours(160)}, 48, None),
        ({"stranded_at": hours(20)}, 99, None),
        ({"status": "returning"}, 99, None),
        ({"leg_departs_at": None, "leg_arrives_at": None}, 99, None),
        ({"leg_status": "planned", "leg_departs_at": hours(44), "leg_departed_at": None}, 50.1, 44),
        ({"status": "booked", "leg_status": "planned", "leg_departed_at": None, "last_event_at": None}, 7.1, 4),
    ],
)
def test_silence_begins_when_something_was_due(changes, at_h, since_h):
    found = silence_of(due(**changes), TERMS, hours(at_h))
    assert (found and found.began_at) == (None if since_h is None else hours(since_h))


@pytest.mark.parametrize(
    ("estimated_h", "at_h", "late"), [(148, 0, False), (163, 0, False), (163.1, 0, True), (148, 163.1, True)]
)
def test_late_is_what_is_expected_later_than_promised(estimated_h, at_h, late):
    assert bool(lateness_of(due(estimated_at=hours(estimated_h)), TERMS, hours(at_h))) is late
    assert not lateness_of(due(estimated_at=None), TERMS, hours(at_h))


def an_exception(kind, began_h, ended_h):
    return Raised("con", kind, hours(began_h), None if ended_h is None else hours(ended_h), "KUNLUN", None, {"en": "x"})


def test_what_overlaps_is_the_same_exception_and_what_does_not_is_new_or_gone():
    above, below = "temperature_above", "temperature_below"
    known = [Stored("1", hours(5), an_exception(above, 5, None)), Stored("2", hours(1), an_exception(below, 1, 2))]
    grown, new = an_exception(above, 4, 9), an_exception(above, 20, None)
    changes = reconcile(known, [new, grown])
    assert [(each.id, each.what) for each in changes.changed] == [("1", grown)]
    assert [each.id for each in changes.gone] == ["2"]
    assert changes.fresh == (new,)
    again = reconcile([Stored("1", hours(5), grown), Stored("3", hours(5), new)], [grown, new])
    assert (again.gone, again.changed, again.fresh) == ((), (), ())


def test_two_that_became_one_keep_the_one_that_was_told_first():
    known = [Stored("a", hours(9), an_exception("silent", 1, 2)), Stored("b", None, an_exception("silent", 3, 4))]
    changes = reconcile(known, [an_exception("silent", 1, 5)])
    assert ([each.id for each in changes.changed], [each.id for each in changes.gone]) == (["a"], ["b"])


def test_every_mode_has_its_silence_and_every_class_of_cold_goods_its_band():
    assert set(TERMS.silence) == {"hand_in", "road", "rail", "air", "water", "bus", "courier"}
    assert set(TERMS.bands) == {"chilled", "frozen", "live"}
    assert all(row["source"] for row in TERMS.bands.values())
    assert journey_limit(("sheep",)).max_s * TERMS.warn_bps // 10_000 < journey_limit(("sheep",)).max_s
