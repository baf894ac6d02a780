"""What goods cost: the tier that a quantity reaches, and the price by weight beside that of a sales unit. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

from app.catalogue.values import CURRENCY, Category, Facts, Tier, UnitPrice
from app.core.errors import Gap
from app.core.limits import AMOUNT_MINOR_MAX
from app.core.money import Money
from app.core.quantity import GRAMS, WHOLE_UNITS, Unit, as_text

# Frozen on every order: a tier's price holds for the whole line, and the line is rounded once, half up.
PRICING_POLICY: Final = "2026-1"
# By which weights each category is traded. A live animal is none: no two weigh the same.
MEASURES: Final[Mapping[Category, tuple[Unit, ...]]] = {
    Category.COTTON: (Unit.TONNE, Unit.KG),
    Category.PRODUCE: (Unit.KG, Unit.JIN),
    Category.HANDICRAFT: (Unit.KG, Unit.JIN),
    Category.LIVESTOCK: (),
}
PACKED_UNITS: Final = WHOLE_UNITS - {Unit.HEAD}


def ladder(price: Money, tiers: Sequence[Tier], listed: Sequence[Tier] = ()) -> tuple[Tier, ...]:
    """What a buyer pays by quantity, from zero on: at each quantity the least of the public price and of his lists.

    Quantities rise and prices fall. At the same price the public one stands.
    """
    steps: list[Tier] = []
    for tier in sorted([Tier(Decimal(0), price), *tiers, *listed], key=_cheapest_first):
        if not steps or tier.price.amount < steps[-1].price.amount:
            steps.append(tier)
    return tuple(steps)


def _cheapest_first(tier: Tier) -> tuple[Decimal, int, str]:
    return tier.start, tier.price.amount, tier.price_list or ""


def tier_reached(steps: Sequence[Tier], quantity: Decimal) -> Tier:
    """The last step of a ladder that begins at this quantity or below."""
    return next(tier for tier in reversed(steps) if tier.start <= quantity)


def tier_ahead(steps: Sequence[Tier], quantity: Decimal) -> Tier | None:
    """The first step of a ladder that this quantity does not reach."""
    return next((tier for tier in steps if tier.start > quantity), None)


def unit_prices(category: Category, unit: Unit, net_weight_g: int | None, price: Money) -> tuple[UnitPrice, ...]:
    """The price of each weight that the category is traded by: exact, then rounded once, half up, to a fen.

    Empty when the net weight of a sales unit is unknown: what it ships as weighs more than the goods. A price that
    rounds to nothing, or that no amount can hold, is left out.
    """
    net = GRAMS.get(unit, net_weight_g)
    if not net:
        return ()
    shown = []
    for measure in MEASURES[category]:
        amount = floor(Fraction(price.amount * GRAMS[measure], net) + Fraction(1, 2))
        if 0 < amount <= AMOUNT_MINOR_MAX:
            shown.append(UnitPrice(measure, Money(amount, price.currency)))
    return tuple(shown)


def pricing_gaps(facts: Facts) -> list[Gap]:
    """What is wrong with the net weight and the tiers, all at once."""
    return [*_net_weight_gaps(facts), *_tier_gaps(facts)]


def list_price_gaps(facts: Facts) -> list[Gap]:
    """What is wrong with the price and the tiers of a listing in a price list; `facts` are the listing's with these."""
    return [*(_price_gaps("/price", facts.price, None) if facts.price else ()), *_tier_gaps(facts)]


def _net_weight_gaps(facts: Facts) -> list[Gap]:
    pointer, net = "/net_weight_g", facts.net_weight_g
    if net is None:
        return []
    if facts.unit not in PACKED_UNITS and not (facts.weighed and facts.unit is Unit.HEAD):
        return [_gap(pointer, f"Only for goods that are sold packed or by the piece, not by {facts.unit.value}",
                     f"仅适用于按箱、包或件销售的商品，单位为 {facts.unit.value} 时请勿填写")]  # fmt: skip
    if facts.package is not None and net > facts.package.weight_g:
        return [_gap(pointer, f"Must not be above package.weight_g ({facts.package.weight_g}), which includes packing",
                     f"不得超过含包装的 package.weight_g（{facts.package.weight_g}）")]  # fmt: skip
    return []


def _tier_gaps(facts: Facts) -> list[Gap]:
    """Quantities rise, in whole steps, from above the least that is sold; prices fall, from below the listing's own."""
    gaps: list[Gap] = []
    start, price = facts.min_quantity, facts.price.amount if facts.price else None
    for i, tier in enumerate(facts.tiers):
        gaps += _quantity_gaps(f"/tiers/{i}/from", tier.start, start, facts)
        gaps += _price_gaps(f"/tiers/{i}/price", tier.price, price)
        start, price = tier.start, tier.price.amount
    return gaps


def _quantity_gaps(pointer: str, start: Decimal, after: Decimal, facts: Facts) -> list[Gap]:
    gaps = []
    if start <= after:
        shown = as_text(after)
        gaps.append(_gap(pointer, f"Must be above {shown}: quantities rise", f"必须大于 {shown}（数量应逐级递增）"))
    if facts.unit in WHOLE_UNITS and start % 1:
        unit = facts.unit.value
        gaps.append(_gap(pointer, f"A whole number of {unit}", f"单位为 {unit} 时应为整数"))
    elif start % facts.step:
        gaps.append(_gap(pointer, "Must be a multiple of step", "应为 step 的整数倍"))
    return gaps


def _price_gaps(pointer: str, price: Money, before: int | None) -> list[Gap]:
    gaps = []
    if price.currency != CURRENCY:
        gaps.append(_gap(f"{pointer}/currency", f"Prices are in {CURRENCY}", f"价格币种应为 {CURRENCY}"))
    if price.amount <= 0:
        gaps.append(_gap(f"{pointer}/amount", "Must be above zero", "必须大于零"))
    elif before is not None and price.amount >= before:
        words = f"Must be below {before}, the price before it: larger quantities cost less a unit"
        gaps.append(_gap(f"{pointer}/amount", words, f"必须低于前一级价格 {before}（数量越多单价越低）"))
    return gaps


def _gap(pointer: str, en: str, zh: str) -> Gap:
    return Gap(pointer, {"en": en, "zh-Hans": zh})
