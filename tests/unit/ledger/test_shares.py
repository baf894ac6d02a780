"""What of a member's proceeds is its co-operative's: parts that add up, whatever is refunded, and the odd fen to the member."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.ledger.rules import check_zero_sum, imbalances, proceeds, refund_entries, release_entries, sale_entries
from app.ledger.values import AccountKind, PriceParts, Share, Sold, State, Transfer, TransferKind
from tests.unit.ledger.test_proceeds import FEES, price_parts, sums_of

PENDING, AVAILABLE = AccountKind.COOPERATIVE_PENDING, AccountKind.COOPERATIVE_AVAILABLE
BPS = st.integers(0, 10_000)
SHARES = st.dictionaries(
    st.sampled_from([f"prd_{n}" for n in range(10)]), st.builds(Share, st.sampled_from(["coop_1", "coop_2"]), BPS)
)


@given(price_parts(), FEES, SHARES)
def test_shares_take_from_their_members_alone_and_everything_adds_up(parts, fee_bps, shares):
    split, alone = proceeds(parts, fee_bps, shares), proceeds(parts, fee_bps)
    for producer, net in alone.producers_minor.items():
        share = shares[producer].of(net) if producer in shares else 0
        assert split.producers_minor[producer] == net - share
        if producer in shares:
            assert share * 10_000 <= net * shares[producer].bps < (share + 1) * 10_000
    assert sum(split.producers_minor.values()) + sum(split.cooperatives_minor.values()) == sum(
        alone.producers_minor.values()
    )
    assert (split.platform_fee_minor, split.carriers_minor) == (alone.platform_fee_minor, alone.carriers_minor)
    entries = sale_entries("per_1", split)
    assert not imbalances(entries)
    assert len({entry.account for entry in entries}) == len(entries)
    assert sums_of(entries, PENDING) == {owner: part for owner, part in split.cooperatives_minor.items() if part}


def test_the_odd_fen_is_the_members():
    split = proceeds(PriceParts("CNY", {"prd_1": 1_999}, {}), 300, {"prd_1": Share("coop", 5_000)})
    assert (split.producers_minor, split.cooperatives_minor) == ({"prd_1": 970}, {"coop": 970})
    split = proceeds(PriceParts("CNY", {"prd_1": 2_001}, {}), 300, {"prd_1": Share("coop", 5_000)})
    assert (split.producers_minor, split.cooperatives_minor) == ({"prd_1": 971}, {"coop": 970})


@given(goods=st.integers(1, 10**10), fee_bps=FEES, bps=BPS, cuts=st.lists(st.integers(1, 10**10), max_size=8))
def test_refunds_in_any_parts_leave_what_the_rest_would_have_brought(goods, fee_bps, bps, cuts):
    sold = Sold("prd_1", "CNY", goods, 0, fee_bps, Share("coop", bps))
    held = {AccountKind.PRODUCER_PENDING: sold.net_minor(), PENDING: sold.cooperative_minor()}
    fee = goods - sold.earned_minor()
    for cut in cuts:
        back = min(cut, sold.goods_minor - sold.refunded_minor)
        if not back:
            break
        entries = refund_entries("per_1", sold, back, held[AccountKind.PRODUCER_PENDING], held[PENDING])
        check_zero_sum(Transfer("t", TransferKind.REFUND, "ord_1", State.POSTED, entries))
        sold = Sold("prd_1", "CNY", goods, sold.refunded_minor + back, fee_bps, sold.share)
        for kind, owner in ((AccountKind.PRODUCER_PENDING, "prd_1"), (PENDING, "coop")):
            held[kind] += sums_of(entries, kind).get(owner, 0)
        fee += sums_of(entries, AccountKind.PLATFORM_FEE).get("platform", 0)
        assert not sums_of(entries, AVAILABLE)
    assert held == {AccountKind.PRODUCER_PENDING: sold.net_minor(), PENDING: sold.cooperative_minor()}
    left = goods - sold.refunded_minor
    assert fee + sum(held.values()) == left
    assert sold.cooperative_minor() == (left - left * fee_bps // 10_000) * bps // 10_000


@pytest.mark.parametrize(("waits", "pending", "released"), [(0, 0, -97), (40, -40, -57), (97, -97, 0), (500, -97, 0)])
def test_refund_comes_out_of_what_waits_and_then_of_what_was_released(waits, pending, released):
    sold = Sold("prd_1", "CNY", 1_000, 0, 300, Share("coop", 1_000))
    entries = refund_entries("per_1", sold, 1_000, 0, waits)
    assert sums_of(entries, PENDING).get("coop", 0) == pending
    assert sums_of(entries, AVAILABLE).get("coop", 0) == released
    assert sums_of(entries, AccountKind.PRODUCER_AVAILABLE) == {"prd_1": -873}


def test_release_moves_a_cooperatives_share_to_what_it_can_be_paid():
    entries = release_entries("coop", Money(485, "CNY"), PENDING)
    assert (sums_of(entries, PENDING), sums_of(entries, AVAILABLE)) == ({"coop": -485}, {"coop": 485})
