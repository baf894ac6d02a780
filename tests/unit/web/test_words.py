"""How the pages write times, weights and distances, and that no word is missing in a language."""

import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from app.core.text import LANGUAGES
from app.network.values import DISRUPTION_KIND_DISPLAY, HUB_KIND_DISPLAY, DisruptionKind, Temperature
from app.web.network_words import NETWORK_WORDS
from app.web.words import KEPT, LANGUAGE_NAMES, WORDS, distance, moment, short_moment, weight

LATE_EVENING_UTC = datetime(2026, 3, 5, 16, 5, tzinfo=UTC)


WEB = Path(__file__).parents[3] / "app" / "web"


@pytest.mark.parametrize("table", [WORDS, NETWORK_WORDS], ids=["pages", "network"])
def test_both_languages_have_the_same_words_with_the_same_fields(table):
    assert set(table) == set(LANGUAGES) == set(LANGUAGE_NAMES)
    assert set(table["en"]) == set(table["zh-Hans"])
    for name, english in table["en"].items():
        fields = [
            {field for _, field, _, _ in Formatter().parse(text)} - {None} for text in (english, table["zh-Hans"][name])
        ]
        assert fields[0] == fields[1], name
    assert set(KEPT) == set(Temperature)


def test_every_word_of_the_operators_page_is_said_there_and_every_word_said_is_there():
    page = [WEB / "templates" / "network.html", *(WEB / "static").glob("network*.js")]
    said = {word for file in page for word in re.findall(r"words\.([a-z_]+)", file.read_text(encoding="utf-8"))}
    assert said == set(NETWORK_WORDS["en"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_disruption_and_place_has_a_name(language):
    assert set(DISRUPTION_KIND_DISPLAY) == set(DisruptionKind)
    names = [*DISRUPTION_KIND_DISPLAY.values(), *HUB_KIND_DISPLAY.values()]
    assert all(name[language] for name in names)


def test_chinese_words_of_the_operators_page_are_chinese():
    """Names, and the marks that both languages write alike, are the only Latin letters."""
    latin = re.compile(r"JavaScript|WebGL|Natural Earth|GeoNames|CC BY|\{[a-z]+\}")
    for name, word in NETWORK_WORDS["zh-Hans"].items():
        assert not re.search("[A-Za-z]", latin.sub("", word)), name


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
