"""How the pages write times, weights and distances, and that no word is missing in a language."""

from datetime import UTC, datetime
from string import Formatter

import pytest

from app.core.text import LANGUAGES
from app.network.values import Temperature
from app.web.words import KEPT, LANGUAGE_NAMES, WORDS, distance, moment, short_moment, weight

LATE_EVENING_UTC = datetime(2026, 3, 5, 16, 5, tzinfo=UTC)


def test_both_languages_have_the_same_words_with_the_same_fields():
    assert set(WORDS) == set(LANGUAGES) == set(LANGUAGE_NAMES)
    assert set(WORDS["en"]) == set(WORDS["zh-Hans"])
    for name, english in WORDS["en"].items():
        fields = [
            {field for _, field, _, _ in Formatter().parse(text)} - {None} for text in (english, WORDS["zh-Hans"][name])
        ]
        assert fields[0] == fields[1], name
    assert set(KEPT) == set(Temperature)


def test_times_are_of_the_day_in_beijing():
    assert moment(LATE_EVENING_UTC, "en") == "Fri 6 Mar 00:05"
    assert moment(LATE_EVENING_UTC, "zh-Hans") == "3月6日周五 00:05"
    assert short_moment(LATE_EVENING_UTC, "en") == "6 Mar 00:05"
    assert short_moment(LATE_EVENING_UTC, "zh-Hans") == "3月6日 00:05"


@pytest.mark.parametrize(
    ("grams", "written"),
    [(0, "0 g"), (999, "999 g"), (1_000, "1 kg"), (32_249, "32.2 kg"), (1_240_000, "1,240 kg"), (15_000_000, "15 t")],
)
def test_weights_are_short(grams, written):
    assert weight(grams, "en") == written


def test_distances_are_whole_kilometres():
    assert distance(2_531_900, "en") == "2,532 km"
    assert distance(300, "zh-Hans") == "1 公里"
