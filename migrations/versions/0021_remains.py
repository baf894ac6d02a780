"""What carriage took by county and month; duties in the ledger; orders that are cut down

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting", "cancellations", "deposit", "bank", "cooperative_pending",
    "cooperative_available", "gateway_fee", "disputed",
)
NEW_ACCOUNTS = ("tax",)
TRANSFERS = (
    "sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation", "weighing", "deposit",
    "deposit_returned", "deposit_forfeited", "payout", "payout_returned", "remittance", "freight_paid", "dispute",
    "dispute_won", "dispute_lost", "gateway_fee",
)
NEW_TRANSFERS = ("reduction", "carrier_claim")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn", "weighed",
    "weight_asked", "weight_referred", "weight_declined", "offer_made", "offer_countered", "offer_accepted",
    "offer_declined", "offer_withdrawn", "offer_expired", "offer_reopened", "deposit_received", "deposit_returned",
    "deposit_forfeited", "deposit_failed", "box_returned", "box_forfeited", "cooperative_invited", "cooperative_joined",
    "cooperative_declined", "cooperative_left", "share_proposed", "share_answered", "payout_paid", "payout_returned",
    "payment_lost", "dispute_opened", "dispute_won", "dispute_lost",
)
RECOURSES = ("booked", "accepted", "contested", "reversed")
NEW_TEMPLATES = ("harvest_cut", "order_cut")


def one_of(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


def upgrade() -> None:
    one_of("account", "accountkind", "kind", (*ACCOUNTS, *NEW_ACCOUNTS))
    one_of("transfer", "transferkind", "kind", (*TRANSFERS, *NEW_TRANSFERS))
    one_of("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    op.add_column("order", sa.Column("reductions", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("order", sa.Column("cancel_free_until", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("listing", sa.Column("capacity_per_week", sa.Numeric(12, 3), nullable=True))
    op.create_check_constraint(op.f("ck_listing_capacity_per_week"), "listing", "capacity_per_week >= 0")
    # Documents are kept ready to send.
    op.execute("UPDATE listing SET document = left(document, -1) || ',\"capacity_per_week\"\\:null}'")
    op.add_column("lot", sa.Column("made_in", sa.Date(), nullable=True))
    op.create_index(
        "uq_lot_listing_id_made_in", "lot", ["listing_id", "made_in"], unique=True,
        postgresql_where=sa.text("made_in IS NOT NULL"),
    )
    op.create_table(
        "recourse",
        *[sa.Column(name, sa.String(length=40), nullable=False) for name in (
            "id", "claim_id", "order_id", "consignment_id", "leg_id", "carrier", "producer_id",
        )],
        sa.Column("status", sa.Enum(*RECOURSES, name="recoursestatus", native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("created_from", sa.String(length=64), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("reversed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("reversal", sa.String(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_recourse_amount_positive")),
        sa.CheckConstraint("(status = 'reversed') = (reversed_at IS NOT NULL)", name=op.f("ck_recourse_reversed_when")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recourse")),
    )
    op.create_index(op.f("ix_recourse_claim_id"), "recourse", ["claim_id"])
    op.create_index("ix_recourse_carrier_id", "recourse", ["carrier", "id"])
    op.create_index("ix_recourse_producer_id_id", "recourse", ["producer_id", "id"])
    op.create_table(
        "carriage_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("county", sa.String(length=6), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("carriage_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("producers_minor", sa.BigInteger(), nullable=False),
        sa.Column("median_bps", sa.Integer(), nullable=False),
        sa.Column("co2e_g", sa.BigInteger(), nullable=False),
        sa.Column("co2e_missing", sa.Integer(), nullable=False),
        sa.Column("until_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("orders > 0", name=op.f("ck_carriage_month_has_orders")),
        sa.PrimaryKeyConstraint("month", "county", "currency", name=op.f("pk_carriage_month")),
    )


def downgrade() -> None:
    op.drop_table("carriage_month")
    op.drop_table("recourse")
    # Weeks that were declared stay, as lots that are still to come.
    op.drop_index("uq_lot_listing_id_made_in", table_name="lot")
    op.drop_column("lot", "made_in")
    op.drop_constraint(op.f("ck_listing_capacity_per_week"), "listing")
    op.drop_column("listing", "capacity_per_week")
    op.execute("UPDATE listing SET document = (document\\:\\:jsonb - 'capacity_per_week')\\:\\:text")
    op.drop_column("order", "cancel_free_until")
    op.drop_column("order", "reductions")
    listed = ", ".join(f"'{template}'" for template in NEW_TEMPLATES)
    op.execute(f"DELETE FROM message WHERE template IN ({listed})")
    one_of("message", "template", "template", TEMPLATES)
    # The former code settles what another way costs with the sale, and so it does this.
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    op.execute("UPDATE transfer SET kind = 'reroute' WHERE kind IN ('reduction', 'carrier_claim')")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    one_of("transfer", "transferkind", "kind", TRANSFERS)
    # The former code has no account for duties: they stand on the platform's own. Kept balances are added up anew from the first entry.
    op.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    op.execute("ALTER TABLE closing DISABLE TRIGGER USER")
    op.execute(
        "INSERT INTO account (id, kind, owner, currency) SELECT 'platform_fee:' || owner || ':' || currency, 'platform_fee', "
        "owner, currency FROM account WHERE kind = 'tax' ON CONFLICT DO NOTHING"
    )
    op.execute("DELETE FROM closing WHERE EXISTS (SELECT FROM account WHERE kind = 'tax')")
    op.execute("DELETE FROM ledger_close WHERE EXISTS (SELECT FROM account WHERE kind = 'tax')")
    op.execute("UPDATE entry SET account_id = 'platform_fee' || substr(account_id, 4) WHERE account_id LIKE 'tax:%'")
    op.execute("ALTER TABLE closing ENABLE TRIGGER USER")
    op.execute("ALTER TABLE entry ENABLE TRIGGER USER")
    op.execute("DELETE FROM account WHERE kind = 'tax'")
    one_of("account", "accountkind", "kind", ACCOUNTS)
