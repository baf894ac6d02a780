"""What goes otherwise than it should, and at what goods are to be kept

Revision ID: 0030
Revises: 0029
"""

import re

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KINDS = (
    "temperature_above", "temperature_below", "humidity_above", "humidity_below", "journey_warning", "journey_over", "silent", "late",
)  # fmt: skip


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=nullable)


TEMPLATES = ("shipment_exception", "exceptions_raised")


def tell(templates: set[str]) -> None:
    """Messages may be of these templates."""
    listed = ", ".join(f"'{name}'" for name in sorted(templates))
    op.drop_constraint(op.f("ck_message_template"), "message")
    op.create_check_constraint(op.f("ck_message_template"), "message", f"template IN ({listed})")


def told() -> set[str]:
    """The templates of now, whichever steps were taken before this one."""
    rule = op.get_bind().scalar(sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_message_template'"))
    return set(re.findall(r"'([a-z_]+)'", rule))


def upgrade() -> None:
    tell(told() | set(TEMPLATES))
    op.add_column("consignment", sa.Column("storage", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.create_index(
        "ix_consignment_id_open", "consignment", ["id"],
        postgresql_where=sa.text("ended_at IS NULL AND cancelled_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "shipment_exception",
        sa.Column("consignment_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="exceptionkind", native_enum=False, create_constraint=True, length=40), nullable=False),
        moment("began_at"), moment("ended_at", nullable=True), moment("raised_at"), moment("told_at", nullable=True),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("hub", sa.String(length=40), nullable=True),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("worst", sa.Numeric(precision=9, scale=2), nullable=True),
        moment("worst_at", nullable=True),
        sa.Column("limit_value", sa.Numeric(precision=9, scale=2), nullable=True),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_shipment_exception_ends_after_it_began")),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.id"], name=op.f("fk_shipment_exception_consignment_id")),
        sa.PrimaryKeyConstraint("consignment_id", "id", name=op.f("pk_shipment_exception")),
    )  # fmt: skip
    op.create_index(
        "uq_shipment_exception_open", "shipment_exception", ["consignment_id", "kind"], unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "leg_history",
        sa.Column("service_id", sa.String(length=80), nullable=False),
        sa.Column("from_hub", sa.String(length=40), nullable=False),
        sa.Column("to_hub", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("runs", "departs_low_s", "departs_high_s", "takes_low_pml", "takes_high_pml")
        ),
        moment("until_at"),
        sa.CheckConstraint("runs > 0", name=op.f("ck_leg_history_has_runs")),
        sa.PrimaryKeyConstraint("service_id", "from_hub", "to_hub", "mode", name=op.f("pk_leg_history")),
    )
    op.create_table(
        "hub_hour",
        moment("hour"),
        sa.Column("hub", sa.String(length=40), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("arrivals", "departures", "waits")),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("wait_median_s", "wait_p90_s")),
        sa.Column("over_plan", sa.Integer(), nullable=False),
        moment("until_at"),
        sa.CheckConstraint("arrivals + departures > 0", name=op.f("ck_hub_hour_has_moves")),
        sa.PrimaryKeyConstraint("hour", "hub", "carrier", name=op.f("pk_hub_hour")),
    )
    op.create_index("ix_shipment_exception_id", "shipment_exception", ["id"])
    op.create_index("ix_shipment_exception_carrier_id", "shipment_exception", ["carrier", "id"])


def downgrade() -> None:
    op.execute("DELETE FROM message WHERE template IN ('shipment_exception', 'exceptions_raised')")
    tell(told() - set(TEMPLATES))
    op.drop_table("hub_hour")
    op.drop_table("leg_history")
    op.drop_table("shipment_exception")
    op.drop_index("ix_consignment_id_open", table_name="consignment")
    op.drop_column("consignment", "storage")
