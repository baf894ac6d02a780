"""Listings have tiers and a net weight; an order's line says which tier its price is of

Revision ID: 0014
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0010"
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


def upgrade() -> None:
    op.add_column("listing", sa.Column("tiers", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")))
    op.alter_column("listing", "tiers", server_default=None)
    op.add_column("listing", sa.Column("net_weight_g", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_listing_net_weight"), "listing", "net_weight_g > 0 AND net_weight_g <= weight_g"
    )
    op.add_column("order_line", sa.Column("tier_from", sa.Numeric(12, 3), nullable=True))
    # Documents are kept ready to send, so what they say of prices is added to them.
    op.execute(
        f"UPDATE listing SET document = left(document, -1) || ',\"unit_prices\":' || ({BY_WEIGHT})::text "
        "|| ',\"tiers\":[],\"net_weight_g\"\\:null}'"
    )


def downgrade() -> None:
    # The former code knows one price: the one for any quantity stays. Its documents may say more than it reads.
    op.drop_column("order_line", "tier_from")
    op.drop_constraint(op.f("ck_listing_net_weight"), "listing")
    op.drop_column("listing", "net_weight_g")
    op.drop_column("listing", "tiers")
    op.execute(
        "UPDATE listing SET document = (document::jsonb - 'unit_prices' - 'tiers' - 'net_weight_g')::text"
    )
