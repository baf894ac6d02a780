"""Who gets what of what a buyer pays: the parts are the whole, duties and subsidy among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ledger.values import PriceParts
from app.orders.proceeds import carriage_bps, goods_of, proceeds_shape

AMOUNT = st.integers(0, 10**9)


@given(st.dictionaries(st.sampled_from("abc"), AMOUNT, min_size=1), AMOUNT, AMOUNT, AMOUNT, st.integers(0, 5_000))
def test_shares_are_together_what_is_paid_and_the_subsidy(goods, carriage, packaging, duties, fee_bps):
    priced = sum(goods.values()) + carriage + packaging + duties
    parts = PriceParts("CNY", goods, {"RAIL": carriage}, packaging, priced // 7, duties)
    shown = proceeds_shape(parts, fee_bps)
    taken = (shown.producers, shown.carriage, shown.packaging, shown.platform, shown.duties)
    assert sum(money.amount for money in taken) == parts.paid_minor + shown.subsidy.amount
    assert shown.producers.amount >= sum(goods.values()) * (10_000 - fee_bps) // 10_000


@pytest.mark.parametrize(
    ("carriage", "paid", "bps"),
    [(1_840, 7_830, 2_350), (0, 100, 0), (1, 20_000, 1), (1, 20_001, 0), (100, 100, 10_000), (5, 0, None)],
)
def test_carriage_is_told_in_ten_thousandths_of_what_is_paid(carriage, paid, bps):
    assert carriage_bps(carriage, paid) == bps


def test_goods_of_one_producer_are_put_together():
    assert goods_of([("a", 3), ("b", 4), ("a", 5)]) == {"a": 8, "b": 4}
