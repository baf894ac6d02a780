"""Disruptions of single runs and links, and consignments that are planned anew

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = ("close", "cancel", "delay", "extra", "capacity")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received", "payment_failed",
    "new_order_for_producer", "listing_published",
)
NEW_TEMPLATES = ("shipment_replanned", "hand_in_moved")
CHECKS = {
    "link": "to_hub IS NULL OR hub IS NOT NULL AND to_hub <> hub",
    "of_service": "kind = 'close' OR service_id IS NOT NULL",
    "of_run": "kind NOT IN ('cancel', 'delay', 'extra') OR run_at IS NOT NULL",
    "delay": "(kind = 'delay') = (delay_s IS NOT NULL) AND delay_s > 0",
    "capacity": "capacity_weight_g >= 0 AND capacity_volume_mm3 >= 0 AND capacity_live_places >= 0",
}
OF_A_RUN = ("run_at", "delay_s", "capacity_weight_g", "capacity_volume_mm3", "capacity_live_places")


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def templates(values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_message_template"), "message")
    op.create_check_constraint(op.f("ck_message_template"), "message", f"template IN ({listed(values)})")


def text(length: int) -> sa.types.TypeEngine:
    return sqlmodel.sql.sqltypes.AutoString(length=length)


def upgrade() -> None:
    # Defaults for what is there, and for the code that still runs.
    op.add_column("disruption", sa.Column("kind", sa.String(length=40), nullable=False, server_default="close"))
    op.create_check_constraint(op.f("ck_disruption_disruptionkind"), "disruption", f"kind IN ({listed(KINDS)})")
    op.add_column("disruption", sa.Column("to_hub", text(40), nullable=True))
    op.create_foreign_key(op.f("fk_disruption_to_hub"), "disruption", "hub", ["to_hub"], ["code"])
    op.create_index(op.f("ix_disruption_to_hub"), "disruption", ["to_hub"])
    op.add_column("disruption", sa.Column("run_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("disruption", sa.Column("delay_s", sa.Integer(), nullable=True))
    op.add_column("disruption", sa.Column("capacity_weight_g", sa.BigInteger(), nullable=True))
    op.add_column("disruption", sa.Column("capacity_volume_mm3", sa.BigInteger(), nullable=True))
    op.add_column("disruption", sa.Column("capacity_live_places", sa.Integer(), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_disruption_{name}"), "disruption", condition)
    templates((*TEMPLATES, *NEW_TEMPLATES))
    op.add_column("consignment", sa.Column("plan_version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("consignment", sa.Column("replanned_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("consignment", sa.Column("replan_reason", postgresql.JSONB(), nullable=True))
    op.add_column("consignment", sa.Column("stranded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("consignment", sa.Column("extra_carriage_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "replan",
        sa.Column("consignment_id", text(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("disruption_id", text(40), nullable=True),
        sa.Column("reason", postgresql.JSONB(), nullable=False),
        sa.Column("made_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("told_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("hub", text(40), nullable=False),
        sa.Column("ready_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("former_legs", postgresql.JSONB(), nullable=False),
        sa.Column("hand_in_by_before", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("hand_in_by", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("promised_by_before", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("promised_by", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("extra_carriage_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("version > 1", name=op.f("ck_replan_after_the_first")),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.id"], name=op.f("fk_replan_consignment_id")),
        sa.PrimaryKeyConstraint("consignment_id", "version", name=op.f("pk_replan")),
    )
    op.create_index(op.f("ix_replan_disruption_id"), "replan", ["disruption_id"])
    op.create_table(
        "stranded",
        sa.Column("consignment_id", text(40), nullable=False),
        sa.Column("disruption_id", text(40), nullable=True),
        sa.Column("disruption_reason", postgresql.JSONB(), nullable=False),
        sa.Column("hub", text(40), nullable=False),
        sa.Column("destination", text(40), nullable=False),
        sa.Column("ready_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("reason", text(40), nullable=False),
        sa.Column("stranded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("tried_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.id"], name=op.f("fk_stranded_consignment_id")),
        sa.PrimaryKeyConstraint("consignment_id", name=op.f("pk_stranded")),
    )
    op.create_index(op.f("ix_stranded_disruption_id"), "stranded", ["disruption_id"])


def downgrade() -> None:
    op.drop_table("stranded")
    op.drop_table("replan")
    for column in ("extra_carriage_minor", "stranded_at", "replan_reason", "replanned_at", "plan_version"):
        op.drop_column("consignment", column)
    # Messages of the new kinds have no name in the old ones; nothing else knows them.
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    templates(TEMPLATES)
    # What was about single runs or links means something else, or nothing, without its columns.
    op.execute("DELETE FROM disruption WHERE kind <> 'close' OR to_hub IS NOT NULL")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_disruption_{name}"), "disruption")
    for column in OF_A_RUN:
        op.drop_column("disruption", column)
    op.drop_index(op.f("ix_disruption_to_hub"), "disruption")
    op.drop_constraint(op.f("fk_disruption_to_hub"), "disruption")
    op.drop_column("disruption", "to_hub")
    op.drop_constraint(op.f("ck_disruption_disruptionkind"), "disruption")
    op.drop_column("disruption", "kind")
