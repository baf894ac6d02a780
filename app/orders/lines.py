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
from app.orders.line_schemas import QuotedLine, QuotedWeighing
from app.orders.policies import Policies
from app.orders.rules import line_total
from app.orders.weighing import Estimate, estimate_of, estimated_g, kept_terms, weighed_total


def cost_of(offer: Offer, quantity: Decimal, price: Money) -> Money:
    """What a line costs: by the sales unit, or of goods that are settled by weight, by what they weigh by estimate."""
    if offer.price_per is None:
        return line_total(quantity, price)
    grams = estimated_g(quantity, offer.unit, offer.net_weight_g)
    return Money(weighed_total(grams, price.amount, offer.price_per), price.currency)


def kept_line(
    offer: Offer, quantity: Decimal, tier: Tier, total: Money, policies: Policies, bargain: Bargain | None = None
) -> dict[str, Any]:
    """A line as a quote keeps it: everything that decides its money, and what it is shown from."""
    return (
        {
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
        }
        | _by_weight(offer, quantity, policies)
        | (_bargained(bargain) if bargain else {})
    )


def _by_weight(offer: Offer, quantity: Decimal, policies: Policies) -> dict[str, Any]:
    """How a line is settled; nothing of goods that are not settled by weight."""
    if offer.price_per is None:
        return {}
    return {
        "price_per": offer.price_per.value,
        "estimated_g": estimated_g(quantity, offer.unit, offer.net_weight_g),
        "weighing": kept_terms(policies, offer.category),
    }


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
    cost = cost_of(offer, ahead.start, ahead.price)
    if cost.amount > GOODS_MINOR_MAX:
        return None
    return {"from": as_text(ahead.start), "price": asdict(ahead.price), "total": asdict(cost)}


def quoted_line(line: Mapping[str, Any], currency: str) -> QuotedLine:
    """A line as it was kept; one that an earlier version of this service kept says less."""
    price, category = Money(line["price_minor"], currency), line.get("category")
    unit, estimate = Unit(line.get("price_per") or line["unit"]), estimate_of(line)
    weights = unit_prices(Category(category), unit, line["net_weight_g"], price) if category else ()
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
        weighing=None if estimate is None else quoted_weighing(estimate, currency),
    )


def quoted_weighing(estimate: Estimate, currency: str) -> QuotedWeighing:
    """How a line is settled by weight, as its buyer sees it before he orders."""
    span = estimate.allowed
    least, most = (weighed_total(grams, estimate.price_minor, estimate.per) for grams in (span.least_g, span.most_g))
    return QuotedWeighing(
        price_per=estimate.per,
        estimated_g=estimate.estimated_g,
        tolerance_bps=estimate.terms.tolerance_bps,
        policy=estimate.terms.policy,
        conditioned=estimate.terms.is_conditioned,
        least_g=span.least_g,
        most_g=span.most_g,
        least=Money(least, currency),
        most=Money(most, currency),
    )
