"""What may be paid, which step may follow, what the sheet shows of an account, and whether the bank agrees."""

import re
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import StateConflict
from app.ledger.rules import imbalances
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Disagreement
from app.payouts.rules import (
    ALLOWED,
    advance,
    bank_findings,
    masked,
    offset_entries,
    offset_minor,
    payable,
    payout_entries,
    source_of,
)
from app.payouts.terms import NO_TERMS, TABLE, TermsUnreadable, load_terms, minimum_minor, read_terms
from app.payouts.values import (
    ACCOUNT_NUMBER_PATTERN,
    ACCOUNTS,
    CHANNEL_DISPLAY,
    DISPLAY,
    PARTY_DISPLAY,
    PAYEE_DISPLAY,
    VERBS,
    Channel,
    Party,
    PayeeStatus,
    PayoutEvent,
    PayoutStatus,
)

OWN = AccountRef(AccountKind.PRODUCER_AVAILABLE, "prd_1", "CNY")
SHARE = AccountRef(AccountKind.COOPERATIVE_AVAILABLE, "prd_1", "CNY")
MONEY = st.integers(-(10**9), 10**9)


@given(st.dictionaries(st.sampled_from([OWN, SHARE]), MONEY), st.integers(-5, 10**6))
def test_all_is_paid_or_nothing_and_never_what_is_not_there(held, minimum):
    taken = payable(held, minimum)
    if taken:
        assert sum(taken.values()) == sum(held.values()) >= max(1, minimum)
    else:
        assert sum(held.values()) < max(1, minimum)


@given(st.dictionaries(st.sampled_from([OWN, SHARE]), MONEY), st.sampled_from([c for c in Channel if c != "cash"]))
def test_entries_of_a_payout_balance_and_empty_the_accounts(held, channel):
    taken = payable(held, 1)
    if not taken:
        return
    entries = payout_entries(taken, source_of(channel, "CNY"))
    assert imbalances(entries) == {}
    after = dict(held)
    for entry in entries:
        if entry.account in after:
            after[entry.account] += entry.amount_minor
    assert set(after.values()) <= {0}


@given(st.lists(st.tuples(st.sampled_from(["earn", "refund", "run", "return"]), st.integers(1, 10_000)), max_size=40))
def test_paid_and_refunded_never_come_to_more_than_was_earned_but_for_what_is_still_owed(story):
    """Whatever comes in whatever order: paid is earned less refunded, or the account says by how much not."""
    balance, earned, refunded, paid = 0, 0, 0, []
    for what, amount in story:
        if what == "earn":
            balance, earned = balance + amount, earned + amount
        elif what == "refund":
            back = min(amount, earned - refunded)
            balance, refunded = balance - back, refunded + back
        elif what == "run":
            taken = sum(payable({OWN: balance}, 1).values())
            assert taken == max(0, balance)
            balance -= taken
            paid.append(taken)
        elif paid:
            balance += paid.pop()
        assert sum(paid) + balance == earned - refunded


def test_money_leaves_by_the_account_of_its_channel():
    assert source_of(Channel.BANK_TRANSFER, "CNY") == AccountRef(AccountKind.BANK, PLATFORM, "CNY")
    assert source_of(Channel.WALLET, "CNY") == AccountRef(AccountKind.BANK, PLATFORM, "CNY")
    assert source_of(Channel.STRIPE, "CNY") == AccountRef(AccountKind.GATEWAY, "stripe", "CNY")
    assert source_of(Channel.CASH, "CNY", "KUNLUN") == AccountRef(AccountKind.CARRIER_CASH, "KUNLUN", "CNY")


@given(MONEY, MONEY)
def test_freight_is_settled_with_cash_as_far_as_both_reach(freight, cash):
    amount = offset_minor(freight, cash)
    assert amount >= 0
    if amount:
        assert amount <= freight
        assert amount <= cash
        assert imbalances(offset_entries("KUNLUN", "CNY", amount)) == {}
    else:
        assert min(freight, cash) <= 0


