"""Texts of messages: complete in each language, short, and safe against what people write."""

from datetime import UTC, datetime, timedelta
from string import Formatter

import pytest

from app.core.text import LANGUAGES
from app.notify.rules import is_worth_sending, masked, render
from app.notify.values import TEXTS, Template

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def parameters(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("template", Template)
def test_each_template_has_every_language_with_the_same_parameters(template):
    texts = TEXTS[template]
    assert set(texts) == set(LANGUAGES)
    assert parameters(texts["en"]) == parameters(texts["zh-Hans"])


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("language", LANGUAGES)
def test_message_stays_short_whatever_people_write(template, language):
    params = dict.fromkeys(parameters(TEXTS[template]["en"]) - {"link"}, "很" * 4_000) | {"link": "https://chama.test/"}
    assert len(render(template, language, params)) <= 400


def test_language_without_texts_falls_back():
    assert "314159" in render(Template.SIGN_IN_CODE, "ug", {"code": "314159", "minutes": "10"})


def test_link_is_never_cut():
    link = f"https://{'chama.' * 20}test/track/CH123"
    assert link in render(Template.ORDER_SHIPPED, "en", {"number": "1", "link": link})


def test_braces_in_a_title_are_only_text():
    text = render(Template.LISTING_PUBLISHED, "en", {"title": "{code} {0.__class__}"})
    assert text == "Chama: {code} {0.__class__} is now on sale."


def test_code_is_not_worth_sending_after_it_expired():
    assert is_worth_sending(Template.SIGN_IN_CODE, NOW, NOW + timedelta(minutes=10))
    assert not is_worth_sending(Template.SIGN_IN_CODE, NOW, NOW + timedelta(minutes=11))
    assert is_worth_sending(Template.ORDER_PLACED, NOW, NOW + timedelta(hours=23))


def test_phones_in_logs_are_masked():
    assert masked("+8610000000123") == "+86…23"
