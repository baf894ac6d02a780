"""The lines of a quote: how they are kept, and how a buyer sees them. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from app.catalogue.price_schemas import UnitPriceShape
from app.catalogue.pricing import tier_ahead, unit_prices
from app.catalogue.values import Category, Offer, Tier
from app.core.limits import GOODS_MINOR_MAX
from app.core.money import Money
from app.core.quantity import Unit, as_text
from app.offers.values import Bargain
from app.orders.line_schemas import QuotedLine
from app.orders.rules import line_total


def kept_line(
    offer: Offer, quantity: Decimal, tier: Tier, total: Money, bargain: Bargain | None = None
) -> dict[str, Any]:
    """A line as a quote keeps it: everything that decides its money, and what it is shown from."""
    return {
        "listing": offer.listing_id,
        "producer": offer.producer_id,
        "title": dict(offer.title),
        "unit": offer.unit.value,
        "quantity": as_text(quantity),
        "price_minor": tier.price.amount,
        "tier_from": as_text(tier.start) if tier.start else None,
        "price_list": tier.price_list,
        "total_minor": total.amount,
        "net_weight_g": offer.net_weight_g,
        "category": offer.category.value,
        "made_to_order": offer.made_to_order,
        "next_tier": _next_tier(offer, quantity),
        "version": offer.version,
    } | (_bargained(bargain) if bargain else {})


def _bargained(bargain: Bargain) -> dict[str, Any]:
    """What a line at an agreed price keeps besides."""
    return {
        "offer": bargain.offer_id,
        "offer_terms": bargain.terms_version,
        "deposit_minor": bargain.deposit_minor,
    }


def _next_tier(offer: Offer, quantity: Decimal) -> dict[str, Any] | None:
    """The tier ahead, when there is stock for it and one order may hold it."""
    ahead = tier_ahead(offer.ladder, quantity)
    if ahead is None or ahead.start > offer.available:
        return None
    cost = line_total(ahead.start, ahead.price)
    if cost.amount > GOODS_MINOR_MAX:
        return None
    return {"from": as_text(ahead.start), "price": asdict(ahead.price), "total": asdict(cost)}


def quoted_line(line: Mapping[str, Any], currency: str) -> QuotedLine:
    """A line as it was kept; one that an earlier version of this service kept says less."""
    price, category = Money(line["price_minor"], currency), line.get("category")
    weights = unit_prices(Category(category), Unit(line["unit"]), line["net_weight_g"], price) if category else ()
    return QuotedLine(
        listing=line["listing"],
        title=line["title"],
        quantity=line["quantity"],
        unit=line["unit"],
        price=price,
        tier_from=line.get("tier_from"),
        price_list=line.get("price_list"),
        offer=line.get("offer"),
        total=Money(line["total_minor"], currency),
        unit_prices=[UnitPriceShape(per=each.per, price=each.price) for each in weights],
        next_tier=line.get("next_tier"),
    )
