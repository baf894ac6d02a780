"""Goods that are settled by weight: listings, lines, weigh-ins with their signature, parts of a payment that go back

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UNITS = ("kg", "jin", "tonne", "bale", "head", "piece", "box")
TRANSFERS = ("sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation")
NEW_TRANSFERS = ("weighing",)
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn",
)
NEW_TEMPLATES = ("weighed", "weight_asked", "weight_referred", "weight_declined")
STATUSES = ("settled", "waiting", "referred", "declined", "superseded")
SIGNERS = ("partner", "service")
# What the scale showed, and who signed it: written once.
FACTS = (
    "id", "order_id", "consignment_id", "line_id", "buyer_id", "producer_id", "party", "estimated_g", "gross_g", "tare_g",
    "net_g", "trash_pct", "regain_pct", "charged_g", "weighed_at", "instrument", "ticket", "photo", "payload", "signed_by",
    "public_key", "signature", "supersedes", "created_from", "created_at",
)


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def one_of(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed(values)})")


def kind(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=nullable)


def weigh_ins() -> None:
    def words(name: str, length: int, *, nullable: bool = False) -> sa.Column:
        return sa.Column(name, sa.String(length=length), nullable=nullable)

    def grams(name: str, *, nullable: bool = False) -> sa.Column:
        return sa.Column(name, sa.BigInteger(), nullable=nullable)

    op.create_table(
        "weigh_in",
        words("id", 40), words("order_id", 40), words("consignment_id", 40), words("line_id", 40),
        words("buyer_id", 40), words("producer_id", 40), words("party", 40),
        sa.Column("status", kind("weighinstatus", STATUSES), nullable=False),
        grams("estimated_g"), grams("gross_g"), grams("tare_g"), grams("net_g"),
        sa.Column("trash_pct", sa.Numeric(4, 2), nullable=True),
        sa.Column("regain_pct", sa.Numeric(4, 2), nullable=True),
        grams("charged_g"), grams("settled_g", nullable=True),
        moment("weighed_at"), words("instrument", 60), words("ticket", 60), words("photo", 40),
        words("payload", 1000),
        sa.Column("signed_by", kind("signedby", SIGNERS), nullable=False),
        words("public_key", 43), words("signature", 86), words("supersedes", 40, nullable=True),
        moment("due_at", nullable=True), words("decided_by", 40, nullable=True), moment("decided_at", nullable=True),
        words("transfer_id", 40, nullable=True), words("created_from", 64), moment("created_at"), moment("updated_at"),
        sa.CheckConstraint("gross_g = tare_g + net_g AND tare_g >= 0 AND net_g > 0 AND charged_g > 0", name=op.f("ck_weigh_in_weights")),
        sa.CheckConstraint("(due_at IS NOT NULL) = (status = 'waiting')", name=op.f("ck_weigh_in_clock_while_waiting")),
        sa.CheckConstraint("status <> 'settled' OR settled_g IS NOT NULL", name=op.f("ck_weigh_in_settled_with_weight")),
        sa.CheckConstraint("(trash_pct IS NULL) = (regain_pct IS NULL)", name=op.f("ck_weigh_in_conditioned_by_both")),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.id"], name=op.f("fk_weigh_in_consignment_id_consignment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weigh_in")),
    )
    op.create_index(op.f("ix_weigh_in_order_id"), "weigh_in", ["order_id"])
    op.create_index("ix_weigh_in_buyer_id_id", "weigh_in", ["buyer_id", "id"])
    op.create_index("ix_weigh_in_producer_id_id", "weigh_in", ["producer_id", "id"])
    op.create_index("ix_weigh_in_party_id", "weigh_in", ["party", "id"])
    op.create_index(
        "uq_weigh_in_line_id_standing", "weigh_in", ["line_id"], unique=True, postgresql_where=sa.text("status <> 'superseded'")
    )
    op.create_index(
        "ix_weigh_in_transfer_id", "weigh_in", ["transfer_id"], postgresql_where=sa.text("transfer_id IS NOT NULL")
    )
    new, old = (", ".join(f"{row}.{name}" for name in FACTS) for row in ("NEW", "OLD"))
    op.execute(
        f"""
        CREATE FUNCTION weigh_in_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND ({new}) IS NOT DISTINCT FROM ({old}) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'what a scale showed is never changed' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER weigh_in_is_final BEFORE UPDATE OR DELETE ON weigh_in "
        "FOR EACH ROW EXECUTE FUNCTION weigh_in_is_final()"
    )


