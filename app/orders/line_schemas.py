"""A line of a quote: what it costs, and why."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.price_schemas import UnitPriceShape
from app.core.money import Money
from app.core.quantity import Quantity
from app.core.schema import Shape
from app.core.text import LocalText
from app.offers.values import OFFER_ID

_NEXT_TIER: Final = {
    "from": "10",
    "price": {"amount": 1780, "currency": "CNY"},
    "total": {"amount": 17800, "currency": "CNY"},
}
QUOTED_LINE: Final = {
    "listing": "lst_01jd0000000000000000000000",
    "title": {"zh-Hans": "和田大枣", "en": "Hotan jujube"},
    "quantity": "3",
    "unit": "box",
    "price": {"amount": 1880, "currency": "CNY"},
    "tier_from": None,
    "price_list": None,
    "total": {"amount": 5640, "currency": "CNY"},
    "unit_prices": [
        {"per": "kg", "price": {"amount": 376, "currency": "CNY"}},
        {"per": "jin", "price": {"amount": 188, "currency": "CNY"}},
    ],
    "next_tier": _NEXT_TIER,
}

PriceListOf = Annotated[str | None, Field(description="The co-operative's price list that the price is from")]

OfferOf = Annotated[str | None, Field(description="The agreed offer that the price is from")]

Deposit = Annotated[
    Money | None,
    Field(description="Paid before as deposits of agreed offers: what is still to be paid is the total without it"),
]

BoxDeposit = Annotated[
    Money | None,
    Field(
        description="Paid beside the total for boxes that come back, and returned for each when it is scanned at a hub"
    ),
]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(populate_by_name=True, json_schema_extra={"examples": [value]})


class LineRequest(Shape):
    listing: Annotated[
        str, Field(pattern="^lst_[0-7][0-9a-hjkmnp-tv-z]{25}$", examples=["lst_01jd0000000000000000000000"])
    ]
    quantity: Quantity
    offer: (
        Annotated[
            str,
            Field(
                pattern=OFFER_ID,
                description="An agreed offer of yours on this listing: its price and goods; it is ordered whole",
            ),
        ]
        | None
    ) = None


class NextTier(Shape):
    """The next tier that there is stock for: `total` is what the line costs at `from`, at times less than it does now."""

    model_config: ClassVar[ConfigDict] = _example(_NEXT_TIER)

    from_: Annotated[Quantity, Field(alias="from")]
    price: Money
    total: Money


class QuotedLine(Shape):
    """What a line costs and why: `price` is that of the tier from `tier_from` on, or of any quantity when that is null."""

    model_config: ClassVar[ConfigDict] = _example(QUOTED_LINE)

    listing: str
    title: LocalText
    quantity: Quantity
    unit: str
    price: Money
    tier_from: Quantity | None
    price_list: PriceListOf
    offer: OfferOf = None
    total: Money
    unit_prices: list[UnitPriceShape]
    next_tier: NextTier | None
