"""The ledger holds itself: entries are append-only, transfers settle once, and every transfer sums to zero

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION ledger_entry_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'ledger entries are append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE ON entry
        FOR EACH ROW EXECUTE FUNCTION ledger_entry_is_final()
        """
    )
    op.execute(
        """
        CREATE FUNCTION ledger_transfer_settles_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.state = 'pending' AND NEW.state IN ('posted', 'void')
                AND (NEW.id, NEW.kind, NEW.subject, NEW.created_at) = (OLD.id, OLD.kind, OLD.subject, OLD.created_at)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'a transfer only goes from pending to posted or void'
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER transfer_settles_once BEFORE UPDATE OR DELETE ON transfer
        FOR EACH ROW EXECUTE FUNCTION ledger_transfer_settles_once()
        """
    )
    op.execute(
        """
        CREATE FUNCTION ledger_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT 1 FROM entry WHERE transfer_id = NEW.transfer_id GROUP BY currency HAVING sum(amount_minor) <> 0
            ) THEN
                RAISE EXCEPTION 'the entries of transfer % do not sum to zero', NEW.transfer_id
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON entry
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entries_balance()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER entries_balance ON entry")
    op.execute("DROP FUNCTION ledger_entries_balance()")
    op.execute("DROP TRIGGER transfer_settles_once ON transfer")
    op.execute("DROP FUNCTION ledger_transfer_settles_once()")
    op.execute("DROP TRIGGER entry_is_final ON entry")
    op.execute("DROP FUNCTION ledger_entry_is_final()")
