"""Decisions of paying: which state follows, which method is offered, whether a provider's news fits, and what it tells otherwise."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from app.core.money import Money
from app.ledger.values import Disagreement, Finding
from app.payments.errors import PaymentMethodUnavailable
from app.payments.values import (
    FOR_ORDERS,
    HOLD_LASTS,
    HOLD_MARGIN,
    News,
    PaymentEvent,
    PaymentMethod,
    PaymentStatus,
    Recorded,
    Taken,
)

_E = PaymentEvent
_S = PaymentStatus

# Stripe tells things late, doubled and in any order. Each event leads upwards only, so the end does not depend on it:
# money that was taken counts for more than our having given up on it (then the order lane returns it).
ALLOWED: Final[Mapping[tuple[PaymentStatus, PaymentEvent], PaymentStatus]] = {
    (_S.PENDING_CASH, _E.PAY): _S.PAID,
    (_S.PENDING_CASH, _E.CANCEL): _S.CANCELLED,
    (_S.STARTED, _E.ASK): _S.AWAITING_CUSTOMER,
    (_S.STARTED, _E.DECLINE): _S.FAILED,
    (_S.STARTED, _E.AUTHORISE): _S.AUTHORISED,
    (_S.STARTED, _E.CANCEL): _S.CANCELLED,
    (_S.STARTED, _E.PAY): _S.PAID,
    (_S.STARTED, _E.REFUND): _S.REFUNDED,
    (_S.AWAITING_CUSTOMER, _E.DECLINE): _S.FAILED,
    (_S.AWAITING_CUSTOMER, _E.AUTHORISE): _S.AUTHORISED,
    (_S.AWAITING_CUSTOMER, _E.CANCEL): _S.CANCELLED,
    (_S.AWAITING_CUSTOMER, _E.PAY): _S.PAID,
    (_S.AWAITING_CUSTOMER, _E.REFUND): _S.REFUNDED,
    (_S.FAILED, _E.AUTHORISE): _S.AUTHORISED,
    (_S.FAILED, _E.CANCEL): _S.CANCELLED,
    (_S.FAILED, _E.PAY): _S.PAID,
    (_S.FAILED, _E.REFUND): _S.REFUNDED,
    (_S.AUTHORISED, _E.CANCEL): _S.CANCELLED,
    (_S.AUTHORISED, _E.PAY): _S.PAID,
    (_S.AUTHORISED, _E.REFUND): _S.REFUNDED,
    (_S.CANCELLED, _E.PAY): _S.PAID,
    (_S.CANCELLED, _E.REFUND): _S.REFUNDED,
    (_S.PAID, _E.REFUND): _S.REFUNDED,
}

FIRST: Final[Mapping[PaymentMethod, PaymentStatus]] = {
    PaymentMethod.CASH_ON_DELIVERY: _S.PENDING_CASH,
    PaymentMethod.STRIPE: _S.STARTED,
    PaymentMethod.BANK_TRANSFER: _S.AWAITING_CUSTOMER,
}


def next_status(status: PaymentStatus, event: PaymentEvent) -> PaymentStatus | None:
    """The state that follows; None when the event is late, doubled or overtaken and changes nothing."""
    return ALLOWED.get((status, event))


def news_for_order(before: PaymentStatus, after: PaymentStatus) -> str | None:
    """The job that tells the order of a step: `payment.authorised`, `payment.paid`, `payment.failed`, `payment.lost`, or nothing.

    `payment.failed` is no last word while the intent is open: the buyer may pay with another card. `payment.lost` is: money that was
    held for an order is held no more.
    """
    if after in (PaymentStatus.AUTHORISED, PaymentStatus.PAID):
        return f"payment.{after}"
    if before is PaymentStatus.AUTHORISED and after is PaymentStatus.CANCELLED:
        return "payment.lost"
    # Returned before the order ever heard that it was paid.
    unheard = after is PaymentStatus.REFUNDED and before not in (PaymentStatus.AUTHORISED, PaymentStatus.PAID)
    return "payment.failed" if unheard or after in (PaymentStatus.FAILED, PaymentStatus.CANCELLED) else None


class Lapsed(Protocol):
    """A payment, as far as it tells whether a hold was lost."""

    method: PaymentMethod
    status: PaymentStatus
    held_until: datetime | None


def is_lost(payment: Lapsed) -> bool:
    """Whether money was held for us on a card and never taken."""
    held = payment.method is PaymentMethod.STRIPE and payment.held_until is not None
    return held and payment.status is PaymentStatus.CANCELLED


def nothing_taken(status: PaymentStatus) -> bool:
    """Whether a card payment was lost, or is only asked for: there is nothing yet that could be sent back."""
    return status not in (PaymentStatus.AUTHORISED, PaymentStatus.PAID, PaymentStatus.REFUNDED)


def may_hold(first_departs_at: datetime, now: datetime) -> bool:
    """Whether money held on a card now would still be held, with a margin, when the first goods are handed over."""
    return first_departs_at + HOLD_MARGIN <= now + HOLD_LASTS


def methods_offered(
    *, cards: bool, transfers: bool = False, among: Sequence[PaymentMethod] = FOR_ORDERS
) -> tuple[PaymentMethod, ...]:
    """The ways of paying; `cards` says whether a card provider is configured, `transfers` whether buyers are told where to pay."""
    there = {PaymentMethod.STRIPE: cards, PaymentMethod.BANK_TRANSFER: transfers}
    return tuple(method for method in among if there.get(method, True))


def require_offered(
    method: PaymentMethod,
    *,
    cards: bool,
    transfers: bool = False,
    among: Sequence[PaymentMethod] = FOR_ORDERS,
    at: str = "/payment/method",
) -> None:
    """Raise `PaymentMethodUnavailable`, which names the methods there are."""
    offered = methods_offered(cards=cards, transfers=transfers, among=among)
    if method not in offered:
        raise PaymentMethodUnavailable(method, offered, at)


def fits(news: News, *, ref: str | None, amount: Money) -> bool:
    """Whether the news is of this payment: the same intent where we know it, and exactly the same money."""
    return ref in (None, news.ref) and news.amount == amount


def compare_with_provider(
    taken: Sequence[Taken],
    recorded: Sequence[Recorded],
    held_minor: Mapping[tuple[str, str], int],
    *,
    from_at: datetime,
    until_at: datetime,
) -> list[Finding]:
    """What a card provider tells otherwise than our payments, or than the ledger by order and currency (`held_minor`).

    Both lists may reach beyond the period: it decides which intents and which payments are asked about, not which are known.
    """
    ours = {payment.ref: payment for payment in recorded}
    theirs = {intent.ref: intent for intent in taken}
    findings: list[Finding] = []
    kept_minor: dict[tuple[str, str], int] = {}
    for intent in taken:
        if not from_at <= intent.created_at < until_at:
            continue
        payment = ours.get(intent.ref)
        if payment is None:
            if intent.kept.amount:
                findings.append(_found(Disagreement.PAYMENT_UNKNOWN, intent.ref, 0, intent.kept))
            continue
        key = (payment.order_id, payment.kept.currency)
        kept = intent.kept if intent.kept.currency == payment.kept.currency else Money(0, payment.kept.currency)
        kept_minor[key] = kept_minor.get(key, 0) + kept.amount
        if intent.kept != payment.kept:
            findings.append(_found(Disagreement.PAYMENT_AMOUNT, intent.ref, payment.kept.amount, kept))
    findings += [
        _found(Disagreement.PAYMENT_MISSING, payment.ref, payment.kept.amount, Money(0, payment.kept.currency))
        for payment in recorded
        if from_at <= payment.created_at < until_at and payment.ref not in theirs
    ]
    findings += [
        _found(Disagreement.PAYMENT_LEDGER, order_id, kept, Money(held_minor.get((order_id, currency), 0), currency))
        for (order_id, currency), kept in sorted(kept_minor.items())
        if kept != held_minor.get((order_id, currency), 0)
    ]
    return findings


def _found(what: Disagreement, subject: str, expected_minor: int, found: Money) -> Finding:
    return Finding(what, subject, found.currency, expected_minor, found.amount)
