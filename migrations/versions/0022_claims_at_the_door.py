"""What a receiver says at the door: on tracking events and consignments, on claims, and what was not paid there

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

CONDITIONS = ("accepted", "accepted_with_remarks", "refused")


def upgrade() -> None:
    listed = ", ".join(f"'{condition}'" for condition in CONDITIONS)
    for table in ("consignment", "tracking_event"):
        op.add_column(table, sa.Column("condition", sa.String(length=40), nullable=True))
        op.create_check_constraint(op.f(f"ck_{table}_condition"), table, f"condition IN ({listed})")
    op.add_column("tracking_event", sa.Column("goes_back", sa.Boolean(), nullable=True))
    op.add_column("order_line", sa.Column("uncollected_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_order_line_uncollected_within_total"), "order_line", "uncollected_minor BETWEEN 0 AND total_minor"
    )
    op.add_column("claim", sa.Column("door", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("claim", sa.Column("unpaid_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(
        op.f("ck_claim_unpaid_within_grant"), "claim", "unpaid_minor BETWEEN 0 AND coalesce(granted_minor, 0)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_claim_unpaid_within_grant"), "claim")
    op.drop_column("claim", "unpaid_minor")
    op.drop_column("claim", "door")
    op.drop_constraint(op.f("ck_order_line_uncollected_within_total"), "order_line")
    op.drop_column("order_line", "uncollected_minor")
    op.drop_column("tracking_event", "goes_back")
    for table in ("tracking_event", "consignment"):
        op.drop_constraint(op.f(f"ck_{table}_condition"), table)
        op.drop_column(table, "condition")