def test_steps_are_those_of_the_table_and_all_others_are_refused():
    for status, event in product(PayoutStatus, PayoutEvent):
        if (status, event) in ALLOWED:
            assert advance(status, event) is ALLOWED[status, event]
        else:
            with pytest.raises(StateConflict):
                advance(status, event)
    ends = {PayoutStatus.RETURNED, PayoutStatus.FAILED, PayoutStatus.CANCELLED}
    assert not [step for step in ALLOWED if step[0] in ends]


@given(st.from_regex(ACCOUNT_NUMBER_PATTERN, fullmatch=True))
def test_account_is_shown_by_its_end_only(number):
    shown = masked(number)
    plain = "".join(number.split())
    assert re.fullmatch(r"···.{2,4}", shown)
    assert plain.endswith(shown.removeprefix("···"))
    assert len(shown) - 3 <= max(2, len(plain) // 2)


def test_bank_that_does_not_agree_is_found_by_currency():
    receipts, cash, paid = {"CNY": 500, "USD": 7}, {"CNY": 300}, {"CNY": 200}
    assert bank_findings({"CNY": 600, "USD": 7}, [receipts, cash], paid) == []
    (found,) = bank_findings({"CNY": 601, "USD": 7}, [receipts, cash], paid)
    assert (found.what, found.currency, found.expected_minor, found.found_minor) == (
        Disagreement.BANK,
        "CNY",
        600,
        601,
    )


def test_every_word_is_said_in_both_languages():
    for words, enum in (
        (DISPLAY, PayoutStatus),
        (VERBS, PayoutEvent),
        (CHANNEL_DISPLAY, Channel),
        (PARTY_DISPLAY, Party),
        (PAYEE_DISPLAY, PayeeStatus),
    ):
        assert set(words) == set(enum)
        assert all(said.keys() == {"en", "zh-Hans"} and all(said.values()) for said in words.values())
    assert set(ACCOUNTS) == set(Party)


def test_table_that_comes_with_the_code_can_be_read_and_offers_no_transfers():
    terms = load_terms(None)
    assert {row.kind for row in terms.party} == set(Party)
    assert (terms.cash.due_days, terms.cash.net, terms.transfer.pay_to) == (3, False, {})
    assert minimum_minor(terms.of(Party.PRODUCER), "CNY") == 1_000
    assert minimum_minor(terms.of(Party.PRODUCER), "EUR") == 1
    assert NO_TERMS.of(Party.BUYER).weekdays == frozenset()


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('version = "1"\n[[party]]\nkind = "producer"\nweekdays = [8]', "party 1 weekdays"),
        ('version = "1"\n[[party]]\nkind = "buyer"\n[[party]]\nkind = "buyer"', "parties stand twice: buyer"),
        ('version = "1"\n[transfer]\npay_to = { en = "here" }', "said in en and in zh-Hans"),
        ('version = "1"\n[cash]\ndue_days = -1', "cash due_days"),
        ("version = 1", "version"),
        ("version =", "Invalid value"),
    ],
)
def test_table_with_a_fault_is_refused_with_its_place(table, fault, tmp_path):
    with pytest.raises(ValueError, match=re.escape(fault)):
        read_terms(table)
    path = tmp_path / "terms.toml"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(TermsUnreadable, match=re.escape(str(path))):
        load_terms(path)
    assert TABLE.exists()


def test_what_waits_to_be_paid_anew_waits_as_the_table_says():
    assert read_terms('version = "1"').renewal.deadline == timedelta(0)
    assert read_terms('version = "1"\n[renewal]\ndeadline_h = 5').renewal.deadline == timedelta(hours=5)
    with pytest.raises(ValueError, match="renewal deadline_h"):
        read_terms('version = "1"\n[renewal]\ndeadline_h = -1')
