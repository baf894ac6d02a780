"""Forecasts are sold ahead up to a share, animals are held by their ear tags, and a lot's orders are found

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEMPLATES = (
    "sign_in_code", "order_placed", "order_shipped", "order_delivered", "order_cancelled", "payment_received",
    "payment_failed", "new_order_for_producer", "listing_published", "shipment_replanned", "hand_in_moved",
)
LOT_CHECKS = {
    "not_presold": "presold_max <= quantity AND reserved + consumed <= presold_max",
    "presale": "(presold_max IS NULL) = (presale_policy IS NULL)",
    "forecast_has_day": "presold_max IS NULL OR available_from IS NOT NULL",
    "confirming": "harvested IS NULL OR presold_max IS NOT NULL",
}
# Animals that are reserved or handed over already: of each lot those with the lowest numbers, in the order of the orders.
NAME_ANIMALS = """
WITH span AS (
    SELECT order_id, line_id, listing_id, lot_id, quantity,
           sum(quantity) OVER (PARTITION BY listing_id, lot_id ORDER BY created_at, order_id, line_id) AS until
    FROM reservation WHERE state <> 'released'
), animal AS (
    SELECT tag, listing_id, lot_id, row_number() OVER (PARTITION BY listing_id, lot_id ORDER BY tag) AS place FROM ear_tag
)
UPDATE ear_tag SET order_id = span.order_id, line_id = span.line_id FROM animal JOIN span USING (listing_id, lot_id)
WHERE place > until - quantity AND place <= until AND ear_tag.tag = animal.tag
"""
TELL_LINES = """
WITH held AS (
    SELECT order_id, line_id, jsonb_agg(tag ORDER BY tag) AS tags FROM ear_tag WHERE order_id IS NOT NULL GROUP BY 1, 2
)
UPDATE order_line SET ear_tags = held.tags FROM held WHERE order_line.order_id = held.order_id AND order_line.id = held.line_id
"""


def templates(values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f("ck_message_template"), "message")
    op.create_check_constraint(op.f("ck_message_template"), "message", f"template IN ({listed})")


def upgrade() -> None:
    op.add_column("lot", sa.Column("presold_max", sa.Numeric(12, 3), nullable=True))
    op.add_column("lot", sa.Column("presale_policy", sa.String(20), nullable=True))
    op.add_column("lot", sa.Column("harvested", sa.Numeric(12, 3), nullable=True))
    for name, condition in LOT_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_lot_{name}"), "lot", condition)
    op.add_column("ear_tag", sa.Column("order_id", sa.String(40), nullable=True))
    op.add_column("ear_tag", sa.Column("line_id", sa.String(40), nullable=True))
    op.create_check_constraint(op.f("ck_ear_tag_one_buyer"), "ear_tag", "(order_id IS NULL) = (line_id IS NULL)")
    op.create_index(
        op.f("ix_ear_tag_order_id"), "ear_tag", ["order_id"], postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.add_column(
        "order_line", sa.Column("ear_tags", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'"))
    )
    op.create_index(op.f("ix_reservation_listing_id_lot_id"), "reservation", ["listing_id", "lot_id"])
    op.execute(NAME_ANIMALS)
    op.execute(TELL_LINES)
    templates((*TEMPLATES, "harvest_short"))


def downgrade() -> None:
    op.execute("DELETE FROM message WHERE template = 'harvest_short'")
    templates(TEMPLATES)
    op.drop_index(op.f("ix_reservation_listing_id_lot_id"), "reservation")
    op.drop_column("order_line", "ear_tags")
    op.drop_index(op.f("ix_ear_tag_order_id"), "ear_tag")
    op.drop_constraint(op.f("ck_ear_tag_one_buyer"), "ear_tag")
    op.drop_column("ear_tag", "line_id")
    op.drop_column("ear_tag", "order_id")
    for name in LOT_CHECKS:
        op.drop_constraint(op.f(f"ck_lot_{name}"), "lot")
    # To the former code a forecast is stock that is held back, of which as much is left as might be sold ahead.
    op.execute("UPDATE lot SET quantity = presold_max WHERE presold_max > 0")
    op.drop_column("lot", "harvested")
    op.drop_column("lot", "presale_policy")
    op.drop_column("lot", "presold_max")
