"""The small curve of the temperature: what is said of it, and that what is drawn is what was measured."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shipments.seen import Band, Curve, Measured, excursions_of
from app.web.warmth import FOOT, HEIGHT, LEFT, POINTS_MAX, RIGHT, TOP, WIDTH, warmth_of

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
COLD = Band(Decimal(0), Decimal(4))


def a_curve(*degrees, band=None):
    measured = tuple(Measured(START + timedelta(hours=hour), Decimal(each)) for hour, each in enumerate(degrees))
    return Curve(measured, band, tuple(excursions_of(measured, band)) if band else ())


def points(path):
    """The absolute points of path data of whole units."""
    x = y = 0
    found = []
    for sign, a, b in re.findall(r"([Ml])(-?\d+) (-?\d+)", path):
        x, y = (int(a), int(b)) if sign == "M" else (x + int(a), y + int(b))
        found.append((x, y))
    return found


def test_nothing_measured_shows_nothing():
    assert warmth_of(Curve(), "en") is None


def test_without_a_band_only_what_was_measured_is_said():
    shown = warmth_of(a_curve("3", "4.1"), "en")
    assert (shown.latest, shown.verdict, shown.excursions, shown.band) == ("4.1 °C", "", (), None)
    assert [tick.text for tick in shown.ticks] == ["3 °C", "4.1 °C"]


@pytest.mark.parametrize(
    ("band", "verdict"),
    [
        (COLD, "To be kept between 0 °C and 4 °C: kept, in every reading."),
        (Band(high=Decimal(5)), "To be kept at 5 °C or colder: kept, in every reading."),
        (Band(low=Decimal(-2)), "To be kept at −2 °C or warmer: kept, in every reading."),
        (Band(), ""),
    ],
)
def test_band_is_told_in_words_and_drawn(band, verdict):
    shown = warmth_of(a_curve(1, 2, band=band), "en")
    assert shown.verdict == verdict
    assert (shown.band is None) == (verdict == "")
    assert shown.outside == ""


@pytest.mark.parametrize(
    ("language", "verdict", "told"),
    [
        ("en", "left on the way.", ["2 Mar 12:00 to 2 Mar 13:00: as far as 9 °C", "Since 2 Mar 14:00, and still: as far as −3 °C"]),
        ("zh-Hans", "途中曾超出范围。", ["3月2日 12:00 至 3月2日 13:00：最大偏离至 9 °C", "自 3月2日 14:00 起仍未恢复：最大偏离至 −3 °C"]),
    ],
)  # fmt: skip
def test_excursions_are_listed_and_marked_on_the_curve(language, verdict, told):
    shown = warmth_of(a_curve(2, 2, 9, 2, -3, band=COLD), language)
    assert shown.verdict.endswith(verdict)
    assert list(shown.excursions) == told
    assert shown.alarm
    assert set(points(shown.outside)) <= set(points(shown.path))


@given(st.lists(st.integers(-400, 400).map(lambda tenths: Decimal(tenths) / 10), min_size=1, max_size=600))
def test_curve_lies_inside_its_drawing_and_keeps_its_peaks(degrees):
    shown = warmth_of(a_curve(*degrees, band=COLD), "en")
    drawn = points(shown.path)
    assert len(drawn) <= 2 * POINTS_MAX
    for x, y in [*drawn, shown.last]:
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP <= y <= HEIGHT - FOOT
    if max(degrees) - min(degrees) > 4:
        assert min(y for _, y in drawn) - max(y for _, y in drawn) < 0
    assert 0 <= shown.band[0] <= HEIGHT
    assert shown.band[1] > 0
