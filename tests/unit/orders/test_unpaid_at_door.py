"""What is not paid at the door, because it was refused there."""

from hypothesis import given
from hypothesis import strategies as st

from app.orders.rules import unpaid_at_door


def test_refused_lines_are_not_paid_as_far_as_anything_is_due():
    assert unpaid_at_door({"a": 300, "b": 200}, 1_000) == {"a": 300, "b": 200}
    assert unpaid_at_door({"a": 300, "b": 200}, 350) == {"a": 300, "b": 50}
    assert unpaid_at_door({"a": 300}, 0) == {"a": 0}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 500), max_size=6), st.integers(0, 1_500))
def test_no_more_is_left_unpaid_than_a_line_costs_nor_than_is_due(refused, due):
    unpaid = unpaid_at_door(refused, due)
    assert sum(unpaid.values()) == min(due, sum(refused.values()))
    assert all(0 <= unpaid[line] <= refused[line] for line in refused)
