"""What goods cost, as it is asked for and shown: tiers, and prices by weight."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.limits import TIERS_PER_LISTING_MAX, WEIGHT_G_MAX
from app.core.money import Money
from app.core.quantity import Quantity, Unit
from app.core.schema import Shape

TIER: Final[dict[str, Any]] = {"from": "10", "price": {"amount": 17800, "currency": "CNY"}}


def by_weight(kg: int, jin: int) -> list[dict[str, Any]]:
    return [
        {"per": "kg", "price": {"amount": kg, "currency": "CNY"}},
        {"per": "jin", "price": {"amount": jin, "currency": "CNY"}},
    ]


SHOWN_TIER: Final = {**TIER, "unit_prices": by_weight(3560, 1780)}


class TierShape(Shape):
    """From this quantity on, every unit of a line costs this."""

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True, json_schema_extra={"examples": [TIER]})

    from_: Annotated[Quantity, Field(alias="from")]
    price: Money


Tiers = Annotated[
    list[TierShape],
    Field(
        max_length=TIERS_PER_LISTING_MAX,
        description="Rising quantities, falling prices; the price of the tier that a line reaches holds for all of it",
    ),
]
NetWeight = Annotated[
    int, Field(ge=1, le=WEIGHT_G_MAX, description="The goods in one bale, box or piece, without any packing")
]


class UnitPriceShape(Shape):
    """The price of a weight, beside that of a sales unit: exact, then rounded once to a fen."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"examples": [*by_weight(3760, 1880)]})

    per: Unit
    price: Money


class ShownTier(TierShape):
    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True, json_schema_extra={"examples": [SHOWN_TIER]})

    unit_prices: list[UnitPriceShape]
