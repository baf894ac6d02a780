"""Custody: hand-overs by signed codes, and the keys of people's devices

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text, time = sqlmodel.sql.sqltypes.AutoString, sqlmodel.sql.sqltypes.UTCDateTime
    op.create_table(
        "device_key",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("person_id", text(length=40), nullable=False),
        sa.Column("public_key", text(length=43), nullable=False),
        sa.Column("name", text(length=60), nullable=False),
        sa.Column("created_at", time(), nullable=False),
        sa.Column("revoked_at", time(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_device_key_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_key")),
        sa.UniqueConstraint("public_key", name=op.f("uq_device_key_public_key")),
    )
    op.create_index(op.f("ix_device_key_person_id_id"), "device_key", ["person_id", "id"])
    op.create_table(
        "hand_over",
        sa.Column("consignment_id", text(length=40), nullable=False),
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("code", text(length=2_900), nullable=False),
        sa.Column("packages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("weight_g", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", time(), nullable=False),
        sa.Column("hub", text(length=40), nullable=True),
        sa.Column("giver", text(length=60), nullable=False),
        sa.Column("taker", text(length=60), nullable=False),
        sa.Column(
            "signed_by",
            sa.Enum("partner", "service", name="signedby", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("public_key", text(length=43), nullable=False),
        sa.Column("signature", text(length=86), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("told_by", text(length=40), nullable=False),
        sa.Column("recorded_at", time(), nullable=False),
        sa.CheckConstraint("giver <> taker", name=op.f("ck_hand_over_two_sides")),
        sa.CheckConstraint("weight_g > 0", name=op.f("ck_hand_over_weight_positive")),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.id"], name=op.f("fk_hand_over_consignment_id")),
        sa.PrimaryKeyConstraint("consignment_id", "id", name=op.f("pk_hand_over")),
        sa.UniqueConstraint("id", name=op.f("uq_hand_over_id")),
    )


def downgrade() -> None:
    op.drop_table("hand_over")
    op.drop_table("device_key")
