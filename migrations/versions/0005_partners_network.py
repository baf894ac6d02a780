"""Hubs have hours, pens and cold stores; a service may run by several patterns, in several timetables, with chilled slots

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NONE = sa.text("'[]'::jsonb")


def upgrade() -> None:
    # Defaults for what is there, and for the code that still runs; hubs in place stay open always.
    op.add_column("hub", sa.Column("opening", postgresql.JSONB(), nullable=False, server_default=NONE))
    op.add_column("hub", sa.Column("can_rest", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("hub", sa.Column("is_cooled", sa.Boolean(), nullable=False, server_default=sa.false()))
    # As the seed has it for new hubs: without a place to wait in the cold, what is sold chilled would have no way any more.
    op.execute(
        "UPDATE hub SET is_cooled = kind NOT IN ('township', 'village_point'), "
        "can_rest = kind IN ('hub', 'city', 'county', 'land_port')"
    )
    op.add_column("service", sa.Column("more_departures", postgresql.JSONB(), nullable=False, server_default=NONE))
    op.add_column("service", sa.Column("timetable_of", sa.String(length=40), nullable=True))
    op.add_column(
        "service",
        sa.Column("toll_milliminor_per_tkm", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_check_constraint(
        op.f("ck_service_toll"), "service", "toll_milliminor_per_tkm BETWEEN 0 AND milliminor_per_tkm"
    )
    op.add_column("service", sa.Column("chilled_slots", sa.Integer(), nullable=True))
    op.add_column("service", sa.Column("feed", sa.String(length=40), nullable=True))
    op.create_check_constraint(
        op.f("ck_service_more_departures"), "service", "NOT on_demand OR more_departures = '[]'::jsonb"
    )
    op.create_foreign_key(op.f("fk_service_timetable_of"), "service", "service", ["timetable_of"], ["id"])
    op.create_index("ix_service_timetable_of", "service", ["timetable_of"])
    op.add_column(
        "departure_load", sa.Column("used_chilled_slots", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("departure_load", sa.Column("capacity_chilled_slots", sa.Integer(), nullable=True))
    op.add_column("booking", sa.Column("chilled_slots", sa.Integer(), nullable=False, server_default=sa.text("0")))
    for table, rule in (
        ("service", "chilled_slots >= 0"),
        ("booking", "chilled_slots >= 0"),
        ("departure_load", "used_chilled_slots >= 0 AND used_chilled_slots <= capacity_chilled_slots"),
    ):
        op.create_check_constraint(op.f(f"ck_{table}_chilled_slots"), table, rule)


def downgrade() -> None:
    for table in ("departure_load", "booking", "service"):
        op.drop_constraint(op.f(f"ck_{table}_chilled_slots"), table)
    op.drop_column("booking", "chilled_slots")
    op.drop_column("departure_load", "capacity_chilled_slots")
    op.drop_column("departure_load", "used_chilled_slots")
    op.drop_constraint(op.f("ck_service_toll"), "service")
    op.drop_index("ix_service_timetable_of", "service")
    op.drop_constraint(op.f("fk_service_timetable_of"), "service")
    op.drop_constraint(op.f("ck_service_more_departures"), "service")
    for column in ("toll_milliminor_per_tkm", "feed", "chilled_slots", "timetable_of", "more_departures"):
        op.drop_column("service", column)
    for column in ("is_cooled", "can_rest", "opening"):
        op.drop_column("hub", column)
