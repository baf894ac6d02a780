"""What is told of logistic units, so that goods follow their pallet while they are in it

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text, time = sqlmodel.sql.sqltypes.AutoString, sqlmodel.sql.sqltypes.UTCDateTime
    op.create_table(
        "unit_event",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("party", text(length=40), nullable=False),
        sa.Column("carrier", text(length=40), nullable=True),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("party_event_id", text(length=255), nullable=False),
        sa.Column("declared_at", time(), nullable=True),
        sa.Column("fingerprint", text(length=64), nullable=False),
        sa.Column("occurred_at", time(), nullable=False),
        sa.Column("recorded_at", time(), nullable=False),
        sa.Column("action", text(length=10), nullable=True),
        sa.Column("parent", text(length=20), nullable=True),
        sa.Column("children", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("names", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("(action IS NULL) = (parent IS NULL)", name=op.f("ck_unit_event_packed_somewhere")),
        sa.CheckConstraint("action IN ('ADD', 'DELETE', 'OBSERVE')", name=op.f("ck_unit_event_action")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_event")),
        sa.UniqueConstraint(
            "party",
            "party_event_id",
            "declared_at",
            name="uq_unit_event_declaration",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_unit_event_names", "unit_event", ["names"], postgresql_using="gin")
    op.create_index(
        "ix_unit_event_children",
        "unit_event",
        ["children"],
        postgresql_using="gin",
        postgresql_where=sa.text("children IS NOT NULL"),
    )
    op.create_index(
        "ix_unit_event_parent", "unit_event", ["parent"], postgresql_where=sa.text("parent IS NOT NULL")
    )
    op.execute(
        """
        CREATE FUNCTION unit_event_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'events of units are append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER unit_event_is_final BEFORE UPDATE OR DELETE ON unit_event
        FOR EACH ROW EXECUTE FUNCTION unit_event_is_final()
        """
    )


def downgrade() -> None:
    op.drop_table("unit_event")
    op.execute("DROP FUNCTION unit_event_is_final()")
