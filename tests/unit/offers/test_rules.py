"""Offers as pure decisions: whose word it is, which clocks run, and where a deposit is after whatever happened in whatever order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.values import Category
from app.core.errors import Problem, StateConflict
from app.core.money import Money
from app.core.quantity import Unit
from app.flows.offer_steps import end_of_deposit
from app.ledger.rules import (
    check_zero_sum,
    deposit_applied_entries,
    deposit_entries,
    holder_of,
    reversed_entries,
)
from app.ledger.values import AccountKind, State, Transfer, TransferKind
from app.offers.errors import NotYourTurn
from app.offers.models import BulkOffer
from app.offers.rules import (
    ALLOWED,
    DEPOSIT_ALLOWED,
    TAKEN_BY,
    advance,
    deposit_after,
    deposit_minor,
    due_after,
    goods_minor,
    lapse_of,
    may,
    proposal_gaps,
    side_for,
    until_gaps,
)
from app.offers.terms import AgreedTerms, load_terms
from app.offers.values import (
    DEPOSIT_DISPLAY,
    DEPOSIT_VERBS,
    DISPLAY,
    VERBS,
    WAITING,
    DepositEvent,
    DepositStatus,
    Fate,
    OfferEvent,
    OfferStatus,
    Side,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = AgreedTerms("t", Decimal(10), 10, 24 * HOUR, 72 * HOUR, 1_500, 48 * HOUR, 120 * HOUR, Fate.FORFEITED)
S, E, D = OfferStatus, OfferEvent, DepositStatus


def test_only_waiting_and_used_offers_go_on_and_every_word_is_said():
    assert {status for status, _ in ALLOWED} == WAITING | {S.USED}
    assert set(ALLOWED.values()) == set(S)
    assert (set(DISPLAY), set(VERBS)) == (set(S), set(E))
    assert (set(DEPOSIT_DISPLAY), set(DEPOSIT_VERBS)) == (set(D), set(DepositEvent))
    assert set(TAKEN_BY) <= set(ALLOWED)
    for status in S:
        for event in E:
            if not may(status, event):
                with pytest.raises(StateConflict):
                    advance(status, event)


@given(st.sampled_from(S), st.sampled_from(E), st.sets(st.sampled_from(Side)))
def test_step_is_for_whom_the_table_names_and_for_nobody_else(status, event, sides):
    able = TAKEN_BY.get((status, event), frozenset())
    if not may(status, event):
        with pytest.raises(StateConflict):
            side_for(status, event, sides)
    elif able & sides:
        assert side_for(status, event, sides) in able & sides
    else:
        with pytest.raises(NotYourTurn):
            side_for(status, event, sides)


def test_while_a_price_is_talked_about_it_is_one_sides_turn():
    for status, asked, other in ((S.OPEN, Side.PRODUCER, Side.BUYER), (S.COUNTERED, Side.BUYER, Side.PRODUCER)):
        for event in (E.COUNTER, E.ACCEPT, E.DECLINE):
            assert TAKEN_BY[status, event] == {asked}
        assert TAKEN_BY[status, E.WITHDRAW] == {other}
    assert advance(advance(S.OPEN, E.COUNTER), E.COUNTER) is S.OPEN


def test_whoever_has_to_act_has_a_clock_and_nobody_else():
    for status in S:
        for deposit in D:
            assert (due_after(status, deposit, TERMS, NOW) is not None) == (status in WAITING)
    assert due_after(S.ACCEPTED, D.DUE, TERMS, NOW) == NOW + TERMS.deposit
    assert due_after(S.ACCEPTED, D.HELD, TERMS, NOW) == due_after(S.ACCEPTED, D.NONE, TERMS, NOW) == NOW + TERMS.order


def test_deposit_is_the_buyers_unless_the_buyer_is_at_fault():
    assert lapse_of(Side.BUYER, TERMS) is Fate.FORFEITED
    assert lapse_of(Side.BUYER, replace(TERMS, on_lapse=Fate.RETURNED)) is Fate.RETURNED
    assert {lapse_of(side, TERMS) for side in (Side.PRODUCER, Side.OPERATOR)} == {Fate.RETURNED}


@given(
    st.decimals(min_value="0.001", max_value=10**6, places=3),
    st.integers(1, 10**6),
    st.integers(0, 5_000),
)
def test_deposit_is_a_share_of_the_goods_and_never_more_than_half(quantity, price, bps):
    goods = goods_minor(quantity, Money(price, "CNY"))
    deposit = deposit_minor(goods, replace(TERMS, deposit_bps=bps))
    assert 0 <= deposit * 2 <= goods
    assert deposit * 10_000 <= goods * bps < (deposit + 1) * 10_000


def gaps(quantity, price, currency="CNY"):
    found = proposal_gaps(
        Decimal(quantity), Money(price, currency), "CNY", min_quantity=Decimal(1), step=Decimal("0.5"), bulk=Decimal(10)
    )
    return [gap.pointer for gap in found]


def test_everything_that_is_wrong_with_a_proposal_is_named():
    assert gaps("10", 1) == gaps("10.5", 1) == []
    assert gaps("9.5", 1) == gaps("10.2", 1) == ["/quantity"]
    assert gaps("10", 0) == gaps("10", 1, "USD") == ["/price"]
    assert gaps("9", -1) == ["/quantity", "/price"]
    assert gaps("1000000", 10**6) == ["/quantity"]


def test_an_offer_stands_for_some_time_and_not_for_ever():
    for hours, fine in ((0, False), (1, True), (72, True), (73, False)):
        assert (until_gaps(NOW + hours * HOUR, TERMS, NOW) == []) == fine
    assert until_gaps(None, TERMS, NOW) == []


EVENTS = st.lists(
    st.tuples(st.sampled_from(["pay", "order", "unpaid", "cancel", "withdraw", "lapse"]), st.sampled_from(Side)),
    max_size=25,
)


@given(EVENTS, st.integers(1, 10**9), st.sampled_from(Fate), st.sampled_from(["bank_transfer", "stripe"]))
def test_whatever_happens_in_whatever_order_the_deposit_is_in_one_place(events, amount, on_lapse, method):
    """Held by us while it is held; on the order while it counts there; with the buyer or the producer at the end; never twice."""
    terms = replace(TERMS, on_lapse=on_lapse)
    offer = BulkOffer(
        id="off", buyer_id="per", producer_id="prd", currency="CNY", status=S.ACCEPTED, deposit_status=D.DUE,
        deposit_minor=amount,
    )  # fmt: skip
    money, transfers = Money(amount, "CNY"), []

    def move(kind, subject, entries):
        transfers.append(Transfer(f"t{len(transfers)}", kind, subject, State.POSTED, entries))

    def end(event, fault):
        offer.deposit_status, moved = end_of_deposit(offer, lapse_of(fault, terms))
        transfers.extend(moved)
        offer.status = advance(offer.status, event)

    for what, side in events:
        try:
            if what == "pay":
                offer.deposit_status = deposit_after(offer.deposit_status, DepositEvent.RECEIVE)
                move(TransferKind.DEPOSIT, "off", deposit_entries("per", holder_of(method, "CNY"), money))
                if offer.status is not S.ACCEPTED:
                    offer.deposit_status, moved = end_of_deposit(offer, Fate.RETURNED)
                    transfers.extend(moved)
            elif what == "order":
                deposit = deposit_after(offer.deposit_status, DepositEvent.APPLY)
                offer.status, offer.deposit_status = advance(offer.status, E.ORDER), deposit
                move(TransferKind.DEPOSIT, "ord", deposit_applied_entries("per", money))
            elif what in ("unpaid", "cancel"):
                after = advance(offer.status, E.REOPEN if what == "unpaid" else E.UNDO)
                offer.deposit_status = deposit_after(offer.deposit_status, DepositEvent.RELEASE)
                move(TransferKind.DEPOSIT, "ord", reversed_entries(deposit_applied_entries("per", money)))
                if what == "unpaid":
                    offer.status = after
                else:
                    end(E.UNDO, side)
            else:
                advance(offer.status, E.WITHDRAW if what == "withdraw" else E.LAPSE)
                end(E.WITHDRAW if what == "withdraw" else E.LAPSE, side)
        except Problem:
            continue
        for transfer in transfers:
            check_zero_sum(transfer)
        held: dict[AccountKind, int] = {}
        for entry in (entry for transfer in transfers for entry in transfer.entries):
            held[entry.account.kind] = held.get(entry.account.kind, 0) + entry.amount_minor
        taken = amount if offer.deposit_status not in (D.DUE, D.CANCELLED) else 0
        assert -held.get(AccountKind.BANK, 0) - held.get(AccountKind.GATEWAY, 0) == taken
        assert held.get(AccountKind.DEPOSIT, 0) == (amount if offer.deposit_status is D.HELD else 0)
        ours = offer.deposit_status in (D.APPLIED, D.RETURNED)
        assert held.get(AccountKind.BUYER, 0) == (amount if ours else 0)
        forfeited = offer.deposit_status is D.FORFEITED
        assert held.get(AccountKind.PRODUCER_AVAILABLE, 0) == (amount if forfeited else 0)
        assert (offer.deposit_status is D.HELD) <= (offer.status is S.ACCEPTED)
        assert (offer.deposit_status is D.APPLIED) == (offer.status is S.USED)


def test_deposits_only_end_where_nothing_leads_on():
    ends = set(D) - {status for status, _ in DEPOSIT_ALLOWED}
    assert ends == {D.NONE, D.RETURNED, D.FORFEITED}


def test_every_category_is_bargained_for_by_the_table_that_comes_with_the_code():
    table = load_terms(None)
    assert {row.category for row in table.terms} == set(Category)
    bulk = {(row.category, unit) for row in table.terms for unit in row.min_quantity}
    for category, unit in bulk:
        assert table.find(category, unit).version == table.version
    assert table.find(Category.LIVESTOCK, Unit.BOX) is None
    # 10 to 20 per cent for bulk lint and live animals (domain.md, 6).
    for category in (Category.COTTON, Category.LIVESTOCK):
        row = next(row for row in table.terms if row.category is category)
        assert 1_000 <= row.deposit_bps <= 2_000
