"""Goods that are ordered by estimate and settled by weight: estimates, tolerances, conditioned weight, carriage at the real weight. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

from app.core.money import Money
from app.core.quantity import GRAMS, Unit
from app.orders.policies import Lapse, Policies

BPS: Final = 10_000
HUNDRED: Final = 100
# Frozen rates are 10^-12 minor units for each gram, as in the planner.
RATE_SCALE: Final = 10**12
# Where the table has no row for a category, every difference is for the buyer to accept.
ANSWER_DEFAULT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Terms:
    """How one line is settled, as it was when it was quoted: by which version, within how much, and who waits how long for whom.

    With `trash_pct` and `regain_pct`, the standard ones, the weight that is paid for is the conditioned one (cotton).
    """

    policy: str
    tolerance_bps: int
    answer: timedelta
    lapse: Lapse
    trash_pct: Decimal | None = None
    regain_pct: Decimal | None = None

    @property
    def is_conditioned(self) -> bool:
        return self.trash_pct is not None and self.regain_pct is not None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The weights that settle a line by themselves, both ends included."""

    least_g: int
    most_g: int

    def holds(self, grams: int) -> bool:
        return self.least_g <= grams <= self.most_g


@dataclass(frozen=True, slots=True)
class LegTariff:
    """What a leg costs at any weight: `max(minimum, base + each band's grams by its rate)`, rounded up once, and the handling before it.

    `base_scaled` and rates are 10^-12 minor units. A band is (from so many grams on, rate); weights go up in steps of `step_g`.
    """

    base_scaled: int
    minimum_minor: int
    step_g: int
    bands: tuple[tuple[int, int], ...]
    handling_minor: int = 0
    handling_rate: int = 0

    def price_minor(self, weight_g: int) -> int:
        charged_g = -(-weight_g // self.step_g) * self.step_g
        ends = [*(start for start, _ in self.bands[1:]), None]
        scaled = self.base_scaled
        for (start, rate), end in zip(self.bands, ends, strict=True):
            scaled += max(0, (charged_g if end is None else min(charged_g, end)) - start) * rate
        handling = self.handling_minor - (-charged_g * self.handling_rate // RATE_SCALE)
        return max(self.minimum_minor, -(-scaled // RATE_SCALE)) + handling


@dataclass(frozen=True, slots=True)
class BookedLeg:
    """A leg as it was booked: its price and emissions for the planned weight, and its tariff."""

    id: str
    price_minor: int
    co2e_g: int | None
    tariff: LegTariff


@dataclass(frozen=True, slots=True)
class Booked:
    """How a consignment with weighed goods was booked."""

    weight_g: int
    legs: tuple[BookedLeg, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A line as far as its weight decides its price."""

    estimated_g: int
    price_minor: int
    per: Unit
    terms: Terms

    @property
    def allowed(self) -> Allowed:
        return allowed(self.estimated_g, self.terms.tolerance_bps)


def estimated_g(quantity: Decimal, unit: Unit, net_weight_g: int | None) -> int:
    """What so many sales units weigh by estimate, rounded half up to a gram."""
    grams = GRAMS.get(unit, net_weight_g)
    assert grams is not None
    return int((quantity * grams).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def weighed_total(grams: int, price_minor: int, per: Unit) -> int:
    """What so many grams cost at a price for this weight: exact, then rounded once, half up, to a fen."""
    return floor(Fraction(grams * price_minor, GRAMS[per]) + Fraction(1, 2))


def allowed(estimate_g: int, tolerance_bps: int) -> Allowed:
    """The weights within the tolerance, in whole grams inwards: never a gram beyond it."""
    least = Fraction(estimate_g * (BPS - tolerance_bps), BPS)
    most = Fraction(estimate_g * (BPS + tolerance_bps), BPS)
    return Allowed(ceil(least), floor(most))


def conditioned_g(net_g: int, trash_pct: Decimal, regain_pct: Decimal, terms: Terms) -> int:
    """The weight of cotton at the standard trash and moisture regain: exact, then rounded once, half up, to a gram.

    `net * (100 - trash) / (100 - standard trash) * (100 + standard regain) / (100 + regain)` (domain facts 4a).
    """
    assert terms.trash_pct is not None
    assert terms.regain_pct is not None
    clean = Fraction(HUNDRED - trash_pct) / Fraction(HUNDRED - terms.trash_pct)
    dry = Fraction(HUNDRED + terms.regain_pct) / Fraction(HUNDRED + regain_pct)
    return floor(net_g * clean * dry + Fraction(1, 2))


def leg_price_minor(leg: BookedLeg, planned_g: int, real_g: int) -> int:
    """What was booked, and the difference that the weight makes by its tariff; never below nothing.

    What was taken off at booking (a rebate, a share of a unit) stays taken off.
    """
    difference = leg.tariff.price_minor(real_g) - leg.tariff.price_minor(planned_g)
    return max(0, leg.price_minor + difference)


def leg_co2e_g(co2e_g: int | None, planned_g: int, real_g: int) -> int | None:
    """Transport activity is mass times distance (ISO 14083), so emissions go with the mass; rounded half up."""
    return None if co2e_g is None else (co2e_g * real_g * 2 + planned_g) // (planned_g * 2)


def carriage_minor(booked: Booked, real_g: int) -> int:
    """What the buyer pays for the way of a consignment of this real weight."""
    return sum(leg_price_minor(leg, booked.weight_g, real_g) for leg in booked.legs)


def kept_terms(policies: Policies, category: str) -> list[Any]:
    """The terms of a line of this category, as a quote and an order keep them."""
    row = policies.find_weighing(category)
    if row is None:
        return [policies.version, 0, int(ANSWER_DEFAULT.total_seconds()) // 3_600, Lapse.OPERATOR.value, None, None]
    return [
        policies.version,
        row.tolerance_bps,
        row.answer_h,
        row.lapse.value,
        None if row.trash_pct is None else str(row.trash_pct),
        None if row.regain_pct is None else str(row.regain_pct),
    ]


def read_terms(kept: Sequence[Any]) -> Terms:
    policy, tolerance_bps, answer_h, lapse, trash, regain = kept
    standard = [None if each is None else Decimal(each) for each in (trash, regain)]
    return Terms(policy, tolerance_bps, timedelta(hours=answer_h), Lapse(lapse), *standard)


def estimate_of(line: Mapping[str, Any]) -> Estimate | None:
    """The estimate of a quoted line; None of goods that are not settled by weight."""
    per = line.get("price_per")
    if per is None:
        return None
    return Estimate(line["estimated_g"], line["price_minor"], Unit(per), read_terms(line["weighing"]))


def line_terms(terms: Mapping[str, Any], line: str) -> Terms | None:
    """How a line is settled, by the terms of its order; None of goods that are not settled by weight."""
    kept = terms.get("weighing", {}).get("lines", {}).get(line)
    return read_terms(kept) if kept else None


def kept_booking(booked: Booked) -> list[Any]:
    """As an order keeps it."""
    return [
        booked.weight_g,
        [[leg.id, leg.price_minor, leg.co2e_g, *kept_tariff(leg.tariff)] for leg in booked.legs],
    ]


def kept_tariff(tariff: LegTariff) -> list[Any]:
    return [
        tariff.base_scaled,
        tariff.minimum_minor,
        tariff.step_g,
        [list(band) for band in tariff.bands],
        tariff.handling_minor,
        tariff.handling_rate,
    ]


def read_tariff(kept: Sequence[Any]) -> LegTariff:
    base, minimum, step, bands, handling, handling_rate = kept
    return LegTariff(base, minimum, step, tuple((start, rate) for start, rate in bands), handling, handling_rate)


def booked_of(terms: Mapping[str, Any], consignment: str) -> Booked | None:
    """How a consignment was booked, by the terms of its order; None without weighed goods in it."""
    kept = terms.get("weighing", {}).get("carriage", {}).get(consignment)
    if kept is None:
        return None
    weight_g, legs = kept
    return Booked(
        weight_g,
        tuple(BookedLeg(leg_id, price, co2e, read_tariff(tariff)) for leg_id, price, co2e, *tariff in legs),
    )


def spread_weight(weights_g: Sequence[int], whole_g: int) -> list[int]:
    """New weights of packages that come to `whole_g`, in proportion to what they were; each at least a gram."""
    count = len(weights_g)
    assert whole_g >= count
    return [1 + part.amount for part in Money(whole_g - count, "XXX").split(weights_g)]
