"""The table of claims."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.claims.values import ClaimStatus, RecourseStatus, ReturnStatus
from app.core.database import enum_type
from app.orders.policies import CarriageBack, ClaimKind

_WAITING = "status IN ('open', 'offered', 'disputed', 'returning')"


class BuyerClaim(SQLModel, table=True):
    """What a buyer asks back for one line. `policy` is a number in the terms of its order; `due_at` is the clock of whoever has to act.

    `door` is what the receiver said at the hand-over, with the tracking event that tells it. `unpaid_minor`: what of the grant had not been
    paid in the first place, because the goods were refused at the door. `agreed_minor`: what is granted once the goods are back;
    `carriage_minor`: what of the grant pays their way.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("asked_minor > 0", name="asked_positive"),
        CheckConstraint("offered_minor BETWEEN 1 AND asked_minor", name="offer_within_asked"),
        CheckConstraint("granted_minor BETWEEN 1 AND asked_minor", name="grant_within_asked"),
        CheckConstraint("(status = 'settled') = (granted_minor IS NOT NULL)", name="settled_with_grant"),
        CheckConstraint("unpaid_minor BETWEEN 0 AND coalesce(granted_minor, 0)", name="unpaid_within_grant"),
        CheckConstraint("agreed_minor BETWEEN 1 AND asked_minor", name="agreed_within_asked"),
        CheckConstraint("status <> 'returning' OR agreed_minor IS NOT NULL", name="returning_with_sum"),
        CheckConstraint(
            "carriage_minor >= 0 AND carriage_minor + unpaid_minor <= coalesce(granted_minor, 0)",
            name="carriage_within_grant",
        ),
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
    agreed_minor: int | None = Field(default=None, sa_type=BigInteger)
    carriage_minor: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    answer: str | None = None
    reasons: str | None = None
    decided_by: str | None = Field(default=None, max_length=40)
    due_at: datetime | None = None
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime
    refunded_at: datetime | None = None


class GoodsReturn(SQLModel, table=True):
    """Goods of these lines of a consignment that go back to their producer: because of a claim, or refused at the door.

    `way_id` is the consignment that brings them, once it is booked; `carriage_minor` what it was booked for, `pays` who pays that, by the
    frozen policy, `settled_at` when the money that waited for the goods moved. `at_door`: the carrier has them, so that nobody has to hand them in. `ready_at`: when they are at the hub for the booked way. `reason` and `rule` say why there is no way.
    """

    __tablename__ = "goods_return"
    __table_args__ = (
        CheckConstraint("carriage_minor >= 0", name="carriage_not_negative"),
        CheckConstraint("status NOT IN ('booked', 'under_way') OR way_id IS NOT NULL", name="booked_with_way"),
        CheckConstraint("(status = 'no_way') = (reason IS NOT NULL)", name="no_way_with_reason"),
        CheckConstraint("(ended_at IS NOT NULL) = (status IN ('back', 'lapsed', 'kept', 'lost'))", name="ended_when"),
        Index("ix_goods_return_buyer_id_id", "buyer_id", "id"),
        Index("ix_goods_return_producer_id_id", "producer_id", "id"),
        Index(None, "status", "id", postgresql_where=text("ended_at IS NULL")),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(index=True, max_length=40)
    consignment_id: str = Field(max_length=40)
    buyer_id: str = Field(max_length=40)
    producer_id: str = Field(max_length=40)
    lines: list[str] = Field(sa_type=JSONB)
    status: ReturnStatus = Field(sa_type=enum_type(ReturnStatus))
    pays: CarriageBack = Field(sa_type=enum_type(CarriageBack))
    at_door: bool
    currency: str = Field(max_length=3)
    carriage_minor: int = Field(default=0, sa_type=BigInteger)
    way_id: str | None = Field(default=None, max_length=40, index=True)
    reason: str | None = Field(default=None, max_length=40)
    rule: str | None = Field(default=None, max_length=40)
    ready_at: datetime | None = None
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    settled_at: datetime | None = None


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
