"""Roles, membership, and how callers are counted."""

import pytest
from pydantic import ValidationError

from app.core.errors import NotFound
from app.identity.rules import require_speaker, roles_of, throttled_as
from app.identity.schemas import AskForCode, NewProducer
from app.identity.values import Caller, Role

PHONE = "+8610000000123"


def test_everybody_buys_and_members_sell():
    assert roles_of(PHONE, [], []) == {Role.BUYER}
    assert roles_of(PHONE, ["prd_1"], []) == {Role.BUYER, Role.PRODUCER}


def test_operators_are_named_by_phone_in_the_settings():
    assert roles_of(PHONE, [], [PHONE]) == {Role.BUYER, Role.OPERATOR}


def test_members_and_operators_speak_for_a_producer_and_others_find_nothing():
    require_speaker(Caller(person_id="per_1", producers=frozenset({"prd_1"})), "prd_1")
    require_speaker(Caller(person_id="per_2", roles=frozenset({Role.OPERATOR})), "prd_1")
    with pytest.raises(NotFound):
        require_speaker(Caller(person_id="per_3", producers=frozenset({"prd_2"})), "prd_1")
    with pytest.raises(NotFound):
        require_speaker(Caller(partner_id="ptn_1", roles=frozenset({Role.PARTNER})), "prd_1")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_ipv6_households_are_counted_as_one(address, counted):
    assert throttled_as(address) == counted


@pytest.mark.parametrize("phone", ["+8610000000123", "+12025550", "+123456789012345"])
def test_e164_phones_are_taken(phone):
    assert AskForCode(phone=phone).phone == phone


@pytest.mark.parametrize(
    "phone", ["8610000000123", "+0610000000123", "+861000", "+1234567890123456", "+86 1000000", "+861000000012\n"]
)
def test_other_phones_are_refused(phone):
    with pytest.raises(ValidationError):
        AskForCode(phone=phone)


def test_village_may_be_bare_text():
    body = {"name": {"zh-Hans": "枣园"}, "kind": "household", "county": "653201", "hub": "HOTAN"}
    assert NewProducer.model_validate(body | {"village": "Bagqi"}).village == {"und": "Bagqi"}
    assert NewProducer.model_validate(body | {"village": {"en": "Bagqi"}}).village == {"en": "Bagqi"}
    assert NewProducer.model_validate(body).village is None
    with pytest.raises(ValidationError):
        NewProducer.model_validate(body | {"village": {}})
