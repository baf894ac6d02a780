"""What an order comes to when goods of it weigh other than they were estimated: carriage, emissions, shares, totals. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.core.money import Money
from app.core.quantity import Unit
from app.ledger.rules import proceeds
from app.ledger.values import PriceParts, Proceeds
from app.orders.models import Order, OrderLine
from app.orders.shares import shares_of
from app.orders.values import Price
from app.orders.weighing import (
    Allowed,
    Booked,
    Estimate,
    booked_of,
    carriage_minor,
    leg_co2e_g,
    leg_price_minor,
    line_terms,
    spread_weight,
    weighed_total,
)
from app.shipments.values import Journey, JourneyLeg


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of an order: its lines as they cost now, and the consignments that were not taken off."""

    order: Order
    lines: Sequence[OrderLine]
    journeys: Sequence[Journey]

    @property
    def split(self) -> Proceeds:
        """Who is owed what of it."""
        goods: dict[str, int] = {}
        for line in self.lines:
            goods[line.producer_id] = goods.get(line.producer_id, 0) + line.total_minor
        carriage: dict[str, int] = {}
        for leg in (leg for journey in self.journeys for leg in journey.legs):
            carriage[leg.carrier] = carriage.get(leg.carrier, 0) + leg.price_minor
        order = self.order
        parts = PriceParts(
            order.currency, goods, carriage, self.packaging_minor, order.subsidy_minor, order.duties_minor
        )
        return proceeds(parts, self.order.terms["fee_bps"], shares_of(self.order.terms))

    @property
    def packaging_minor(self) -> int:
        return sum(package.price_minor for journey in self.journeys for package in journey.packages)

    @property
    def extra_minor(self) -> int:
        """What carriers are owed beyond what the buyer pays, because goods went another way."""
        return sum(journey.extra_carriage_minor for journey in self.journeys)

    @property
    def price(self) -> Price:
        currency = self.order.currency
        return Price(
            goods=Money(sum(line.total_minor for line in self.lines), currency),
            carriage=Money(sum(journey.carriage_minor for journey in self.journeys), currency),
            packaging=Money(self.packaging_minor, currency),
            subsidy=Money(self.order.subsidy_minor, currency),
            duties=Money(self.order.duties_minor, currency),
        )


def estimate_of(order: Order, line: OrderLine) -> Estimate | None:
    """The estimate of a line by the terms of its order; None of one that is not settled by weight."""
    terms = line_terms(order.terms, line.id)
    if terms is None or line.estimated_g is None or line.price_per is None:
        return None
    return Estimate(line.estimated_g, line.price_minor, Unit(line.price_per), terms)


def mass_g(line: OrderLine) -> int:
    """What of a line travels, without packing: as weighed, or as estimated; nothing once it was taken off."""
    return 0 if line.taken_off_at else line.net_g or line.estimated_g or 0


def at_weight(order: Order, journey: Journey, weight_g: int) -> Journey:
    """A consignment with another real weight: its packages in proportion, its legs by the tariffs they were booked at.

    Legs of a changed way have no tariff: their carriers are paid as agreed then, and what the buyer pays follows the way he booked. The
    difference is the platform's, as when the way changed.
    """
    planned_g = journey.planned_weight_g or journey.weight_g
    booked = booked_of(order.terms, journey.id) or Booked(planned_g, ())
    own = {leg.id: leg for leg in booked.legs}
    legs = tuple(_leg_at_weight(leg, booked, own, journey.weight_g, weight_g) for leg in journey.legs)
    weights = spread_weight([package.weight_g for package in journey.packages], weight_g)
    return replace(
        journey,
        planned_weight_g=planned_g,
        packages=tuple(
            replace(package, weight_g=each) for package, each in zip(journey.packages, weights, strict=True)
        ),
        legs=legs,
        extra_carriage_minor=sum(leg.price_minor for leg in legs) - carriage_minor(booked, weight_g),
    )


def _leg_at_weight(leg: JourneyLeg, booked: Booked, own: Mapping[str, Any], former_g: int, weight_g: int) -> JourneyLeg:
    if leg.id not in own:
        return replace(leg, co2e_g=leg_co2e_g(leg.co2e_g, former_g, weight_g))
    kept = own[leg.id]
    return replace(
        leg,
        price_minor=leg_price_minor(kept, booked.weight_g, weight_g),
        co2e_g=leg_co2e_g(kept.co2e_g, booked.weight_g, weight_g),
    )


def co2e_after(co2e: Mapping[str, Any], before: Sequence[Journey], after: Sequence[Journey]) -> dict[str, Any]:
    """What the order emits, changed by what its rides, and the packages of what was taken off, emit more or less.

    Parts without a figure stay without one.
    """
    rides = sum(map(_rides_g, after)) - sum(map(_rides_g, before))
    packages = sum(map(_packages_g, after)) - sum(map(_packages_g, before))
    changed = dict(co2e)
    for part, more in (("transport", rides), ("packaging", packages)):
        if changed.get(part) is not None and more:
            changed[part] = max(0, changed[part] + more)
            changed["total"] = max(0, changed["total"] + more)
    return changed


def _rides_g(journey: Journey) -> int:
    return sum(leg.co2e_g or 0 for leg in journey.legs)


def _packages_g(journey: Journey) -> int:
    return sum(package.co2e_g or 0 for package in journey.packages)


def due_minor(order: Order, total_minor: int) -> int:
    """What of a total is paid with the order: not what was paid before as deposits, but the deposits for boxes too."""
    return total_minor - (order.deposit_minor or 0) + (order.box_deposit_minor or 0)


def most_minor(standing: Standing) -> int:
    """What the order may come to at most by weights that settle themselves: what is not weighed yet, at its upper end."""
    return _at_the_end(standing, lambda span: span.most_g)


def least_minor(standing: Standing) -> int:
    """The same at the lower end."""
    return _at_the_end(standing, lambda span: span.least_g)


def _at_the_end(standing: Standing, end: Callable[[Allowed], int]) -> int:
    order, total = standing.order, standing.price.total.amount
    for journey in standing.journeys:
        more_g = 0
        for line in (line for line in standing.lines if line.consignment_id == journey.id):
            estimate = estimate_of(order, line)
            if estimate is None or line.settled_g is not None or line.taken_off_at is not None:
                continue
            grams = end(estimate.allowed)
            total += weighed_total(grams, estimate.price_minor, estimate.per) - line.total_minor
            more_g += grams - mass_g(line)
        booked = booked_of(order.terms, journey.id)
        if booked is not None and more_g:
            total += carriage_minor(booked, journey.weight_g + more_g) - journey.carriage_minor
    return total
