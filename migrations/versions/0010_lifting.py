"""A disruption may be lifted before its end; carriers are paid for the way that goods really take

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy",
)
TRANSFERS = ("sale", "collection", "release", "refund")


def kinds(table: str, name: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"kind IN ({listed})")


def check(name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_disruption_{name}"), "disruption")
    op.create_check_constraint(op.f(f"ck_disruption_{name}"), "disruption", condition)


def upgrade() -> None:
    op.add_column("disruption", sa.Column("lifted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    check("period", "until_at > from_at OR until_at = from_at AND lifted_at IS NOT NULL")
    check("delay", "(kind = 'delay') = (delay_s IS NOT NULL) AND delay_s <> 0")
    kinds("account", "accountkind", (*ACCOUNTS, "rerouting"))
    kinds("transfer", "transferkind", (*TRANSFERS, "reroute"))


def downgrade() -> None:
    # The former code knows neither; and in its ledger carriers of a new way were not credited.
    op.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    op.execute("ALTER TABLE transfer DISABLE TRIGGER USER")
    op.execute("DELETE FROM entry WHERE transfer_id IN (SELECT id FROM transfer WHERE kind = 'reroute')")
    op.execute("DELETE FROM transfer WHERE kind = 'reroute'")
    op.execute("ALTER TABLE transfer ENABLE TRIGGER USER")
    op.execute("ALTER TABLE entry ENABLE TRIGGER USER")
    op.execute("DELETE FROM account WHERE kind = 'rerouting'")
    kinds("transfer", "transferkind", TRANSFERS)
    kinds("account", "accountkind", ACCOUNTS)
    # Ended before it began: it is as if it had never been said. A lifted delay closes a second at which nothing starts.
    op.execute("DELETE FROM disruption WHERE until_at = from_at")
    op.execute("UPDATE disruption SET kind = 'cancel', delay_s = NULL WHERE kind = 'delay' AND lifted_at IS NOT NULL")
    # A delay that was made shorter is one shorter delay, and the start in between does not run.
    op.execute(
        "UPDATE disruption d SET delay_s = d.delay_s + less.delay_s FROM disruption less WHERE less.delay_s < 0 "
        "AND d.kind = 'delay' AND d.service_id = less.service_id AND d.run_at + d.delay_s * interval '1 second' = less.run_at"
    )
    op.execute("UPDATE disruption SET kind = 'cancel', delay_s = NULL WHERE delay_s < 0")
    check("delay", "(kind = 'delay') = (delay_s IS NOT NULL) AND delay_s > 0")
    check("period", "until_at > from_at")
    op.drop_column("disruption", "lifted_at")
