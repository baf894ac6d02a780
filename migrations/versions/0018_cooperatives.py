"""Producers are members of co-operatives: what they grant, what they share, and goods under one roof

Revision ID: 0018
Revises: 0015
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "buyer", "carrier_cash", "gateway", "producer_pending", "producer_available", "carrier_freight", "packaging",
    "platform_fee", "subsidy", "rerouting", "cancellations",
)
NEW_ACCOUNTS = ("cooperative_pending", "cooperative_available")
TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved", "harvest_short",
    "claim_opened", "claim_offered", "claim_disputed", "claim_settled", "claim_refused", "claim_withdrawn",
)
NEW_TEMPLATES = (
    "cooperative_invited", "cooperative_joined", "cooperative_declined", "cooperative_left", "share_proposed", "share_answered",
)
STATES = ("invited", "active", "declined", "withdrawn", "left")
ANSWERS = ("proposed", "agreed", "declined")
GRANTS = '["list", "price", "see", "ship"]'
ROOFED = "status = 'published' AND cooperative_id IS NOT NULL"


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def check(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed(values)})")


def word(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=nullable)


def memberships() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    op.create_table(
        "cooperative_membership",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("cooperative_id", text(length=40), nullable=False),
        sa.Column("producer_id", text(length=40), nullable=False),
        sa.Column("state", word("membershipstate", STATES), nullable=False),
        sa.Column("grants", postgresql.JSONB(), nullable=False),
        sa.Column("created_from", text(length=64), nullable=False),
        sa.Column("invited_by", text(length=40), nullable=False),
        moment("invited_at"),
        moment("joined_at", nullable=True),
        moment("left_at", nullable=True),
        moment("updated_at"),
        sa.CheckConstraint("cooperative_id <> producer_id", name=op.f("ck_cooperative_membership_two_sides")),
        sa.CheckConstraint(
            "(state IN ('active', 'left')) = (joined_at IS NOT NULL)", name=op.f("ck_cooperative_membership_joined")
        ),
        sa.CheckConstraint("(state = 'left') = (left_at IS NOT NULL)", name=op.f("ck_cooperative_membership_left")),
        sa.ForeignKeyConstraint(
            ["cooperative_id"], ["producer.id"], name=op.f("fk_cooperative_membership_cooperative_id_producer")
        ),
        sa.ForeignKeyConstraint(
            ["producer_id"], ["producer.id"], name=op.f("fk_cooperative_membership_producer_id_producer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cooperative_membership")),
    )
    for columns in (["producer_id", "id"], ["cooperative_id", "id"]):
        op.create_index(op.f(f"ix_cooperative_membership_{'_'.join(columns)}"), "cooperative_membership", columns)
    op.create_index(
        "uq_cooperative_membership_active", "cooperative_membership", ["producer_id"], unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_cooperative_membership_invited", "cooperative_membership", ["producer_id", "cooperative_id"], unique=True,
        postgresql_where=sa.text("state = 'invited'"),
    )


def agreements() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    op.create_table(
        "cooperative_agreement",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("membership_id", text(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("share_bps", sa.Integer(), nullable=False),
        moment("valid_from"),
        sa.Column("state", word("agreementstate", ANSWERS), nullable=False),
        sa.Column("proposed_by", word("side", ("cooperative", "member")), nullable=False),
        sa.Column("person_id", text(length=40), nullable=False),
        sa.Column("created_from", text(length=64), nullable=False),
        moment("proposed_at"),
        moment("answered_at", nullable=True),
        sa.CheckConstraint("share_bps BETWEEN 0 AND 10000", name=op.f("ck_cooperative_agreement_share_bps")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_cooperative_agreement_version")),
        sa.CheckConstraint(
            "(state = 'proposed') = (answered_at IS NULL)", name=op.f("ck_cooperative_agreement_answered")
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["cooperative_membership.id"],
            name=op.f("fk_cooperative_agreement_membership_id_cooperative_membership"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cooperative_agreement")),
    )
    op.create_index(
        op.f("ix_cooperative_agreement_membership_id_version"), "cooperative_agreement", ["membership_id", "version"],
        unique=True,
    )
    op.create_index(
        "uq_cooperative_agreement_proposed", "cooperative_agreement", ["membership_id"], unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )


def upgrade() -> None:
    check("account", "accountkind", "kind", (*ACCOUNTS, *NEW_ACCOUNTS))
    check("message", "template", "template", (*TEMPLATES, *NEW_TEMPLATES))
    # Whoever belongs to a producer may do everything for it, as before.
    op.add_column(
        "membership", sa.Column("grants", postgresql.JSONB(), nullable=False, server_default=sa.text(f"'{GRANTS}'"))
    )
    op.alter_column("membership", "grants", server_default=None)
    memberships()
    agreements()
    op.add_column("listing", sa.Column("cooperative_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    op.add_column("listing", sa.Column("cooperative_name", postgresql.JSONB(none_as_null=True), nullable=True))
    # A co-operative's own goods stand under its roof; documents are kept ready to send, so what they say of it is added.
    op.execute(
        "UPDATE listing SET cooperative_id = producer.id, cooperative_name = producer.name, "
        "document = left(document, -1) || ',\"cooperative\":' "
        "|| jsonb_build_object('id', producer.id, 'name', producer.name)::text || '}' "
        "FROM producer WHERE producer.id = listing.producer_id AND producer.kind = 'cooperative'"
    )
    op.execute(
        "UPDATE listing SET document = left(document, -1) || ',\"cooperative\"\\:null}' WHERE cooperative_id IS NULL"
    )
    for order in ("listed_at", "price_minor"):
        op.create_index(
            op.f(f"ix_listing_cooperative_id_{order}_id"), "listing", ["cooperative_id", order, "id"],
            postgresql_where=sa.text(ROOFED),
        )


def downgrade() -> None:
    for order in ("listed_at", "price_minor"):
        op.drop_index(op.f(f"ix_listing_cooperative_id_{order}_id"), "listing")
    op.execute("UPDATE listing SET document = (document::jsonb - 'cooperative')::text")
    op.drop_column("listing", "cooperative_name")
    op.drop_column("listing", "cooperative_id")
    op.drop_table("cooperative_agreement")
    op.drop_table("cooperative_membership")
    # The former code takes everybody who belongs to a producer for somebody who may do everything.
    op.execute(f"DELETE FROM membership WHERE role <> 'owner' AND NOT grants @> '{GRANTS}'")
    op.drop_column("membership", "grants")
    op.execute(f"DELETE FROM message WHERE template IN ({listed(NEW_TEMPLATES)})")
    check("message", "template", "template", TEMPLATES)
    # What was a co-operative's share is told as its own proceeds, by the words that the former code has.
    for table in ("entry", "closing"):
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for was, told in zip(NEW_ACCOUNTS, ("producer_pending", "producer_available"), strict=True):
        renamed = f"'{told}' || substr(id, {len(was) + 1})"
        op.execute(
            f"INSERT INTO account SELECT {renamed}, '{told}', owner, currency FROM account WHERE kind = '{was}' "
            "ON CONFLICT DO NOTHING"
        )
        # What it held at each midnight, together with what it held as the other account.
        op.execute(
            f"WITH renamed AS (SELECT id AS was, {renamed} AS told FROM account WHERE kind = '{was}'), "
            "midnights AS (SELECT DISTINCT was, told, until_at FROM renamed JOIN closing ON account_id IN (was, told)) "
            "INSERT INTO closing (account_id, until_at, posted_minor, pending_minor) "
            "SELECT told, midnights.until_at, sum(posted_minor), sum(pending_minor) FROM midnights CROSS JOIN LATERAL "
            "(SELECT DISTINCT ON (account_id) posted_minor, pending_minor FROM closing WHERE account_id IN (was, told) "
            "AND closing.until_at <= midnights.until_at ORDER BY account_id, closing.until_at DESC) AS held "
            "GROUP BY told, midnights.until_at ON CONFLICT (account_id, until_at) DO UPDATE "
            "SET posted_minor = excluded.posted_minor, pending_minor = excluded.pending_minor"
        )
        op.execute(f"DELETE FROM closing WHERE account_id LIKE '{was}\\:%'")
        entry = renamed.replace("id", "account_id")
        op.execute(f"UPDATE entry SET account_id = {entry} WHERE account_id LIKE '{was}\\:%'")
        op.execute(f"DELETE FROM account WHERE kind = '{was}'")
    for table in ("entry", "closing"):
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    check("account", "accountkind", "kind", ACCOUNTS)
