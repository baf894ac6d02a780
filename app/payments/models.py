"""Tables of paying: attempts to be paid, and what providers told us, each event once."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.payments.values import PROVIDER_ID_LENGTH_MAX, DisputeStatus, Outcome, PaymentMethod, PaymentStatus


class Payment(SQLModel, table=True):
    """One attempt to be paid for an order, or for the deposit of an offer, whose id is `order_id` then. Holds no secret: the provider's client secret is asked for again when needed."""

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
        CheckConstraint("method <> 'bank_transfer' OR provider_ref IS NULL", name="bank_needs_no_provider"),
        CheckConstraint("status <> 'authorised' OR held_until IS NOT NULL", name="authorised_until"),
        Index("ix_payment_held_until_authorised", "held_until", postgresql_where=text("status = 'authorised'")),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(index=True, max_length=40)
    method: PaymentMethod = Field(sa_type=enum_type(PaymentMethod))
    status: PaymentStatus = Field(sa_type=enum_type(PaymentStatus))
    amount_minor: int = Field(sa_type=BigInteger)
    refunded_minor: int = Field(default=0, sa_type=BigInteger)
    currency: str = Field(max_length=3)
    provider_ref: str | None = Field(default=None, unique=True, max_length=PROVIDER_ID_LENGTH_MAX)
    # Whether a card's money is only held at first, and until when it is.
    hold: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    held_until: datetime | None = None
    collected_by: str | None = Field(default=None, max_length=40)
    created_at: datetime
    updated_at: datetime


class PartRefund(SQLModel, table=True):
    """A part of an order's payment that is owed back, whatever made it so; the provider knows it by this id."""

    __tablename__ = "part_refund"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(index=True, max_length=40)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    created_at: datetime
    refunded_at: datetime | None = None


class FailedRefund(SQLModel, table=True):
    """A refund that the buyer's bank or wallet did not take: the money is with us again, and owed to the buyer in another way.

    Each once, by the provider's name for it.
    """

    __tablename__ = "failed_refund"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    provider_ref: str = Field(primary_key=True, max_length=PROVIDER_ID_LENGTH_MAX)
    refund_id: str = Field(max_length=80)
    payment_id: str = Field(max_length=40, foreign_key="payment.id", index=True)
    order_id: str = Field(index=True, max_length=40)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    reason: str | None = Field(default=None, max_length=100)
    created_at: datetime


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


class Dispute(SQLModel, table=True):
    """A buyer's bank disputes a payment. Amounts only grow and the status only goes up, whatever the order of news.

    `taken_minor`: withdrawn from us; `returned_minor`: given back; `lost_minor`: of what was taken, what somebody has borne for good.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint(
            "returned_minor >= 0 AND lost_minor >= 0 AND returned_minor + lost_minor <= taken_minor",
            name="ends_within_taken",
        ),
        CheckConstraint("(evidence_sent_at IS NULL) = (evidence IS NULL)", name="evidence_with_time"),
    )

    id: str = Field(primary_key=True, max_length=40)
    provider_ref: str = Field(unique=True, max_length=PROVIDER_ID_LENGTH_MAX)
    payment_id: str = Field(max_length=40, foreign_key="payment.id", index=True)
    order_id: str = Field(index=True, max_length=40)
    status: DisputeStatus = Field(sa_type=enum_type(DisputeStatus))
    reason: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigInteger)
    taken_minor: int = Field(default=0, sa_type=BigInteger)
    returned_minor: int = Field(default=0, sa_type=BigInteger)
    lost_minor: int = Field(default=0, sa_type=BigInteger)
    producers: list[str] = Field(sa_type=JSONB)
    due_at: datetime | None = None
    evidence: str | None = None
    evidence_by: str | None = Field(default=None, max_length=40)
    evidence_sent_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


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
