"""What moves to and from a connected account: in the end as much as is due, whatever was short on the way."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.ledger.values import Disagreement
from app.payouts.move_rules import Due, compare_moves, spread_back
from app.payouts.values import Moved

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = {"from_at": NOW - timedelta(days=7), "until_at": NOW}
AT = NOW - timedelta(days=1)


@given(st.integers(-10_000, 10_000), st.integers(0, 10_000))
def test_what_is_sent_and_what_is_withheld_make_up_what_is_due(change: int, outstanding: int) -> None:
    due = Due(change, outstanding)
    assert due.to_send_minor + due.to_withhold_minor == max(0, change)
    assert 0 <= due.to_withhold_minor <= outstanding


@given(st.integers(0, 10_000), st.lists(st.integers(0, 3_000), max_size=6))
def test_what_comes_back_is_never_more_than_is_left(back: int, left: list[int]) -> None:
    transfers = [(f"mov_{number}", amount) for number, amount in enumerate(left)]
    taken, short = spread_back(back, transfers)
    assert sum(taken.values()) + short == back
    assert all(0 < taken[each] <= dict(transfers)[each] for each in taken)
    assert short == max(0, back - sum(left))


def yuan(minor: int) -> Money:
    return Money(minor, "CNY")


def test_what_moved_as_it_was_written_down_is_no_finding() -> None:
    told = [Moved("tr_1", AT, yuan(500), "mov_1")]
    assert compare_moves(told, {"mov_1": ("tr_1", yuan(500), AT)}, **WEEK) == []


def test_other_money_strange_transfers_and_missing_ones_are_found_within_the_period_alone() -> None:
    old = NOW - timedelta(days=30)
    told = [
        Moved("tr_1", AT, yuan(400), "mov_1"),
        Moved("tr_2", AT, yuan(70), None),
        Moved("tr_3", old, yuan(9), None),
    ]
    ours = {
        "mov_1": ("tr_1", yuan(500), AT),
        "mov_4": ("tr_4", yuan(30), AT),
        "mov_5": ("tr_5", yuan(30), old),
    }
    found = compare_moves(told, ours, **WEEK)
    assert {each.what for each in found} == {Disagreement.MOVE_AMOUNT}
    assert [(each.subject, each.expected_minor, each.found_minor) for each in found] == [
        ("tr_1", 500, 400), ("tr_2", 0, 70), ("tr_4", 30, 0),
    ]  # fmt: skip
