"""The number on a package's label, and lots that are recalled: what was sold of them, and whom that was told

Revision ID: 0027
Revises: 0026
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


NEW_TEMPLATES = ("lot_recalled", "recall_lifted")


def templates() -> list[str]:
    """The kinds of message that the database knows by now."""
    found = op.get_bind().execute(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_message_template'")
    )
    return re.findall(r"'([a-z_]+)'", found.scalar_one())


def known(values) -> None:
    op.drop_constraint(op.f("ck_message_template"), "message")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f("ck_message_template"), "message", f"template IN ({listed})")


def upgrade() -> None:
    known([*templates(), *NEW_TEMPLATES])
    op.add_column("package", sa.Column("sscc", sa.String(length=18), nullable=True))
    op.create_check_constraint(op.f("ck_package_sscc"), "package", "sscc ~ '^[0-9]{18}$'")
    op.create_index("uq_package_sscc", "package", ["sscc"], unique=True, postgresql_where=sa.text("sscc IS NOT NULL"))
    # A package is asked for by its own id now, whether or not it comes back.
    op.drop_index(op.f("ix_package_id"), table_name="package")
    op.create_index(op.f("ix_package_id"), "package", ["id"])
    op.add_column("lot", sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_lot_id"), "lot", ["id"])
    op.create_table(
        "recall",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("listing_id", sa.String(length=40), nullable=False),
        sa.Column("lot_id", sa.String(length=40), nullable=False),
        sa.Column("producer_id", sa.String(length=40), nullable=False),
        sa.Column("title", postgresql.JSONB(), nullable=False),
        sa.Column("reason", postgresql.JSONB(), nullable=False),
        sa.Column("advice", postgresql.JSONB(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("by_operator", sa.Boolean(), nullable=False),
        sa.Column("created_from", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=40), nullable=True),
        sa.Column("lift_reason", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_recall_lifted_by_somebody")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
    )
    op.create_index(
        "uq_recall_listing_id_lot_id_standing",
        "recall",
        ["listing_id", "lot_id"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index(op.f("ix_recall_producer_id_id"), "recall", ["producer_id", "id"])
    op.create_table(
        "recalled_line",
        sa.Column("recall_id", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.String(length=40), nullable=False),
        sa.Column("line_id", sa.String(length=40), nullable=False),
        sa.Column("consignment_id", sa.String(length=40), nullable=False),
        sa.Column("buyer_id", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"], name=op.f("fk_recalled_line_recall_id_recall")),
        sa.PrimaryKeyConstraint("recall_id", "order_id", "line_id", name=op.f("pk_recalled_line")),
    )
    op.create_index(op.f("ix_recalled_line_consignment_id"), "recalled_line", ["consignment_id"])


def downgrade() -> None:
    op.execute("DELETE FROM message WHERE template IN ('lot_recalled', 'recall_lifted')")
    known([value for value in templates() if value not in NEW_TEMPLATES])
    op.drop_table("recalled_line")
    op.drop_table("recall")
    op.drop_index(op.f("ix_lot_id"), table_name="lot")
    op.drop_column("lot", "recalled_at")
    op.drop_index(op.f("ix_package_id"), table_name="package")
    op.create_index(
        op.f("ix_package_id"), "package", ["id"], postgresql_where=sa.text("deposit_minor IS NOT NULL")
    )
    op.drop_index("uq_package_sscc", table_name="package", postgresql_where=sa.text("sscc IS NOT NULL"))
    op.drop_constraint(op.f("ck_package_sscc"), "package")
    op.drop_column("package", "sscc")
