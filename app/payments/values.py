"""The words of paying: methods, states, what may happen to a payment, and what a card provider tells us of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from app.core.ids import pattern
from app.core.money import Money

PROVIDER_ID_LENGTH_MAX: Final = 255
SIGNATURE_LENGTH_MAX: Final = 2_000
SIGNATURE_AGE_MAX: Final = timedelta(minutes=5)
PROVIDER_PAGES_MAX: Final = 5_000
RECONCILED_DAYS: Final = 7
# How long most card networks let money be held, as Stripe documents it; and how long before its end we no longer rely on it (our default).
HOLD_LASTS: Final = timedelta(days=7)
HOLD_MARGIN: Final = timedelta(days=1)
DISPUTE_ID: Final = pattern("dsp")

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
    AUTHORISED = "authorised"
    CANCELLED = "cancelled"
    PAID = "paid"
    REFUNDED = "refunded"


class PaymentEvent(StrEnum):
    """`ASK`: the provider has an intent and waits for the buyer. `DECLINE`: one try failed; another may still succeed.

    `AUTHORISE`: the card's money is held for us until it is captured or the hold expires.
    """

    ASK = "asked"
    DECLINE = "declined"
    AUTHORISE = "authorised"
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
    PaymentStatus.AUTHORISED: {
        "en": "Held on the card until the goods are handed over",
        "zh-Hans": "已预授权，发货时扣款",
    },
    PaymentStatus.CANCELLED: {"en": "Payment cancelled", "zh-Hans": "付款已取消"},
    PaymentStatus.PAID: {"en": "Paid", "zh-Hans": "已付款"},
    PaymentStatus.REFUNDED: {"en": "Refunded", "zh-Hans": "已退款"},
}

# A deposit is paid before there is an order that could be paid at the door.
FOR_ORDERS: Final = (PaymentMethod.CASH_ON_DELIVERY, PaymentMethod.STRIPE, PaymentMethod.BANK_TRANSFER)
FOR_DEPOSITS: Final = (PaymentMethod.BANK_TRANSFER, PaymentMethod.STRIPE)

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


class DisputeStatus(StrEnum):
    """How far a buyer's bank has come, in the order in which it goes: news of a lower step never undoes a higher one.

    An inquiry asks only; a dispute has taken the money.
    """

    INQUIRY = "inquiry"
    INQUIRY_ANSWERED = "inquiry_answered"
    INQUIRY_CLOSED = "inquiry_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


# In these an answer is still heard, and the producers' money for the order waits.
ANSWERABLE: Final = frozenset({DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE})
DISPUTE_OPEN: Final = ANSWERABLE | {DisputeStatus.INQUIRY_ANSWERED, DisputeStatus.UNDER_REVIEW}
DISPUTE_DISPLAY: Final[Mapping[DisputeStatus, Mapping[str, str]]] = {
    DisputeStatus.INQUIRY: {"en": "The buyer's bank asks", "zh-Hans": "买家银行问询"},
    DisputeStatus.INQUIRY_ANSWERED: {"en": "The bank's question is answered", "zh-Hans": "已答复银行问询"},
    DisputeStatus.INQUIRY_CLOSED: {"en": "The bank's question is closed", "zh-Hans": "问询已结束"},
    DisputeStatus.NEEDS_RESPONSE: {"en": "Disputed: evidence is due", "zh-Hans": "拒付争议，待提交证据"},
    DisputeStatus.UNDER_REVIEW: {"en": "The bank reviews the evidence", "zh-Hans": "银行审核证据中"},
    DisputeStatus.WON: {"en": "Won: the money is back", "zh-Hans": "胜诉，款项已返还"},
    DisputeStatus.LOST: {"en": "Lost: the buyer keeps the money", "zh-Hans": "败诉，款项归买家"},
}


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """All that a dispute has come to: what was taken from us so far and what was given back."""

    dispute_ref: ProviderId
    intent_ref: ProviderId
    status: DisputeStatus
    reason: str
    amount: Money
    taken_minor: int
    returned_minor: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundNews:
    """Money that was sent back to a buyer could not be given to it and is with us again. `refund_id` is ours."""

    refund_ref: ProviderId
    refund_id: str
    payment_id: str
    amount: Money
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AccountNews:
    """Something changed about a connected account: what, is asked of the provider, so that no order of news misleads."""

    account_ref: ProviderId


class PayoutStep(StrEnum):
    PAID = "paid"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class PayoutNews:
    """What became of a connected account's payout to its bank. `payout_id` is ours, as the provider gives it back."""

    account_ref: ProviderId
    payout_ref: ProviderId
    step: PayoutStep
    payout_id: str | None
    reason: str | None = None


AnyNews = News | DisputeNews | RefundNews | AccountNews | PayoutNews


@dataclass(frozen=True, slots=True)
class Fee:
    """What a provider kept of a movement; `order_id` where that is of an order."""

    ref: ProviderId
    at: datetime
    amount: Money
    order_id: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A provider's message, known to be genuine; `news` is None when it is nothing to us."""

    provider: str
    id: str
    type: str
    news: AnyNews | None


@dataclass(frozen=True, slots=True)
class Step:
    """What news did, and the job, if any, by which its order learns of it."""

    outcome: Outcome
    order_id: str | None = None
    job: str | None = None
