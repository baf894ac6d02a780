"""Goods that go back: whether they have to, who pays their way to the fen, and that nothing which has ended begins again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.claims.return_rules import (
    ALLOWED,
    ENDS,
    UNSTARTED,
    advance_return,
    borne_by,
    can_be_sold_again,
    carriage_of_claim,
    has_to_go_back,
)
from app.claims.rules import advance
from app.claims.values import ClaimEvent, ClaimStatus, ReturnEvent, ReturnStatus
from app.core.errors import StateConflict
from app.core.money import Money
from app.flows.write_off import still_owed
from app.ledger.rules import imbalances, return_carriage_entries, write_off_entries
from app.ledger.values import PLATFORM, AccountKind, AccountRef
from app.orders.policies import (
    CarriageBack,
    ClaimKind,
    claimable_of,
    frozen_terms,
    goes_back,
    load_policies,
    write_off_of,
)

FEN = st.integers(min_value=0, max_value=10**9)
ACCOUNTS = {
    CarriageBack.BUYER: AccountRef(AccountKind.BUYER, "per_1", "CNY"),
    CarriageBack.PRODUCER: AccountRef(AccountKind.PRODUCER_AVAILABLE, "prd_1", "CNY"),
    CarriageBack.CARRIER: AccountRef(AccountKind.CARRIER_FREIGHT, "KUNLUN", "CNY"),
    CarriageBack.PLATFORM: AccountRef(AccountKind.RETURNS, PLATFORM, "CNY"),
}
PAYERS = st.sampled_from([each for each in CarriageBack if each is not CarriageBack.NONE])


@given(
    pays=PAYERS, legs=st.dictionaries(st.sampled_from(["KUNLUN", "RAIL", "BUS"]), FEN, min_size=1), booked=FEN, back=FEN
)
def test_the_parts_of_a_way_back_add_up_and_its_entries_to_nothing(pays, legs, booked, back):
    cost = sum(legs.values())
    from_buyer = carriage_of_claim(pays, min(booked, cost), back)
    borne = borne_by(pays, ACCOUNTS, booked, cost, from_buyer)
    assert sum(borne.values()) == cost
    assert all(amount > 0 for amount in borne.values())
    assert not imbalances(return_carriage_entries("CNY", legs, borne))


@given(pays=PAYERS, booked=FEN, cost=FEN, back=FEN)
def test_nobody_pays_more_than_was_booked_and_a_buyer_never_more_than_goes_back(pays, booked, cost, back):
    from_buyer = carriage_of_claim(pays, booked, back)
    borne = borne_by(pays, ACCOUNTS, booked, cost, from_buyer)
    assert borne.get(ACCOUNTS[CarriageBack.BUYER], 0) <= min(back, booked)
    if pays is not CarriageBack.PLATFORM:
        assert borne.get(ACCOUNTS[pays], 0) <= booked


@given(booked=FEN, backs=st.lists(FEN, max_size=8))
def test_a_way_back_is_taken_from_several_claims_at_most_once(booked, backs):
    left = booked
    for back in backs:
        taken = carriage_of_claim(CarriageBack.BUYER, left, back)
        assert 0 <= taken <= back
        left -= taken
    assert left == max(0, booked - sum(backs))


def test_only_all_of_a_line_that_is_granted_brings_goods_back_and_not_from_the_door():
    assert has_to_go_back(CarriageBack.BUYER, 100, 100, at_door=False)
    assert not has_to_go_back(CarriageBack.BUYER, 99, 100, at_door=False)
    assert not has_to_go_back(CarriageBack.NONE, 100, 100, at_door=False)
    assert not has_to_go_back(CarriageBack.PLATFORM, 100, 100, at_door=True)


@given(st.lists(st.sampled_from([*ReturnEvent]), max_size=12))
def test_what_has_ended_never_begins_again_and_what_left_is_not_called_off(events):
    status = ReturnStatus.PLANNING
    for event in events:
        try:
            following = advance_return(status, event)
        except StateConflict:
            continue
        assert status not in ENDS
        if event in (ReturnEvent.KEEP, ReturnEvent.CALL_OFF, ReturnEvent.EXPIRE):
            assert status in UNSTARTED
        status = following
    assert {status for status, _ in ALLOWED}.isdisjoint(ENDS)


def test_claim_that_waits_for_goods_ends_with_them_or_without_and_in_no_other_way():
    ends = {event for event in ClaimEvent if _may(ClaimStatus.RETURNING, event)}
    assert ends == {ClaimEvent.COME_BACK, ClaimEvent.EXPIRE, ClaimEvent.WITHDRAW}
    for over in (ClaimStatus.SETTLED, ClaimStatus.LAPSED, ClaimStatus.WITHDRAWN, ClaimStatus.REFUSED):
        assert not any(_may(over, event) for event in ClaimEvent)


def _may(status, event):
    try:
        advance(status, event)
    except StateConflict:
        return False
    return True


def test_goods_without_a_fault_are_sold_again_and_others_are_not():
    assert can_be_sold_again(frozenset({ClaimKind.NO_REASON}), None)
    assert can_be_sold_again(frozenset({ClaimKind.REFUSAL}), None)
    assert not can_be_sold_again(frozenset({ClaimKind.DAMAGE}), None)
    assert not can_be_sold_again(frozenset({ClaimKind.REFUSAL, ClaimKind.DAMAGE}), None)
    assert not can_be_sold_again(frozenset(), None)


@given(FEN.filter(bool))
def test_a_debt_that_is_written_off_leaves_the_books_even(amount):
    entries = write_off_entries("per_1", Money(amount, "CNY"))
    assert not imbalances(entries)
    assert {entry.account.kind: entry.amount_minor for entry in entries} == {
        AccountKind.BUYER: amount,
        AccountKind.RETURNS: -amount,
    }


class Row:
    def __init__(self, **fields):
        self.__dict__.update(fields)


@given(uncollected=FEN, ended=st.lists(FEN, max_size=4))
def test_what_no_grant_has_ended_is_still_owed_once(uncollected, ended):
    line = Row(id="a", uncollected_minor=uncollected, written_off_minor=None)
    claims = [Row(line_id="a", unpaid_minor=each) for each in ended] + [Row(line_id="b", unpaid_minor=5)]
    assert sum(still_owed([line], claims).values()) == max(0, uncollected - sum(ended))
    line.written_off_minor = 1
    assert still_owed([line], claims) == {}


@pytest.mark.parametrize(
    ("category", "made_to_order", "back"),
    [
        ("handicraft", False, True),
        ("handicraft", True, False),
        ("cotton", False, True),
        ("produce", False, False),
        ("livestock", False, False),
    ],
)
def test_which_refused_goods_go_back_is_a_row_of_the_table(category, made_to_order, back):
    terms = frozen_terms(load_policies(None), {"a": (category, made_to_order)})
    assert goes_back(terms, "a") is back
    assert write_off_of(terms) == timedelta(days=30)


def test_orders_from_before_have_the_times_that_are_usual():
    row = ["no_reason", 168, [], "buyer", 48, 120]
    terms = {"lines": {"a": ["CRAFT-NO-REASON"]}, "claims": {"CRAFT-NO-REASON": row}}
    (claimable,) = claimable_of(terms, "a")
    assert claimable.hand_in == timedelta(hours=168)
    assert write_off_of({}) == timedelta(days=30)
