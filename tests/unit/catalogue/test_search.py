"""Finding words without a dictionary. `found` reads a tsquery as PostgreSQL does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.search import search_query, search_tokens
from app.catalogue.values import QUERY_LENGTH_MAX, SEARCH_TOKENS_MAX

TITLE = ["新疆和田骏枣 5公斤装", "Hotan Jujubes, box of 5 kg", "خوتەن چىلان", "བོད་ཀྱི་གཡག"]


def found(typed, texts=TITLE):
    query, tokens = search_query(typed), search_tokens(texts)
    if query is None:
        return None

    def holds(match):
        word = match[1]
        return str(any(token.startswith(word) for token in tokens) if match[2] else word in tokens)

    asked = re.sub(r"'([^']*)'(:\*)?", holds, query)
    return eval(asked.replace("&", " and ").replace("|", " or "), {}, {})  # only True, False, and, or, brackets


@pytest.mark.parametrize(
    "typed",
    [
        "枣",
        "骏枣",
        "和田",
        "和田骏枣",
        "新疆骏枣",
        "新疆和田骏枣",
        "新疆 骏枣",
        "骏枣新疆",
        "５公斤",
        "公斤装",
        "5公斤装",
    ],
)
def test_chinese_words_are_found_wherever_they_stand(typed):
    assert found(typed)


@pytest.mark.parametrize("typed", ["苹果", "枣骏", "和田苹果", "田", "骏枣 苹果"])
def test_what_is_not_there_is_not_found(typed):
    assert found(typed) is (typed == "田")


@pytest.mark.parametrize(
    "typed", ["hotan", "HOT", "juj", "jujubes box", "Hotan 骏枣", "خوتەن", "چىلا", "གཡག", "hotan骏枣"]
)
def test_other_scripts_are_found_by_the_beginnings_of_words(typed):
    assert found(typed)


@pytest.mark.parametrize("typed", ["otan", "ujube", "hotan apple"])
def test_the_middle_of_a_word_is_not_its_beginning(typed):
    assert found(typed) is False


def test_a_run_of_five_is_cut_either_way():
    assert found("吐鲁番葡萄", ["吐鲁番无核葡萄干"])
    assert found("葡萄吐鲁番", ["吐鲁番无核葡萄干"])
    assert not found("吐鲁番石榴", ["吐鲁番无核葡萄干"])


def test_long_runs_are_found_as_they_stand():
    text = "昆仑山雪水灌溉树上自然风干颗粒饱满"
    assert found(text, [text])
    assert found(text[2:14], [text])
    assert not found("雪水昆仑山灌溉树上自然风", [text])


@pytest.mark.parametrize("typed", ["", "  ", "!?，。", "'", "\\", "&|!():*<->"])
def test_nothing_is_asked_when_there_is_no_word(typed):
    assert search_query(typed) is None


def test_full_width_and_capitals_are_folded():
    assert search_tokens(["ＨＯＴＡＮ"]) == ["hotan"]
    assert found("ｈｏｔａｎ")


def test_tokens_are_bounded_and_the_first_text_goes_first():
    tokens = search_tokens(["骏枣", " ".join(f"w{i}" for i in range(2 * SEARCH_TOKENS_MAX))])
    assert len(tokens) == SEARCH_TOKENS_MAX
    assert tokens[:3] == ["骏", "枣", "骏枣"]


_texts = st.text(alphabet=st.sampled_from("和田骏枣大葡萄干ab1é'\\ &|:*()，\x00༄چ"), max_size=30)


@given(text=st.text(max_size=60) | _texts)
def test_tokens_are_distinct_never_empty_and_safe_to_quote(text):
    tokens = search_tokens([text])
    assert len(set(tokens)) == len(tokens)
    assert all(token and not set(token) & set("'\\\x00 &|!:*()<>") for token in tokens)


@given(text=st.text(max_size=QUERY_LENGTH_MAX) | _texts)
def test_a_text_is_found_by_itself(text):
    assert found(text, [text]) in (True, None)


@given(before=_texts, text=_texts, after=_texts)
def test_a_text_is_found_inside_others(before, text, after):
    assert found(text, [before, text, after]) in (True, None)
