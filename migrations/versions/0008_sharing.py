"""Legs that are ridden in a unit carry its SSCC, counted by a sequence

Revision ID: 0008
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE sscc_serial MINVALUE 0 START 0")
    op.add_column("leg", sa.Column("sscc", sa.String(length=18), nullable=True))
    op.create_check_constraint(op.f("ck_leg_sscc"), "leg", "sscc ~ '^[0-9]{18}$'")
    op.create_index("ix_leg_sscc", "leg", ["sscc"], postgresql_where=sa.text("sscc IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_leg_sscc", "leg")
    op.drop_constraint(op.f("ck_leg_sscc"), "leg")
    op.drop_column("leg", "sscc")
    op.execute("DROP SEQUENCE sscc_serial")
