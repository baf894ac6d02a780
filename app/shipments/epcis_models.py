"""Tables of the EPCIS door: captures, queries with their subscriptions, and what was told of units. No behaviour."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.shipments.values import (
    DECLARED_ID_LENGTH_MAX,
)

# Ids in the order of their bytes, in which those of a month lie together.
_BYTEWISE: Final = String(length=40, collation="C")


class UnitEvent(SQLModel, table=True):
    """An event of EPCIS that names logistic units, as it was sent, with the rights of who sent it. Only ever added.

    `names` are the SSCCs and tracking numbers in it. An AggregationEvent has an `action`, its `parent`, and those `children` that we know, null when it names none and means all of them.
    One with `declared_at` takes the event of that id back.
    """

    __tablename__ = "unit_event"
    __table_args__ = (
        UniqueConstraint(
            "party",
            "party_event_id",
            "declared_at",
            name="uq_unit_event_declaration",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("(action IS NULL) = (parent IS NULL)", name="packed_somewhere"),
        CheckConstraint("action IN ('ADD', 'DELETE', 'OBSERVE')", name="action"),
        Index("ix_unit_event_names", "names", postgresql_using="gin"),
        Index(
            "ix_unit_event_children", "children", postgresql_using="gin", postgresql_where=text("children IS NOT NULL")
        ),
        Index("ix_unit_event_parent", "parent", postgresql_where=text("parent IS NOT NULL")),
    )

    id: str = Field(primary_key=True, max_length=40)
    party: str = Field(max_length=40)
    carrier: str | None = Field(default=None, max_length=40)
    is_operator: bool
    party_event_id: str = Field(max_length=DECLARED_ID_LENGTH_MAX)
    declared_at: datetime | None = None
    fingerprint: str = Field(max_length=64)
    occurred_at: datetime
    recorded_at: datetime
    action: str | None = Field(default=None, max_length=10)
    parent: str | None = Field(default=None, max_length=20)
    children: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    names: list[str] = Field(sa_type=ARRAY(Text))
    document: dict[str, Any] = Field(sa_type=JSONB)


class EpcisCapture(SQLModel, table=True):
    """A capture job of EPCIS 2.0. `owner` is who sent it, with the carrier's code and the rights that it had then.

    `document` is kept until it is finished: its events and the prefixes around them. `taken` counts the events that were dealt with.
    """

    __tablename__ = "epcis_capture"
    __table_args__ = (
        CheckConstraint("(finished_at IS NULL) = running", name="finished"),
        CheckConstraint("behaviour IN ('rollback', 'proceed')", name="behaviour"),
        Index("ix_epcis_capture_owner_id", "owner", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    owner: str = Field(max_length=40)
    carrier: str | None = Field(default=None, max_length=40)
    is_operator: bool
    behaviour: str = Field(max_length=10)
    document: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    taken: int
    running: bool
    success: bool
    errors: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime
    finished_at: datetime | None = None


class EpcisQuery(SQLModel, table=True):
    """A named query of EPCIS 2.0: its parameters as they were sent. Names are its owner's own."""

    __tablename__ = "epcis_query"

    owner: str = Field(primary_key=True, max_length=40)
    name: str = Field(primary_key=True, max_length=100)
    parameters: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime


class EpcisSubscription(SQLModel, table=True):
    """A subscription to a named query, either a stream or on a schedule. `sealed_token` signs what is sent.

    Events are reported once: from `since` on, but for those in `told`, which were recorded shortly after it. `due_at` is when to look next;
    null once it has ended, because it was not wanted (410) or because nothing was taken for days.
    """

    __tablename__ = "epcis_subscription"
    __table_args__ = (
        ForeignKeyConstraint(["owner", "query"], ["epcis_query.owner", "epcis_query.name"], ondelete="CASCADE"),
        CheckConstraint("(schedule IS NULL) = stream", name="stream_or_schedule"),
        Index("ix_epcis_subscription_owner_query", "owner", "query"),
        Index("ix_epcis_subscription_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True, max_length=40)
    owner: str = Field(max_length=40)
    query: str = Field(max_length=100)
    rights: dict[str, Any] = Field(sa_type=JSONB)
    dest: str = Field(max_length=2_000)
    sealed_token: bytes | None = None
    stream: bool
    schedule: dict[str, str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    report_if_empty: bool
    created_at: datetime
    initial_record_time: datetime | None = None
    since: datetime
    told: list[str] = Field(sa_type=ARRAY(Text))
    due_at: datetime | None = None
    failures: int
    last_notified_at: datetime | None = None


class EpcisEndedToken(SQLModel, table=True):
    """The hash of a `nextPageToken` that its holder has ended before it ran out."""

    __tablename__ = "epcis_ended_token"

    hash: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(index=True)
