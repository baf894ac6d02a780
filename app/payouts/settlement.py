"""Shapes of settlement sheets: what a producer or the members of a co-operative sold, and what a carrier carried. Pure."""

from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time

_PERIOD: Final = {"from": "2026-03-01", "until": "2026-03-31"}
_LEG: Final = {
    "consignment": "con_01jd0000000000000000000000",
    "from": "HOTAN",
    "to": "URUMQI",
    "service": "LINE",
    "departs_at": "2026-03-03T02:00:00Z",
    "weight_g": 15600,
    "price": {"amount": 2100, "currency": "CNY"},
}
_CARRIED: Final = {
    "order": "ord_01jd0000000000000000000000",
    "order_number": "26-7KQX-3MPA",
    "posted_at": "2026-03-05T08:00:00Z",
    "legs": [_LEG],
    "booked": {"amount": 1800, "currency": "CNY"},
    "rerouted": {"amount": 300, "currency": "CNY"},
    "other": {"amount": 0, "currency": "CNY"},
    "earned": {"amount": 2100, "currency": "CNY"},
}
_FREIGHT_SUM: Final = {
    "earned": {"amount": 2100, "currency": "CNY"},
    "paid": {"amount": 0, "currency": "CNY"},
    "settled_with_cash": {"amount": 0, "currency": "CNY"},
    "balance": {"amount": 2100, "currency": "CNY"},
}
_MEMBER: Final = {
    "producer": "prd_01jd0000000000000000000000",
    "name": "Bagqi date garden",
    "orders": 1,
    "goods": {"amount": 26400, "currency": "CNY"},
    "refunded": {"amount": 8800, "currency": "CNY"},
    "commission": {"amount": 528, "currency": "CNY"},
    "share": {"amount": 0, "currency": "CNY"},
    "other": {"amount": 0, "currency": "CNY"},
    "net": {"amount": 17072, "currency": "CNY"},
    "carriage": {"amount": 2100, "currency": "CNY"},
    "paid": {"amount": 0, "currency": "CNY"},
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


class CarriedLeg(Shape):
    """One booking: from where to where, by which service, what it weighed and its price."""

    model_config: ClassVar[ConfigDict] = _example(_LEG)

    consignment: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    service: str
    departs_at: Time
    weight_g: int
    price: Money


class CarriedOrder(Shape):
    """A carrier's freight for an order as it was posted in the period. `rerouted`: what changed ways added or took away.

    `legs` are those that it carried in the end; `other`: shares of cancelled orders and claims.
    """

    model_config: ClassVar[ConfigDict] = _example(_CARRIED)

    order: str
    order_number: str | None
    posted_at: Time
    legs: list[CarriedLeg]
    booked: Money
    rerouted: Money
    other: Money
    earned: Money


class FreightSum(Shape):
    """In one currency: what was earned and paid in the period, and what the account holds at its end."""

    model_config: ClassVar[ConfigDict] = _example(_FREIGHT_SUM)

    earned: Money
    paid: Money
    settled_with_cash: Money
    balance: Money


class FreightSheet(Shape):
    """What a carrier carried and is owed, order by order, in whole days of legal time (UTC+8)."""

    model_config: ClassVar[ConfigDict] = _example(
        {"carrier": "KUNLUN", **_PERIOD, "sums": [_FREIGHT_SUM], "items": [_CARRIED]}
    )

    carrier: str
    from_: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(description="The last day, included")]
    sums: list[FreightSum]
    items: list[CarriedOrder]


class MemberSheet(Shape):
    """What one producer sold in the period, and what became of it: goods − refunded − commission − share + other = net.

    `share` is the co-operative's; `carriage` is what buyers paid for it; `paid` went to the producer's account in these days.
    """

    model_config: ClassVar[ConfigDict] = _example(_MEMBER)

    producer: str
    name: str
    orders: int
    goods: Money
    refunded: Money
    commission: Money
    share: Money
    other: Money
    net: Money
    carriage: Money
    paid: Money


class SettlementSheet(Shape):
    """What a producer sold; for a co-operative, member by member, and what its share of their sales came to."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "producer": "prd_01jd0000000000000000000000",
            "name": "Bagqi date garden",
            **_PERIOD,
            "share": [],
            "items": [_MEMBER],
        }
    )

    producer: str
    name: str
    from_: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(description="The last day, included")]
    share: Annotated[list[Money], Field(description="The co-operative's share of members' sales, by currency")]
    items: list[MemberSheet]
