"""Text of people, in their languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.limits import LANGUAGES_MAX, TEXT_LENGTH_MAX
from app.core.text import LANGUAGES, LocalText, NamedText, PlainText, pick, preferred_language

PLAIN, LOCAL, NAMED = TypeAdapter(PlainText), TypeAdapter(LocalText), TypeAdapter(NamedText)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-Hans", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("ZH-cn", "zh-Hans"),
        ("zh-Hant-TW, en;q=0.9", "zh-Hans"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("ug, kk;q=0.9, zh;q=0.5, en;q=0.4", "zh-Hans"),
        ("zh;q=0", "en"),
        ("zh;q=0.5, en;q=0.5", "zh-Hans"),
        ("fr-FR", "en"),
        ("zhx", "en"),
        ("zh;q=nonsense, en;q=0.1", "en"),
    ],
)
def test_language_is_the_best_of_ours_for_the_header(header, language):
    assert preferred_language(header) == language


@given(st.text(max_size=400))
def test_any_header_at_all_chooses_one_of_our_languages(header):
    assert preferred_language(header) in LANGUAGES


def test_text_falls_back_to_chinese_then_english_then_whatever_there_is():
    everything = {"ug": "خوتەن", "en": "Hotan", "zh-Hans": "和田"}
    assert pick(everything, "en") == "Hotan"
    assert pick(everything, "fr") == "和田"
    assert pick({"ug": "خوتەن", "en": "Hotan"}, "fr") == "Hotan"
    assert pick({"ug": "خوتەن"}, "fr") == "خوتەن"
    assert pick({}, "en") == ""


def test_blanks_around_text_go_and_blank_text_is_refused():
    assert PLAIN.validate_python("  和田  ") == "和田"
    for blank in ("", "   ", "\n"):
        with pytest.raises(ValidationError):
            PLAIN.validate_python(blank)


@pytest.mark.parametrize("wrong", ["a\x00b", "a\x1bb", "a\x7f", "\ud800", "x" * (TEXT_LENGTH_MAX + 1)])
def test_what_a_database_or_a_screen_cannot_show_is_refused(wrong):
    with pytest.raises(ValidationError):
        PLAIN.validate_python(wrong)


def test_lines_and_tabs_are_text():
    assert PLAIN.validate_python("one\n\ttwo") == "one\n\ttwo"


@pytest.mark.parametrize("tag", ["zh-Hans", "en", "ug", "kk-Cyrl", "zh-Hans-CN", "es-419"])
def test_language_tags_are_taken(tag):
    assert LOCAL.validate_python({tag: "text"})


@pytest.mark.parametrize("tag", ["", "z", "chinese", "zh_Hans", "ZH", "zh-hans", "zh-Hans-CN-x", "en-"])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ValidationError):
        LOCAL.validate_python({tag: "text"})


def test_a_name_is_in_one_language_at_least_and_in_not_too_many():
    assert LOCAL.validate_python({}) == {}
    with pytest.raises(ValidationError):
        NAMED.validate_python({})
    many = {f"{a}{b}": "text" for a in "abcde" for b in "abcde"}
    with pytest.raises(ValidationError):
        LOCAL.validate_python(dict(list(many.items())[: LANGUAGES_MAX + 1]))
