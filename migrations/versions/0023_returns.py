"""Goods that go back: their ways, who pays them, lines that are refused at the door, and debts that are written off

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting", "cancellations", "deposit", "bank", "cooperative_pending",
    "cooperative_available", "gateway_fee", "disputed", "tax",
)
NEW_ACCOUNTS = ("returns",)
TRANSFERS = (
    "sale", "reroute", "collection", "release", "refund", "refund_paid", "cancellation", "weighing", "deposit",
    "deposit_returned", "deposit_forfeited", "payout", "payout_returned", "remittance", "freight_paid", "dispute",
    "dispute_won", "dispute_lost", "gateway_fee", "reduction", "carrier_claim",
)
NEW_TRANSFERS = ("return_carriage", "write_off")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn", "weighed",
    "weight_asked", "weight_referred", "weight_declined", "offer_made", "offer_countered", "offer_accepted",
    "offer_declined", "offer_withdrawn", "offer_expired", "offer_reopened", "deposit_received", "deposit_returned",
    "deposit_forfeited", "deposit_failed", "box_returned", "box_forfeited", "cooperative_invited", "cooperative_joined",
    "cooperative_declined", "cooperative_left", "share_proposed", "share_answered", "payout_paid", "payout_returned",
    "payment_lost", "dispute_opened", "dispute_won", "dispute_lost", "harvest_cut", "order_cut",
)
NEW_TEMPLATES = ("claim_returning", "claim_lapsed", "return_booked")
STATUSES = ("open", "offered", "disputed", "settled", "refused", "withdrawn")
NEW_STATUSES = ("returning", "lapsed")
KINDS = ("damage", "no_reason", "hand_over", "inspection")
NEW_KINDS = ("refusal",)
RETURNS = ("planning", "no_way", "booked", "under_way", "back", "lapsed", "kept", "lost")
PAYERS = ("buyer", "producer", "carrier", "platform", "none")
WAITING = ("open", "offered", "disputed")

Time = sqlmodel.sql.sqltypes.UTCDateTime


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def checked(table: str, column: str, name: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed(values)})")


def text(length: int | None, name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=null)


def at(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, Time(), nullable=null)


def word(column: str, name: str, values: tuple[str, ...]) -> sa.Column:
    return sa.Column(
        column, sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40), nullable=False
    )


def waiting(statuses: tuple[str, ...]) -> None:
    """Who waits has a clock, and no other claim beside it for its line."""
    op.drop_constraint(op.f("ck_claim_clock_while_open"), "claim")
    op.create_check_constraint(
        op.f("ck_claim_clock_while_open"), "claim", f"(due_at IS NOT NULL) = (status IN ({listed(statuses)}))"
    )
    op.drop_index("uq_claim_line_id_open", table_name="claim")
    op.create_index(
        "uq_claim_line_id_open",
        "claim",
        ["line_id"],
        unique=True,
        postgresql_where=sa.text(f"status IN ({listed(statuses)})"),
    )


def returns() -> None:
    op.create_table(
        "goods_return",
        text(40, "id"),
        text(40, "order_id"),
        text(40, "consignment_id"),
        text(40, "buyer_id"),
        text(40, "producer_id"),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        word("status", "returnstatus", RETURNS),
        word("pays", "carriageback", PAYERS),
        sa.Column("at_door", sa.Boolean(), nullable=False),
        text(3, "currency"),
        sa.Column("carriage_minor", sa.BigInteger(), nullable=False),
        text(40, "way_id", null=True),
        text(40, "reason", null=True),
        text(40, "rule", null=True),
        at("ready_at", null=True),
        at("due_at"),
        at("created_at"),
        at("updated_at"),
        at("ended_at", null=True),
        at("settled_at", null=True),
        sa.CheckConstraint("carriage_minor >= 0", name=op.f("ck_goods_return_carriage_not_negative")),
        sa.CheckConstraint(
            "status NOT IN ('booked', 'under_way') OR way_id IS NOT NULL", name=op.f("ck_goods_return_booked_with_way")
        ),
        sa.CheckConstraint(
            "(status = 'no_way') = (reason IS NOT NULL)", name=op.f("ck_goods_return_no_way_with_reason")
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('back', 'lapsed', 'kept', 'lost'))",
            name=op.f("ck_goods_return_ended_when"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goods_return")),
    )
    op.create_index("ix_goods_return_buyer_id_id", "goods_return", ["buyer_id", "id"])
    op.create_index("ix_goods_return_producer_id_id", "goods_return", ["producer_id", "id"])
    op.create_index(op.f("ix_goods_return_order_id"), "goods_return", ["order_id"])
    op.create_index(op.f("ix_goods_return_way_id"), "goods_return", ["way_id"])
    op.create_index(
        op.f("ix_goods_return_status_id"),
        "goods_return",
        ["status", "id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def upgrade() -> None:
    checked("account", "kind", "accountkind", (*ACCOUNTS, *NEW_ACCOUNTS))
    checked("transfer", "kind", "transferkind", (*TRANSFERS, *NEW_TRANSFERS))
    checked("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    checked("claim", "status", "claimstatus", (*STATUSES, *NEW_STATUSES))
    checked("claim", "kind", "claimkind", (*KINDS, *NEW_KINDS))
    op.add_column("claim", sa.Column("agreed_minor", sa.BigInteger(), nullable=True))
    op.add_column("claim", sa.Column("carriage_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(
        op.f("ck_claim_agreed_within_asked"), "claim", "agreed_minor BETWEEN 1 AND asked_minor"
    )
    op.create_check_constraint(
        op.f("ck_claim_returning_with_sum"), "claim", "status <> 'returning' OR agreed_minor IS NOT NULL"
    )
    op.create_check_constraint(
        op.f("ck_claim_carriage_within_grant"),
        "claim",
        "carriage_minor >= 0 AND carriage_minor + unpaid_minor <= coalesce(granted_minor, 0)",
    )
    waiting((*WAITING, "returning"))
    for table in ("consignment", "tracking_event"):
        op.add_column(table, sa.Column("refused_lines", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("consignment", text(40, "return_id", null=True))
    op.add_column("order_line", sa.Column("written_off_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_order_line_written_off_within_uncollected"),
        "order_line",
        "written_off_minor BETWEEN 1 AND uncollected_minor",
    )
    returns()


def downgrade() -> None:
    op.drop_table("goods_return")
    op.drop_constraint(op.f("ck_order_line_written_off_within_uncollected"), "order_line")
    op.drop_column("order_line", "written_off_minor")
    # The former code takes every consignment of an order for one to its buyer: what brings goods back is not to be, and of no order.
    op.execute("UPDATE consignment SET order_id = return_id, cancelled_at = now() WHERE return_id IS NOT NULL")
    op.drop_column("consignment", "return_id")
    for table in ("tracking_event", "consignment"):
        op.drop_column(table, "refused_lines")
    # An operator decides about goods that were to come back.
    op.execute("UPDATE claim SET status = 'disputed' WHERE status = 'returning'")
    op.execute("UPDATE claim SET status = 'withdrawn' WHERE status = 'lapsed'")
    op.execute("UPDATE claim SET kind = 'hand_over' WHERE kind = 'refusal'")
    for name in ("carriage_within_grant", "returning_with_sum", "agreed_within_asked"):
        op.drop_constraint(op.f(f"ck_claim_{name}"), "claim")
    op.drop_column("claim", "carriage_minor")
    op.drop_column("claim", "agreed_minor")
    waiting(WAITING)
    checked("claim", "kind", "claimkind", KINDS)
    checked("claim", "status", "claimstatus", STATUSES)
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    checked("message", "template", "template", TEMPLATES)
    ledger()


def ledger() -> None:
    """The former code has no account for returns: what stands there joins the costs of cancelled orders. Balances are added up anew."""
    for table in ("transfer", "entry", "closing"):
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    op.execute(f"UPDATE transfer SET kind = 'cancellation' WHERE kind IN ({listed(NEW_TRANSFERS)})")
    op.execute(
        "INSERT INTO account (id, kind, owner, currency) SELECT 'cancellations:' || owner || ':' || currency, "
        "'cancellations', owner, currency FROM account WHERE kind = 'returns' ON CONFLICT DO NOTHING"
    )
    op.execute("DELETE FROM closing WHERE EXISTS (SELECT FROM account WHERE kind = 'returns')")
    op.execute("DELETE FROM ledger_close WHERE EXISTS (SELECT FROM account WHERE kind = 'returns')")
    op.execute("UPDATE entry SET account_id = 'cancellations' || substr(account_id, 8) WHERE account_id LIKE 'returns:%'")
    for table in ("closing", "entry", "transfer"):
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    op.execute("DELETE FROM account WHERE kind = 'returns'")
    checked("transfer", "kind", "transferkind", TRANSFERS)
    checked("account", "kind", "accountkind", ACCOUNTS)
