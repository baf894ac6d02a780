"""Tokens and codes: only what we signed is taken, only for what we signed it."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import new_id
from app.identity.rules import (
    access_token,
    bearer,
    code_mac,
    codes_match,
    key_secret,
    read_access_token,
    read_refresh_token,
    refresh_token,
    shown_prefix,
)
from app.identity.values import TOKEN_LENGTH_MAX, KeyMode

KEY = b"tests only"
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PHONE = "+8610000000123"
SIGN_IN = new_id("sgn")


def test_access_token_names_its_sign_in_until_it_expires():
    token = access_token(SIGN_IN, NOW + timedelta(minutes=30), KEY)
    assert token.startswith("cha_")
    assert read_access_token(token, KEY, NOW) == SIGN_IN
    assert read_access_token(token, KEY, NOW + timedelta(minutes=29, seconds=59)) == SIGN_IN
    assert read_access_token(token, KEY, NOW + timedelta(minutes=30)) is None


@given(st.integers(1, 10**9))
def test_refresh_token_names_its_sign_in_and_generation(generation):
    token = refresh_token(SIGN_IN, generation, KEY)
    assert token.startswith("chr_")
    assert len(token) <= TOKEN_LENGTH_MAX
    assert read_refresh_token(token, KEY) == (SIGN_IN, generation)


def test_tokens_of_another_key_are_refused():
    assert read_access_token(access_token(SIGN_IN, NOW + timedelta(hours=1), b"another"), KEY, NOW) is None
    assert read_refresh_token(refresh_token(SIGN_IN, 1, b"another"), KEY) is None


def test_refresh_token_does_not_pass_as_an_access_token():
    later_s = int((NOW + timedelta(hours=1)).timestamp())
    disguised = "cha_" + refresh_token(SIGN_IN, later_s, KEY).removeprefix("chr_")
    assert read_access_token(disguised, KEY, NOW) is None


@given(st.data())
def test_token_with_any_character_changed_is_refused(data):
    token = refresh_token(SIGN_IN, 7, KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("Aa0_-").filter(lambda character: character != token[place]))
    assert read_refresh_token(token[:place] + other + token[place + 1 :], KEY) is None


@given(st.text(max_size=400))
def test_arbitrary_text_is_refused_without_an_error(text):
    assert read_access_token("cha_" + text, KEY, NOW) is None
    assert read_refresh_token("chr_" + text, KEY) is None


@given(st.binary(min_size=32, max_size=120))
def test_well_encoded_rubbish_is_refused(raw):
    text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert read_access_token("cha_" + text, KEY, NOW) is None


@pytest.mark.parametrize("padding", ["=", "==", "\n", " "])
def test_only_one_spelling_of_a_token_is_taken(padding):
    assert read_refresh_token(refresh_token(SIGN_IN, 1, KEY) + padding, KEY) is None


def test_code_matches_only_for_its_own_phone():
    mac = code_mac(KEY, PHONE, "314159")
    assert codes_match(mac, KEY, PHONE, "314159")
    assert not codes_match(mac, KEY, PHONE, "314158")
    assert not codes_match(mac, KEY, "+8610000000124", "314159")
    assert "314159" not in mac


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer cha_x", "cha_x"),
        ("bearer  cha_x ", "cha_x"),
        ("Basic cha_x", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        ("Bearer " + "x" * (TOKEN_LENGTH_MAX + 1), None),
        ("Bearer chä", None),
    ],
)
def test_bearer_header_is_read_as_the_standard_says(header, token):
    assert bearer(header) == token


def test_shown_prefix_tells_the_mode_and_hides_the_secret():
    secret = key_secret(KeyMode.TEST, "n" * 43)
    assert secret.startswith("chk_test_")
    assert shown_prefix(secret) == "chk_test_nnnnn"
