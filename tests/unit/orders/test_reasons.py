"""Why a label was won: in figures, against the next winner, in both languages."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.text import LANGUAGES
from app.orders.reasons import reasons
from app.orders.rules import labels, pareto
from app.orders.values import Combination, Label

START = datetime(2026, 3, 2, tzinfo=UTC)
C, F, G = Label.CHEAPEST, Label.FASTEST, Label.GREENEST


def point(hours, price_minor, co2e_g):
    return Combination(START + timedelta(hours=hours), price_minor, co2e_g, (0,))


def told(*front, language="en"):
    return reasons(front, labels(front), language)


def test_each_winner_says_what_it_saves_and_what_it_costs():
    fast, cheap, green = told(point(10, 3_240, 5_000), point(41, 2_000, 2_700), point(90, 2_100, 900))
    assert fast == {F: "31 h earlier than the cheapest; costs ¥12.40 more, emits 2.3 kg CO₂e more"}
    assert cheap == {C: "¥12.40 less than the fastest; arrives 31 h later, emits 2.3 kg CO₂e less"}
    assert green == {G: "1.8 kg CO₂e less than the cheapest; costs ¥1.00 more, arrives 49 h later"}


def test_the_same_in_chinese():
    fast, cheap = told(point(10, 3_240, 5_000), point(41, 2_000, 2_700), language="zh-Hans")
    assert fast == {F: "比最便宜的方案早到 31 小时；贵 ¥12.40，多排放 2.3 千克 CO₂e"}
    assert cheap[C] == "比最快的方案便宜 ¥12.40；晚到 31 小时，少排放 2.3 千克 CO₂e"
    assert cheap[G] == "比最快的方案少排放 2.3 千克 CO₂e；便宜 ¥12.40，晚到 31 小时"


def test_compromise_won_nothing_and_says_nothing():
    assert told(point(10, 300, 300), point(20, 200, 250), point(30, 100, 100))[1] == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_way_says_that_nothing_beats_it(language):
    (only,) = told(point(10, 300, 300), language=language)
    assert only.keys() == {C, F, G}
    assert len(set(only.values())) == 1
    assert "{" not in only[C]


def test_a_tie_is_told_as_one():
    """The earlier of two equally cheap ways is the cheapest."""
    first, second = told(point(10, 500, 900), point(20, 500, 400))
    assert first[C] == "costs the same as the greenest; arrives 10 h earlier, emits 500 g CO₂e more"
    assert second[G] == "500 g CO₂e less than the cheapest; arrives 10 h later"


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.75, "45 min"), (1, "1 h"), (72, "72 h"), (72.4, "72 h"), (75.6, "3 d 4 h"), (240, "10 d"), (241, "10 d 1 h")],
)
def test_time_is_told_in_the_unit_that_fits(hours, words):
    assert told(point(0, 2, 1), point(hours, 1, 2))[0][F].startswith(f"{words} earlier")


points = st.builds(point, st.integers(0, 900), st.integers(0, 10**7), st.integers(0, 10**7))


@given(st.lists(points, min_size=1, max_size=8), st.sampled_from(LANGUAGES))
def test_every_label_has_its_reason_and_no_gain_is_a_loss(some, language):
    front = pareto(some)
    won = labels(front)
    for mine, why in zip(won, reasons(front, won, language), strict=True):
        assert tuple(why) == mine
        for reason in why.values():
            assert "{" not in reason
            assert "-" not in reason
            assert "¥0.00" not in reason
