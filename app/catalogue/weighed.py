"""Goods that are settled by weight: which may be, and what their listing has to say. Pure."""

from typing import Final

from app.catalogue.values import Category, Facts
from app.core.errors import Gap
from app.core.quantity import GRAMS, Unit

# What is traded by weight; a carpet is not.
WEIGHED: Final = frozenset({Category.COTTON, Category.PRODUCE, Category.LIVESTOCK})


def price_weight(facts: Facts) -> Unit | None:
    """The weight that the price of such goods is for; None when it is for a sales unit, whatever that weighs."""
    if not facts.weighed:
        return None
    return facts.unit if facts.unit in GRAMS else facts.price_per


def weighed_gaps(facts: Facts) -> list[Gap]:
    """What is wrong in how goods are settled by weight, all at once."""
    if not facts.weighed:
        if facts.price_per is None:
            return []
        return [_gap("/price_per", "Only for goods that are `weighed`", "仅适用于 weighed 的商品")]
    if facts.category not in WEIGHED:
        return [_gap("/weighed", "Handicraft is not sold by weight", "手工艺品不按重量结算")]
    if facts.unit in GRAMS:
        if facts.price_per in (None, facts.unit):
            return []
        unit = facts.unit.value
        return [_gap("/price_per", f"Goods sold by the {unit} are priced by it", f"按 {unit} 销售的商品以其计价")]
    gaps = []
    if facts.price_per not in GRAMS:
        words = f"The weight that the price is for is needed: {', '.join(GRAMS)}"
        gaps.append(_gap("/price_per", words, f"请填写计价重量单位：{'、'.join(GRAMS)}"))
    if facts.net_weight_g is None:
        en = f"What one {facts.unit.value} weighs, by estimate, is needed: orders are priced by it until it is weighed"
        gaps.append(_gap("/net_weight_g", en, f"请填写每 {facts.unit.value} 的估计净重，过磅前按此计价"))
    return gaps


def _gap(pointer: str, en: str, zh: str) -> Gap:
    return Gap(pointer, {"en": en, "zh-Hans": zh})
