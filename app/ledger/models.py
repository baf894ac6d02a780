"""The tables of the ledger, and the triggers that keep it append-only and balanced."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Index
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
    __table_args__ = (CheckConstraint("(state = 'pending') = (settled_at IS NULL)", name="settled"),)

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


TRIGGERS: Final[tuple[str, ...]] = (
    """
    CREATE FUNCTION ledger_entry_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'ledger entries are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION ledger_entry_is_final()
    """,
    """
    CREATE FUNCTION ledger_transfer_settles_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.state = 'pending' AND NEW.state IN ('posted', 'void')
            AND (NEW.id, NEW.kind, NEW.subject, NEW.created_at) = (OLD.id, OLD.kind, OLD.subject, OLD.created_at)
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a transfer only goes from pending to posted or void'
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER transfer_settles_once BEFORE UPDATE OR DELETE ON transfer
    FOR EACH ROW EXECUTE FUNCTION ledger_transfer_settles_once()
    """,
    """
    CREATE FUNCTION ledger_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT 1 FROM entry WHERE transfer_id = NEW.transfer_id GROUP BY currency HAVING sum(amount_minor) <> 0
        ) THEN
            RAISE EXCEPTION 'the entries of transfer % do not sum to zero', NEW.transfer_id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entries_balance()
    """,
)

DROP_TRIGGERS: Final[tuple[str, ...]] = (
    "DROP TRIGGER entries_balance ON entry",
    "DROP FUNCTION ledger_entries_balance()",
    "DROP TRIGGER transfer_settles_once ON transfer",
    "DROP FUNCTION ledger_transfer_settles_once()",
    "DROP TRIGGER entry_is_final ON entry",
    "DROP FUNCTION ledger_entry_is_final()",
)
