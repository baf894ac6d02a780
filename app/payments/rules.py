"""Decisions of paying: which state follows, which method is offered, and whether a provider's news fits a payment."""

from collections.abc import Mapping
from typing import Final

from app.core.money import Money
from app.payments.errors import PaymentMethodUnavailable
from app.payments.values import News, PaymentEvent, PaymentMethod, PaymentStatus

_E = PaymentEvent
_S = PaymentStatus

# Stripe tells things late, doubled and in any order. Each event leads upwards only, so the end does not depend on it:
# money that was taken counts for more than our having given up on it (then the order lane returns it).
ALLOWED: Final[Mapping[tuple[PaymentStatus, PaymentEvent], PaymentStatus]] = {
    (_S.PENDING_CASH, _E.PAY): _S.PAID,
    (_S.PENDING_CASH, _E.CANCEL): _S.CANCELLED,
    (_S.STARTED, _E.ASK): _S.AWAITING_CUSTOMER,
    (_S.STARTED, _E.DECLINE): _S.FAILED,
    (_S.STARTED, _E.CANCEL): _S.CANCELLED,
    (_S.STARTED, _E.PAY): _S.PAID,
    (_S.STARTED, _E.REFUND): _S.REFUNDED,
    (_S.AWAITING_CUSTOMER, _E.DECLINE): _S.FAILED,
    (_S.AWAITING_CUSTOMER, _E.CANCEL): _S.CANCELLED,
    (_S.AWAITING_CUSTOMER, _E.PAY): _S.PAID,
    (_S.AWAITING_CUSTOMER, _E.REFUND): _S.REFUNDED,
    (_S.FAILED, _E.CANCEL): _S.CANCELLED,
    (_S.FAILED, _E.PAY): _S.PAID,
    (_S.FAILED, _E.REFUND): _S.REFUNDED,
    (_S.CANCELLED, _E.PAY): _S.PAID,
    (_S.CANCELLED, _E.REFUND): _S.REFUNDED,
    (_S.PAID, _E.REFUND): _S.REFUNDED,
}

FIRST: Final[Mapping[PaymentMethod, PaymentStatus]] = {
    PaymentMethod.CASH_ON_DELIVERY: _S.PENDING_CASH,
    PaymentMethod.STRIPE: _S.STARTED,
}


def next_status(status: PaymentStatus, event: PaymentEvent) -> PaymentStatus | None:
    """The state that follows; None when the event is late, doubled or overtaken and changes nothing."""
    return ALLOWED.get((status, event))


def news_for_order(before: PaymentStatus, after: PaymentStatus) -> str | None:
    """The job that tells the order of a step: `payment.paid`, `payment.failed`, or nothing.

    `payment.failed` is no last word while the intent is open: the buyer may pay with another card.
    """
    if after is PaymentStatus.PAID:
        return "payment.paid"
    # Returned before the order ever heard that it was paid.
    unheard = after is PaymentStatus.REFUNDED and before is not PaymentStatus.PAID
    return "payment.failed" if unheard or after in (PaymentStatus.FAILED, PaymentStatus.CANCELLED) else None


def methods_offered(*, cards: bool) -> tuple[PaymentMethod, ...]:
    """The ways of paying; `cards` says whether a card provider is configured."""
    return tuple(PaymentMethod) if cards else (PaymentMethod.CASH_ON_DELIVERY,)


def require_offered(method: PaymentMethod, *, cards: bool) -> None:
    """Raise `PaymentMethodUnavailable`, which names the methods there are."""
    offered = methods_offered(cards=cards)
    if method not in offered:
        raise PaymentMethodUnavailable(method, offered)


def fits(news: News, *, ref: str | None, amount: Money) -> bool:
    """Whether the news is of this payment: the same intent where we know it, and exactly the same money."""
    return ref in (None, news.ref) and news.amount == amount
