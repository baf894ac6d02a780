"""Tables of paying out: where parties are paid, runs, payouts, cash that carriers hand over, and what carriers remark."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.payouts.values import REFERENCE_LENGTH_MAX, Channel, MoveStatus, Party, PayeeStatus, PayoutStatus


class Payee(SQLModel, table=True):
    """How a party is paid in a currency. `sealed` is the account in full, `masked` what people may see of it.

    `ref` is a machine's own name for it, such as a connected account.
    """

    __tablename__ = "payee"
    __table_args__ = (
        CheckConstraint("channel <> 'cash'", name="cash_needs_no_payee"),
        CheckConstraint("sealed IS NOT NULL OR channel = 'stripe'", name="account_or_machine"),
        Index(
            "uq_payee_party_id_currency_present",
            "party_id",
            "currency",
            unique=True,
            postgresql_where=text("status <> 'replaced'"),
        ),
    )

    id: str = Field(primary_key=True, max_length=40)
    party: Party = Field(sa_type=enum_type(Party))
    party_id: str = Field(max_length=60)
    channel: Channel = Field(sa_type=enum_type(Channel))
    currency: str = Field(max_length=3)
    masked: str = Field(max_length=20)
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    ref: str | None = Field(default=None, unique=True, max_length=255)
    status: PayeeStatus = Field(sa_type=enum_type(PayeeStatus))
    reason: str | None = Field(default=None, max_length=500)
    created_by: str = Field(max_length=40)
    created_at: datetime
    updated_at: datetime


class PayoutRun(SQLModel, table=True):
    """One time of paying everybody who is owed; `done_at` once every payee was looked at. `made_by` is null for the clock's."""

    __tablename__ = "payout_run"

    id: str = Field(primary_key=True, max_length=40)
    parties: list[str] = Field(sa_type=JSONB)
    net_cash: bool
    terms: str = Field(max_length=40)
    made_by: str | None = Field(default=None, max_length=40)
    created_at: datetime
    done_at: datetime | None = None


class Payout(SQLModel, table=True):
    """Money that leaves for one party. Its transfer is pending while it is on its way, posted once paid, void when it never left.

    `order_id` for what goes back to a buyer; `carrier` for what a carrier hands over out of its cash.
    """

    __tablename__ = "payout"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("(party = 'buyer') = (order_id IS NOT NULL)", name="refund_of_an_order"),
        CheckConstraint("(channel = 'cash') = (carrier IS NOT NULL)", name="cash_from_a_carrier"),
        CheckConstraint("(channel = 'cash') = (payee_id IS NULL)", name="payee_but_for_cash"),
        Index("ix_payout_run_id_id", "run_id", "id"),
        Index("ix_payout_party_id_id", "party_id", "id"),
        Index(
            "ix_payout_carrier_under_way",
            "carrier",
            postgresql_where=text("carrier IS NOT NULL AND status IN ('prepared', 'sent')"),
        ),
        Index("ix_payout_party_id_under_way", "party_id", postgresql_where=text("status IN ('prepared', 'sent')")),
    )

    id: str = Field(primary_key=True, max_length=40)
    run_id: str | None = Field(default=None, max_length=40, foreign_key="payout_run.id")
    payee_id: str | None = Field(default=None, max_length=40, foreign_key="payee.id")
    party: Party = Field(sa_type=enum_type(Party))
    party_id: str = Field(max_length=60)
    channel: Channel = Field(sa_type=enum_type(Channel))
    carrier: str | None = Field(default=None, max_length=40)
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigInteger)
    status: PayoutStatus = Field(sa_type=enum_type(PayoutStatus))
    order_id: str | None = Field(default=None, max_length=40, index=True)
    transfer_id: str = Field(unique=True, max_length=40)
    reference: str | None = Field(default=None, max_length=REFERENCE_LENGTH_MAX)
    channel_ref: str | None = Field(default=None, unique=True, max_length=255)
    reason: str | None = Field(default=None, max_length=500)
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    paid_at: datetime | None = None
    ended_at: datetime | None = None


class ConnectTransfer(SQLModel, table=True):
    """What a party was sent for one order from its charge, within the card provider. The ledger does not move: the provider still has it.

    `withheld_minor`: of what was due, what covered what the party had been sent too much before; `short_minor`: of what was to come
    back, what its account no longer had.
    """

    __tablename__ = "connect_transfer"
    __table_args__ = (
        CheckConstraint(
            "amount_minor >= 0 AND withheld_minor >= 0 AND amount_minor + withheld_minor > 0", name="amounts"
        ),
        CheckConstraint("reversed_minor BETWEEN 0 AND amount_minor AND short_minor >= 0", name="reversed_within"),
        Index("ix_connect_transfer_party_id_currency", "party_id", "currency"),
        Index("ix_connect_transfer_prepared", "id", postgresql_where=text("status = 'prepared'")),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(max_length=40, index=True)
    party_id: str = Field(max_length=60)
    account_ref: str = Field(max_length=255)
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigInteger)
    withheld_minor: int = Field(default=0, sa_type=BigInteger)
    reversed_minor: int = Field(default=0, sa_type=BigInteger)
    short_minor: int = Field(default=0, sa_type=BigInteger)
    status: MoveStatus = Field(sa_type=enum_type(MoveStatus))
    ref: str | None = Field(default=None, unique=True, max_length=255)
    created_at: datetime
    updated_at: datetime


class ConnectReversal(SQLModel, table=True):
    """A part of a transfer that is to come back, since the goods were refunded or the dispute was lost."""

    __tablename__ = "connect_reversal"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_connect_reversal_prepared", "id", postgresql_where=text("status = 'prepared'")),
    )

    id: str = Field(primary_key=True, max_length=40)
    transfer_id: str = Field(max_length=40, foreign_key="connect_transfer.id", index=True)
    amount_minor: int = Field(sa_type=BigInteger)
    status: MoveStatus = Field(sa_type=enum_type(MoveStatus))
    ref: str | None = Field(default=None, unique=True, max_length=255)
    created_at: datetime
    updated_at: datetime


class Remittance(SQLModel, table=True):
    """Cash that a carrier hands over: what it says, and what arrived. Until then `received_minor` is null."""

    __tablename__ = "remittance"
    __table_args__ = (
        CheckConstraint("announced_minor > 0 AND received_minor >= 0", name="amounts"),
        CheckConstraint("(received_minor IS NULL) = (confirmed_at IS NULL)", name="confirmed_with_amount"),
        UniqueConstraint("carrier", "reference", name="uq_remittance_carrier_reference"),
        Index("ix_remittance_carrier_id", "carrier", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    carrier: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    announced_minor: int = Field(sa_type=BigInteger)
    received_minor: int | None = Field(default=None, sa_type=BigInteger)
    reference: str = Field(max_length=REFERENCE_LENGTH_MAX)
    handed_over_at: datetime
    created_by: str = Field(max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime
    confirmed_by: str | None = Field(default=None, max_length=40)
    confirmed_at: datetime | None = None


class SettlementRemark(SQLModel, table=True):
    """What a carrier does not agree with in its freight for an order, and what an operator answers. It moves no money by itself."""

    __tablename__ = "settlement_remark"
    __table_args__ = (
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_with_words"),
        Index("ix_settlement_remark_carrier_id", "carrier", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    carrier: str = Field(max_length=40)
    order_id: str = Field(max_length=40)
    words: str
    answer: str | None = None
    answered_by: str | None = Field(default=None, max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime
    answered_at: datetime | None = None
