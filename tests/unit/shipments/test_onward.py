"""What is left of a journey: where it begins again, the hours that are spent, and whether connections hold. Pure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.shipments.onward import (
    courier_left,
    frozen_legs,
    moved,
    rides_left,
    room_for,
    spent_s,
    still_connects,
    whereabouts,
)
from app.shipments.rules import recompute
from app.shipments.service import _journey
from app.shipments.values import ConsignmentStatus, EventType, Scan
from tests.factories.shipments import BOOKED_AT, a_draft, hours

NOW = hours(50)


def after(*events, **more):
    """A journey of Hotan, Urumqi, Xi'an, Shanghai once these events (type, hub, hour) have been told, and their scans."""
    scans = [
        Scan(("p", str(i)), EventType(kind), hours(at), hub, *(hours(told) for told in estimated))
        for i, (kind, hub, at, *estimated) in enumerate(events)
    ]
    journey = _journey(a_draft(**more), BOOKED_AT)
    state = recompute(scans, journey.legs, NOW)
    legs = tuple(
        replace(leg, status=now.status, departed_at=now.departed_at, arrived_at=now.arrived_at)
        for leg, now in zip(journey.legs, state.legs, strict=True)
    )
    same = {name: getattr(state, name) for name in ("status", "hub", "estimated_at", "last_event_at", "ended_at")}
    return replace(journey, legs=legs, **same), scans


@pytest.mark.parametrize(
    ("events", "place", "begun"),
    [
        ([], ("HOTAN", 4, False, False), 0),
        ([("picked_up", "HOTAN", 2)], ("HOTAN", 4, False, False), 0),
        ([("received", "HOTAN", 2)], ("HOTAN", 2, False, True), 0),
        # An hour late at the start is an hour late at the end; a carrier knows better.
        ([("departed", "HOTAN", 25)], ("URUMQI", 52, True, False), 1),
        ([("departed", "HOTAN", 25), ("estimated", "URUMQI", 26, 60)], ("URUMQI", 60, True, False), 1),
        ([("departed", "HOTAN", 4)], ("URUMQI", 50, True, False), 1),
        ([("departed", "HOTAN", 4), ("arrived", "URUMQI", 33)], ("URUMQI", 33, True, True), 1),
        ([("departed", "HOTAN", 4), ("arrived", "URUMQI", 33), ("held", "URUMQI", 40)], ("URUMQI", 33, True, True), 1),
        ([("departed", "HOTAN", 4), ("arrived", "KUQA", 20)], ("URUMQI", 50, True, False), 1),
        ([("arrived", "URUMQI", 33), ("arrived", "TURPAN", 40)], ("TURPAN", 40, True, True), 1),
    ],
)
def test_where_the_rest_begins(events, place, begun):
    journey, scans = after(*events)
    found = whereabouts(journey, scans, NOW)
    hub, at, is_carried, is_there = place
    assert (found.hub, found.at, found.is_carried, found.is_there, found.is_known) == (
        hub,
        hours(at),
        is_carried,
        is_there,
        True,
    )
    assert frozen_legs(journey.legs) == begun
    assert [leg.from_hub for leg in rides_left(journey)] == ["HOTAN", "URUMQI", "XIAN"][begun:]
    assert courier_left(journey) == journey.legs[-1]


@pytest.mark.parametrize(
    "events",
    [
        [("out_for_delivery", "SHANGHAI", 20)],
        [("delivered", None, 20)],
        [("departed", "HOTAN", 4), ("returned", "URUMQI", 30)],
        [("lost", None, 9)],
    ],
)
def test_what_is_out_of_our_hands_has_no_rest(events):
    journey, scans = after(*events)
    assert whereabouts(journey, scans, NOW) is None


def test_goods_that_left_for_nowhere_are_not_known():
    journey, scans = after(("departed", "KASHGAR", 10))
    found = whereabouts(journey, scans, NOW)
    assert (journey.status, found.hub, found.is_known) == (ConsignmentStatus.IN_TRANSIT, "KASHGAR", False)


def test_animals_spend_hours_since_they_were_loaded_and_others_where_it_is_warm():
    events = [("departed", "HOTAN", 4), ("arrived", "URUMQI", 31), ("departed", "URUMQI", 44), ("arrived", "XIAN", 96)]
    chilled, _ = after(*events, temperature="chilled")
    assert spent_s(chilled, hours(100)) == (13 + 4) * 3_600
    assert spent_s(chilled, hours(100), cooled_at={"URUMQI"}) == 4 * 3_600
    live, _ = after(*events, temperature="live")
    assert spent_s(live, hours(100)) == 96 * 3_600
    # A rest long enough, where there are pens, begins it anew.
    assert spent_s(live, hours(100), rest_s=12 * 3_600, rests_at={"URUMQI"}) == 56 * 3_600
    assert spent_s(live, hours(100), rest_s=14 * 3_600, rests_at={"URUMQI"}) == 96 * 3_600
    assert spent_s(after()[0], hours(100)) == 0


def test_leg_moves_with_its_run():
    journey, _ = after()
    leg = journey.legs[0]
    later = moved(leg, {leg.id: leg.run_at + timedelta(hours=2)})
    assert (later.run_at, later.departs_at, later.arrives_at) == (hours(6), hours(6), hours(33))
    assert moved(leg, {}) is leg


@pytest.mark.parametrize(("late_h", "holds"), [(0, True), (9, True), (10, True), (10.5, False), (14, False)])
def test_connection_holds_while_the_dwell_fits(late_h, holds):
    """Urumqi: planned arrival 31, departure 44; here it takes three hours to be ready."""
    journey, scans = after()
    rides = rides_left(journey)
    timed = [moved(rides[0], {rides[0].id: rides[0].run_at + timedelta(hours=late_h)}), *rides[1:]]
    place = whereabouts(journey, scans, NOW)

    def boards_by(leg, arrives):
        return arrives + timedelta(hours=3)

    assert still_connects(rides, timed, place, None, boards_by, NOW) is holds


def test_wait_that_is_as_long_as_planned_needs_no_proof():
    journey, scans = after()
    rides, place = rides_left(journey), whereabouts(journey, scans, NOW)
    assert still_connects(rides, rides, place, None, lambda leg, arrives: arrives + timedelta(days=9), NOW)


@pytest.mark.parametrize(
    ("earlier_h", "notice_h", "holds"), [(2, 1, True), (2, 2, True), (2, 3, False), (0, 9, True), (-2, 9, True)]
)
def test_first_ride_leaves_earlier_than_was_said_only_with_notice(earlier_h, notice_h, holds):
    """Planned at hour 4. Who has handed in already is asked for nothing."""
    journey, scans = after()
    first, *others = rides_left(journey)
    timed = [moved(first, {first.id: first.run_at - timedelta(hours=earlier_h)}), *others]
    place = whereabouts(journey, scans, hours(0))

    def boards_by(leg, arrives):
        return arrives

    assert still_connects([first, *others], timed, place, None, boards_by, hours(notice_h)) is holds
    there, seen = after(("received", "HOTAN", 1))
    place = whereabouts(there, seen, hours(1))
    assert still_connects([first, *others], timed, place, None, boards_by, hours(notice_h))


def test_room_is_that_of_all_packages():
    journey, _ = after()
    assert (room_for(journey).weight_g, room_for(journey).volume_mm3, room_for(journey).live_places) == (
        32_200,
        2 * 72_000_000,
        0,
    )
    assert room_for(replace(journey, temperature="live")).live_places == 6
