"""The tables of identity. No token, code or API key is kept, only what proves one."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.identity.values import AgreementState, KeyMode, MemberRole, MembershipState, ProducerKind, Side


class Person(SQLModel, table=True):
    """A person is known by a phone. `language` is that of the last sign-in: messages come in it."""

    __tablename__ = "person"

    id: str = Field(primary_key=True, max_length=40)
    phone: str = Field(unique=True, max_length=16)
    language: str = Field(max_length=35)
    created_at: datetime


class SignInCode(SQLModel, table=True):
    """The one code that a phone may be waiting for; a newer one takes its place."""

    __tablename__ = "sign_in_code"
    __table_args__ = (CheckConstraint("attempts >= 0", name="attempts"),)

    phone: str = Field(primary_key=True, max_length=16)
    mac: str = Field(max_length=64)
    attempts: int
    expires_at: datetime = Field(index=True)


class SignIn(SQLModel, table=True):
    """A family of tokens: each refresh raises `generation`, and only the newest refresh token is good."""

    __tablename__ = "sign_in"
    __table_args__ = (CheckConstraint("generation >= 1", name="generation"),)

    id: str = Field(primary_key=True, max_length=40)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    generation: int = Field(sa_type=BigInteger)
    created_at: datetime
    expires_at: datetime = Field(index=True)
    revoked_at: datetime | None = None


class Producer(SQLModel, table=True):
    """A household, farm, cooperative or company that sells. `hub` is a code of the network's."""

    __tablename__ = "producer"
    __table_args__ = (Index("ix_producer_county_id", "county", "id"),)

    id: str = Field(primary_key=True, max_length=40)
    name: dict[str, Any] = Field(sa_type=JSONB)
    kind: ProducerKind = Field(sa_type=enum_type(ProducerKind))
    county: str = Field(max_length=6)
    village: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    hub: str = Field(max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime


class Membership(SQLModel, table=True):
    """A person who belongs to a producer, and what they may do in its name; owners may do everything."""

    __tablename__ = "membership"

    producer_id: str = Field(primary_key=True, foreign_key="producer.id", max_length=40)
    person_id: str = Field(primary_key=True, foreign_key="person.id", index=True, max_length=40)
    role: MemberRole = Field(sa_type=enum_type(MemberRole))
    grants: list[str] = Field(sa_type=JSONB)


class CooperativeMembership(SQLModel, table=True):
    """A producer that a co-operative invited: what it grants to the co-operative's people, from when until when it is a member."""

    __tablename__ = "cooperative_membership"
    __table_args__ = (
        CheckConstraint("cooperative_id <> producer_id", name="two_sides"),
        CheckConstraint("(state IN ('active', 'left')) = (joined_at IS NOT NULL)", name="joined"),
        CheckConstraint("(state = 'left') = (left_at IS NOT NULL)", name="left"),
        # A producer's goods stand under one roof; one invitation between two at a time.
        Index(
            "uq_cooperative_membership_active", "producer_id", unique=True, postgresql_where=text("state = 'active'")
        ),
        Index(
            "uq_cooperative_membership_invited",
            "producer_id",
            "cooperative_id",
            unique=True,
            postgresql_where=text("state = 'invited'"),
        ),
        Index(None, "producer_id", "id"),
        Index(None, "cooperative_id", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    cooperative_id: str = Field(foreign_key="producer.id", max_length=40)
    producer_id: str = Field(foreign_key="producer.id", max_length=40)
    state: MembershipState = Field(sa_type=enum_type(MembershipState))
    grants: list[str] = Field(sa_type=JSONB)
    created_from: str = Field(max_length=64)
    invited_by: str = Field(max_length=40)
    invited_at: datetime
    joined_at: datetime | None = None
    left_at: datetime | None = None
    updated_at: datetime


class CooperativeAgreement(SQLModel, table=True):
    """A version of what of a member's net proceeds is the co-operative's. Never changed once it is agreed on or declined."""

    __tablename__ = "cooperative_agreement"
    __table_args__ = (
        CheckConstraint("share_bps BETWEEN 0 AND 10000", name="share_bps"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("(state = 'proposed') = (answered_at IS NULL)", name="answered"),
        Index(None, "membership_id", "version", unique=True),
        Index(
            "uq_cooperative_agreement_proposed",
            "membership_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
    )

    id: str = Field(primary_key=True, max_length=40)
    membership_id: str = Field(foreign_key="cooperative_membership.id", max_length=40)
    version: int
    share_bps: int
    valid_from: datetime
    state: AgreementState = Field(sa_type=enum_type(AgreementState))
    proposed_by: Side = Field(sa_type=enum_type(Side))
    person_id: str = Field(max_length=40)
    created_from: str = Field(max_length=64)
    proposed_at: datetime
    answered_at: datetime | None = None


class Partner(SQLModel, table=True):
    """A logistics partner; `carrier` is the code that its services and events go by."""

    __tablename__ = "partner"

    id: str = Field(primary_key=True, max_length=40)
    name: dict[str, Any] = Field(sa_type=JSONB)
    carrier: str = Field(unique=True, max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime


class DeviceKey(SQLModel, table=True):
    """With which Ed25519 key a person's device signs, from when until when it is believed."""

    __tablename__ = "device_key"
    __table_args__ = (Index(None, "person_id", "id"),)

    id: str = Field(primary_key=True, max_length=40)
    person_id: str = Field(foreign_key="person.id", max_length=40)
    public_key: str = Field(unique=True, max_length=43)
    name: str = Field(max_length=60)
    created_at: datetime
    revoked_at: datetime | None = None


class ApiKey(SQLModel, table=True):
    """`hash` proves the secret, `prefix` lets people recognise it."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True, max_length=40)
    partner_id: str = Field(foreign_key="partner.id", index=True, max_length=40)
    hash: str = Field(unique=True, max_length=64)
    prefix: str = Field(max_length=20)
    mode: KeyMode = Field(sa_type=enum_type(KeyMode))
    scopes: list[str] = Field(sa_type=JSONB)
    public_key: str | None = Field(default=None, max_length=43)
    created_at: datetime
    revoked_at: datetime | None = None
