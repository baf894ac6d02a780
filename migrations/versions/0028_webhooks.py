"""Webhooks out: endpoints, news and deliveries; messages of endpoints that are disabled

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NEW_TEMPLATES = ("webhook_gone", "webhook_unreachable")


def words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def templates() -> list[str]:
    """Those that messages may have now: another change may have added some in between."""
    held = op.get_bind().execute(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_message_template'")
    ).scalar_one()
    return [part.split("'")[1] for part in held.split("[")[1].split("]")[0].split(",")]


def templates_are(values: list[str]) -> None:
    op.drop_constraint(op.f("ck_message_template"), "message")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f("ck_message_template"), "message", f"template IN ({listed})")


def upgrade() -> None:
    text, time = sqlmodel.sql.sqltypes.AutoString, sqlmodel.sql.sqltypes.UTCDateTime
    templates_are([*templates(), *NEW_TEMPLATES])
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("person_id", text(length=40), nullable=True),
        sa.Column("partner_id", text(length=40), nullable=True),
        sa.Column("url", text(length=500), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("names", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("former_secret", sa.LargeBinary(), nullable=True),
        sa.Column("former_until", time(), nullable=True),
        sa.Column("state", words("endpointstate", ("enabled", "disabled")), nullable=False),
        sa.Column("disabled_because", words("disabledbecause", ("owner", "gone", "unreachable")), nullable=True),
        sa.Column("disabled_at", time(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("succeeded_at", time(), nullable=True),
        sa.Column("slow", sa.Boolean(), nullable=False),
        sa.Column("busy_until", time(), nullable=True),
        sa.Column("rests_until", time(), nullable=True),
        sa.Column("created_from", text(length=64), nullable=False),
        sa.Column("created_at", time(), nullable=False),
        sa.Column("updated_at", time(), nullable=False),
        sa.CheckConstraint("(person_id IS NULL) <> (partner_id IS NULL)", name=op.f("ck_webhook_endpoint_one_owner")),
        sa.CheckConstraint(
            "(state = 'disabled') = (disabled_because IS NOT NULL)",
            name=op.f("ck_webhook_endpoint_disabled_because_of_something"),
        ),
        sa.CheckConstraint(
            "(former_secret IS NULL) = (former_until IS NULL)", name=op.f("ck_webhook_endpoint_former_secret_ends")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_webhook_endpoint_person_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_webhook_endpoint_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )
    for owner in ("person_id", "partner_id"):
        op.create_index(
            op.f(f"ix_webhook_endpoint_{owner}_id"), "webhook_endpoint", [owner, "id"],
            postgresql_where=sa.text(f"{owner} IS NOT NULL"),
        )
    op.create_table(
        "webhook_event",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("name", text(length=40), nullable=False),
        sa.Column("subject", text(length=40), nullable=False),
        sa.Column("order_id", text(length=40), nullable=True),
        sa.Column("buyer_id", text(length=40), nullable=True),
        sa.Column("producers", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("carriers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("endpoint_id", text(length=40), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("occurred_at", time(), nullable=False),
        sa.Column("noted_at", time(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
    )
    op.create_index(
        "ix_webhook_event_subject_waiting", "webhook_event", ["subject"], postgresql_where=sa.text("sequence IS NULL")
    )
    op.create_index("uq_webhook_event_subject_sequence", "webhook_event", ["subject", "sequence"], unique=True)
    op.create_index(op.f("ix_webhook_event_noted_at"), "webhook_event", ["noted_at"])
    op.create_table(
        "webhook_subject",
        sa.Column("subject", text(length=40), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", time(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_webhook_subject")),
    )
    op.create_index(op.f("ix_webhook_subject_updated_at"), "webhook_subject", ["updated_at"])
    op.create_table(
        "webhook_delivery",
        sa.Column("endpoint_id", text(length=40), nullable=False),
        sa.Column("event_id", text(length=40), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", words("deliverystate", ("queued", "delivered", "failed", "held", "withheld")), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", time(), nullable=True),
        sa.Column("first_at", time(), nullable=True),
        sa.Column("delivered_at", time(), nullable=True),
        sa.Column("tries", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", time(), nullable=False),
        sa.CheckConstraint(
            "(state = 'queued') = (next_at IS NOT NULL)", name=op.f("ck_webhook_delivery_queued_for_a_time")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], ondelete="CASCADE", name=op.f("fk_webhook_delivery_endpoint_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["webhook_event.id"], ondelete="CASCADE", name=op.f("fk_webhook_delivery_event_id")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "event_id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(op.f("ix_webhook_delivery_event_id"), "webhook_delivery", ["event_id"])
    op.create_index(
        op.f("ix_webhook_delivery_endpoint_id_position"), "webhook_delivery", ["endpoint_id", "position"], unique=True
    )
    op.create_index(
        "ix_webhook_delivery_due", "webhook_delivery", ["endpoint_id", "next_at"],
        postgresql_where=sa.text("state = 'queued'"),
    )


def downgrade() -> None:
    for table in ("webhook_delivery", "webhook_subject", "webhook_event", "webhook_endpoint"):
        op.drop_table(table)
    op.execute("DELETE FROM jobs.procrastinate_jobs WHERE task_name LIKE 'webhook.%'")
    listed = ", ".join(f"'{template}'" for template in NEW_TEMPLATES)
    op.execute(f"DELETE FROM message WHERE template IN ({listed})")
    templates_are([name for name in templates() if name not in NEW_TEMPLATES])
