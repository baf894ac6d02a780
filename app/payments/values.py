"""The words of paying: methods, states, what may happen to a payment, and what a card provider tells us of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from app.core.money import Money

PROVIDER_ID_LENGTH_MAX: Final = 255
SIGNATURE_LENGTH_MAX: Final = 2_000
SIGNATURE_AGE_MAX: Final = timedelta(minutes=5)
PROVIDER_RETRIES_MAX: Final = 2
PROVIDER_PAGES_MAX: Final = 5_000
RECONCILED_DAYS: Final = 7

ProviderId = Annotated[str, Field(min_length=1, max_length=PROVIDER_ID_LENGTH_MAX)]


class PaymentMethod(StrEnum):
    CASH_ON_DELIVERY = "cash_on_delivery"
    STRIPE = "stripe"
    BANK_TRANSFER = "bank_transfer"


class PaymentStatus(StrEnum):
    PENDING_CASH = "pending_cash"
    STARTED = "started"
    AWAITING_CUSTOMER = "awaiting_customer"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAID = "paid"
    REFUNDED = "refunded"


class PaymentEvent(StrEnum):
    """`ASK`: the provider has an intent and waits for the buyer. `DECLINE`: one try failed; another may still succeed."""

    ASK = "asked"
    DECLINE = "declined"
    CANCEL = "cancelled"
    PAY = "paid"
    REFUND = "refunded"


class Outcome(StrEnum):
    """What became of a provider's event: `REFUSED` speaks of other money than we asked for, `IGNORED` is nothing to us."""

    APPLIED = "applied"
    LATE = "late"
    REFUSED = "refused"
    IGNORED = "ignored"


DISPLAY: Final[Mapping[PaymentStatus, Mapping[str, str]]] = {
    PaymentStatus.PENDING_CASH: {"en": "Cash due on delivery", "zh-Hans": "货到付款"},
    PaymentStatus.STARTED: {"en": "Payment started", "zh-Hans": "正在发起付款"},
    PaymentStatus.AWAITING_CUSTOMER: {"en": "Waiting for the buyer to pay", "zh-Hans": "等待买家付款"},
    PaymentStatus.FAILED: {"en": "Payment failed", "zh-Hans": "付款失败"},
    PaymentStatus.CANCELLED: {"en": "Payment cancelled", "zh-Hans": "付款已取消"},
    PaymentStatus.PAID: {"en": "Paid", "zh-Hans": "已付款"},
    PaymentStatus.REFUNDED: {"en": "Refunded", "zh-Hans": "已退款"},
}

METHOD_DISPLAY: Final[Mapping[PaymentMethod, Mapping[str, str]]] = {
    PaymentMethod.CASH_ON_DELIVERY: {"en": "Cash on delivery", "zh-Hans": "货到付款"},
    PaymentMethod.STRIPE: {
        "en": "Card, Alipay or WeChat Pay (Stripe)",
        "zh-Hans": "银行卡、支付宝或微信支付（Stripe）",
    },
    PaymentMethod.BANK_TRANSFER: {"en": "Bank or wallet transfer", "zh-Hans": "银行或钱包转账"},
}


@dataclass(frozen=True, slots=True)
class Intent:
    """A card provider's side of a payment. `client_secret` is for the buyer's client alone and is never stored."""

    ref: str
    status: PaymentStatus
    client_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a card provider says that it took for an intent, less what it returned."""

    ref: ProviderId
    created_at: datetime
    kept: Money


@dataclass(frozen=True, slots=True)
class Recorded:
    """What we know of a card payment; `kept` is what was paid and not returned."""

    payment_id: str
    order_id: str
    ref: str
    created_at: datetime
    kept: Money


@dataclass(frozen=True, slots=True)
class News:
    """What happened to the intent `ref`, and to how much money. `payment_id` is ours, as the provider gives it back."""

    event: PaymentEvent
    payment_id: str | None
    ref: ProviderId
    amount: Money


@dataclass(frozen=True, slots=True)
class Event:
    """A provider's message, known to be genuine; `news` is None when it is nothing to us."""

    provider: str
    id: str
    type: str
    news: News | None


@dataclass(frozen=True, slots=True)
class Step:
    """What news did to a payment, and the job, if any, by which its order learns of it."""

    outcome: Outcome
    order_id: str | None = None
    job: str | None = None
