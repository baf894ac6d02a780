"""An EPC URN and a GS1 Digital Link are one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.epcis.epcs import RESOLVER, canonical, check_digit, ginc_of, sscc_of

# One of each kind of key, with its Digital Link: EPC Tag Data Standard 1.13 and GS1 Digital Link 1.2; check digits by the General Specifications.
PAIRS = [
    ("urn:epc:id:sscc:4012345.0000000333", "00/040123450000003338"),
    ("urn:epc:id:sgtin:4012345.011111.9876", "01/04012345111118/21/9876"),
    ("urn:epc:class:lgtin:4054739.099914.20160711", "01/04054739999148/10/20160711"),
    ("urn:epc:idpat:sgtin:4054739.099914.*", "01/04054739999148"),
    ("urn:epc:id:sgln:4012345.00011.987", "414/4012345000115/254/987"),
    ("urn:epc:id:sgln:4012345.00005.0", "414/4012345000054"),
    ("urn:epc:id:pgln:4012345.00000", "417/4012345000009"),
    ("urn:epc:id:grai:4012345.66666.87", "8003/0401234566666387"),
    ("urn:epc:id:giai:4012345.AAbb", "8004/4012345AAbb"),
    ("urn:epc:id:ginc:4012345.333", "401/4012345333"),
    ("urn:epc:id:gsin:4012345.999987654", "402/40123459999876541"),
    ("urn:epc:id:gdti:4012345.55555.98", "253/401234555555498"),
    ("urn:epc:id:gsrn:4012345.9876540000", "8018/401234598765400000"),
    ("urn:epc:id:cpi:4012345.ABC.123", "8010/4012345ABC/8011/123"),
    ("urn:epc:id:itip:4012345.012345.01.02.999", "8006/040123451234560102/21/999"),
]


@pytest.mark.parametrize(("urn", "path"), PAIRS)
def test_urn_and_link_are_one_name(urn, path):
    assert canonical(urn) == canonical(f"https://shop.example/x/{path}?17=261231") == f"{RESOLVER}/{path}"


@pytest.mark.parametrize(
    "name",
    [
        "urn:epc:id:sscc:4012345.333",
        "urn:epc:id:sgtin:4012345.011111",
        "urn:epc:id:sscc:12345.000000000333",
        "https://id.gs1.org/00/040123450000003339",
        "https://shop.example/v1/hubs/URUMQI",
        "urn:uuid:0190a1b2-0000-7000-8000-000000000001",
        "https://shop.example/01/abc",
    ],
)
def test_what_is_no_key_stays_as_it_is(name):
    assert canonical(name) == name


def test_older_links_and_short_numbers_are_read():
    assert canonical("https://x.example/gtin/4012345111118/ser/7?lot=1") == f"{RESOLVER}/01/04012345111118/21/7"


def test_serial_number_goes_before_lot():
    assert canonical("https://x.example/01/04012345111118/10/L1/21/7") == f"{RESOLVER}/01/04012345111118/21/7"


def test_signs_are_escaped_once():
    assert canonical("urn:epc:id:sgtin:4012345.011111.a%2Fb*c") == canonical(
        "https://x.example/01/04012345111118/21/a%2Fb%2Ac"
    )


@given(st.integers(6, 12), st.integers(0, 10**17 - 1))
def test_every_sscc_is_one_name(length, number):
    digits = f"{number:017d}"
    urn = f"urn:epc:id:sscc:{digits[1 : 1 + length]}.{digits[0]}{digits[1 + length :]}"
    whole = digits + check_digit(digits)
    assert sscc_of(urn) == sscc_of(f"https://x.example/00/{whole}") == whole


def test_consignment_number_is_found_in_both_forms():
    assert ginc_of("urn:epc:id:ginc:9520000.CM3141592653589") == "9520000CM3141592653589"
    assert ginc_of("https://x.example/401/9520000CM3141592653589") == "9520000CM3141592653589"
    assert ginc_of("urn:epc:id:sscc:4012345.0000000333") is None


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_stays_as_it_is(text):
    for name in (text, f"urn:epc:id:{text}", f"https://x.example/{text}"):
        once = canonical(name)
        assert canonical(once) == once
