"""The tables of the ledger. Migrations 0003 and 0012 add the triggers that keep it append-only, balanced and closed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.ledger.values import AccountKind, State, TransferKind


class Account(SQLModel, table=True):
    """`id` is `kind:owner:currency`, so that writers need not look it up."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("id = kind || ':' || owner || ':' || currency", name="id"),)

    id: str = Field(primary_key=True, max_length=120)
    kind: AccountKind = Field(sa_type=enum_type(AccountKind))
    owner: str = Field(index=True, max_length=60)
    currency: str = Field(max_length=3)


class LedgerTransfer(SQLModel, table=True):
    """Made by the caller's id, once; afterwards only pending becomes posted or void."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("(state = 'pending') = (settled_at IS NULL)", name="settled"),
        Index("ix_transfer_changed_at", text("coalesce(settled_at, created_at)")),
    )

    id: str = Field(primary_key=True, max_length=40)
    kind: TransferKind = Field(sa_type=enum_type(TransferKind))
    subject: str = Field(index=True, max_length=40)
    state: State = Field(sa_type=enum_type(State))
    created_at: datetime
    settled_at: datetime | None = None


class LedgerEntry(SQLModel, table=True):
    """One line of a transfer.

    No foreign key to the account: its row lock would make every order wait at the platform's own account, and
    `service.record` writes the account in the same statement.
    """

    __tablename__ = "entry"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount_minor"),
        CheckConstraint("right(account_id, 4) = ':' || currency", name="currency"),
        Index("ix_entry_account_id_transfer_id_seq", "account_id", "transfer_id", "seq"),
    )

    transfer_id: str = Field(primary_key=True, foreign_key="transfer.id", max_length=40)
    seq: int = Field(primary_key=True)
    account_id: str = Field(max_length=120)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)


class LedgerClose(SQLModel, table=True):
    """A midnight before which nothing is written any more; `summed_at` once the closings of it are there."""

    __tablename__ = "ledger_close"

    until_at: datetime = Field(primary_key=True)
    closed_at: datetime
    summed_at: datetime | None = None


class Closing(SQLModel, table=True):
    """What an account held at a midnight. Only accounts that changed since their last one have another."""

    __tablename__ = "closing"

    account_id: str = Field(primary_key=True, max_length=120)
    until_at: datetime = Field(primary_key=True, foreign_key="ledger_close.until_at")
    posted_minor: int = Field(sa_type=BigInteger)
    pending_minor: int = Field(sa_type=BigInteger)


class Reconciliation(SQLModel, table=True):
    """A nightly check: how much was looked at, and what did not agree. `payments` is None without a card provider."""

    __tablename__ = "reconciliation"

    id: str = Field(primary_key=True, max_length=40)
    until_at: datetime
    made_at: datetime
    accounts: int
    transfers: int
    payments: int | None = None
    findings: list[dict[str, Any]] = Field(sa_type=JSONB)
