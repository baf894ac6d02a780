"""Money held on cards, disputes, and transfers to connected accounts with their reversals

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting", "cancellations", "deposit", "bank", "cooperative_pending",
    "cooperative_available",
)
NEW_ACCOUNTS = ("gateway_fee", "disputed")
TRANSFERS = (
    "sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation", "weighing", "deposit",
    "deposit_returned", "deposit_forfeited", "payout", "payout_returned", "remittance", "freight_paid",
)
NEW_TRANSFERS = ("dispute", "dispute_won", "dispute_lost", "gateway_fee")
STATUSES = ("pending_cash", "started", "awaiting_customer", "failed", "cancelled", "paid", "refunded")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn", "weighed",
    "weight_asked", "weight_referred", "weight_declined", "offer_made", "offer_countered", "offer_accepted",
    "offer_declined", "offer_withdrawn", "offer_expired", "offer_reopened", "deposit_received", "deposit_returned",
    "deposit_forfeited", "deposit_failed", "box_returned", "box_forfeited", "cooperative_invited", "cooperative_joined",
    "cooperative_declined", "cooperative_left", "share_proposed", "share_answered", "payout_paid", "payout_returned",
)
NEW_TEMPLATES = ("payment_lost", "dispute_opened", "dispute_won", "dispute_lost")
DISPUTES = ("inquiry", "inquiry_answered", "inquiry_closed", "needs_response", "under_review", "won", "lost")
MOVES = ("prepared", "done", "refused")

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


def minor(column: str) -> sa.Column:
    return sa.Column(column, sa.BigInteger(), nullable=False)


def at(column: str, *, null: bool = False) -> sa.Column:
    return sa.Column(column, Time(), nullable=null)


def disputes() -> None:
    op.create_table(
        "dispute",
        text(40, "id"),
        text(255, "provider_ref"),
        text(40, "payment_id"),
        text(40, "order_id"),
        word("status", "disputestatus", DISPUTES),
        text(40, "reason"),
        text(3, "currency"),
        minor("amount_minor"),
        minor("taken_minor"),
        minor("returned_minor"),
        minor("lost_minor"),
        sa.Column("producers", postgresql.JSONB(), nullable=False),
        at("due_at", null=True),
        text(None, "evidence", null=True),
        text(40, "evidence_by", null=True),
        at("evidence_sent_at", null=True),
        at("created_at"),
        at("updated_at"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount_positive")),
        sa.CheckConstraint(
            "returned_minor >= 0 AND lost_minor >= 0 AND returned_minor + lost_minor <= taken_minor",
            name=op.f("ck_dispute_ends_within_taken"),
        ),
        sa.CheckConstraint(
            "(evidence_sent_at IS NULL) = (evidence IS NULL)", name=op.f("ck_dispute_evidence_with_time")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_dispute_provider_ref")),
    )
    op.create_index(op.f("ix_dispute_payment_id"), "dispute", ["payment_id"])
    op.create_index(op.f("ix_dispute_order_id"), "dispute", ["order_id"])


def connect() -> None:
    op.create_table(
        "connect_transfer",
        text(40, "id"),
        text(40, "order_id"),
        text(60, "party_id"),
        text(255, "account_ref"),
        text(3, "currency"),
        minor("amount_minor"),
        minor("withheld_minor"),
        minor("reversed_minor"),
        minor("short_minor"),
        word("status", "movestatus", MOVES),
        text(255, "ref", null=True),
        at("created_at"),
        at("updated_at"),
        sa.CheckConstraint(
            "amount_minor >= 0 AND withheld_minor >= 0 AND amount_minor + withheld_minor > 0",
            name=op.f("ck_connect_transfer_amounts"),
        ),
        sa.CheckConstraint(
            "reversed_minor BETWEEN 0 AND amount_minor AND short_minor >= 0",
            name=op.f("ck_connect_transfer_reversed_within"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connect_transfer")),
        sa.UniqueConstraint("ref", name=op.f("uq_connect_transfer_ref")),
    )
    op.create_index(op.f("ix_connect_transfer_order_id"), "connect_transfer", ["order_id"])
    op.create_index("ix_connect_transfer_party_id_currency", "connect_transfer", ["party_id", "currency"])
    prepared = sa.text("status = 'prepared'")
    op.create_index("ix_connect_transfer_prepared", "connect_transfer", ["id"], postgresql_where=prepared)
    op.create_table(
        "connect_reversal",
        text(40, "id"),
        text(40, "transfer_id"),
        minor("amount_minor"),
        word("status", "movestatus", MOVES),
        text(255, "ref", null=True),
        at("created_at"),
        at("updated_at"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_connect_reversal_amount_positive")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["connect_transfer.id"], name=op.f("fk_connect_reversal_transfer_id_connect_transfer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connect_reversal")),
        sa.UniqueConstraint("ref", name=op.f("uq_connect_reversal_ref")),
    )
    op.create_index(op.f("ix_connect_reversal_transfer_id"), "connect_reversal", ["transfer_id"])
    op.create_index("ix_connect_reversal_prepared", "connect_reversal", ["id"], postgresql_where=prepared)


def upgrade() -> None:
    checked("account", "kind", "accountkind", (*ACCOUNTS, *NEW_ACCOUNTS))
    checked("transfer", "kind", "transferkind", (*TRANSFERS, *NEW_TRANSFERS))
    checked("payment", "status", "paymentstatus", (*STATUSES, "authorised"))
    checked("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    op.add_column("payment", sa.Column("hold", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("payment", at("held_until", null=True))
    op.create_check_constraint(
        op.f("ck_payment_authorised_until"), "payment", "status <> 'authorised' OR held_until IS NOT NULL"
    )
    op.create_index(
        "ix_payment_held_until_authorised", "payment", ["held_until"], postgresql_where=sa.text("status = 'authorised'")
    )
    disputes()
    connect()


def downgrade() -> None:
    for table in ("connect_reversal", "connect_transfer", "dispute"):
        op.drop_table(table)
    op.drop_index("ix_payment_held_until_authorised", table_name="payment")
    op.drop_constraint(op.f("ck_payment_authorised_until"), "payment")
    # The former code takes nothing later: it waits for the provider's word that it was paid.
    op.execute("UPDATE payment SET status = 'awaiting_customer' WHERE status = 'authorised'")
    op.drop_column("payment", "held_until")
    op.drop_column("payment", "hold")
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    checked("message", "template", "template", TEMPLATES)
    checked("payment", "status", "paymentstatus", STATUSES)
    op.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    # Whole transfers go, so that what is left still balances; then kept balances do not hold, and the next night sums from the first entry on.
    op.execute(
        f"CREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT id FROM transfer WHERE kind IN ({listed(NEW_TRANSFERS)})"
    )
    op.execute("DELETE FROM entry WHERE transfer_id IN (SELECT id FROM gone)")
    op.execute("DELETE FROM transfer WHERE id IN (SELECT id FROM gone)")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    op.execute("ALTER TABLE entry ENABLE TRIGGER USER")
    op.execute("DELETE FROM closing WHERE EXISTS (SELECT FROM gone)")
    op.execute("DELETE FROM ledger_close WHERE EXISTS (SELECT FROM gone)")
    op.execute("DROP TABLE gone")
    op.execute(f"DELETE FROM account WHERE kind IN ({listed(NEW_ACCOUNTS)})")
    checked("transfer", "kind", "transferkind", TRANSFERS)
    checked("account", "kind", "accountkind", ACCOUNTS)
