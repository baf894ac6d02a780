"""Payments anew: producers are told to keep goods that are not paid any more

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

NEW_TEMPLATES = ("hand_in_waits",)


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
    templates_are([*templates(), *NEW_TEMPLATES])


def downgrade() -> None:
    # The former code knows no order that waits a second time: it waits for its first payment, and its job ends it.
    op.execute("DELETE FROM message WHERE template = 'hand_in_waits'")
    templates_are([each for each in templates() if each not in NEW_TEMPLATES])
