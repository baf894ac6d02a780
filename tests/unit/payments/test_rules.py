"""The states of a payment: only upwards, whatever a provider tells and in whatever order."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.payments.errors import PaymentMethodUnavailable
from app.payments.rules import (
    ALLOWED,
    FIRST,
    fits,
    may_hold,
    methods_offered,
    news_for_order,
    next_status,
    require_offered,
)
from app.payments.values import DISPLAY, METHOD_DISPLAY, News, PaymentEvent, PaymentMethod, PaymentStatus

EVENTS = st.lists(st.sampled_from(PaymentEvent), max_size=8)
CASH, STRIPE = PaymentMethod.CASH_ON_DELIVERY, PaymentMethod.STRIPE
HEIGHT = {status: height for height, status in enumerate(PaymentStatus)}
NEWS = News(PaymentEvent.PAY, "pay_1", "pi_1", Money(7830, "CNY"))


def walk(method: PaymentMethod, events: Sequence[PaymentEvent]) -> list[PaymentStatus]:
    states = [FIRST[method]]
    for event in events:
        states.append(next_status(states[-1], event) or states[-1])
    return states


def told(method: PaymentMethod, events: Sequence[PaymentEvent]) -> list[str]:
    states = walk(method, events)
    steps = pairwise(states)
    return [job for before, after in steps if before is not after and (job := news_for_order(before, after))]


def test_cash_is_due_until_the_carrier_collects_it() -> None:
    assert walk(CASH, [PaymentEvent.PAY, PaymentEvent.REFUND]) == ["pending_cash", "paid", "refunded"]
    assert walk(CASH, [PaymentEvent.CANCEL]) == ["pending_cash", "cancelled"]


def test_a_card_payment_waits_for_the_buyer_and_is_paid() -> None:
    assert walk(STRIPE, [PaymentEvent.ASK, PaymentEvent.PAY]) == ["started", "awaiting_customer", "paid"]


def test_after_a_decline_another_card_may_still_pay() -> None:
    events = [PaymentEvent.ASK, PaymentEvent.DECLINE, PaymentEvent.DECLINE, PaymentEvent.PAY]
    assert walk(STRIPE, events)[-2:] == ["failed", "paid"]
    assert told(STRIPE, events) == ["payment.failed", "payment.paid"]


def test_money_that_comes_after_we_gave_up_is_not_overlooked() -> None:
    events = [PaymentEvent.ASK, PaymentEvent.CANCEL, PaymentEvent.PAY]
    assert walk(STRIPE, events)[-1] == "paid"
    assert told(STRIPE, events)[-1] == "payment.paid"


def test_a_refund_that_overtakes_its_payment_does_not_leave_the_order_waiting() -> None:
    events = [PaymentEvent.ASK, PaymentEvent.REFUND, PaymentEvent.PAY]
    assert walk(STRIPE, events)[-1] == "refunded"
    assert told(STRIPE, events) == ["payment.failed"]


def test_an_order_is_not_told_of_a_refund_that_it_asked_for() -> None:
    assert told(STRIPE, [PaymentEvent.PAY, PaymentEvent.REFUND]) == ["payment.paid"]


@given(st.sampled_from(PaymentMethod), EVENTS)
def test_the_state_never_goes_backwards(method: PaymentMethod, events: list[PaymentEvent]) -> None:
    heights = [HEIGHT[state] for state in walk(method, events)]
    assert heights == sorted(heights)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_end_does_not_depend_on_order_or_repetition(events: list[PaymentEvent], random) -> None:
    shuffled = events + events[: len(events) // 2]
    random.shuffle(shuffled)
    assert walk(STRIPE, shuffled)[-1] == walk(STRIPE, events)[-1]


@given(st.sampled_from(PaymentMethod), EVENTS)
def test_an_order_is_told_at_most_once_that_it_is_paid(method: PaymentMethod, events: list[PaymentEvent]) -> None:
    assert told(method, events).count("payment.paid") <= 1


def test_every_state_but_the_last_leads_somewhere() -> None:
    assert {status for status, _ in ALLOWED} == set(PaymentStatus) - {PaymentStatus.REFUNDED}
    assert set(FIRST.values()) | set(ALLOWED.values()) == set(PaymentStatus)


def test_every_state_and_method_has_a_name_in_both_languages() -> None:
    assert set(DISPLAY) == set(PaymentStatus)
    assert set(METHOD_DISPLAY) == set(PaymentMethod)
    for names in (*DISPLAY.values(), *METHOD_DISPLAY.values()):
        assert set(names) == {"en", "zh-Hans"}


def test_without_a_provider_stripe_is_refused_and_the_methods_there_are_named() -> None:
    require_offered(CASH, cards=False)
    require_offered(STRIPE, cards=True)
    assert methods_offered(cards=True) == (CASH, STRIPE)
    assert methods_offered(cards=False, transfers=True) == (CASH, PaymentMethod.BANK_TRANSFER)
    require_offered(PaymentMethod.BANK_TRANSFER, cards=False, transfers=True)
    with pytest.raises(PaymentMethodUnavailable, match="cash_on_delivery") as refused:
        require_offered(STRIPE, cards=False)
    assert refused.value.fields["methods"] == ["cash_on_delivery"]
    assert "cash_on_delivery" in refused.value.detail_in("zh-Hans")
    assert refused.value.gaps[0].pointer == "/payment/method"


@pytest.mark.parametrize(
    ("ref", "amount", "fit"),
    [
        (None, Money(7830, "CNY"), True),
        ("pi_1", Money(7830, "CNY"), True),
        ("pi_2", Money(7830, "CNY"), False),
        ("pi_1", Money(7829, "CNY"), False),
        ("pi_1", Money(7830, "HKD"), False),
    ],
)
def test_news_fits_only_the_same_intent_and_exactly_the_same_money(ref: str | None, amount: Money, fit: bool) -> None:
    assert fits(NEWS, ref=ref, amount=amount) is fit


def test_a_hold_is_taken_given_up_or_overtaken_and_told_each_time() -> None:
    held = [PaymentEvent.ASK, PaymentEvent.AUTHORISE]
    assert walk(STRIPE, held)[-1] == "authorised"
    assert told(STRIPE, [*held, PaymentEvent.PAY]) == ["payment.authorised", "payment.paid"]
    assert told(STRIPE, [*held, PaymentEvent.CANCEL]) == ["payment.authorised", "payment.lost"]
    # Told too late, it changes nothing.
    assert told(STRIPE, [PaymentEvent.PAY, PaymentEvent.AUTHORISE]) == ["payment.paid"]
    assert walk(STRIPE, [PaymentEvent.CANCEL, PaymentEvent.AUTHORISE])[-1] == "cancelled"


@pytest.mark.parametrize(
    ("leaves_in", "holds"),
    [
        (timedelta(0), True),
        (timedelta(days=6), True),
        (timedelta(days=6, seconds=1), False),
        (timedelta(days=21), False),
    ],
)
def test_a_card_is_held_only_when_the_hold_outlasts_the_hand_over_by_a_day(leaves_in: timedelta, holds: bool) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert may_hold(now + leaves_in, now) is holds


@given(st.permutations([PaymentEvent.ASK, PaymentEvent.DECLINE, PaymentEvent.AUTHORISE, PaymentEvent.PAY]))
def test_every_order_of_the_news_of_a_captured_card_ends_paid(events: list[PaymentEvent]) -> None:
    assert walk(STRIPE, events)[-1] == "paid"
    assert told(STRIPE, events).count("payment.paid") == 1


@given(st.permutations([PaymentEvent.ASK, PaymentEvent.DECLINE, PaymentEvent.AUTHORISE, PaymentEvent.CANCEL]))
def test_every_order_of_the_news_of_a_lost_hold_ends_cancelled(events: list[PaymentEvent]) -> None:
    assert walk(STRIPE, events)[-1] == "cancelled"
