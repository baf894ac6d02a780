"""Tables of recalls: which lot was called back, and each order line that had goods of it then."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Recall(SQLModel, table=True):
    """A lot is called back: why, and what its buyers should do. One stands for a lot at a time, until it is lifted."""

    __table_args__ = (
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by_somebody"),
        Index(
            "uq_recall_listing_id_lot_id_standing",
            "listing_id",
            "lot_id",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_recall_producer_id_id", "producer_id", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    listing_id: str = Field(max_length=40)
    lot_id: str = Field(max_length=40)
    producer_id: str = Field(max_length=40)
    title: dict[str, str] = Field(sa_type=JSONB)
    reason: dict[str, str] = Field(sa_type=JSONB)
    advice: dict[str, str] = Field(sa_type=JSONB)
    made_by: str = Field(max_length=40)
    by_operator: bool
    created_from: str = Field(max_length=64)
    created_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = Field(default=None, max_length=40)
    lift_reason: dict[str, str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class RecalledLine(SQLModel, table=True):
    """An order line that had goods of the lot when it was recalled. `told_at`: its buyer has been told, once for the order."""

    __tablename__ = "recalled_line"

    recall_id: str = Field(primary_key=True, foreign_key="recall.id", max_length=40)
    order_id: str = Field(primary_key=True, max_length=40)
    line_id: str = Field(primary_key=True, max_length=40)
    consignment_id: str = Field(index=True, max_length=40)
    buyer_id: str = Field(max_length=40)
    quantity: Decimal = Field(sa_type=Numeric(12, 3))
    told_at: datetime | None = None
    lift_told_at: datetime | None = None
