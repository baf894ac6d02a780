"""The words of bargaining: an offer's states, what may happen to it, whose word it is, and what becomes of its deposit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from app.core.ids import pattern
from app.core.money import Money

OFFER_ID: Final = pattern("off")
WORDS_LENGTH_MAX: Final = 1_000
OFFERS_PER_ORDER_MAX: Final = 50


class OfferStatus(StrEnum):
    """`OPEN` waits for the producer, `COUNTERED` for the buyer, `ACCEPTED` for deposit and order; the others are ends."""

    OPEN = "open"
    COUNTERED = "countered"
    ACCEPTED = "accepted"
    USED = "used"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OfferEvent(StrEnum):
    """`LAPSE`: the clock ran out. `REOPEN`: nobody paid for its order, which may be placed again. `UNDO`: its order was cancelled."""

    COUNTER = "countered"
    ACCEPT = "accepted"
    DECLINE = "declined"
    WITHDRAW = "withdrawn"
    LAPSE = "lapsed"
    ORDER = "ordered"
    REOPEN = "reopened"
    UNDO = "undone"


class Side(StrEnum):
    BUYER = "buyer"
    PRODUCER = "producer"
    OPERATOR = "operator"


class DepositStatus(StrEnum):
    """`HELD` is paid and owed back; `APPLIED` counts towards an order; `RETURNED` is owed to the buyer, and perhaps sent."""

    NONE = "none"
    DUE = "due"
    HELD = "held"
    APPLIED = "applied"
    RETURNED = "returned"
    FORFEITED = "forfeited"
    CANCELLED = "cancelled"


class DepositEvent(StrEnum):
    RECEIVE = "received"
    APPLY = "applied"
    RELEASE = "released"
    RETURN = "returned"
    FORFEIT = "forfeited"
    CANCEL = "cancelled"


class Fate(StrEnum):
    """What becomes of a deposit when its offer comes to nothing by the buyer's doing."""

    FORFEITED = "forfeited"
    RETURNED = "returned"


WAITING: Final = frozenset({OfferStatus.OPEN, OfferStatus.COUNTERED, OfferStatus.ACCEPTED})
DISPLAY: Final[Mapping[OfferStatus, Mapping[str, str]]] = {
    OfferStatus.OPEN: {"en": "Waiting for the producer", "zh-Hans": "待卖家答复"},
    OfferStatus.COUNTERED: {"en": "Waiting for the buyer", "zh-Hans": "待买家答复"},
    OfferStatus.ACCEPTED: {"en": "Agreed", "zh-Hans": "已成交"},
    OfferStatus.USED: {"en": "Ordered", "zh-Hans": "已下单"},
    OfferStatus.DECLINED: {"en": "Declined", "zh-Hans": "已拒绝"},
    OfferStatus.WITHDRAWN: {"en": "Withdrawn", "zh-Hans": "已撤回"},
    OfferStatus.EXPIRED: {"en": "Expired", "zh-Hans": "已过期"},
}
VERBS: Final[Mapping[OfferEvent, Mapping[str, str]]] = {
    OfferEvent.COUNTER: {"en": "countered", "zh-Hans": "还价"},
    OfferEvent.ACCEPT: {"en": "accepted", "zh-Hans": "接受"},
    OfferEvent.DECLINE: {"en": "declined", "zh-Hans": "拒绝"},
    OfferEvent.WITHDRAW: {"en": "withdrawn", "zh-Hans": "撤回"},
    OfferEvent.LAPSE: {"en": "lapsed", "zh-Hans": "过期"},
    OfferEvent.ORDER: {"en": "ordered", "zh-Hans": "下单"},
    OfferEvent.REOPEN: {"en": "opened again", "zh-Hans": "恢复"},
    OfferEvent.UNDO: {"en": "undone", "zh-Hans": "取消"},
}
DEPOSIT_DISPLAY: Final[Mapping[DepositStatus, Mapping[str, str]]] = {
    DepositStatus.NONE: {"en": "No deposit", "zh-Hans": "无需定金"},
    DepositStatus.DUE: {"en": "Due", "zh-Hans": "待支付"},
    DepositStatus.HELD: {"en": "Held", "zh-Hans": "已托管"},
    DepositStatus.APPLIED: {"en": "Counted towards the order", "zh-Hans": "已抵货款"},
    DepositStatus.RETURNED: {"en": "Returned", "zh-Hans": "已退还"},
    DepositStatus.FORFEITED: {"en": "Forfeited", "zh-Hans": "已没收"},
    DepositStatus.CANCELLED: {"en": "Not due any more", "zh-Hans": "无需支付"},
}
DEPOSIT_VERBS: Final[Mapping[DepositEvent, Mapping[str, str]]] = {
    DepositEvent.RECEIVE: {"en": "received", "zh-Hans": "收取"},
    DepositEvent.APPLY: {"en": "applied", "zh-Hans": "抵扣"},
    DepositEvent.RELEASE: {"en": "released", "zh-Hans": "解除抵扣"},
    DepositEvent.RETURN: {"en": "returned", "zh-Hans": "退还"},
    DepositEvent.FORFEIT: {"en": "forfeited", "zh-Hans": "没收"},
    DepositEvent.CANCEL: {"en": "cancelled", "zh-Hans": "取消"},
}


@dataclass(frozen=True, slots=True)
class Bargain:
    """What was agreed, as far as a quote and an order need it."""

    offer_id: str
    listing_id: str
    quantity: Decimal
    price: Money
    deposit_minor: int
    terms_version: str
    order_by: datetime
