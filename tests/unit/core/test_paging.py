"""Cursors: whatever comes back from outside is either one of ours or refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.core.paging import decode_cursor, encode_cursor

keys = st.tuples(
    st.integers(-(2**53), 2**53),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60),
)


@given(keys)
def test_key_comes_back_as_it_went(key):
    cursor = encode_cursor(key)
    assert decode_cursor(cursor, int, str) == key
    assert cursor.isascii()
    assert not set(cursor) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_first_page_has_no_cursor():
    assert decode_cursor(None, str) is None


@given(st.text(max_size=100))
def test_any_text_at_all_is_a_key_of_the_right_shape_or_refused(text):
    key = None
    with suppress(Invalid):
        key = decode_cursor(text, str)
    assert key is None or [type(part) for part in key] == [str]


@pytest.mark.parametrize(
    "key", [["a"], [1, 2], ["a", 1], [1, "a", "b"], [True, "a"], [1.5, "a"], [None, "a"], [], [1, "a\x00"]]
)
def test_cursor_of_another_list_is_refused(key):
    with pytest.raises(Invalid) as refused:
        decode_cursor(encode_cursor(key), int, str)
    assert [gap.pointer for gap in refused.value.gaps] == ["/query/cursor"]


def test_huge_numbers_are_refused_or_read_but_never_fail():
    with pytest.raises(Invalid):
        decode_cursor("WzFlOTk5XQ", int)
