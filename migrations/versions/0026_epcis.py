"""EPCIS 2.0: capture jobs, named queries and subscriptions, and indexes for queries over all consignments

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=nullable)


def words(name: str, length: int, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, postgresql.JSONB(none_as_null=nullable, astext_type=sa.Text()), nullable=nullable)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "epcis_capture",
        words("id", 40), words("owner", 40), words("carrier", 40, nullable=True), flag("is_operator"), words("behaviour", 10),
        json("document", nullable=True), sa.Column("taken", sa.Integer(), nullable=False), flag("running"), flag("success"),
        json("errors"), moment("created_at"), moment("finished_at", nullable=True),
        sa.CheckConstraint("(finished_at IS NULL) = running", name=op.f("ck_epcis_capture_finished")),
        sa.CheckConstraint("behaviour IN ('rollback', 'proceed')", name=op.f("ck_epcis_capture_behaviour")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epcis_capture")),
    )  # fmt: skip
    op.create_index("ix_epcis_capture_owner_id", "epcis_capture", ["owner", "id"])
    op.create_table(
        "epcis_query",
        words("owner", 40), words("name", 100), json("parameters"), moment("created_at"),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_epcis_query")),
    )  # fmt: skip
    op.create_table(
        "epcis_subscription",
        words("id", 40), words("owner", 40), words("query", 100), json("rights"), words("dest", 2_000),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=True), flag("stream"), json("schedule", nullable=True),
        flag("report_if_empty"), moment("created_at"), moment("initial_record_time", nullable=True), moment("since"),
        sa.Column("told", postgresql.ARRAY(sa.Text()), nullable=False), moment("due_at", nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False), moment("last_notified_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["owner", "query"], ["epcis_query.owner", "epcis_query.name"], name=op.f("fk_epcis_subscription_owner"), ondelete="CASCADE"
        ),
        sa.CheckConstraint("(schedule IS NULL) = stream", name=op.f("ck_epcis_subscription_stream_or_schedule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epcis_subscription")),
    )  # fmt: skip
    op.create_index("ix_epcis_subscription_owner_query", "epcis_subscription", ["owner", "query"])
    op.create_index(
        "ix_epcis_subscription_due_at", "epcis_subscription", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_table(
        "epcis_ended_token",
        words("hash", 64), moment("expires_at"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_epcis_ended_token")),
    )  # fmt: skip
    op.create_index(op.f("ix_epcis_ended_token_expires_at"), "epcis_ended_token", ["expires_at"])
    op.create_index("ix_tracking_event_recorded_at_id", "tracking_event", ["recorded_at", "id"])
    op.create_index(
        "ix_tracking_event_epcs", "tracking_event", ["epcs"],
        postgresql_using="gin", postgresql_where=sa.text("epcs IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_tracking_event_party_event_id", "tracking_event", ["party_event_id"],
        postgresql_where=sa.text("door = 'epcis'"),
    )  # fmt: skip


def downgrade() -> None:
    for name in ("party_event_id", "epcs", "recorded_at_id"):
        op.drop_index(f"ix_tracking_event_{name}", table_name="tracking_event")
    for table in ("epcis_ended_token", "epcis_subscription", "epcis_query", "epcis_capture"):
        op.drop_table(table)
