"""Consignments know where their goods come from and what they are; stranded ones by which rule they may not go on

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null is not known: what was ordered before, and what code of before still writes.
    op.add_column("consignment", sa.Column("origin", sa.String(length=6), nullable=True))
    op.add_column("consignment", sa.Column("categories", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("consignment", sa.Column("species", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("stranded", sa.Column("rule", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("stranded", "rule")
    op.drop_column("consignment", "species")
    op.drop_column("consignment", "categories")
    op.drop_column("consignment", "origin")
