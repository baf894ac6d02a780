"""What is kept of plans: one front for all pieces that the same services take, as long as the timetable is the same."""

import gc
import weakref
from dataclasses import replace

import pytest

from app.network.plan import FrontCache, _limits
from app.routing import NO_LOAD, Capacity, Query, SearchTooLarge, Timetable, Used, plan
from tests.unit.routing.drawn import draw

LINES = draw("""
    A road: H 08:00 > M +6h; 100fen
    B road: H 09:00 > M +4h; 300fen
""")


def asked(**terms):
    return Query("H", "M", 1_767_571_200, 5_000, **terms)


@pytest.fixture
def limited():
    services = [replace(each, piece_weight_g_max=30_000 if each.id == "A" else 50_000) for each in LINES.services]
    return Timetable(LINES.places, services, "limited")


@pytest.mark.parametrize(("piece_g", "ways"), [(0, 2), (30_000, 2), (30_001, 1), (50_000, 1)])
def test_a_piece_is_planned_as_the_largest_of_its_class(limited, piece_g, ways):
    assert len(FrontCache().plan(limited, asked(piece_weight_g=piece_g), NO_LOAD).plans) == ways


def test_pieces_of_one_class_share_a_front(limited):
    fronts = FrontCache()
    assert fronts.plan(limited, asked(piece_weight_g=5_000), NO_LOAD) is fronts.plan(
        limited, asked(piece_weight_g=29_999), NO_LOAD
    )


def test_a_piece_heavier_than_every_limit_has_no_way(limited):
    assert FrontCache().plan(limited, asked(piece_weight_g=50_001), NO_LOAD).reason == "piece_too_large"


@pytest.fixture
def roomy():
    """A carries up to a cubic metre, B up to two; both keep goods cold."""
    services = [
        replace(
            each,
            capacity=Capacity(10**7, (1 if each.id == "A" else 2) * 10**9),
            temperatures=frozenset({"ambient", "chilled"}),
        )
        for each in LINES.services
    ]
    return Timetable(LINES.places, services, "roomy")


@pytest.mark.parametrize(("litres", "ways"), [(0, 2), (1_000, 2), (1_001, 1), (2_000, 1), (2_001, 0)])
def test_a_volume_is_planned_as_the_largest_of_its_class(roomy, litres, ways):
    found = FrontCache().plan(roomy, asked(volume_mm3=litres * 10**6), NO_LOAD)
    assert len(getattr(found, "plans", ())) == ways


@pytest.mark.parametrize(
    ("terms", "load", "same"),
    [
        ({}, NO_LOAD, True),
        ({}, {("A", 1_767_571_200, 0): Used(1, 10**8, 0)}, False),
        ({"temperature": "chilled"}, NO_LOAD, False),
        ({"toll_free": True}, NO_LOAD, False),
    ],
)
def test_volumes_of_one_class_share_a_front_where_only_the_class_counts(roomy, terms, load, same):
    fronts = FrontCache()
    few, many = (fronts.plan(roomy, asked(volume_mm3=volume, **terms), load) for volume in (10**8, 9 * 10**8))
    assert (few is many) == same


def test_what_is_booked_leaves_room_for_the_volume_itself(roomy):
    load = {
        ("A", start, 0): Used(1, 5 * 10**8, 0) for start in range(1_767_571_200, 1_767_571_200 + 40 * 86_400, 3_600)
    }
    assert len(FrontCache().plan(roomy, asked(volume_mm3=4 * 10**8), load).plans) == 2
    assert len(FrontCache().plan(roomy, asked(volume_mm3=6 * 10**8), load).plans) == 1


DAILY = draw("""
    A road: H 08:00 > U +6h; 100fen
    B road: H 09:00 > U +4h; 300fen
    C road: U 20:00 > M +6h; 100fen
    D road: U 21:00 > M +4h; 300fen
    E rail: H 08:00 > M +80h; 10fen
    F rail: U 20:00 > M +90h; 5fen
""")
PENS = Timetable([replace(place, can_rest=True) for place in DAILY.places], DAILY.services, "pens")
COLD = asked(max_exposure_s=40 * 86_400)
ANIMALS = asked(max_journey_s=29 * 3_600, rest_s=86_400)


@pytest.mark.parametrize("query", [asked(), COLD, ANIMALS])
def test_what_has_too_many_ways_to_be_compared_is_an_error_and_no_smaller_answer(query):
    whole = plan(PENS, query, NO_LOAD)
    assert FrontCache().plan(PENS, query, NO_LOAD) == whole
    for most in (1, 5):
        with pytest.raises(SearchTooLarge):
            FrontCache(labels_max=most).plan(PENS, query, NO_LOAD)


def test_fronts_of_a_former_timetable_are_forgotten():
    fronts = FrontCache()
    former = Timetable(LINES.places, LINES.services, "former")
    watched = weakref.ref(former)
    assert fronts.plan(former, asked(), NO_LOAD).plans
    del former
    gc.collect()
    assert watched() is not None
    assert fronts.plan(LINES, asked(), NO_LOAD).plans
    _limits.cache_clear()
    gc.disable()
    try:
        assert watched() is None
    finally:
        gc.enable()
