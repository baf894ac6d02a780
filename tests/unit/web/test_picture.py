"""The picture of a front: everything inside it, plans side by side, text that fits."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.flows.show_tracking import Ground
from app.network.route_schemas import RouteCo2eShape, RouteLegShape, RouteOptionShape, RouteQuery, RoutesShape
from app.network.values import HubKind, HubPoint, Mode
from app.web.land import land_path
from app.web.map import BOLD, LETTER, Frame, Paper, around_dot, frame_around, label_box, text_width
from app.web.pages import draw_routes
from app.web.picture import BADGE, LINES_MAX, NAME, SIZE, SMALL, TITLE, _wrapped, routes_picture

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
AT = {"HOTAN": (79.93, 37.11), "KUQA": (82.96, 41.72), "URUMQI": (87.6, 43.8), "SHANGHAI": (121.46, 31.22)}
ASKED = RouteQuery.model_validate({"from": "HOTAN", "to": "SHANGHAI", "weight_g": 15_600})


def hub(code, name=None):
    lon, lat = AT[code]
    return HubPoint(code, name or {"en": code.title(), "zh-Hans": "某地"}, HubKind.CITY, lat, lon, None, 0, 0, 0, "")


def ground(**names):
    calls = {"R": ("HOTAN", "KUQA", "URUMQI", "SHANGHAI")}
    return Ground({code: hub(code, names.get(code)) for code in AT}, frozenset({("HOTAN", "KUQA")}), calls)


def option(*legs, labels=()):
    shapes = [
        RouteLegShape(
            **{"from": start}, to=end, mode=mode, service=service, carrier="C", departs_at=START,
            arrives_at=START + timedelta(hours=9), distance_m=1, price=Money(1, "CNY"), co2e_g=1,
        )
        for start, end, mode, service in legs
    ]  # fmt: skip
    co2e = RouteCo2eShape(transport=1, hubs=None, total=1, covers=["transport"], missing=["hubs"])
    why = dict.fromkeys(labels, "31 h earlier than the cheapest")
    return RouteOptionShape(
        labels=list(labels), why=why, arrives_at=START, price=Money(123_456, "CNY"), co2e_g=co2e, legs=shapes
    )


RAIL = option(("HOTAN", "SHANGHAI", Mode.RAIL, "R"), labels=["cheapest", "greenest"])
AIR = option(("HOTAN", "URUMQI", Mode.RAIL, "R"), ("URUMQI", "SHANGHAI", Mode.AIR, "X"), labels=["fastest"])
FOUND = RoutesShape(options=[AIR, RAIL])


def numbers(path):
    return [int(n) for n in re.findall(r"-?\d+", path)]


def test_ride_goes_by_the_stops_of_its_service_and_a_flight_in_an_arc():
    picture = routes_picture(FOUND, ASKED, ground(), "en", 720)
    assert [(s.plan, s.mode) for s in picture.strokes] == [(0, "rail"), (0, "air"), (1, "rail")]
    assert [s.path.count("l") for s in picture.strokes] == [2, 12, 3]


def test_plans_that_go_the_same_way_lie_side_by_side():
    picture = routes_picture(FOUND, ASKED, ground(), "en", 720)
    one, _, other = (s.path for s in picture.strokes)
    assert numbers(one)[:2] != numbers(other)[:2]
    alone = routes_picture(RoutesShape(options=[RAIL]), ASKED, ground(), "en", 720)
    x, y, _ = next(stop for stop in alone.stops if stop[2])
    assert numbers(alone.strokes[0].path)[:2] == [x, y]


@pytest.mark.parametrize("width", [320, 720, 1200])
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_nothing_of_the_map_lies_outside_and_cards_lie_below_each_other(width, language):
    picture = routes_picture(FOUND, ASKED, ground(), language, width)
    for x, y, _ in picture.stops:
        assert 0 < x < width
        assert 0 < y < picture.map_height
    one, other = picture.cards
    assert 76 + picture.map_height < one.y
    assert one.y + one.height < other.y
    assert other.y + other.height < picture.height
    assert {badge[3] for badge in picture.badges} == {"A", "B"}


def test_svg_is_one_document_in_which_names_are_text_and_nothing_runs():
    evil = {"en": '</text><script>alert(1)</script>"&'}
    svg = draw_routes(FOUND, ASKED, ground(KUQA=evil, HOTAN=evil), "en", 720)
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "text", "path", "circle", "g"}
    assert evil["en"] in "".join(root.itertext())
    assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|href", svg)


@given(st.text("天 ab，。·→Wide", max_size=300), st.integers(120, 700))
def test_text_is_broken_where_it_fits_and_never_grows(text, room):
    lines = _wrapped([text], room)
    assert len(lines) <= LINES_MAX
    longest = max([text_width(word, SIZE) for word in text.split(" ")] or [0])
    # A mark may hang over by two characters rather than begin a line.
    assert all(text_width(line, SIZE) <= max(room, longest) + 2 * SIZE for line in lines)


def test_land_is_cut_to_the_frame_and_the_sea_is_not_land():
    def inside(path, x, y):
        """Ray casting over rings that are given in relative steps."""
        crossings = 0
        for ring in path.split("M")[1:]:
            steps = [tuple(map(int, pair)) for pair in re.findall(r"(-?\d+) (-?\d+)", ring)]
            spots = [steps[0]]
            for dx, dy in steps[1:]:
                spots.append((spots[-1][0] + dx, spots[-1][1] + dy))
            for (x1, y1), (x2, y2) in zip(spots, [*spots[1:], spots[0]], strict=True):
                crossings += (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
        return crossings % 2 == 1

    frame: Frame = frame_around([(105, 20), (128, 42)], Paper(600, 400, 600, 20))
    path = land_path(frame)
    for name, at, land in (
        ("Chengdu", (104.07, 30.67), True), ("Taiwan", (121, 23.8), True), ("Hainan", (109.8, 19.2), True),
        ("Yellow Sea", (123.5, 35), False), ("Taiwan Strait", (119.5, 24.3), False),
    ):  # fmt: skip
        assert inside(path, *frame.spot(at)) == land, name
    assert min(numbers(path.partition("l")[0])) >= -7
    assert len(path) < 20_000


@pytest.mark.parametrize("width", [320, 400, 720])
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_head_stays_inside_and_above_the_map_whatever_was_asked(width, language):
    asked = ASKED.model_copy(update={"depart_after": START, "arrive_by": START + timedelta(days=7)})
    found = FOUND.model_copy(update={"hand_in_by": START + timedelta(days=2)})
    picture = routes_picture(found, asked, ground(), language, width)
    assert all(text_width(line, SIZE) <= width - 40 for line in picture.sublines)
    assert 60 + 19 * (len(picture.sublines) - 1) < picture.map_y < picture.cards[0].y
    assert sum(line.count(":") for line in picture.sublines) == 3


def test_airport_leaves_the_name_on_the_map_to_its_town_and_keeps_it_in_the_cards(monkeypatch):
    monkeypatch.setitem(AT, "URC", (87.47, 43.9))
    place = ground(URC={"en": "Urumqi Diwopu International Airport (URC)", "zh-Hans": "乌鲁木齐地窝堡国际机场"})
    place.hubs["URC"] = replace(place.hubs["URC"], kind=HubKind.AIRPORT)
    flown = option(
        ("HOTAN", "URC", Mode.AIR, "X"), ("URC", "URUMQI", Mode.ROAD, "Y"), ("URUMQI", "SHANGHAI", Mode.RAIL, "R")
    )
    picture = routes_picture(RoutesShape(options=[flown]), ASKED, place, "en", 720)
    assert {name.text for name in picture.names} >= {"Hotan", "Urumqi", "Shanghai"}
    assert not any("Airport" in name.text for name in picture.names)
    assert "Air → Urumqi Diwopu Airport" in picture.cards[0].way[0]
    assert len(picture.stops) == 4


@pytest.mark.parametrize("width", [320, 400, 720])
def test_line_of_a_way_does_not_end_in_the_mark_between_two_rides(width):
    rides = [
        ("HOTAN", "KUQA", Mode.ROAD, "Y"),
        ("KUQA", "URUMQI", Mode.ROAD, "Y"),
        ("URUMQI", "SHANGHAI", Mode.RAIL, "R"),
    ]
    (card,) = routes_picture(RoutesShape(options=[option(*rides)]), ASKED, ground(), "en", width).cards
    assert not any(line.endswith("·") for line in card.way)
    assert sum(line.count("→") for line in card.way) == 3
    assert sum(line.count(" · ") for line in card.way) == 3 - (len(card.way) - 1)


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("width", [390, 720])
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_names_lie_inside_and_over_no_other_name_letter_or_dot_at_a_junction(monkeypatch, width, language):
    """Five towns within two degrees, between two far ends, as around Lanzhou."""
    crowd = {
        "XINING": (101.8, 36.6), "LANZHOU": (103.8, 36.1), "DINGXI": (104.6, 35.6), "BAIYIN": (104.2, 36.5), "TIANSHUI": (105.7, 34.6),
    }  # fmt: skip
    for code, at in crowd.items():
        monkeypatch.setitem(AT, code, at)
    ways = [
        option(("HOTAN", code, Mode.ROAD, "Y"), (code, "SHANGHAI", Mode.RAIL, "Z"), labels=["fastest"])
        for code in crowd
    ]
    picture = routes_picture(RoutesShape(options=ways), ASKED, ground(), language, width)
    names = [label_box(label, NAME) for label in picture.names]
    letters = [around_dot((x, y), BADGE) for x, y, _, _ in picture.badges]
    assert len(letters) == 5
    assert len(names) >= 3
    for number, box in enumerate(names):
        assert 0 <= box[0] < box[2] <= width
        assert 0 <= box[1] < box[3] <= picture.map_height
        assert not any(overlap(box, other) for other in [*names[number + 1 :], *letters])
    for number, letter in enumerate(letters):
        assert not any(overlap(letter, other) for other in letters[number + 1 :])


@pytest.mark.parametrize("width", [320, 390, 720])
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_long_way_is_told_to_its_end_and_head_and_sources_fit(width, language):
    long = {"en": "Urumqi Diwopu Old Railway Terminal", "zh-Hans": "乌鲁木齐地窝堡老铁路货运站"}
    rides = [("HOTAN", "KUQA", Mode.ROAD, "Y"), ("KUQA", "URUMQI", Mode.AIR, "X")] * 3
    ways = [*rides, ("URUMQI", "SHANGHAI", Mode.RAIL, "R")]
    found = RoutesShape(options=[option(*ways, labels=["cheapest"])])
    picture = routes_picture(found, ASKED, ground(URUMQI=long, HOTAN=long, SHANGHAI=long), language, width)
    (card,) = picture.cards
    assert sum(line.count("→") for line in card.way) == len(ways)
    assert not any("…" in line for line in (*card.way, *card.why, *picture.title_lines))
    assert not any(line.startswith("·") or line.endswith("·") for line in (*card.way, *picture.sources))
    assert all(text_width(line, SIZE) <= width - 84 for line in card.way)
    assert all(text_width(line, TITLE, LETTER * BOLD) <= width - 40 for line in picture.title_lines)
    assert all(text_width(line, SMALL) <= width - 40 for line in picture.sources)
    assert picture.subline_y < picture.map_y < card.y
    last = picture.height - 12 - 19 * (len(picture.sources) - 1)
    assert card.y + card.height + SMALL <= last


def test_figure_keeps_its_unit_and_the_ends_are_drawn_last():
    lines = _wrapped(["costs less, arrives 35 h later, emits 4.5 kg CO₂e more"], 120)
    assert not any(line.endswith(("35", "4.5")) for line in lines)
    picture = routes_picture(FOUND, ASKED, ground(), "en", 720)
    assert [weighty for _, _, weighty in picture.stops] == [False, True, True]
