"""Legs that are ridden in a unit carry its SSCC, counted by a sequence; listings may be ordered in cycles

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE sscc_serial MINVALUE 0 START 0")
    op.add_column("leg", sa.Column("sscc", sa.String(length=18), nullable=True))
    op.create_check_constraint(op.f("ck_leg_sscc"), "leg", "sscc ~ '^[0-9]{18}$'")
    op.create_index("ix_leg_sscc", "leg", ["sscc"], postgresql_where=sa.text("sscc IS NOT NULL"))
    op.create_table(
        "order_cycle",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("producer_id", sa.String(length=40), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("service_id", sa.String(length=40), nullable=False),
        sa.Column("hub", sa.String(length=40), nullable=False),
        sa.Column("lead_time_h", sa.Integer(), nullable=False),
        sa.Column("open_h", sa.Integer(), nullable=False),
        sa.Column("created_from", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("lead_time_h >= 0 AND open_h > 0", name=op.f("ck_order_cycle_terms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_cycle")),
    )
    op.create_index(op.f("ix_order_cycle_producer_id_id"), "order_cycle", ["producer_id", "id"])
    op.add_column("listing", sa.Column("cycle_id", sa.String(length=40), nullable=True))
    op.create_foreign_key(op.f("fk_listing_cycle_id_order_cycle"), "listing", "order_cycle", ["cycle_id"], ["id"])
    op.create_index(op.f("ix_listing_cycle_id"), "listing", ["cycle_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_listing_cycle_id"), "listing")
    op.drop_constraint(op.f("fk_listing_cycle_id_order_cycle"), "listing")
    op.drop_column("listing", "cycle_id")
    op.drop_table("order_cycle")
    op.drop_index("ix_leg_sscc", "leg")
    op.drop_constraint(op.f("ck_leg_sscc"), "leg")
    op.drop_column("leg", "sscc")
    op.execute("DROP SEQUENCE sscc_serial")
