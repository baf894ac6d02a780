"""Offers on bulk lots with their deposits, and deposits for boxes that come back

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting", "cancellations",
)
NEW_ACCOUNTS = ("deposit", "bank")
TRANSFERS = ("sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation", "weighing")
NEW_TRANSFERS = ("deposit", "deposit_returned", "deposit_forfeited")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn", "weighed",
    "weight_asked", "weight_referred", "weight_declined",
)
NEW_TEMPLATES = (
    "offer_made", "offer_countered", "offer_accepted", "offer_declined", "offer_withdrawn", "offer_expired",
    "offer_reopened", "deposit_received", "deposit_returned", "deposit_forfeited", "deposit_failed", "box_returned",
    "box_forfeited",
)
METHODS = ("cash_on_delivery", "stripe")
NEW_METHODS = ("bank_transfer",)
CATEGORIES = ("cotton", "produce", "livestock", "handicraft")
UNITS = ("kg", "jin", "tonne", "bale", "head", "piece", "box")
STATUSES = ("open", "countered", "accepted", "used", "declined", "withdrawn", "expired")
DEPOSITS = ("none", "due", "held", "applied", "returned", "forfeited", "cancelled")
WAITING = "status IN ('open', 'countered', 'accepted')"


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def one_of(table: str, column: str, name: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed(values)})")


def words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def boxes() -> None:
    """Of a box that comes back: its deposit, and how that ended."""
    time = sqlmodel.sql.sqltypes.UTCDateTime
    for column in (
        sa.Column("deposit_minor", sa.BigInteger(), nullable=True),
        sa.Column("return_days", sa.Integer(), nullable=True),
        sa.Column("returned_at", time(), nullable=True),
        sa.Column("returned_hub", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True),
        sa.Column("forfeited_at", time(), nullable=True),
        sa.Column("sent_back_at", time(), nullable=True),
    ):
        op.add_column("package", column)
    for name, holds in (
        ("deposit", "deposit_minor > 0 AND return_days > 0"),
        ("one_end", "returned_at IS NULL OR forfeited_at IS NULL"),
        ("returned_somewhere", "(returned_at IS NULL) = (returned_hub IS NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_package_{name}"), "package", holds)
    op.create_index(
        op.f("ix_package_id"), "package", ["id"], postgresql_where=sa.text("deposit_minor IS NOT NULL")
    )


def upgrade() -> None:
    one_of("account", "kind", "accountkind", (*ACCOUNTS, *NEW_ACCOUNTS))
    one_of("transfer", "kind", "transferkind", (*TRANSFERS, *NEW_TRANSFERS))
    one_of("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    one_of("payment", "method", "paymentmethod", (*METHODS, *NEW_METHODS))
    op.create_check_constraint(
        op.f("ck_payment_bank_needs_no_provider"), "payment", "method <> 'bank_transfer' OR provider_ref IS NULL"
    )
    op.add_column("order", sa.Column("deposit_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_order_deposit_within_total"), "order", "deposit_minor BETWEEN 0 AND total_minor"
    )
    op.add_column("order", sa.Column("box_deposit_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f("ck_order_box_deposit_of_something"), "order", "box_deposit_minor > 0")
    boxes()
    op.add_column("order_line", sa.Column("offer_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    op.add_column("order_line", sa.Column("deposit_minor", sa.BigInteger(), nullable=True))
    text = sqlmodel.sql.sqltypes.AutoString
    time = sqlmodel.sql.sqltypes.UTCDateTime
    op.create_table(
        "offer",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("number", text(length=20), nullable=False),
        sa.Column("listing_id", text(length=40), nullable=False),
        sa.Column("producer_id", text(length=40), nullable=False),
        sa.Column("buyer_id", text(length=40), nullable=False),
        sa.Column("category", words("category", CATEGORIES), nullable=False),
        sa.Column("title", postgresql.JSONB(), nullable=False),
        sa.Column("unit", words("unit", UNITS), nullable=False),
        sa.Column("status", words("offerstatus", STATUSES), nullable=False),
        sa.Column("currency", text(length=3), nullable=False),
        sa.Column("quantity", sa.Numeric(14, 3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("rounds", postgresql.JSONB(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("due_at", time(), nullable=True),
        sa.Column("order_by", time(), nullable=True),
        sa.Column("deposit_status", words("depositstatus", DEPOSITS), nullable=False),
        sa.Column("deposit_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_id", text(length=40), nullable=True),
        sa.Column("sent_back_at", time(), nullable=True),
        sa.Column("bank_notes", postgresql.JSONB(), nullable=False),
        sa.Column("created_from", text(length=64), nullable=False),
        sa.Column("created_at", time(), nullable=False),
        sa.Column("updated_at", time(), nullable=False),
        sa.CheckConstraint("quantity > 0 AND price_minor > 0", name=op.f("ck_offer_positive")),
        sa.CheckConstraint(f"(due_at IS NOT NULL) = ({WAITING})", name=op.f("ck_offer_clock_while_waiting")),
        sa.CheckConstraint("status <> 'used' OR order_id IS NOT NULL", name=op.f("ck_offer_used_by_order")),
        sa.CheckConstraint("deposit_minor >= 0", name=op.f("ck_offer_deposit_not_negative")),
        sa.CheckConstraint("(deposit_status = 'none') = (deposit_minor = 0)", name=op.f("ck_offer_deposit_of_something")),
        sa.CheckConstraint(
            "sent_back_at IS NULL OR deposit_status = 'returned'", name=op.f("ck_offer_sent_back_when_returned")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("number", name=op.f("uq_offer_number")),
    )
    op.create_index(op.f("ix_offer_order_id"), "offer", ["order_id"])
    op.create_index("ix_offer_buyer_id_id", "offer", ["buyer_id", "id"])
    op.create_index("ix_offer_producer_id_id", "offer", ["producer_id", "id"])
    op.create_index(
        "uq_offer_listing_id_buyer_id_waiting", "offer", ["listing_id", "buyer_id"], unique=True,
        postgresql_where=sa.text(WAITING),
    )


def downgrade() -> None:
    # The former code knows no offers: what they hold is free again, what was paid for them it cannot tell.
    op.execute(
        """
        WITH ended AS (UPDATE reservation SET state = 'released' WHERE order_id LIKE 'off\\_%' AND state = 'held'
                       RETURNING listing_id, lot_id, quantity),
             freed AS (UPDATE ear_tag SET order_id = NULL, line_id = NULL WHERE order_id LIKE 'off\\_%'),
             part AS (SELECT listing_id, lot_id, sum(quantity) AS quantity FROM ended GROUP BY listing_id, lot_id)
        UPDATE lot SET reserved = lot.reserved - part.quantity FROM part
        WHERE lot.listing_id = part.listing_id AND lot.id = part.lot_id
        """
    )
    op.drop_table("offer")
    op.drop_column("order_line", "deposit_minor")
    op.drop_column("order_line", "offer_id")
    op.drop_index(op.f("ix_package_id"), table_name="package")
    for name in ("returned_somewhere", "one_end", "deposit"):
        op.drop_constraint(op.f(f"ck_package_{name}"), "package")
    for column in ("sent_back_at", "forfeited_at", "returned_hub", "returned_at", "return_days", "deposit_minor"):
        op.drop_column("package", column)
    op.drop_constraint(op.f("ck_order_box_deposit_of_something"), "order")
    op.drop_column("order", "box_deposit_minor")
    op.drop_constraint(op.f("ck_order_deposit_within_total"), "order")
    op.drop_column("order", "deposit_minor")
    op.drop_constraint(op.f("ck_payment_bank_needs_no_provider"), "payment")
    op.execute("DELETE FROM payment WHERE order_id LIKE 'off\\_%'")
    one_of("payment", "method", "paymentmethod", METHODS)
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    one_of("message", "template", "template", TEMPLATES)
    op.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    gone = (
        f"SELECT id FROM transfer WHERE kind IN ({listed(NEW_TRANSFERS)}) "
        "OR id IN (SELECT transfer_id FROM entry JOIN account ON account.id = entry.account_id "
        f"WHERE account.kind IN ({listed(NEW_ACCOUNTS)}))"
    )
    op.execute(f"CREATE TEMPORARY TABLE gone ON COMMIT DROP AS {gone}")
    op.execute("DELETE FROM entry WHERE transfer_id IN (SELECT id FROM gone)")
    op.execute("DELETE FROM transfer WHERE id IN (SELECT id FROM gone)")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    op.execute("ALTER TABLE entry ENABLE TRIGGER USER")
    op.execute(f"DELETE FROM account WHERE kind IN ({listed(NEW_ACCOUNTS)})")
    one_of("transfer", "kind", "transferkind", TRANSFERS)
    one_of("account", "kind", "accountkind", ACCOUNTS)
