"""The course of a dispute: the same end whatever the order of its news, and nobody bears more than was lost."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.ledger.rules import imbalances
from app.ledger.values import PLATFORM, RELEASED_TO, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from app.payments.dispute_rules import (
    Course,
    Part,
    loss_shares,
    lost_entries,
    movements,
    parts_of,
    taken_entries,
)
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
    "lost, then won": [
        news(S.NEEDS_RESPONSE, 7830), news(S.LOST, 7830), news(S.WON, 7830), news(S.WON, 7830, 7830),
    ],
    "won, then lost": [
        news(S.NEEDS_RESPONSE, 7830), news(S.WON, 7830, 7830), news(S.LOST, 15_660, 7830),
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


def pending(owner: str, kind: AccountKind = AccountKind.PRODUCER_PENDING) -> AccountRef:
    return AccountRef(kind, owner, "CNY")


@given(
    st.integers(1, 10**9),
    st.dictionaries(
        st.sampled_from([pending("prd_1"), pending("prd_2"), pending("prd_3", AccountKind.COOPERATIVE_PENDING)]),
        st.builds(Part, st.integers(1, 10**8), st.integers(0, 10**8)),
    ),
    st.integers(0, 10**9),
)
def test_producers_bear_no_more_than_their_part_and_all_of_it_is_borne(
    lost: int, parts: dict[AccountRef, Part], more: int
) -> None:
    shares = loss_shares(lost, sum(part.net_minor for part in parts.values()) + more, parts)
    assert all(0 <= share <= parts[each].net_minor for each, share in shares.items())
    assert sum(shares.values()) <= lost
    entries = lost_entries(DISPUTED, FEES, lost, shares, parts)
    assert imbalances(entries) == {}
    amounts = {each.account: each.amount_minor for each in entries}
    assert amounts[DISPUTED] == lost
    for each, share in shares.items():
        released = AccountRef(RELEASED_TO[each.kind], each.owner, "CNY")
        assert amounts.get(each, 0) + amounts.get(released, 0) == -share
        assert -amounts.get(each, 0) <= parts[each].unreleased_minor


def test_a_payment_that_is_lost_whole_takes_the_whole_part_of_each_producer() -> None:
    parts = {pending("prd_1"): Part(5_820), pending("prd_2"): Part(970)}
    assert list(loss_shares(10_000, 10_000, parts).values()) == [5_820, 970]
    assert list(loss_shares(5_000, 10_000, parts).values()) == [2_910, 485]


def test_a_part_is_what_all_transfers_of_the_order_come_to() -> None:
    loom, shares = pending("prd_1"), pending("prd_2", AccountKind.COOPERATIVE_PENDING)
    free = AccountRef(AccountKind.PRODUCER_AVAILABLE, "prd_1", "CNY")

    def made(kind: TransferKind, state: State, *entries: Entry) -> Transfer:
        return Transfer(f"trf_{kind}", kind, "ord_1", state, entries)

    sale = made(TransferKind.SALE, State.POSTED, Entry(loom, 900), Entry(shares, 100), Entry(GATEWAY, -1_000))
    release = made(TransferKind.RELEASE, State.POSTED, Entry(loom, -900), Entry(free, 900))
    refund = made(TransferKind.REFUND, State.POSTED, Entry(free, -200), Entry(shares, -20), Entry(GATEWAY, 220))
    void = made(TransferKind.REROUTE, State.VOID, Entry(loom, 5), Entry(GATEWAY, -5))
    assert parts_of([sale, release, refund, void]) == {loom: Part(700, 0), shares: Part(80, 80)}
    assert parts_of([replace(sale, state=State.PENDING)]) == {loom: Part(900, 0), shares: Part(100, 0)}


def test_what_is_taken_and_what_comes_back_undo_each_other() -> None:
    both = [*taken_entries(GATEWAY, DISPUTED, 7830), *taken_entries(GATEWAY, DISPUTED, -7830)]
    assert imbalances(taken_entries(GATEWAY, DISPUTED, 7830)) == {}
    assert sum(each.amount_minor for each in both if each.account == GATEWAY) == 0


def test_every_status_is_told_in_both_languages() -> None:
    assert set(DISPUTE_DISPLAY) == set(DisputeStatus)
    assert all(set(words) == {"en", "zh-Hans"} for words in DISPUTE_DISPLAY.values())
