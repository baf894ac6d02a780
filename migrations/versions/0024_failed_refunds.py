"""Refunds that did not arrive

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TRANSFERS = (
    "sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation", "weighing", "deposit",
    "deposit_returned", "deposit_forfeited", "payout", "payout_returned", "remittance", "freight_paid", "dispute",
    "dispute_won", "dispute_lost", "gateway_fee", "reduction", "carrier_claim", "return_carriage", "write_off",
)
NEW_TRANSFERS = ("refund_failed",)
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn", "weighed",
    "weight_asked", "weight_referred", "weight_declined", "offer_made", "offer_countered", "offer_accepted",
    "offer_declined", "offer_withdrawn", "offer_expired", "offer_reopened", "deposit_received", "deposit_returned",
    "deposit_forfeited", "deposit_failed", "box_returned", "box_forfeited", "cooperative_invited", "cooperative_joined",
    "cooperative_declined", "cooperative_left", "share_proposed", "share_answered", "payout_paid", "payout_returned",
    "payment_lost", "dispute_opened", "dispute_won", "dispute_lost", "harvest_cut", "order_cut", "claim_returning",
    "claim_lapsed", "return_booked",
)
NEW_TEMPLATES = ("refund_failed", "refund_to_pay")


def one_of(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


def upgrade() -> None:
    op.create_table(
        "failed_refund",
        sa.Column("provider_ref", sqlmodel.sql.sqltypes.AutoString(length=255), nullable=False),
        sa.Column("refund_id", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("payment_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("order_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(length=3), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_failed_refund_amount_positive")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_failed_refund_payment_id_payment")),
        sa.PrimaryKeyConstraint("provider_ref", name=op.f("pk_failed_refund")),
    )
    op.create_index(op.f("ix_failed_refund_payment_id"), "failed_refund", ["payment_id"])
    op.create_index(op.f("ix_failed_refund_order_id"), "failed_refund", ["order_id"])
    one_of("transfer", "transferkind", "kind", (*TRANSFERS, *NEW_TRANSFERS))
    one_of("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))


def downgrade() -> None:
    listed = ", ".join(f"'{template}'" for template in NEW_TEMPLATES)
    op.execute(f"DELETE FROM message WHERE template IN ({listed})")
    one_of("message", "template", "template", TEMPLATES)
    # To the former code it is a correction of what was sent back.
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    op.execute("UPDATE transfer SET kind = 'refund_paid' WHERE kind = 'refund_failed'")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    one_of("transfer", "transferkind", "kind", TRANSFERS)
    op.drop_table("failed_refund")