def lines() -> None:
    for column in (
        sa.Column("price_per", kind("unit", UNITS), nullable=True),
        sa.Column("estimated_g", sa.BigInteger(), nullable=True),
        sa.Column("settled_g", sa.BigInteger(), nullable=True),
        sa.Column("net_g", sa.BigInteger(), nullable=True),
        sa.Column("ordered_minor", sa.BigInteger(), nullable=True),
        moment("taken_off_at", nullable=True),
    ):
        op.add_column("order_line", column)
    for name, rule in (
        ("weighed_by_estimate", "(price_per IS NULL) = (estimated_g IS NULL)"),
        ("weights_positive", "estimated_g > 0 AND settled_g > 0 AND net_g > 0"),
        ("settled_with_net", "(settled_g IS NULL) = (net_g IS NULL)"),
        ("taken_off_costs_nothing", "taken_off_at IS NULL OR total_minor = 0"),
    ):
        op.create_check_constraint(op.f(f"ck_order_line_{name}"), "order_line", rule)


def upgrade() -> None:
    one_of("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    one_of("transfer", "transferkind", "kind", (*TRANSFERS, *NEW_TRANSFERS))
    op.add_column("listing", sa.Column("weighed", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("listing", sa.Column("price_per", kind("price_per", UNITS), nullable=True))
    op.create_check_constraint(op.f("ck_listing_priced_by_weight"), "listing", "price_per IS NULL OR weighed")
    # Documents are kept ready to send.
    op.execute("UPDATE listing SET document = left(document, -1) || ',\"weighed\"\\:false,\"price_per\"\\:null}'")
    op.add_column("api_key", sa.Column("public_key", sa.String(length=43), nullable=True))
    op.add_column("media", sa.Column("weigh_in_id", sa.String(length=40), nullable=True))
    op.add_column("media", sa.Column("weigh_in_parties", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("consignment", sa.Column("planned_weight_g", sa.BigInteger(), nullable=True))
    lines()
    weigh_ins()
    op.create_table(
        "part_refund",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        moment("created_at"),
        moment("refunded_at", nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_part_refund_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part_refund")),
    )
    op.create_index(op.f("ix_part_refund_order_id"), "part_refund", ["order_id"])


def downgrade() -> None:
    op.drop_table("part_refund")
    op.drop_table("weigh_in")
    op.execute("DROP FUNCTION weigh_in_is_final()")
    for name in ("weighed_by_estimate", "weights_positive", "settled_with_net", "taken_off_costs_nothing"):
        op.drop_constraint(op.f(f"ck_order_line_{name}"), "order_line")
    for name in ("taken_off_at", "ordered_minor", "net_g", "settled_g", "estimated_g", "price_per"):
        op.drop_column("order_line", name)
    op.drop_column("consignment", "planned_weight_g")
    op.drop_column("media", "weigh_in_parties")
    op.drop_column("media", "weigh_in_id")
    op.drop_column("api_key", "public_key")
    op.execute("UPDATE listing SET document = (document::jsonb - 'weighed' - 'price_per')::text")
    op.drop_constraint(op.f("ck_listing_priced_by_weight"), "listing")
    op.drop_column("listing", "price_per")
    op.drop_column("listing", "weighed")
    # The former code knows no other kind for what a weight changed: it goes on as a part of the sale.
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    op.execute("UPDATE transfer SET kind = 'sale' WHERE kind = 'weighing'")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    one_of("transfer", "transferkind", "kind", TRANSFERS)
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    one_of("message", "template", "template", TEMPLATES)
