"""The table of offers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.catalogue.values import Category
from app.core.database import enum_type
from app.core.quantity import Unit
from app.offers.values import DepositStatus, OfferStatus

_WAITING = "status IN ('open', 'countered', 'accepted')"


class BulkOffer(SQLModel, table=True):
    """What a buyer and a producer bargain about: goods of one listing. `terms` is what of the table held when it was made.

    `rounds` are the prices that were named, in turn; `quantity` and `price_minor` the last of them. An agreed offer holds its
    goods: its id is the holder of a reservation. `sent_back_at`: when a returned deposit left for the buyer.
    """

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND price_minor > 0", name="positive"),
        CheckConstraint(f"(due_at IS NOT NULL) = ({_WAITING})", name="clock_while_waiting"),
        CheckConstraint("status <> 'used' OR order_id IS NOT NULL", name="used_by_order"),
        CheckConstraint("deposit_minor >= 0", name="deposit_not_negative"),
        CheckConstraint("(deposit_status = 'none') = (deposit_minor = 0)", name="deposit_of_something"),
        CheckConstraint("sent_back_at IS NULL OR deposit_status = 'returned'", name="sent_back_when_returned"),
        Index("ix_offer_buyer_id_id", "buyer_id", "id"),
        Index("ix_offer_producer_id_id", "producer_id", "id"),
        Index("uq_offer_listing_id_buyer_id_waiting", "listing_id", "buyer_id", unique=True, postgresql_where=text(_WAITING)),
    )  # fmt: skip

    id: str = Field(primary_key=True, max_length=40)
    number: str = Field(unique=True, max_length=20)
    listing_id: str = Field(max_length=40)
    producer_id: str = Field(max_length=40)
    buyer_id: str = Field(max_length=40)
    category: Category = Field(sa_type=enum_type(Category))
    title: dict[str, str] = Field(sa_type=JSONB)
    unit: Unit = Field(sa_type=enum_type(Unit))
    status: OfferStatus = Field(sa_type=enum_type(OfferStatus))
    currency: str = Field(max_length=3)
    quantity: Decimal = Field(sa_type=Numeric(14, 3))
    price_minor: int = Field(sa_type=BigInteger)
    rounds: list[dict[str, Any]] = Field(sa_type=JSONB)
    terms: dict[str, Any] = Field(sa_type=JSONB)
    due_at: datetime | None = None
    # Until when it may be ordered, whatever becomes of an order meanwhile.
    order_by: datetime | None = None
    deposit_status: DepositStatus = Field(sa_type=enum_type(DepositStatus))
    deposit_minor: int = Field(default=0, sa_type=BigInteger)
    order_id: str | None = Field(default=None, index=True, max_length=40)
    sent_back_at: datetime | None = None
    # The numbers of transfers that operators saw or made.
    bank_notes: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime
