"""Roles, membership, and how callers are counted."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.errors import Forbidden, NotFound, StateConflict
from app.identity.errors import GrantMissing
from app.identity.rules import (
    agreement_at,
    grants_of,
    may,
    may_any,
    next_membership,
    require_belonging,
    require_grant,
    require_insight,
    require_owner,
    roles_of,
    throttled_as,
)
from app.identity.schemas import AskForCode, NewProducer
from app.identity.values import (
    EVERY_GRANT,
    GRANT_DISPLAY,
    Agreement,
    Caller,
    Grant,
    MembershipEvent,
    MembershipState,
    Role,
)

PHONE = "+8610000000123"


def test_everybody_buys_and_members_sell():
    assert roles_of(PHONE, [], []) == {Role.BUYER}
    assert roles_of(PHONE, ["prd_1"], []) == {Role.BUYER, Role.PRODUCER}


def test_operators_are_named_by_phone_in_the_settings():
    assert roles_of(PHONE, [], [PHONE]) == {Role.BUYER, Role.OPERATOR}


GRANTS = st.frozensets(st.sampled_from(Grant))
GIVEN = st.lists(st.tuples(st.sampled_from(["prd_1", "prd_2"]), GRANTS), max_size=4)
THROUGH = st.lists(st.tuples(st.sampled_from(["prd_1", "prd_3"]), GRANTS, GRANTS), max_size=4)
OPERATOR = Caller(person_id="per_9", roles=frozenset({Role.OPERATOR}))
STRANGERS = [
    Caller(person_id="per_3", producers=frozenset({"prd_2"}), grants={"prd_2": EVERY_GRANT}),
    Caller(partner_id="ptn_1", roles=frozenset({Role.PARTNER})),
]


@given(own=GIVEN, through=THROUGH)
def test_one_may_what_was_given_here_or_what_member_and_cooperative_both_gave_and_nothing_else(own, through):
    caller = Caller(person_id="per_1", producers=frozenset(p for p, _ in own), grants=grants_of(own, through))
    for producer, grant in product(("prd_1", "prd_2", "prd_3"), Grant):
        given_here = any(p == producer and grant in grants for p, grants in own)
        given_there = any(p == producer and grant in mine and grant in theirs for p, mine, theirs in through)
        assert may(caller, producer, grant) == (given_here or given_there)
        assert (producer in caller.granted(grant)) == may(caller, producer, grant)
    for producer in ("prd_1", "prd_2", "prd_3"):
        assert may_any(caller, producer) == any(may(caller, producer, grant) for grant in Grant)


@pytest.mark.parametrize("grant", Grant)
def test_who_knows_the_producer_is_told_which_grant_is_missing_and_strangers_nothing_of_it(grant):
    otherwise = NotFound(what={"en": "thing"})
    others = EVERY_GRANT - {grant}
    inside = [
        Caller(person_id="per_1", producers=frozenset({"prd_1"}), grants={"prd_1": others}),
        Caller(person_id="per_2", producers=frozenset({"prd_1"})),
        Caller(person_id="per_3", producers=frozenset({"prd_2"}), grants={"prd_1": frozenset({min(others)})}),
    ]
    for caller in inside:
        with pytest.raises(GrantMissing) as refused:
            require_grant(caller, "prd_1", grant, otherwise)
        assert refused.value.fields["grant"] == grant.value
        assert {refused.value.detail_in(language) for language in ("en", "zh-Hans")} == {
            f"To {GRANT_DISPLAY[grant]['en']} for prd_1 you need its grant `{grant}`. Ask its owner for it.",
            f"为 prd_1 {GRANT_DISPLAY[grant]['zh-Hans']}，需要其授权 `{grant}`。请联系该生产者的负责人。",
        }
    for caller in [*STRANGERS, OPERATOR]:
        with pytest.raises(NotFound):
            require_grant(caller, "prd_1", grant, otherwise)
    require_grant(Caller(person_id="per_1", grants={"prd_1": frozenset({grant})}), "prd_1", grant, otherwise)


def test_accounts_are_for_who_may_see_and_operators():
    require_insight(Caller(person_id="per_1", grants={"prd_1": frozenset({Grant.SEE})}), "prd_1")
    require_insight(OPERATOR, "prd_1")
    for caller in STRANGERS:
        with pytest.raises(NotFound):
            require_insight(caller, "prd_1")


def test_producer_itself_is_for_its_own_people_and_what_binds_it_for_its_owners():
    granted = Caller(person_id="per_1", producers=frozenset({"prd_2"}), grants={"prd_1": EVERY_GRANT})
    clerk = Caller(person_id="per_2", producers=frozenset({"prd_1"}), grants={"prd_1": frozenset({Grant.SHIP})})
    lister = Caller(person_id="per_3", producers=frozenset({"prd_1"}), grants={"prd_1": frozenset({Grant.LIST})})
    owner = Caller(
        person_id="per_4", producers=frozenset({"prd_1"}), owned=frozenset({"prd_1"}), grants={"prd_1": EVERY_GRANT}
    )
    for caller in (lister, owner, OPERATOR):
        require_belonging(caller, "prd_1")
    for caller, refusal in ((granted, NotFound), (clerk, GrantMissing), (STRANGERS[0], NotFound)):
        with pytest.raises(refusal):
            require_belonging(caller, "prd_1")
    require_owner(owner, "prd_1")
    for caller, refusal in ((granted, Forbidden), (lister, Forbidden), (STRANGERS[0], NotFound), (OPERATOR, NotFound)):
        with pytest.raises(refusal):
            require_owner(caller, "prd_1")


def test_membership_steps_are_these_and_every_other_is_refused_in_words():
    steps = {
        (MembershipState.INVITED, MembershipEvent.ACCEPT): MembershipState.ACTIVE,
        (MembershipState.INVITED, MembershipEvent.DECLINE): MembershipState.DECLINED,
        (MembershipState.INVITED, MembershipEvent.WITHDRAW): MembershipState.WITHDRAWN,
        (MembershipState.ACTIVE, MembershipEvent.LEAVE): MembershipState.LEFT,
    }
    for step in product(MembershipState, MembershipEvent):
        if step in steps:
            assert next_membership(*step) is steps[step]
        else:
            with pytest.raises(StateConflict):
                next_membership(*step)


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 20))
def test_agreement_that_holds_is_the_last_whose_day_has_come(days, today):
    begins = datetime(2026, 3, 1, tzinfo=UTC)
    made = [Agreement(f"a{n}", n, n, begins + timedelta(day)) for n, day in enumerate(days, 1)]
    held = agreement_at(made, begins + timedelta(today))
    assert held == next((each for each, day in zip(made[::-1], days[::-1], strict=True) if day <= today), None)


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
