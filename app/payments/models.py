"""Tables of paying: attempts to be paid, and what providers told us, each event once."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.payments.values import PROVIDER_ID_LENGTH_MAX, Outcome, PaymentMethod, PaymentStatus


class Payment(SQLModel, table=True):
    """One attempt to be paid for an order. Holds no secret: the provider's client secret is asked for again when needed."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refund_within_amount"),
        CheckConstraint("status IN ('paid', 'refunded') OR refunded_minor = 0", name="refund_after_payment"),
        CheckConstraint("status <> 'pending_cash' OR method = 'cash_on_delivery'", name="pending_cash_is_cash"),
        CheckConstraint(
            "method <> 'cash_on_delivery' OR status NOT IN ('started', 'awaiting_customer', 'failed')",
            name="cash_needs_no_provider",
        ),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(index=True, max_length=40)
    method: PaymentMethod = Field(sa_type=enum_type(PaymentMethod))
    status: PaymentStatus = Field(sa_type=enum_type(PaymentStatus))
    amount_minor: int = Field(sa_type=BigInteger)
    refunded_minor: int = Field(default=0, sa_type=BigInteger)
    currency: str = Field(max_length=3)
    provider_ref: str | None = Field(default=None, unique=True, max_length=PROVIDER_ID_LENGTH_MAX)
    collected_by: str | None = Field(default=None, max_length=40)
    created_at: datetime
    updated_at: datetime


class PaymentReceipt(SQLModel, table=True):
    """Money of a bank or wallet transfer as it arrived; the bank's reference tells one from another."""

    __tablename__ = "payment_receipt"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: str = Field(primary_key=True, max_length=40)
    payment_id: str = Field(max_length=40, foreign_key="payment.id", index=True)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    reference: str = Field(unique=True, max_length=60)
    recorded_by: str = Field(max_length=40)
    created_at: datetime


class ProviderEvent(SQLModel, table=True):
    """An event as far as it concerns us: its names and `News`. The rest may tell of people and hold secrets."""

    __tablename__ = "provider_event"
    __table_args__ = (CheckConstraint("(handled_at IS NULL) = (outcome IS NULL)", name="handled_with_outcome"),)

    provider: str = Field(primary_key=True, max_length=40)
    event_id: str = Field(primary_key=True, max_length=PROVIDER_ID_LENGTH_MAX)
    type: str = Field(max_length=PROVIDER_ID_LENGTH_MAX)
    payload: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    received_at: datetime
    handled_at: datetime | None = None
    outcome: Outcome | None = Field(default=None, sa_type=enum_type(Outcome))
