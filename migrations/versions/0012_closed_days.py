"""Closed days of the ledger: balances as they stood at a midnight, nothing written before one, and nightly checks

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "ledger_close",
        sa.Column("until_at", TIME(), nullable=False),
        sa.Column("closed_at", TIME(), nullable=False),
        sa.Column("summed_at", TIME(), nullable=True),
        sa.PrimaryKeyConstraint("until_at", name=op.f("pk_ledger_close")),
    )
    op.create_table(
        "closing",
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("until_at", TIME(), nullable=False),
        sa.Column("posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("pending_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["until_at"], ["ledger_close.until_at"], name=op.f("fk_closing_until_at")),
        sa.PrimaryKeyConstraint("account_id", "until_at", name=op.f("pk_closing")),
    )
    op.create_table(
        "reconciliation",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("until_at", TIME(), nullable=False),
        sa.Column("made_at", TIME(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("transfers", sa.Integer(), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=True),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
    )
    # The moment of a transfer's last change. What is newer than a closed day is found by it.
    op.create_index("ix_transfer_changed_at", "transfer", [sa.text("coalesce(settled_at, created_at)")])
    op.execute(
        """
        CREATE FUNCTION ledger_day_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF coalesce(NEW.settled_at, NEW.created_at) < (SELECT max(until_at) FROM ledger_close) THEN
                RAISE EXCEPTION 'transfer % belongs to a day that is closed', NEW.id
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER day_is_open BEFORE INSERT OR UPDATE ON transfer FOR EACH ROW EXECUTE FUNCTION ledger_day_is_open()"
    )
    op.execute(
        """
        CREATE FUNCTION ledger_closing_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'what is closed stays closed' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER closing_is_final BEFORE UPDATE OR DELETE ON closing "
        "FOR EACH ROW EXECUTE FUNCTION ledger_closing_is_final()"
    )
    # Emptying a table at once passes row triggers by.
    for table in ("entry", "transfer", "closing"):
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_is_final()"
        )


def downgrade() -> None:
    for table in ("entry", "transfer", "closing"):
        op.execute(f"DROP TRIGGER {table}_is_kept ON {table}")
    op.execute("DROP TRIGGER closing_is_final ON closing")
    op.execute("DROP FUNCTION ledger_closing_is_final()")
    op.execute("DROP TRIGGER day_is_open ON transfer")
    op.execute("DROP FUNCTION ledger_day_is_open()")
    op.drop_index("ix_transfer_changed_at", table_name="transfer")
    op.drop_table("reconciliation")
    op.drop_table("closing")
    op.drop_table("ledger_close")
