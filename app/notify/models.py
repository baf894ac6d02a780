"""The tables of messages, and of webhooks out: endpoints, news, and what became of each delivery."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.notify.values import State, Template
from app.notify.webhook_values import DeliveryState, DisabledBecause, EndpointState


class Message(SQLModel, table=True):
    """`text` and `code` are there until the message has really left; the development mailbox keeps them."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_to_id", "to", "id"),)

    id: str = Field(primary_key=True, max_length=40)
    to: str = Field(max_length=16)
    template: Template = Field(sa_type=enum_type(Template))
    language: str = Field(max_length=35)
    text: str | None = Field(default=None, max_length=1_000)
    code: str | None = Field(default=None, max_length=10)
    state: State = Field(sa_type=enum_type(State))
    created_at: datetime = Field(index=True)
    sent_at: datetime | None = None


class WebhookEndpoint(SQLModel, table=True):
    """Where a person or a partner wants to be told. Secrets are sealed; `former_secret` signs beside the new one until `former_until`.

    `position` counts its deliveries. `busy_until`: somebody serves it; `rests_until`: nothing is sent before.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        CheckConstraint("(person_id IS NULL) <> (partner_id IS NULL)", name="one_owner"),
        CheckConstraint("(state = 'disabled') = (disabled_because IS NOT NULL)", name="disabled_because_of_something"),
        CheckConstraint("(former_secret IS NULL) = (former_until IS NULL)", name="former_secret_ends"),
        Index(None, "person_id", "id", postgresql_where=text("person_id IS NOT NULL")),
        Index(None, "partner_id", "id", postgresql_where=text("partner_id IS NOT NULL")),
    )

    id: str = Field(primary_key=True, max_length=40)
    person_id: str | None = Field(default=None, foreign_key="person.id", max_length=40)
    partner_id: str | None = Field(default=None, foreign_key="partner.id", max_length=40)
    url: str = Field(max_length=500)
    events: list[str] = Field(sa_type=ARRAY(Text))
    # What the patterns mean, so that the news itself finds whom to tell.
    names: list[str] = Field(sa_type=ARRAY(Text))
    secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    former_until: datetime | None = None
    state: EndpointState = Field(sa_type=enum_type(EndpointState))
    disabled_because: DisabledBecause | None = Field(default=None, sa_type=enum_type(DisabledBecause))
    disabled_at: datetime | None = None
    position: int = Field(default=0, sa_type=BigInteger)
    failures: int = 0
    succeeded_at: datetime | None = None
    slow: bool = False
    busy_until: datetime | None = None
    rests_until: datetime | None = None
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime


class WebhookEvent(SQLModel, table=True):
    """News, written in the transaction that makes it. `noted_at` is the database's own clock, so that it orders what one lock ordered.

    `sequence` is null until the news was given its place among those of its subject, and was handed to whom it concerns.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (
        Index("ix_webhook_event_subject_waiting", "subject", postgresql_where=text("sequence IS NULL")),
        Index("uq_webhook_event_subject_sequence", "subject", "sequence", unique=True),
    )

    id: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=40)
    subject: str = Field(max_length=40)
    order_id: str | None = Field(default=None, max_length=40)
    buyer_id: str | None = Field(default=None, max_length=40)
    producers: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    carriers: list[str] = Field(sa_type=ARRAY(Text))
    endpoint_id: str | None = Field(default=None, max_length=40)
    facts: dict[str, Any] = Field(sa_type=JSONB)
    occurred_at: datetime
    noted_at: datetime = Field(index=True)
    sequence: int | None = Field(default=None, sa_type=BigInteger)


class WebhookSubject(SQLModel, table=True):
    """How many news of a subject were handed out."""

    __tablename__ = "webhook_subject"

    subject: str = Field(primary_key=True, max_length=40)
    sequence: int = Field(sa_type=BigInteger)
    updated_at: datetime = Field(index=True)


class WebhookDelivery(SQLModel, table=True):
    """One piece of news for one endpoint: how far it has come, and how the last attempts went. `position` orders those of an endpoint."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("(state = 'queued') = (next_at IS NOT NULL)", name="queued_for_a_time"),
        Index(None, "endpoint_id", "position", unique=True),
        Index("ix_webhook_delivery_due", "endpoint_id", "next_at", postgresql_where=text("state = 'queued'")),
    )

    endpoint_id: str = Field(primary_key=True, foreign_key="webhook_endpoint.id", ondelete="CASCADE", max_length=40)
    event_id: str = Field(
        primary_key=True, foreign_key="webhook_event.id", ondelete="CASCADE", index=True, max_length=40
    )
    position: int = Field(sa_type=BigInteger)
    state: DeliveryState = Field(sa_type=enum_type(DeliveryState))
    attempts: int = 0
    next_at: datetime | None = None
    first_at: datetime | None = None
    delivered_at: datetime | None = None
    tries: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime
