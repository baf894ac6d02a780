"""Stripe's events in our words, from messages as short as they may be."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.money import Money
from app.payments.provider_events import SUBSCRIBED, SUBSCRIBED_CONNECT, read_event
from app.payments.values import (
    AccountNews,
    AnyNews,
    DisputeNews,
    DisputeStatus,
    News,
    PaymentEvent,
    PayoutNews,
    PayoutStep,
)

INTENT = {"id": "pi_1", "currency": "cny", "amount": 7830, "amount_capturable": 7830, "amount_received": 7830}
DISPUTE = {
    "id": "du_1",
    "currency": "cny",
    "amount": 7830,
    "payment_intent": "pi_1",
    "status": "needs_response",
    "reason": "fraudulent",
    "evidence_details": {"due_by": 1_772_409_600},
    "balance_transactions": [],
}
PAYOUT = {"id": "po_1", "metadata": {"payout": "pyo_1"}}
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def news(kind: str, about: dict[str, Any], account: str | None = None) -> AnyNews | None:
    told = {"id": "evt_1", "type": kind, "data": {"object": about}} | ({"account": account} if account else {})
    return read_event(json.dumps(told).encode()).news


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("payment_intent.amount_capturable_updated", PaymentEvent.AUTHORISE),
        ("payment_intent.succeeded", PaymentEvent.PAY),
        ("payment_intent.payment_failed", PaymentEvent.DECLINE),
        ("payment_intent.canceled", PaymentEvent.CANCEL),
    ],
)
def test_what_happens_to_an_intent_is_news_of_its_payment(kind: str, event: PaymentEvent) -> None:
    assert news(kind, INTENT | {"metadata": {"payment": "pay_1"}}) == News(event, "pay_1", "pi_1", Money(7830, "CNY"))


def test_only_a_whole_refund_of_money_that_was_taken_is_news() -> None:
    charge = {"id": "ch_1", "currency": "cny", "amount": 7830, "amount_refunded": 7830, "payment_intent": "pi_1"}
    assert news("charge.refunded", charge | {"refunded": True, "captured": True}) == News(
        PaymentEvent.REFUND, None, "pi_1", Money(7830, "CNY")
    )
    assert news("charge.refunded", charge | {"refunded": False, "captured": True}) is None
    assert news("charge.refunded", charge | {"refunded": True, "captured": False}) is None


def test_a_dispute_tells_all_that_has_moved() -> None:
    told = news(
        "charge.dispute.closed",
        DISPUTE | {"status": "won", "balance_transactions": [{"amount": -7830}, {"amount": 7830}]},
    )
    assert isinstance(told, DisputeNews)
    assert (told.status, told.taken_minor, told.returned_minor) == (DisputeStatus.WON, 7830, 7830)
    assert told.due_at is not None
    assert news("charge.dispute.created", DISPUTE | {"payment_intent": None}) is None
    assert news("charge.dispute.created", DISPUTE | {"status": "of another time"}) is None


def test_payouts_and_accounts_are_news_of_the_account_that_they_are_on() -> None:
    assert news("account.updated", {"id": "acct_1"}, "acct_1") == AccountNews("acct_1")
    assert news("payout.paid", PAYOUT, "acct_1") == PayoutNews("acct_1", "po_1", PayoutStep.PAID, "pyo_1")
    failed = news("payout.failed", PAYOUT | {"failure_code": "account_closed"}, "acct_1")
    assert failed == PayoutNews("acct_1", "po_1", PayoutStep.RETURNED, "pyo_1", "account_closed")


def test_the_rest_is_nothing_to_us() -> None:
    assert news("payment_intent.created", INTENT) is None
    # Our own payouts to our own bank, and what happens on accounts beside payouts.
    assert news("payout.paid", PAYOUT) is None
    assert news("payment_intent.succeeded", INTENT, "acct_1") is None


def test_what_we_act_on_must_be_readable() -> None:
    with pytest.raises(ValidationError):
        news("charge.dispute.created", {"id": "du_1"})


def test_operators_are_told_to_subscribe_to_everything_that_we_act_on() -> None:
    page = OPERATIONS.read_text(encoding="utf-8")
    assert [each for each in (*SUBSCRIBED, *SUBSCRIBED_CONNECT) if f"`{each}`" not in page] == []
