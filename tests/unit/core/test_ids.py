"""Identifiers: unique without asking anybody, sorted by time, and of one spelling."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import encode, is_id, new_id, new_ids, pattern, uuid7


@given(ms=st.integers(0, 2**48 - 1), noise=st.binary(min_size=10, max_size=10))
def test_uuid_has_the_fields_of_rfc_9562_version_7(ms, noise):
    value = uuid7(ms, noise)
    assert value >> 80 == ms
    assert value >> 76 & 0xF == 7
    assert value >> 62 & 0b11 == 0b10
    assert 0 <= value < 2**128


@given(
    early=st.integers(0, 2**48 - 2),
    noises=st.tuples(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10)),
)
def test_what_was_made_later_sorts_later(early, noises):
    assert encode("lst", uuid7(early, noises[0])) < encode("lst", uuid7(early + 1, noises[1]))


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_text_sorts_as_the_number_does_and_fits_its_pattern(a, b):
    texts = encode("ord", a), encode("ord", b)
    assert (texts[0] < texts[1]) == (a < b)
    assert all(re.fullmatch(pattern("ord"), text) for text in texts)


def test_id_in_the_specification_of_typeid_is_encoded_as_there():
    assert encode("prefix", 0x0188BAC74AFA78AA_BC3BBD1EEF28D881) == "prefix_01h2xcejqtf2nbrexx3vqjhp41"


def test_a_thousand_ids_are_a_thousand():
    ids = {new_id("lst") for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(is_id(each, "lst") and len(each) <= 40 for each in ids)


def test_several_ids_come_in_the_order_in_which_they_sort():
    ids = new_ids("lin", 100)
    assert ids == sorted(set(ids))
    assert len(ids) == 100


def test_id_of_another_kind_or_spelling_is_none():
    good = new_id("ord")
    for bad in (
        good.replace("ord", "lst"),
        good.upper(),
        good + "0",
        good[:-1],
        good.replace("_", "-"),
        "",
        "ord_",
        good + "\n",
    ):
        assert not is_id(bad, "ord")
        assert not re.fullmatch(pattern("ord"), bad)
