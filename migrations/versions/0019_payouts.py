"""Payees, payout runs, payouts, remittances, remarks of carriers; transfers by bank as a way of paying, with what arrived

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting", "cancellations", "cooperative_pending", "cooperative_available",
)
NEW_ACCOUNTS = ("bank",)
TRANSFERS = ("sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation")
NEW_TRANSFERS = ("payout", "payout_returned", "remittance", "freight_paid")
METHODS = ("cash_on_delivery", "stripe")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn",
    "cooperative_invited", "cooperative_joined", "cooperative_declined", "cooperative_left", "share_proposed", "share_answered",
)
NEW_TEMPLATES = ("payout_paid", "payout_returned")
PARTIES = ("producer", "cooperative", "carrier", "buyer")
CHANNELS = ("bank_transfer", "wallet", "stripe", "cash")
PAYEES = ("unverified", "verified", "rejected", "replaced")
PAYOUTS = ("prepared", "sent", "paid", "returned", "failed", "cancelled")

Time = sqlmodel.sql.sqltypes.UTCDateTime


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def checked(table: str, column: str, name: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed(values)})")


def text(length: int | None, name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=null)


def word(column: str, name: str, values: tuple[str, ...]) -> sa.Column:
    return sa.Column(
        column, sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40), nullable=False
    )


def at(column: str, *, null: bool = False) -> sa.Column:
    return sa.Column(column, Time(), nullable=null)


def payouts() -> None:
    op.create_table(
        "payee",
        text(40, "id"),
        word("party", "party", PARTIES),
        text(60, "party_id"),
        word("channel", "channel", CHANNELS),
        text(3, "currency"),
        text(20, "masked"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        text(255, "ref", null=True),
        word("status", "payeestatus", PAYEES),
        text(500, "reason", null=True),
        text(40, "created_by"),
        at("created_at"),
        at("updated_at"),
        sa.CheckConstraint("channel <> 'cash'", name=op.f("ck_payee_cash_needs_no_payee")),
        sa.CheckConstraint("sealed IS NOT NULL OR channel = 'stripe'", name=op.f("ck_payee_account_or_machine")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee")),
        sa.UniqueConstraint("ref", name=op.f("uq_payee_ref")),
    )
    op.create_index(
        "uq_payee_party_id_currency_present", "payee", ["party_id", "currency"], unique=True,
        postgresql_where=sa.text("status <> 'replaced'"),
    )
    op.create_table(
        "payout_run",
        text(40, "id"),
        sa.Column("parties", postgresql.JSONB(), nullable=False),
        sa.Column("net_cash", sa.Boolean(), nullable=False),
        text(40, "terms"),
        text(40, "made_by", null=True),
        at("created_at"),
        at("done_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_run")),
    )
    op.create_table(
        "payout",
        text(40, "id"),
        text(40, "run_id", null=True),
        text(40, "payee_id", null=True),
        word("party", "party", PARTIES),
        text(60, "party_id"),
        word("channel", "channel", CHANNELS),
        text(40, "carrier", null=True),
        text(3, "currency"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        word("status", "payoutstatus", PAYOUTS),
        text(40, "order_id", null=True),
        text(40, "transfer_id"),
        text(60, "reference", null=True),
        text(255, "channel_ref", null=True),
        text(500, "reason", null=True),
        at("created_at"),
        at("updated_at"),
        at("sent_at", null=True),
        at("paid_at", null=True),
        at("ended_at", null=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_amount_positive")),
        sa.CheckConstraint("(party = 'buyer') = (order_id IS NOT NULL)", name=op.f("ck_payout_refund_of_an_order")),
        sa.CheckConstraint("(channel = 'cash') = (carrier IS NOT NULL)", name=op.f("ck_payout_cash_from_a_carrier")),
        sa.CheckConstraint("(channel = 'cash') = (payee_id IS NULL)", name=op.f("ck_payout_payee_but_for_cash")),
        sa.ForeignKeyConstraint(["run_id"], ["payout_run.id"], name=op.f("fk_payout_run_id_payout_run")),
        sa.ForeignKeyConstraint(["payee_id"], ["payee.id"], name=op.f("fk_payout_payee_id_payee")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("transfer_id", name=op.f("uq_payout_transfer_id")),
        sa.UniqueConstraint("channel_ref", name=op.f("uq_payout_channel_ref")),
    )
    op.create_index("ix_payout_run_id_id", "payout", ["run_id", "id"])
    op.create_index("ix_payout_party_id_id", "payout", ["party_id", "id"])
    op.create_index(op.f("ix_payout_order_id"), "payout", ["order_id"])
    op.create_index(
        "ix_payout_carrier_under_way",
        "payout",
        ["carrier"],
        postgresql_where=sa.text("carrier IS NOT NULL AND status IN ('prepared', 'sent')"),
    )
    op.create_index(
        "ix_payout_party_id_under_way", "payout", ["party_id"], postgresql_where=sa.text("status IN ('prepared', 'sent')")
    )


def cash_and_remarks() -> None:
    op.create_table(
        "remittance",
        text(40, "id"),
        text(40, "carrier"),
        text(3, "currency"),
        sa.Column("announced_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=True),
        text(60, "reference"),
        at("handed_over_at"),
        text(40, "created_by"),
        text(64, "created_from"),
        at("created_at"),
        text(40, "confirmed_by", null=True),
        at("confirmed_at", null=True),
        sa.CheckConstraint("announced_minor > 0 AND received_minor >= 0", name=op.f("ck_remittance_amounts")),
        sa.CheckConstraint(
            "(received_minor IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_remittance_confirmed_with_amount")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance")),
        sa.UniqueConstraint("carrier", "reference", name="uq_remittance_carrier_reference"),
    )
    op.create_index("ix_remittance_carrier_id", "remittance", ["carrier", "id"])
    op.create_table(
        "settlement_remark",
        text(40, "id"),
        text(40, "carrier"),
        text(40, "order_id"),
        text(None, "words"),
        text(None, "answer", null=True),
        text(40, "answered_by", null=True),
        text(64, "created_from"),
        at("created_at"),
        at("answered_at", null=True),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_settlement_remark_answered_with_words")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_remark")),
    )
    op.create_index("ix_settlement_remark_carrier_id", "settlement_remark", ["carrier", "id"])
    op.create_table(
        "payment_receipt",
        text(40, "id"),
        text(40, "payment_id"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        text(3, "currency"),
        text(60, "reference"),
        text(40, "recorded_by"),
        at("created_at"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_receipt_amount_positive")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_receipt_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_receipt")),
        sa.UniqueConstraint("reference", name=op.f("uq_payment_receipt_reference")),
    )
    op.create_index(op.f("ix_payment_receipt_payment_id"), "payment_receipt", ["payment_id"])


def upgrade() -> None:
    checked("account", "kind", "accountkind", (*ACCOUNTS, *NEW_ACCOUNTS))
    checked("transfer", "kind", "transferkind", (*TRANSFERS, *NEW_TRANSFERS))
    checked("payment", "method", "paymentmethod", (*METHODS, "bank_transfer"))
    checked("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    payouts()
    cash_and_remarks()


def downgrade() -> None:
    for table in ("payment_receipt", "settlement_remark", "remittance", "payout", "payout_run", "payee"):
        op.drop_table(table)
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    checked("message", "template", "template", TEMPLATES)
    # The former code knows no transfers by bank: what was paid so stands as cash from then on.
    op.execute(
        "UPDATE payment SET method = 'cash_on_delivery', "
        "status = CASE status WHEN 'awaiting_customer' THEN 'pending_cash' ELSE status END WHERE method = 'bank_transfer'"
    )
    checked("payment", "method", "paymentmethod", METHODS)
    guarded = ("entry", "transfer", "closing", "ledger_close")
    for table in guarded:
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    # Whole transfers go, so that what is left still balances; then kept balances do not hold, and the next night sums from the first entry on.
    moved = (
        f"SELECT id FROM transfer WHERE kind IN ({listed(NEW_TRANSFERS)}) UNION SELECT transfer_id FROM entry "
        f"WHERE split_part(account_id, chr(58), 1) IN ({listed(NEW_ACCOUNTS)})"
    )
    op.execute(f"CREATE TEMPORARY TABLE gone ON COMMIT DROP AS {moved}")
    op.execute("DELETE FROM entry WHERE transfer_id IN (SELECT id FROM gone)")
    op.execute("DELETE FROM transfer WHERE id IN (SELECT id FROM gone)")
    op.execute("DELETE FROM closing WHERE EXISTS (SELECT FROM gone)")
    op.execute("DELETE FROM ledger_close WHERE EXISTS (SELECT FROM gone)")
    for table in guarded:
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    op.execute(f"DELETE FROM account WHERE kind IN ({listed(NEW_ACCOUNTS)})")
    checked("transfer", "kind", "transferkind", TRANSFERS)
    checked("account", "kind", "accountkind", ACCOUNTS)
