"""The number of a unit: eighteen digits that anybody's scanner can check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import GS1_EXAMPLE_PREFIX
from app.shipments.rules import gs1_check_digit, read_sscc, sscc

PREFIXES = st.from_regex(r"[0-9]{7,12}", fullmatch=True)


@pytest.mark.parametrize(
    ("digits", "check"),
    # The GTIN-13 and SSCC of GS1's own explanation of check digits, and a pencil's GTIN-13.
    [("629104150021", "3"), ("37610425002123456", "9"), ("400638133393", "1")],
)
def test_check_digit_is_that_of_gs1(digits, check):
    assert gs1_check_digit(digits) == check


def test_code_is_extension_digit_prefix_serial_and_check_digit():
    assert sscc(GS1_EXAMPLE_PREFIX, 0) == "0" + GS1_EXAMPLE_PREFIX + "000000000" + "4"
    assert sscc(GS1_EXAMPLE_PREFIX, 1_234_567_890)[:17] == "1" + GS1_EXAMPLE_PREFIX + "234567890"


@given(PREFIXES, st.lists(st.integers(0, 99_999), min_size=2, max_size=20, unique=True))
def test_units_of_one_company_have_codes_of_their_own(prefix, serials):
    codes = [sscc(prefix, serial) for serial in serials]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 18 and code[1 : 1 + len(prefix)] == prefix for code in codes)
    assert [read_sscc(code) for code in codes] == codes


def test_numbers_begin_again_after_the_last_serial():
    assert sscc("123456789012", 10**5 + 7) == sscc("123456789012", 7)


@given(PREFIXES, st.integers(0, 10**9), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(prefix, serial, place, step):
    code = sscc(prefix, serial)
    wrong = code[:place] + str((int(code[place]) + step) % 10) + code[place + 1 :]
    assert read_sscc(wrong) is None


def test_spaces_are_forgiven_and_anything_else_is_not():
    code = sscc(GS1_EXAMPLE_PREFIX, 77)
    assert read_sscc(f" {code[:6]} {code[6:]} ") == code
    assert read_sscc(code[:-1]) is None
    assert read_sscc(f"00{code}") is None
