"""A disruption may cut chilled slots, as it may weight, volume and places for animals

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("disruption", sa.Column("capacity_chilled_slots", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_disruption_chilled_slots"), "disruption", "capacity_chilled_slots >= 0")


def downgrade() -> None:
    # The former code bounds no run of a service whose cold has no bound, and would never lift what was taken of the others.
    op.execute(
        "UPDATE departure_load d SET capacity_chilled_slots = CASE WHEN s.chilled_slots IS NOT NULL "
        "THEN GREATEST(d.used_chilled_slots, s.chilled_slots) END FROM service s, disruption c "
        "WHERE s.id = d.service_id AND c.service_id = d.service_id AND c.capacity_chilled_slots IS NOT NULL "
        "AND d.run_at >= c.from_at AND d.run_at < c.until_at"
    )
    # A cut of nothing but cold says nothing to it.
    op.execute(
        "DELETE FROM disruption WHERE kind = 'capacity' AND capacity_chilled_slots IS NOT NULL AND capacity_weight_g IS NULL "
        "AND capacity_volume_mm3 IS NULL AND capacity_live_places IS NULL"
    )
    op.drop_constraint(op.f("ck_disruption_chilled_slots"), "disruption")
    op.drop_column("disruption", "capacity_chilled_slots")
