"""The course of a dispute: the same end whatever the order of its news, and nobody bears more than was lost."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.ledger.rules import imbalances
from app.ledger.values import PLATFORM, AccountKind, AccountRef, TransferKind
from app.payments.dispute_rules import Course, loss_shares, lost_entries, movements, taken_entries
from app.payments.values import DISPUTE_DISPLAY, DISPUTE_OPEN, DisputeNews, DisputeStatus

S = DisputeStatus
GATEWAY = AccountRef(AccountKind.GATEWAY, "stripe", "CNY")
DISPUTED = AccountRef(AccountKind.DISPUTED, PLATFORM, "CNY")
FEES = AccountRef(AccountKind.PLATFORM_FEE, PLATFORM, "CNY")
START = Course(S.INQUIRY)


def news(status: DisputeStatus, taken: int = 0, returned: int = 0) -> DisputeNews:
    return DisputeNews("du_1", "pi_1", status, "general", Money(7830, "CNY"), taken, returned, None)


STORIES = {
    "won": [
        news(S.NEEDS_RESPONSE), news(S.NEEDS_RESPONSE, 7830), news(S.UNDER_REVIEW, 7830), news(S.WON, 7830),
        news(S.WON, 7830, 7830),
    ],
    "lost": [news(S.NEEDS_RESPONSE), news(S.NEEDS_RESPONSE, 7830), news(S.UNDER_REVIEW, 7830), news(S.LOST, 7830)],
    "escalated": [
        news(S.INQUIRY), news(S.INQUIRY_ANSWERED), news(S.NEEDS_RESPONSE), news(S.NEEDS_RESPONSE, 7830), news(S.LOST, 7830),
    ],
    "closed": [news(S.INQUIRY), news(S.INQUIRY_ANSWERED), news(S.INQUIRY_CLOSED)],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_every_order_of_a_story_ends_alike_and_moves_the_same_money(story: str) -> None:
    ends, sums = set(), set()
    for turn in permutations(STORIES[story]):
        course, moved = START, dict.fromkeys(TransferKind, 0)
        for each in [*turn, turn[0]]:
            after = course.after(each)
            for kind, amount in movements(course, after).items():
                moved[kind] += amount
            course = after
        ends.add(course)
        sums.add(tuple(moved.items()))
    assert len(ends) == len(sums) == 1
    end = ends.pop()
    assert end.status == STORIES[story][-1].status
    assert end.status not in DISPUTE_OPEN
    assert end.returned_minor + end.lost_minor == end.taken_minor


@given(
    st.integers(1, 10**9),
    st.dictionaries(st.sampled_from(["prd_1", "prd_2", "prd_3"]), st.integers(0, 10**8), max_size=3),
    st.integers(0, 10**9),
)
def test_producers_bear_no_more_than_their_part_and_all_of_it_is_borne(
    lost: int, nets: dict[str, int], more: int
) -> None:
    paid = sum(nets.values()) + more
    shares = loss_shares(lost, paid, nets)
    assert all(0 <= shares[each] <= nets[each] for each in shares)
    assert sum(shares.values()) <= lost
    borne = {each: (share // 3, share - share // 3) for each, share in shares.items()}
    entries = lost_entries(DISPUTED, FEES, lost, borne)
    assert imbalances(entries) == {}
    assert sum(each.amount_minor for each in entries if each.account == DISPUTED) == lost


def test_a_payment_that_is_lost_whole_takes_the_whole_part_of_each_producer() -> None:
    assert loss_shares(10_000, 10_000, {"prd_1": 5_820, "prd_2": 970}) == {"prd_1": 5_820, "prd_2": 970}
    assert loss_shares(5_000, 10_000, {"prd_1": 5_820, "prd_2": 970}) == {"prd_1": 2_910, "prd_2": 485}


def test_what_is_taken_and_what_comes_back_undo_each_other() -> None:
    both = [*taken_entries(GATEWAY, DISPUTED, 7830), *taken_entries(GATEWAY, DISPUTED, -7830)]
    assert imbalances(taken_entries(GATEWAY, DISPUTED, 7830)) == {}
    assert sum(each.amount_minor for each in both if each.account == GATEWAY) == 0


def test_every_status_is_told_in_both_languages() -> None:
    assert set(DISPUTE_DISPLAY) == set(DisputeStatus)
    assert all(set(words) == {"en", "zh-Hans"} for words in DISPUTE_DISPLAY.values())
