"""Tables of buying: quotes, orders and their lines."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.core.quantity import Unit
from app.orders.values import OrderStatus


class Quote(SQLModel, table=True):
    """What was asked and every option, each exactly as bookable. Documents are written and read whole, so not taken apart."""

    id: str = Field(primary_key=True, max_length=40)
    buyer_id: str = Field(max_length=40)
    request: dict[str, Any] = Field(sa_type=JSON)
    goods_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    lines: list[dict[str, Any]] = Field(sa_type=JSON)
    # Read, each is a document; written, it may be its JSON (`orjson.Fragment`).
    options: list[Any] = Field(sa_type=JSON)
    created_from: str = Field(max_length=64)
    created_at: datetime
    expires_at: datetime = Field(index=True)


class Order(SQLModel, table=True):
    """One purchase. Everything that decides money is frozen here when it is placed."""

    __table_args__ = (
        CheckConstraint(
            "total_minor = goods_minor + carriage_minor + packaging_minor + duties_minor - subsidy_minor",
            name="total_adds_up",
        ),
        CheckConstraint("total_minor >= 0", name="total_not_negative"),
        CheckConstraint("box_deposit_minor > 0", name="box_deposit_of_something"),
        CheckConstraint("deposit_minor BETWEEN 0 AND total_minor", name="deposit_within_total"),
        Index("ix_order_buyer_id_id", "buyer_id", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    number: str = Field(unique=True, max_length=20)
    buyer_id: str = Field(max_length=40)
    quote_id: str = Field(unique=True, max_length=40)
    option_id: str = Field(max_length=40)
    status: OrderStatus = Field(sa_type=enum_type(OrderStatus))
    currency: str = Field(max_length=3)
    goods_minor: int = Field(sa_type=BigInteger)
    carriage_minor: int = Field(sa_type=BigInteger)
    packaging_minor: int = Field(sa_type=BigInteger)
    subsidy_minor: int = Field(sa_type=BigInteger)
    duties_minor: int = Field(sa_type=BigInteger)
    total_minor: int = Field(sa_type=BigInteger)
    # Of the total, what was paid before as deposits of agreed offers; null is nothing.
    deposit_minor: int | None = Field(default=None, sa_type=BigInteger)
    # Paid beside the total for boxes that come back; null is nothing.
    box_deposit_minor: int | None = Field(default=None, sa_type=BigInteger)
    co2e: dict[str, Any] = Field(sa_type=JSONB)
    deliver_to: dict[str, Any] = Field(sa_type=JSONB)
    terms: dict[str, Any] = Field(sa_type=JSONB)
    promised_from: datetime
    promised_by: datetime
    delivered_at: datetime | None = None
    cancel_reason: str | None = Field(default=None, max_length=40)
    # What was taken off its lines after it was placed, the first first; the figures above are what is left.
    reductions: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    cancel_free_until: datetime | None = None
    created_at: datetime
    updated_at: datetime


class OrderLine(SQLModel, table=True):
    """One listing in an order, with its price and title as they were.

    A line that is settled by weight has a price for the weight `price_per`. `settled_g` is what is paid for (of cotton the conditioned
    weight), `net_g` what really travels; null while it is priced by `estimated_g`. `ordered_minor` is what it came to when it was placed.
    `uncollected_minor` is what of it was not paid at the door, because it was refused there; null when it was not.
    `written_off_minor`: what of that nobody owes any more, and the platform bears.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("total_minor >= 0", name="total_not_negative"),
        CheckConstraint("(price_per IS NULL) = (estimated_g IS NULL)", name="weighed_by_estimate"),
        CheckConstraint("estimated_g > 0 AND settled_g > 0 AND net_g > 0", name="weights_positive"),
        CheckConstraint("(settled_g IS NULL) = (net_g IS NULL)", name="settled_with_net"),
        CheckConstraint("taken_off_at IS NULL OR total_minor = 0", name="taken_off_costs_nothing"),
        CheckConstraint("uncollected_minor BETWEEN 0 AND total_minor", name="uncollected_within_total"),
        CheckConstraint("written_off_minor BETWEEN 1 AND uncollected_minor", name="written_off_within_uncollected"),
    )

    order_id: str = Field(primary_key=True, max_length=40, foreign_key="order.id")
    id: str = Field(primary_key=True, max_length=40)
    listing_id: str = Field(max_length=40)
    producer_id: str = Field(max_length=40, index=True)
    consignment_id: str = Field(max_length=40)
    title: dict[str, str] = Field(sa_type=JSONB)
    unit: str = Field(max_length=10)
    quantity: Decimal = Field(sa_type=Numeric(14, 3))
    price_minor: int = Field(sa_type=BigInteger)
    # Where the tier begins whose price this is; null at the price of any quantity.
    tier_from: Decimal | None = Field(default=None, sa_type=Numeric(12, 3))
    price_list_id: str | None = Field(default=None, max_length=40)
    total_minor: int = Field(sa_type=BigInteger)
    # The agreed offer whose price this is, and its deposit.
    offer_id: str | None = Field(default=None, max_length=40)
    deposit_minor: int | None = Field(default=None, sa_type=BigInteger)
    ear_tags: list[str] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'")})
    price_per: Unit | None = Field(default=None, sa_type=enum_type(Unit))
    estimated_g: int | None = Field(default=None, sa_type=BigInteger)
    settled_g: int | None = Field(default=None, sa_type=BigInteger)
    net_g: int | None = Field(default=None, sa_type=BigInteger)
    ordered_minor: int | None = Field(default=None, sa_type=BigInteger)
    taken_off_at: datetime | None = None
    uncollected_minor: int | None = Field(default=None, sa_type=BigInteger)
    written_off_minor: int | None = Field(default=None, sa_type=BigInteger)
