"""What orders of goods that are settled by weight may come to: the tariffs of their legs, and the ends of the range. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.core.money import Money
from app.flows.plan_ways import CHARGEABLE_G, VOLUME_MM3, Around, Cargo, round_up
from app.network.rules import courier_rates
from app.network.values import Mode
from app.orders.line_schemas import LegTariffShape, PriceRange
from app.orders.schemas import LegShape, OptionShape, QuotedConsignment
from app.orders.weighing import (
    RATE_SCALE,
    Allowed,
    Booked,
    BookedLeg,
    LegTariff,
    carriage_minor,
    estimate_of,
    weighed_total,
)
from app.routing import rules as rides
from app.routing.rules import MILLIMINOR_G_PER_MINOR_KG, price_rate


def tariffs_of(around: Around, cargo: Cargo, legs: Sequence[LegShape]) -> list[LegTariffShape]:
    """The tariff of each leg as it was booked: with toll or without, by the whole kilogram; the courier's by the gram."""
    return [_tariff(around, cargo, leg, is_first=i == 0) for i, leg in enumerate(legs)]


def _tariff(around: Around, cargo: Cargo, leg: LegShape, *, is_first: bool) -> LegTariffShape:
    if leg.mode is Mode.COURIER:
        return _to_the_door(around, cargo)
    weight_g, volume_mm3 = round_up(cargo.weight_g, CHARGEABLE_G), round_up(cargo.volume_mm3, VOLUME_MM3)
    tariff = rides.tariff_of(around.service(leg.service), weight_g, volume_mm3, is_toll_free=cargo.toll_free)
    place = around.place(leg.from_)
    per_kg = 0 if is_first else place.transfer_price_milliminor_per_kg
    return LegTariffShape(
        base_scaled=tariff.base_minor * RATE_SCALE,
        # A unit is charged once for all its members: what one weighs more or less is paid by the rate.
        minimum_minor=0 if leg.unit else tariff.minimum_minor,
        step_g=CHARGEABLE_G,
        bands=[(0, price_rate(tariff, leg.distance_m))],
        handling_minor=0 if is_first else place.transfer_price_minor,
        handling_rate=per_kg * (RATE_SCALE // MILLIMINOR_G_PER_MINOR_KG),
    )


def _to_the_door(around: Around, cargo: Cargo) -> LegTariffShape:
    assert around.county
    assert around.destination.adcode
    rates = courier_rates(around.destination.adcode, around.county, cargo.temperature)
    return LegTariffShape(
        base_scaled=rates.base_scaled,
        minimum_minor=0,
        step_g=1,
        bands=[(0, rates.parcel_rate), (rates.parcel_g, rates.bulk_rate)],
        handling_minor=0,
        handling_rate=0,
    )


def booked_as(quoted: QuotedConsignment, leg_ids: Iterable[str]) -> Booked:
    """A quoted consignment as it is booked, with the ids of its legs."""
    legs = zip(quoted.legs, leg_ids, quoted.tariffs, strict=True)
    return Booked(
        quoted.weight_g,
        tuple(BookedLeg(leg_id, leg.price.amount, leg.co2e_g, tariff_of(tariff)) for leg, leg_id, tariff in legs),
    )


def tariff_of(shape: LegTariffShape) -> LegTariff:
    """A tariff as it can be reckoned with."""
    return LegTariff(
        shape.base_scaled,
        shape.minimum_minor,
        shape.step_g,
        tuple(shape.bands),
        shape.handling_minor,
        shape.handling_rate,
    )


def range_of(option: OptionShape, lines: Sequence[Mapping[str, Any]]) -> PriceRange | None:
    """What the order may come to when every weight is within its tolerance; None without goods that are settled by weight."""
    if not any(line.get("price_per") for line in lines):
        return None
    currency = option.price.total.currency
    least, most = (option.price.total.amount + sum(_differences(option, lines, end)) for end in ("least_g", "most_g"))
    return PriceRange(least=Money(least, currency), most=Money(most, currency))


def _differences(option: OptionShape, lines: Sequence[Mapping[str, Any]], end: str) -> Iterable[int]:
    """What goods and carriage come to more, or less, when all weights are at this end of what is allowed."""
    more_g: dict[str, int] = {}
    for line in lines:
        estimate = estimate_of(line)
        if estimate is not None:
            span: Allowed = estimate.allowed
            grams: int = getattr(span, end)
            more_g[line["listing"]] = grams - estimate.estimated_g
            yield weighed_total(grams, estimate.price_minor, estimate.per) - line["total_minor"]
    for quoted in option.consignments:
        if quoted.tariffs:
            booked = booked_as(quoted, (str(i) for i in range(len(quoted.legs))))
            real_g = quoted.weight_g + sum(more_g.get(listing, 0) for listing in quoted.lines)
            yield carriage_minor(booked, real_g) - sum(leg.price_minor for leg in booked.legs)
