"""Township stations and village points are kinds of hubs, and a service may bound the pieces that it takes

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TRUNK = (
    "hub", "city", "buyer_city", "county", "rail_terminal", "airport", "river_port", "sea_port", "land_port", "foreign",
)
RURAL = ("township", "village_point")


def kinds(values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f("ck_hub_hubkind"), "hub")
    op.create_check_constraint(op.f("ck_hub_hubkind"), "hub", f"kind IN ({listed})")


def upgrade() -> None:
    kinds((*TRUNK, *RURAL))
    op.add_column("service", sa.Column("piece_weight_g_max", sa.BigInteger(), nullable=True))
    op.add_column("service", sa.Column("piece_length_mm_max", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_service_piece"), "service", "piece_weight_g_max > 0 AND piece_length_mm_max > 0")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_service_piece"), "service")
    op.drop_column("service", "piece_length_mm_max")
    op.drop_column("service", "piece_weight_g_max")
    kinds(TRUNK)
