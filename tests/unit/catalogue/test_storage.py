"""At what goods are to be kept: what a listing says, and what several in one load bear together."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.attributes import common_storage, storage_of
from app.catalogue.values import Storage


def kept(low=None, high=None, least=None, most=None):
    return Storage(*(None if end is None else Decimal(end) for end in (low, high, least, most)))


def test_what_a_listing_says_is_read_and_what_it_does_not_say_is_open():
    said = {"variety": {"en": "Hami"}, "storage_min_c": "3", "storage_max_rh_pct": "90.5"}
    assert storage_of(said) == kept(low="3", most="90.5")
    assert storage_of({"grade": "1"}) is None


@pytest.mark.parametrize(
    ("several", "together"),
    [
        ([], None),
        ([None, None], None),
        ([kept("0", "4"), None], kept("0", "4")),
        ([kept("0", "4"), kept("2", "8")], kept("2", "4")),
        ([kept("0", "4"), kept("10", "13")], None),
        ([kept("0", "4", "85"), kept("10", "13", None, "95")], kept(None, None, "85", "95")),
        ([kept(None, "4"), kept("2", None)], kept("2", "4")),
        ([kept("4", None), kept(None, "4")], kept("4", "4")),
    ],
)
def test_load_of_several_has_the_tightest_ends_and_none_where_they_do_not_meet(several, together):
    assert common_storage(several) == together
    assert common_storage(reversed(several)) == together


ENDS = st.one_of(st.none(), st.integers(-20, 20).map(Decimal))


@given(loads=st.lists(st.builds(Storage, ENDS, ENDS), min_size=1, max_size=5), at=st.integers(-20, 20))
def test_what_all_bear_is_borne_together(loads, at):
    together = common_storage(loads) or Storage()

    def bears(storage):
        return (storage.min_c is None or storage.min_c <= at) and (storage.max_c is None or at <= storage.max_c)

    if all(bears(each) for each in loads):
        assert bears(together)
