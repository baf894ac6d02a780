"""Claims as pure decisions: steps, evidence, and money that is never more than was paid, whatever comes in whatever order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.claims.errors import NotClaimable
from app.claims.rules import (
    ALLOWED,
    LineSold,
    Standing,
    advance,
    due_after,
    held_minor,
    held_shared_minor,
    missing_evidence,
    policy_for,
    refundable_minor,
    unpaid_minor,
)
from app.claims.values import DISPLAY, VERBS, WAITING, ClaimEvent, ClaimStatus
from app.core.errors import StateConflict
from app.flows.claim_goods import refund_for, releases, sold_in
from app.identity.values import AgreedShare
from app.ledger.rules import check_zero_sum, proceeds, sale_entries, unreleased_minor
from app.ledger.values import AccountKind, PriceParts, State, Transfer, TransferKind
from app.orders.models import Order
from app.orders.policies import CarriageBack, Claimable, ClaimKind, Evidence
from app.orders.shares import frozen_shares, shares_of
from app.orders.values import OrderStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = Claimable(
    "P",
    ClaimKind.DAMAGE,
    timedelta(hours=48),
    frozenset(Evidence),
    CarriageBack.NONE,
    timedelta(hours=24),
    timedelta(3),
)


def test_only_waiting_claims_go_on_and_every_step_has_words():
    assert {status for status, _ in ALLOWED} == WAITING
    assert set(DISPLAY) == set(ClaimStatus)
    assert set(VERBS) == set(ClaimEvent)
    for status in ClaimStatus:
        for event in ClaimEvent:
            if (status, event) not in ALLOWED:
                with pytest.raises(StateConflict):
                    advance(status, event)


def test_whoever_has_to_act_has_a_clock_and_nobody_else():
    for status in ClaimStatus:
        assert (due_after(status, POLICY, NOW) is not None) == (status in WAITING)
    assert due_after(ClaimStatus.DISPUTED, POLICY, NOW) == NOW + timedelta(3)


def test_missing_evidence_is_named_where_it_belongs():
    assert [gap.pointer for gap in missing_evidence(POLICY, photos=0, inspection=False)] == ["/photos", "/inspection"]
    assert missing_evidence(POLICY, photos=1, inspection=True) == []


def test_other_kinds_than_the_policies_of_a_line_are_refused_by_name():
    with pytest.raises(NotClaimable) as refused:
        policy_for([POLICY], ClaimKind.NO_REASON)
    assert refused.value.fields["kinds"] == ["damage"]


@given(st.integers(0, 1_000), st.lists(st.integers(1, 400), max_size=5))
def test_grants_of_refused_goods_end_the_debt_first_and_together_no_more_than_it(uncollected, grants):
    claims, unpaid = [Standing("other", ClaimStatus.SETTLED, 50)], []
    for granted in grants:
        unpaid.append(unpaid_minor(uncollected, granted, "line", claims))
        claims.append(Standing("line", ClaimStatus.SETTLED, granted))
    assert sum(unpaid) == min(uncollected, sum(grants))
    assert all(0 <= part <= granted for part, granted in zip(unpaid, grants, strict=True))


def require_only_claimed_waits(order, transfers, goods, lines, claims):
    """Of each producer's money, and of their co-operative's, exactly what open claims hold back is not released."""
    waits = 0
    for producer in goods:
        sold = sold_in(order, producer, lines, claims)
        assert unreleased_minor(transfers, producer) == held_minor(sold, lines, claims)
        waits += held_shared_minor(sold, lines, claims)
    assert unreleased_minor(transfers, "coop", AccountKind.COOPERATIVE_PENDING) == waits


def held_by(transfers):
    """What every account holds, by kind and owner."""
    held = {}
    for entry in (entry for transfer in transfers for entry in transfer.entries):
        key = (entry.account.kind, entry.account.owner)
        held[key] = held.get(key, 0) + entry.amount_minor
    return held


STEPS = st.lists(
    st.tuples(st.sampled_from(["open", "settle", "end", "complete"]), st.integers(0, 3), st.integers(1, 1_000_000)),
    max_size=40,
)


@given(
    totals=st.lists(st.integers(1, 1_000_000), min_size=1, max_size=4),
    fee_bps=st.integers(0, 5_000),
    subsidy=st.integers(0, 1_000),
    share_bps=st.dictionaries(st.sampled_from(["prd0", "prd1"]), st.integers(0, 10_000)),
    steps=STEPS,
)
def test_any_order_of_claims_settlements_and_releases_keeps_the_money(totals, fee_bps, subsidy, share_bps, steps):
    """Zero sums after every step; no more back than was paid; claimed lines are not released; at the end all is accounted for.

    None, one or both of the producers are members of one co-operative, which has its share of each.
    """
    lines = [LineSold(f"lin{i}", f"prd{i % 2}", total) for i, total in enumerate(totals)]
    goods = {}
    for line in lines:
        goods[line.producer] = goods.get(line.producer, 0) + line.total_minor
    subsidy = min(subsidy, sum(totals))
    parts = PriceParts("CNY", goods, {}, subsidy_minor=subsidy)
    agreed = {each: AgreedShare("coop", "agr", 1, bps) for each, bps in share_bps.items() if each in goods}
    terms = {"fee_bps": fee_bps} | frozen_shares(agreed)
    sale = sale_entries("buyer", proceeds(parts, fee_bps, shares_of(terms)))
    transfers = [Transfer("sale", TransferKind.SALE, "ord", State.POSTED, sale)]
    order = Order(id="ord", currency="CNY", buyer_id="buyer", status=OrderStatus.DELIVERED, terms=terms)
    claims, completed = [], False

    def release():
        transfers.extend(releases(order, lines, claims, transfers, sorted(goods)))

    for step, place, amount in [*steps, ("complete", 0, 1), *[("end", i, 1) for i in range(4)]]:
        line = lines[place % len(lines)]
        waiting = [i for i, c in enumerate(claims) if c.line == line.id and c.status in WAITING]
        if step == "open" and not waiting:
            claims.append(Standing(line.id, ClaimStatus.OPEN, 0))
        elif step == "settle" and waiting:
            granted = min(amount, refundable_minor(line, claims, parts.paid_minor))
            if granted == 0:
                continue
            entries = refund_for(
                order, line, granted, lines, claims, transfers, released=order.status is OrderStatus.COMPLETED
            )
            transfers.append(Transfer(f"t{len(transfers)}", TransferKind.REFUND, "ord", State.POSTED, entries))
            claims[waiting[0]] = replace(claims[waiting[0]], status=ClaimStatus.SETTLED, granted_minor=granted)
            if completed:
                release()
        elif step == "end" and waiting:
            claims[waiting[0]] = replace(claims[waiting[0]], status=ClaimStatus.REFUSED)
            if completed:
                release()
        elif step == "complete" and not completed:
            completed, order.status = True, OrderStatus.COMPLETED
            release()
            require_only_claimed_waits(order, transfers, goods, lines, claims)
        for transfer in transfers:
            check_zero_sum(transfer)
        assert all(unreleased_minor(transfers, producer) >= 0 for producer in goods)
        assert unreleased_minor(transfers, "coop", AccountKind.COOPERATIVE_PENDING) >= 0
        back = sum(c.granted_minor for c in claims)
        assert back <= parts.paid_minor
        for each in lines:
            assert sum(c.granted_minor for c in claims if c.line == each.id) <= each.total_minor

    held = held_by(transfers)
    shared = 0
    for producer in goods:
        sold = sold_in(order, producer, lines, claims)
        shared += sold.cooperative_minor()
        assert held.get((AccountKind.PRODUCER_PENDING, producer), 0) == 0
        # The commission of what was kept, rounded once: parts of refunds lose nobody a fen.
        assert held.get((AccountKind.PRODUCER_AVAILABLE, producer), 0) == sold.net_minor()
    assert held.get((AccountKind.COOPERATIVE_PENDING, "coop"), 0) == 0
    assert held.get((AccountKind.COOPERATIVE_AVAILABLE, "coop"), 0) == shared
    assert held.get((AccountKind.BUYER, "buyer"), 0) == sum(c.granted_minor for c in claims) - parts.paid_minor
