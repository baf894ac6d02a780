"""A line of a quote: what it costs, and why."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.price_schemas import UnitPriceShape
from app.core.money import Money
from app.core.quantity import Quantity, Stock, Unit
from app.core.schema import Shape, Time
from app.core.text import LocalText
from app.offers.values import OFFER_ID

_NEXT_TIER: Final = {
    "from": "10",
    "price": {"amount": 1780, "currency": "CNY"},
    "total": {"amount": 17800, "currency": "CNY"},
}
_WEIGHING: Final = {
    "price_per": "kg",
    "estimated_g": 100000,
    "tolerance_bps": 500,
    "policy": "2026-3",
    "conditioned": False,
    "least_g": 95000,
    "most_g": 105000,
    "least": {"amount": 57000, "currency": "CNY"},
    "most": {"amount": 63000, "currency": "CNY"},
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

REDUCTION: Final = {
    "at": "2026-03-11T02:00:00Z",
    "line": "lin_01jd0000000000000000000000",
    "listing": "lst_01jd0000000000000000000000",
    "title": {"zh-Hans": "和田大枣", "en": "Hotan jujube"},
    "from": "5",
    "to": "3",
    "refund": {"amount": 4980, "currency": "CNY"},
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


class ReductionShape(Shape):
    """A line that was cut down after the order was placed: from what was ordered to what is left, zero when it went."""

    model_config: ClassVar[ConfigDict] = _example(REDUCTION)

    at: Time
    line: str
    listing: str
    title: LocalText
    from_: Annotated[Quantity, Field(alias="from")]
    to: Stock
    refund: Annotated[Money, Field(description="What the order costs less: goods, carriage and packaging")]


class QuotedWeighing(Shape):
    """Goods that are settled by what the hub weighs: within the range by themselves, outside it the buyer is asked.

    `conditioned`: the weight that is paid for is the conditioned one (cotton).
    """

    model_config: ClassVar[ConfigDict] = _example(_WEIGHING)

    price_per: Unit
    estimated_g: int
    tolerance_bps: Annotated[int, Field(description="Ten-thousandths of the estimate, both ways")]
    policy: Annotated[str, Field(description="The version of the table that it goes by")]
    conditioned: bool
    least_g: int
    most_g: int
    least: Annotated[Money, Field(description="What the line costs at `least_g`")]
    most: Money


class LineWeighing(QuotedWeighing):
    """The same of an order's line: `settled_g` is paid for and `net_g` travels, null until it has been weighed.

    `ordered` is what the line came to when it was ordered. `taken_off_at`: the buyer declined the weight.
    """

    model_config: ClassVar[ConfigDict] = _example(
        _WEIGHING
        | {
            "settled_g": 97300,
            "net_g": 97300,
            "ordered": {"amount": 60000, "currency": "CNY"},
            "taken_off_at": None,
        }
    )

    settled_g: int | None
    net_g: int | None
    ordered: Money
    taken_off_at: Time | None


class PriceRange(Shape):
    """What the whole order may come to by the weights that settle themselves. A card pays `most`, and gets the rest back."""

    model_config: ClassVar[ConfigDict] = _example(
        {"least": {"amount": 61200, "currency": "CNY"}, "most": {"amount": 67900, "currency": "CNY"}}
    )

    least: Money
    most: Money


class LegTariffShape(Shape):
    """What a leg costs at another weight, in steps of `step_g`: `max(minimum, base + each band by its rate)`, rounded up, and the
    handling before it. `base_scaled` and rates (for a gram) are 10^-12 minor units.
    """

    model_config: ClassVar[ConfigDict] = _example(
        {
            "base_scaled": 500000000000000,
            "minimum_minor": 0,
            "step_g": 1000,
            "bands": [[0, 90000000000]],
            "handling_minor": 0,
            "handling_rate": 0,
        }
    )

    base_scaled: int
    minimum_minor: int
    step_g: int
    bands: Annotated[list[tuple[int, int]], Field(description="From so many grams on, by this rate")]
    handling_minor: int
    handling_rate: int


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
    weighing: Annotated[
        QuotedWeighing | None, Field(description="How it is settled by weight; null of goods that are not")
    ] = None


class OrderLineShape(Shape):
    id: str
    listing: str
    title: LocalText
    quantity: Quantity
    unit: str
    price: Money
    tier_from: Annotated[Quantity | None, Field(description="The price is that of the tier from this quantity on")] = (
        None
    )
    price_list: PriceListOf = None
    offer: OfferOf = None
    total: Money
    consignment: Annotated[str | None, Field(description="In which consignment it travels")] = None
    weighing: LineWeighing | None = None
    ear_tags: Annotated[list[str], Field(description="The very animals that were ordered, by their ear tags")] = []
