"""The published table: the fuller a departure, the more of its base is shared, and never more than there is."""

from hypothesis import given
from hypothesis import strategies as st

from app.network.fill import load_rebates


def test_table_rises_and_leaves_something_to_pay():
    steps = load_rebates().steps
    assert steps == tuple(sorted(steps))
    assert [rebate for _, rebate in steps] == sorted({rebate for _, rebate in steps})
    assert steps[0][0] > 0
    assert steps[-1][1] < 100


def test_rebate_begins_at_the_very_step():
    table = load_rebates()
    (fill_pct, pct), *_ = table.steps
    assert table.rebate_minor(1_000, fill_pct * 100 - 1) == 0
    assert table.rebate_minor(1_000, fill_pct * 100) == 10 * pct


@given(st.integers(0, 10**6), st.integers(0, 10_000), st.integers(0, 10_000))
def test_fuller_is_never_dearer(base, one, other):
    table = load_rebates()
    less, more = sorted((one, other))
    assert 0 <= table.rebate_minor(base, less) <= table.rebate_minor(base, more) <= base
