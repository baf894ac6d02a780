"""The words of buying: statuses, events, prices, and the points of a front."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from app.core.ids import pattern
from app.core.money import Money

QUOTE_ID: Final = pattern("quo")
OPTION_ID: Final = pattern("opt")
ORDER_ID: Final = pattern("ord")


class OrderStatus(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PLACED = "placed"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderEvent(StrEnum):
    PAY = "paid"
    DEPART = "shipped"
    DELIVER = "delivered"
    COMPLETE = "completed"
    CANCEL = "cancelled"
    EXPIRE = "expired"
    TAKE_OFF = "taken_off"
    LOSE = "unpaid_again"


DISPLAY: Final[Mapping[OrderStatus, Mapping[str, str]]] = {
    OrderStatus.AWAITING_PAYMENT: {"en": "Waiting for payment", "zh-Hans": "待付款"},
    OrderStatus.PLACED: {"en": "Placed", "zh-Hans": "已下单"},
    OrderStatus.IN_TRANSIT: {"en": "On the way", "zh-Hans": "运输中"},
    OrderStatus.DELIVERED: {"en": "Delivered", "zh-Hans": "已送达"},
    OrderStatus.COMPLETED: {"en": "Completed", "zh-Hans": "已完成"},
    OrderStatus.CANCELLED: {"en": "Cancelled", "zh-Hans": "已取消"},
    OrderStatus.EXPIRED: {"en": "Expired unpaid", "zh-Hans": "超时未付款"},
}


class Label(StrEnum):
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    GREENEST = "greenest"


@dataclass(frozen=True, slots=True)
class Price:
    """What the buyer pays and for what; `total` is always the sum of the parts."""

    goods: Money
    carriage: Money
    packaging: Money
    subsidy: Money
    duties: Money

    @property
    def total(self) -> Money:
        return self.goods + self.carriage + self.packaging + self.duties - self.subsidy


class Candidate(NamedTuple):
    """One way for one consignment: the three criteria, and which plan it is."""

    arrives_at: datetime
    price_minor: int
    co2e_g: int
    plan: int


class Combination(NamedTuple):
    """One way for a whole order: the last arrival, the summed price and CO2e, and each consignment's plan in turn."""

    arrives_at: datetime
    price_minor: int
    co2e_g: int
    plans: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """When the buyer may expect the goods."""

    start: datetime
    end: datetime
