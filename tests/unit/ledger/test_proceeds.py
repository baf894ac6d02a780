"""Who gets what of an order: money neither appears nor vanishes, and the odd fen stays in the village."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.ledger.rules import (
    check_zero_sum,
    collection_entries,
    imbalances,
    proceeds,
    release_entries,
    reroute_entries,
    reversed_entries,
    sale_entries,
)
from app.ledger.values import AccountKind, AccountRef, Entry, PriceParts, State, Transfer, TransferKind

AMOUNT = st.integers(0, 10**10)
PRODUCERS = st.dictionaries(st.sampled_from([f"prd_{n}" for n in range(10)]), st.integers(1, 10**10), min_size=1)
CARRIERS = st.dictionaries(st.sampled_from([f"CARRIER-{n}" for n in range(6)]), AMOUNT)
FEES = st.integers(0, 10_000)


@st.composite
def price_parts(draw):
    goods, carriage, packaging, duties = draw(PRODUCERS), draw(CARRIERS), draw(AMOUNT), draw(AMOUNT)
    priced = sum(goods.values()) + sum(carriage.values()) + packaging + duties
    return PriceParts("CNY", goods, carriage, packaging, draw(st.integers(0, priced)), duties)


def sums_of(entries, kind):
    return {entry.account.owner: entry.amount_minor for entry in entries if entry.account.kind is kind}


def transfer_of(entries):
    return Transfer("trf_1", TransferKind.SALE, "ord_1", State.PENDING, entries)


@given(price_parts(), FEES)
def test_parts_add_up_to_what_the_buyer_paid_and_the_subsidy(parts, fee_bps):
    split = proceeds(parts, fee_bps)
    owed = [*split.producers_minor.values(), *split.carriers_minor.values()]
    owed += [split.packaging_minor, split.platform_fee_minor, split.duties_minor]
    assert min(owed) >= 0
    assert sum(owed) == split.paid_minor + split.subsidy_minor == parts.paid_minor + parts.subsidy_minor


@given(price_parts(), FEES)
def test_each_producers_fee_is_rounded_down(parts, fee_bps):
    split = proceeds(parts, fee_bps)
    for producer, goods_minor in parts.goods_minor.items():
        fee = goods_minor - split.producers_minor[producer]
        assert fee * 10_000 <= goods_minor * fee_bps < (fee + 1) * 10_000


@given(price_parts(), FEES)
def test_fee_of_one_producer_does_not_depend_on_the_others(parts, fee_bps):
    split = proceeds(parts, fee_bps)
    for producer, goods_minor in parts.goods_minor.items():
        alone = proceeds(PriceParts("CNY", {producer: goods_minor}, {}), fee_bps)
        assert alone.producers_minor[producer] == split.producers_minor[producer]


def test_the_odd_fen_belongs_to_the_village():
    split = proceeds(PriceParts("CNY", {"prd_1": 1_999}, {}), fee_bps=300)
    assert split.platform_fee_minor == 59
    assert split.producers_minor == {"prd_1": 1_940}


@given(price_parts(), FEES)
def test_sale_balances_and_names_each_account_once(parts, fee_bps):
    entries = sale_entries("per_1", proceeds(parts, fee_bps))
    assert not imbalances(entries)
    assert all(entry.amount_minor for entry in entries)
    assert len({entry.account for entry in entries}) == len(entries)


def test_sale_says_who_owes_and_who_is_owed():
    parts = PriceParts("CNY", {"prd_1": 10_000, "prd_2": 5_000}, {"RAIL": 800, "VAN": 400}, 300, 1_000)
    entries = sale_entries("per_1", proceeds(parts, 300))
    check_zero_sum(transfer_of(entries))
    assert sums_of(entries, AccountKind.BUYER) == {"per_1": -15_500}
    assert sums_of(entries, AccountKind.SUBSIDY) == {"platform": -1_000}
    assert sums_of(entries, AccountKind.PRODUCER_PENDING) == {"prd_1": 9_700, "prd_2": 4_850}
    assert sums_of(entries, AccountKind.CARRIER_FREIGHT) == {"RAIL": 800, "VAN": 400}
    assert sums_of(entries, AccountKind.PACKAGING) == {"platform": 300}
    assert sums_of(entries, AccountKind.PLATFORM_FEE) == {"platform": 450}


def test_an_order_paid_whole_by_subsidy_leaves_the_buyer_out():
    entries = sale_entries("per_1", proceeds(PriceParts("CNY", {"prd_1": 500}, {}, 0, 500), 0))
    assert sums_of(entries, AccountKind.BUYER) == {}
    check_zero_sum(transfer_of(entries))


def test_cash_in_a_carriers_hands_settles_the_buyer_and_is_owed_by_the_carrier():
    cash = AccountRef(AccountKind.CARRIER_CASH, "VAN", "CNY")
    entries = collection_entries("per_1", "CNY", {cash: 15_500})
    assert sums_of(entries, AccountKind.BUYER) == {"per_1": 15_500}
    assert sums_of(entries, AccountKind.CARRIER_CASH) == {"VAN": -15_500}


@given(price_parts(), FEES)
def test_sale_and_collection_leave_the_buyer_at_nothing_and_reversal_undoes_the_sale(parts, fee_bps):
    sale = sale_entries("per_1", proceeds(parts, fee_bps))
    gateway = AccountRef(AccountKind.GATEWAY, "stripe", "CNY")
    paid = collection_entries("per_1", "CNY", {gateway: parts.paid_minor})
    buyer = [entry.amount_minor for entry in (*sale, *paid) if entry.account.kind is AccountKind.BUYER]
    assert sum(buyer) == 0
    left = {}
    for entry in (*sale, *reversed_entries(sale)):
        left[entry.account] = left.get(entry.account, 0) + entry.amount_minor
    assert not any(left.values())


def test_release_moves_pending_money_to_available():
    entries = release_entries("prd_1", Money(9_700, "CNY"))
    assert sums_of(entries, AccountKind.PRODUCER_PENDING) == {"prd_1": -9_700}
    assert sums_of(entries, AccountKind.PRODUCER_AVAILABLE) == {"prd_1": 9_700}


BUYER = AccountRef(AccountKind.BUYER, "per_1", "CNY")
FEE = AccountRef(AccountKind.PLATFORM_FEE, "platform", "CNY")
FEE_USD = AccountRef(AccountKind.PLATFORM_FEE, "platform", "USD")


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (Entry(BUYER, 0), Entry(FEE, 0)),
        (Entry(BUYER, -5),),
        (Entry(BUYER, -5), Entry(FEE, 4)),
        (Entry(BUYER, -5), Entry(FEE_USD, 5)),
    ],
)
def test_transfer_that_does_not_balance_in_each_currency_is_our_mistake(entries):
    with pytest.raises(AssertionError):
        check_zero_sum(transfer_of(entries))


@given(CARRIERS, CARRIERS)
def test_carriers_are_paid_for_the_way_that_is_taken_and_the_platform_bears_the_difference(dropped, taken):
    entries = reroute_entries("CNY", dropped, taken)
    assert not imbalances(entries)
    freight = sums_of(entries, AccountKind.CARRIER_FREIGHT)
    for carrier in {*dropped, *taken}:
        assert dropped.get(carrier, 0) + freight.get(carrier, 0) == taken.get(carrier, 0)
    borne = sums_of(entries, AccountKind.REROUTING).get("platform", 0)
    assert borne == sum(dropped.values()) - sum(taken.values())
    assert {entry.account.kind for entry in entries} <= {AccountKind.CARRIER_FREIGHT, AccountKind.REROUTING}


def test_same_carrier_at_the_same_price_is_no_entry():
    assert reroute_entries("CNY", {"XILU": 900}, {"XILU": 900}) == ()
    assert reroute_entries("CNY", {"XILU": 900}, {"KUNLUN": 900}) == (
        Entry(AccountRef(AccountKind.CARRIER_FREIGHT, "KUNLUN", "CNY"), 900),
        Entry(AccountRef(AccountKind.CARRIER_FREIGHT, "XILU", "CNY"), -900),
    )


def test_duties_that_the_buyer_pays_are_owed_to_the_tax_office_and_not_to_us():
    parts = PriceParts("CNY", {"prd_1": 10_000}, {"RAIL": 800}, duties_minor=970)
    entries = sale_entries("per_1", proceeds(parts, 300))
    assert sums_of(entries, AccountKind.TAX) == {"platform": 970}
    assert sums_of(entries, AccountKind.PLATFORM_FEE) == {"platform": 300}
    assert sums_of(entries, AccountKind.BUYER) == {"per_1": -11_770}
