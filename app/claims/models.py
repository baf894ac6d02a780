"""The table of claims."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.claims.values import ClaimStatus, RecourseStatus
from app.core.database import enum_type
from app.orders.policies import CarriageBack, ClaimKind

_WAITING = "status IN ('open', 'offered', 'disputed')"


class BuyerClaim(SQLModel, table=True):
    """What a buyer asks back for one line. `policy` is a number in the terms of its order; `due_at` is the clock of whoever has to act.

    `door` is what the receiver said at the hand-over, with the tracking event that tells it. `unpaid_minor`: what of the grant had not been
    paid in the first place, because the goods were refused at the door.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("asked_minor > 0", name="asked_positive"),
        CheckConstraint("offered_minor BETWEEN 1 AND asked_minor", name="offer_within_asked"),
        CheckConstraint("granted_minor BETWEEN 1 AND asked_minor", name="grant_within_asked"),
        CheckConstraint("(status = 'settled') = (granted_minor IS NOT NULL)", name="settled_with_grant"),
        CheckConstraint("unpaid_minor BETWEEN 0 AND coalesce(granted_minor, 0)", name="unpaid_within_grant"),
        CheckConstraint(f"(due_at IS NOT NULL) = ({_WAITING})", name="clock_while_open"),
        Index("ix_claim_buyer_id_id", "buyer_id", "id"),
        Index("ix_claim_producer_id_id", "producer_id", "id"),
        Index("uq_claim_line_id_open", "line_id", unique=True, postgresql_where=text(_WAITING)),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(index=True, max_length=40)
    line_id: str = Field(max_length=40)
    buyer_id: str = Field(max_length=40)
    producer_id: str = Field(max_length=40)
    policy: str = Field(max_length=40)
    carriage_back: CarriageBack = Field(sa_type=enum_type(CarriageBack))
    kind: ClaimKind = Field(sa_type=enum_type(ClaimKind))
    status: ClaimStatus = Field(sa_type=enum_type(ClaimStatus))
    currency: str = Field(max_length=3)
    asked_minor: int = Field(sa_type=BigInteger)
    offered_minor: int | None = Field(default=None, sa_type=BigInteger)
    granted_minor: int | None = Field(default=None, sa_type=BigInteger)
    words: str
    photos: list[str] = Field(sa_type=JSONB)
    inspection: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    door: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    unpaid_minor: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    answer: str | None = None
    reasons: str | None = None
    decided_by: str | None = Field(default=None, max_length=40)
    due_at: datetime | None = None
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime
    refunded_at: datetime | None = None


class Recourse(SQLModel, table=True):
    """What of a settled claim was passed on to the carrier of a leg, with the tracking events that show it. The money moved when it was written."""

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("(status = 'reversed') = (reversed_at IS NOT NULL)", name="reversed_when"),
        Index("ix_recourse_carrier_id", "carrier", "id"),
        Index("ix_recourse_producer_id_id", "producer_id", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    claim_id: str = Field(index=True, max_length=40)
    order_id: str = Field(max_length=40)
    consignment_id: str = Field(max_length=40)
    leg_id: str = Field(max_length=40)
    carrier: str = Field(max_length=40)
    producer_id: str = Field(max_length=40)
    status: RecourseStatus = Field(sa_type=enum_type(RecourseStatus))
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigInteger)
    reasons: str
    events: list[str] = Field(sa_type=JSONB)
    answer: str | None = None
    decided_by: str = Field(max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime
    reversed_at: datetime | None = None
    reversal: str | None = None
