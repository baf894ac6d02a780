"""Claims with a clock and an operator's decision; refunds in parts; who pays for a cancelled order

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting",
)
TRANSFERS = ("sale", "reroute", "collection", "release", "refund")
PAYERS = ("buyer", "producer", "carrier", "platform", "none")
KINDS = ("damage", "no_reason", "hand_over", "inspection")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
)
NEW_TEMPLATES = (
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn",
)
STATUSES = ("open", "offered", "disputed", "settled", "refused", "withdrawn")


def kinds(table: str, name: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"kind IN ({listed(values)})")


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def templates(values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_message_template"), "message")
    op.create_check_constraint(op.f("ck_message_template"), "message", f"template IN ({listed(values)})")


def upgrade() -> None:
    templates((*TEMPLATES, *NEW_TEMPLATES))
    kinds("account", "accountkind", (*ACCOUNTS, "cancellations"))
    kinds("transfer", "transferkind", (*TRANSFERS, "refund_paid", "cancellation"))
    op.drop_constraint(op.f("ck_payment_refund_is_a_status"), "payment")
    op.create_check_constraint(
        op.f("ck_payment_refund_after_payment"), "payment", "status IN ('paid', 'refunded') OR refunded_minor = 0"
    )
    # Null for what was delivered before, and for what code of before still writes: such orders have no claims.
    op.add_column("order", sa.Column("delivered_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("order", sa.Column("cancel_reason", sa.String(length=40), nullable=True))
    op.create_table(
        "claim",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.String(length=40), nullable=False),
        sa.Column("line_id", sa.String(length=40), nullable=False),
        sa.Column("buyer_id", sa.String(length=40), nullable=False),
        sa.Column("producer_id", sa.String(length=40), nullable=False),
        sa.Column("policy", sa.String(length=40), nullable=False),
        sa.Column("carriage_back", sa.Enum(*PAYERS, name="carriageback", native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="claimkind", native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column("status", sa.Enum(*STATUSES, name="claimstatus", native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("asked_minor", sa.BigInteger(), nullable=False),
        sa.Column("offered_minor", sa.BigInteger(), nullable=True),
        sa.Column("granted_minor", sa.BigInteger(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("photos", postgresql.JSONB(), nullable=False),
        sa.Column("inspection", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("reasons", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("created_from", sa.String(length=64), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("refunded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.CheckConstraint("asked_minor > 0", name=op.f("ck_claim_asked_positive")),
        sa.CheckConstraint("offered_minor BETWEEN 1 AND asked_minor", name=op.f("ck_claim_offer_within_asked")),
        sa.CheckConstraint("granted_minor BETWEEN 1 AND asked_minor", name=op.f("ck_claim_grant_within_asked")),
        sa.CheckConstraint("(status = 'settled') = (granted_minor IS NOT NULL)", name=op.f("ck_claim_settled_with_grant")),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) = (status IN ('open', 'offered', 'disputed'))", name=op.f("ck_claim_clock_while_open")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
    )
    op.create_index(op.f("ix_claim_order_id"), "claim", ["order_id"])
    op.create_index("ix_claim_buyer_id_id", "claim", ["buyer_id", "id"])
    op.create_index("ix_claim_producer_id_id", "claim", ["producer_id", "id"])
    op.create_index(
        "uq_claim_line_id_open", "claim", ["line_id"], unique=True,
        postgresql_where=sa.text("status IN ('open', 'offered', 'disputed')"),
    )
    op.add_column("media", sa.Column("claim_id", sa.String(length=40), nullable=True))
    op.add_column("media", sa.Column("claim_producer_id", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    templates(TEMPLATES)
    op.drop_column("media", "claim_producer_id")
    op.drop_column("media", "claim_id")
    op.drop_table("claim")
    op.drop_column("order", "cancel_reason")
    op.drop_column("order", "delivered_at")
    op.drop_constraint(op.f("ck_payment_refund_after_payment"), "payment")
    # The former code knows refunds of the whole only.
    op.execute("UPDATE payment SET refunded_minor = 0 WHERE status <> 'refunded'")
    op.create_check_constraint(
        op.f("ck_payment_refund_is_a_status"), "payment", "status = 'refunded' OR refunded_minor = 0"
    )
    op.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    # Money that was sent back stays told, by the word that the former code has for it; costs of cancelled orders it does not know.
    op.execute("UPDATE transfer SET kind = 'refund' WHERE kind = 'refund_paid'")
    op.execute("DELETE FROM entry WHERE transfer_id IN (SELECT id FROM transfer WHERE kind = 'cancellation')")
    op.execute("DELETE FROM transfer WHERE kind = 'cancellation'")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    op.execute("ALTER TABLE entry ENABLE TRIGGER USER")
    op.execute("DELETE FROM account WHERE kind = 'cancellations'")
    kinds("transfer", "transferkind", TRANSFERS)
    kinds("account", "accountkind", ACCOUNTS)
