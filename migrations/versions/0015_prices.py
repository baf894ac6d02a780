"""Listings have tiers and a net weight, co-operatives price lists; an order's line says what its price is of

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# What the service shows a price by, for goods that are sold by weight already: in grams, exact, then rounded once.
BY_WEIGHT = """
    SELECT coalesce(json_agg(json_build_object('per', per, 'price', json_build_object('amount', amount, 'currency', currency))
                             ORDER BY place), '[]')
    FROM (SELECT place, per, round(price_minor * shown.grams / sold.grams)::bigint AS amount
          FROM (VALUES ('cotton', 1, 'tonne', 1000000.0), ('cotton', 2, 'kg', 1000.0),
                       ('produce', 1, 'kg', 1000.0), ('produce', 2, 'jin', 500.0),
                       ('handicraft', 1, 'kg', 1000.0), ('handicraft', 2, 'jin', 500.0))
               AS shown (category, place, per, grams)
          JOIN (VALUES ('kg', 1000.0), ('jin', 500.0), ('tonne', 1000000.0)) AS sold (unit, grams) ON sold.unit = listing.unit
          WHERE shown.category = listing.category) AS priced
    WHERE amount BETWEEN 1 AND 1000000000000
"""


def price_lists() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    op.create_table(
        "price_list",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("producer_id", text(length=40), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("for_members", sa.Boolean(), nullable=False),
        sa.Column("created_from", text(length=64), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_list")),
    )
    op.create_index(op.f("ix_price_list_producer_id_id"), "price_list", ["producer_id", "id"])
    op.create_table(
        "price_list_buyer",
        sa.Column("price_list_id", text(length=40), nullable=False),
        sa.Column("person_id", text(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["price_list_id"], ["price_list.id"], name=op.f("fk_price_list_buyer_price_list_id_price_list")
        ),
        sa.PrimaryKeyConstraint("price_list_id", "person_id", name=op.f("pk_price_list_buyer")),
    )
    op.create_table(
        "price_list_price",
        sa.Column("listing_id", text(length=40), nullable=False),
        sa.Column("price_list_id", text(length=40), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("tiers", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_price_list_price_positive")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_price_list_price_listing_id_listing")),
        sa.ForeignKeyConstraint(
            ["price_list_id"], ["price_list.id"], name=op.f("fk_price_list_price_price_list_id_price_list")
        ),
        sa.PrimaryKeyConstraint("listing_id", "price_list_id", name=op.f("pk_price_list_price")),
    )
    op.create_index(op.f("ix_price_list_price_price_list_id"), "price_list_price", ["price_list_id"])


def upgrade() -> None:
    op.add_column("listing", sa.Column("tiers", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")))
    op.alter_column("listing", "tiers", server_default=None)
    op.add_column("listing", sa.Column("net_weight_g", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_listing_net_weight"), "listing", "net_weight_g > 0 AND net_weight_g <= weight_g"
    )
    op.add_column("order_line", sa.Column("tier_from", sa.Numeric(12, 3), nullable=True))
    op.add_column("order_line", sa.Column("price_list_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    price_lists()
    # Documents are kept ready to send, so what they say of prices is added to them.
    op.execute(
        f"UPDATE listing SET document = left(document, -1) || ',\"unit_prices\":' || ({BY_WEIGHT})::text "
        "|| ',\"tiers\":[],\"net_weight_g\"\\:null}'"
    )


def downgrade() -> None:
    # The former code knows one price: the one for any quantity stays. Its documents may say more than it reads.
    for table in ("price_list_price", "price_list_buyer", "price_list"):
        op.drop_table(table)
    op.drop_column("order_line", "price_list_id")
    op.drop_column("order_line", "tier_from")
    op.drop_constraint(op.f("ck_listing_net_weight"), "listing")
    op.drop_column("listing", "net_weight_g")
    op.drop_column("listing", "tiers")
    op.execute(
        "UPDATE listing SET document = (document::jsonb - 'unit_prices' - 'tiers' - 'net_weight_g')::text"
    )
