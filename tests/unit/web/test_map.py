"""The little map: true shapes, whole numbers, names that find room."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.land import land_path
from app.web.map import HEIGHT_MAX, HEIGHT_MIN, WIDTH, Place, Ride, draw, frame_around, point_on

HOTAN, URUMQI, XIAN, SHANGHAI = (79.93, 37.11), (87.6, 43.8), (108.93, 34.26), (121.46, 31.22)
SPOTS = st.tuples(st.floats(74, 134), st.floats(18, 53))


def drawn(*rides, places=(), here=None, links=(), hubs=()):
    return draw(rides, places, here, links=links, hubs=hubs, land=land_path)


def test_nothing_known_draws_nothing():
    assert drawn() is None


@given(st.lists(SPOTS, min_size=1, max_size=12))
def test_every_place_lies_inside_the_picture(points):
    frame = frame_around(points)
    assert HEIGHT_MIN <= frame.height <= HEIGHT_MAX
    for x, y in map(frame.spot, points):
        assert 0 < x < WIDTH
        assert 0 < y < frame.height


def test_east_is_right_and_north_is_up():
    frame = frame_around([HOTAN, SHANGHAI])
    assert frame.spot(SHANGHAI)[0] > frame.spot(HOTAN)[0]
    assert frame.spot(URUMQI)[1] < frame.spot(HOTAN)[1]


def test_degrees_of_longitude_shrink_as_they_do_on_the_globe():
    frame = frame_around([(100, 59), (101, 60), (100, 61)])
    (x1, y1), (x2, _), (_, y3) = (frame.spot(at) for at in ((100, 59), (101, 60), (100, 61)))
    assert (x2 - x1) / (y1 - y3) == pytest.approx(0.25, abs=0.01)


def test_ride_is_cut_where_the_goods_are():
    ride = Ride((HOTAN, URUMQI, XIAN), travelled=0.5)
    drawing = drawn(ride, here=point_on(ride))
    assert drawing.done.count("M") == drawing.ahead.count("M") == 1
    assert drawing.ahead.startswith("M{} {}".format(*drawing.here))


@pytest.mark.parametrize(("travelled", "done", "ahead"), [(0, False, True), (1, True, False)])
def test_ride_not_begun_is_ahead_and_a_finished_one_is_done(travelled, done, ahead):
    drawing = drawn(Ride((HOTAN, URUMQI), travelled))
    assert (bool(drawing.done), bool(drawing.ahead)) == (done, ahead)


def test_flight_rises_over_the_straight_line():
    flight = point_on(Ride((URUMQI, SHANGHAI), 0.5, by_air=True))
    assert flight[1] > (URUMQI[1] + SHANGHAI[1]) / 2


@given(SPOTS, SPOTS, st.floats(-1, 2), st.booleans())
def test_any_ride_can_be_drawn(start, end, travelled, by_air):
    drawing = drawn(Ride((start, end), travelled, by_air))
    assert re.fullmatch(r"(M-?\d+ -?\d+(l-?\d+ -?\d+)+)*", drawing.done)
    assert re.fullmatch(r"(M-?\d+ -?\d+(l-?\d+ -?\d+)+)*", drawing.ahead)


def test_links_out_of_the_picture_are_left_out():
    near, far = (HOTAN, (80.0, 38.0)), ((20.0, 50.0), (21.0, 51.0))
    drawing = drawn(Ride((HOTAN, URUMQI), 0), links=[near, far], hubs=[HOTAN, (20.0, 50.0)])
    assert drawing.links.count("M") == 1
    assert drawing.hubs.count("M") == 1


@given(st.lists(st.tuples(SPOTS, st.booleans()), min_size=1, max_size=12, unique_by=lambda item: item[0]))
def test_names_that_are_drawn_never_cover_each_other_unless_they_must_be_there(items):
    places = [Place(f"Place {i}", at, passed=True, weighty=weighty) for i, (at, weighty) in enumerate(items)]
    drawing = drawn(places=places)
    named = {label.text for label in drawing.labels}
    assert {place.name for place in places if place.weighty} <= named
    light = [label for label in drawing.labels if not places[int(label.text.removeprefix("Place "))].weighty]
    for one, other in combinations(light, 2):
        assert abs(one.y - other.y) >= 13 or abs(one.x - other.x) >= 5


def test_names_lean_inwards_at_the_edges():
    places = [Place("Hotan", HOTAN, passed=True, weighty=True), Place("Shanghai", SHANGHAI, passed=False, weighty=True)]
    drawing = drawn(Ride((HOTAN, SHANGHAI), 0), places=places)
    for label in drawing.labels:
        assert 0 < label.x < WIDTH
