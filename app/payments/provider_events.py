"""Stripe's events in our words: what of a signed message concerns us, and nothing else of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from app.core.money import Money
from app.payments.values import (
    AccountNews,
    AnyNews,
    DisputeNews,
    DisputeStatus,
    Event,
    News,
    PaymentEvent,
    PayoutNews,
    PayoutStep,
    ProviderId,
    RefundNews,
)

_Amount = Literal["amount", "amount_received", "amount_refunded", "amount_capturable"]
# Of an intent's events, those that say something about money; and where each says how much.
_PAYMENTS: Final[Mapping[str, tuple[PaymentEvent, _Amount]]] = {
    "payment_intent.amount_capturable_updated": (PaymentEvent.AUTHORISE, "amount_capturable"),
    "payment_intent.succeeded": (PaymentEvent.PAY, "amount_received"),
    "payment_intent.payment_failed": (PaymentEvent.DECLINE, "amount"),
    "payment_intent.canceled": (PaymentEvent.CANCEL, "amount"),
    "charge.refunded": (PaymentEvent.REFUND, "amount_refunded"),
}
# A bank that refuses late makes a payout fail that had been told of as paid: to us it has come back either way.
_PAYOUTS: Final[Mapping[str, PayoutStep]] = {
    "payout.paid": PayoutStep.PAID,
    "payout.failed": PayoutStep.RETURNED,
    "payout.canceled": PayoutStep.RETURNED,
}
_DISPUTES: Final[Mapping[str, DisputeStatus]] = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY_ANSWERED,
    "warning_closed": DisputeStatus.INQUIRY_CLOSED,
    "prevented": DisputeStatus.INQUIRY_CLOSED,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
# One and the same news under three names: which of them is told depends on the way of paying and the API version.
_REFUNDS: Final = ("refund.failed", "refund.updated", "charge.refund.updated")
_NOT_GIVEN: Final = frozenset({"failed", "canceled"})
# For the operator's endpoints at Stripe: of the platform, and of connected accounts.
SUBSCRIBED: Final = (*_PAYMENTS, *_REFUNDS, "charge.dispute.*")
SUBSCRIBED_CONNECT: Final = ("account.updated", *_PAYOUTS)
_Currency = Annotated[str, Field(pattern="^[a-z]{3}$")]


class _Told(BaseModel):
    """The parts that we read of an intent or a charge."""

    id: ProviderId
    currency: _Currency
    amount: int
    amount_received: int = 0
    amount_refunded: int = 0
    amount_capturable: int = 0
    refunded: bool = False
    captured: bool = True
    payment_intent: ProviderId | None = None
    metadata: dict[str, str] = {}


class _Movement(BaseModel):
    amount: int


class _Deadline(BaseModel):
    due_by: int | None = None


class _Disputed(BaseModel):
    id: ProviderId
    currency: _Currency
    amount: int
    payment_intent: ProviderId | None = None
    status: str
    reason: Annotated[str, Field(max_length=40)]
    evidence_details: _Deadline
    balance_transactions: list[_Movement] = []


class _Refunded(BaseModel):
    id: ProviderId
    amount: int
    currency: _Currency
    status: str | None = None
    failure_reason: Annotated[str, Field(max_length=100)] | None = None
    metadata: dict[str, str] | None = None


class _PaidOut(BaseModel):
    id: ProviderId
    failure_code: Annotated[str, Field(max_length=100)] | None = None
    metadata: dict[str, str] = {}


class _About(BaseModel):
    object: dict[str, Any]


class _Envelope(BaseModel):
    id: ProviderId
    type: ProviderId
    account: ProviderId | None = None
    data: _About


def read_event(raw_body: bytes) -> Event:
    """Stripe's event in our words; raises pydantic's `ValidationError` when it is none."""
    envelope = _Envelope.model_validate_json(raw_body)
    return Event("stripe", envelope.id, envelope.type, _news(envelope))


def _news(envelope: _Envelope) -> AnyNews | None:
    about = envelope.data.object
    if envelope.account is not None:
        return _account_news(envelope, envelope.account)
    if envelope.type.startswith("charge.dispute."):
        return dispute_news(about)
    if envelope.type in _REFUNDS:
        return _refund_news(about)
    return _payment_news(envelope) if envelope.type in _PAYMENTS else None


def _payment_news(envelope: _Envelope) -> News | None:
    event, amount_field = _PAYMENTS[envelope.type]
    told = _Told.model_validate(envelope.data.object)
    # A part returned by hand in the provider's dashboard is between the operator and the buyer; a hold that was
    # given up counts there as returned, though nothing had been taken.
    ours = event is not PaymentEvent.REFUND or (told.refunded and told.captured)
    ref = told.payment_intent if event is PaymentEvent.REFUND else told.id
    if ref is None or not ours:
        return None
    amount = Money(getattr(told, amount_field), told.currency.upper())
    return News(event, told.metadata.get("payment"), ref, amount)


def _refund_news(about: Any) -> RefundNews | None:
    """A refund of ours that failed; one that was made in the provider's dashboard is between the operator and the buyer."""
    told = _Refunded.model_validate(about)
    ours = told.metadata or {}
    if told.status not in _NOT_GIVEN or not {"refund", "payment"} <= ours.keys():
        return None
    amount = Money(told.amount, told.currency.upper())
    return RefundNews(told.id, ours["refund"], ours["payment"], amount, told.failure_reason)


def dispute_news(about: Any) -> DisputeNews | None:
    """What a dispute says of itself: it carries all that has moved so far, so that the order of news does not matter."""
    told = _Disputed.model_validate(about)
    if told.payment_intent is None or told.status not in _DISPUTES:
        return None
    moved = [each.amount for each in told.balance_transactions]
    due = told.evidence_details.due_by
    return DisputeNews(
        dispute_ref=told.id,
        intent_ref=told.payment_intent,
        status=_DISPUTES[told.status],
        reason=told.reason,
        amount=Money(told.amount, told.currency.upper()),
        taken_minor=-sum(amount for amount in moved if amount < 0),
        returned_minor=sum(amount for amount in moved if amount > 0),
        due_at=datetime.fromtimestamp(due, UTC) if due else None,
    )


def _account_news(envelope: _Envelope, account: str) -> AccountNews | PayoutNews | None:
    if envelope.type == "account.updated":
        return AccountNews(account_ref=account)
    if envelope.type not in _PAYOUTS:
        return None
    told = _PaidOut.model_validate(envelope.data.object)
    return PayoutNews(account, told.id, _PAYOUTS[envelope.type], told.metadata.get("payout"), told.failure_code)
