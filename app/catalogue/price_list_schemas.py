"""Requests and answers of price lists."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.price_schemas import Tiers
from app.catalogue.schemas import ListingId, ProducerId, Title
from app.catalogue.values import BUYERS_PER_PRICE_LIST_MAX, LISTINGS_PER_PRICE_LIST_MAX
from app.core.ids import pattern
from app.core.money import Money
from app.core.schema import Shape, Time

_PRICE_LIST: Final[dict[str, Any]] = {
    "producer": "prd_01jd3zq9k2e8gv5w7x4c6b8n1m",
    "name": {"zh-Hans": "社员价", "en": "Members' prices"},
    "for_members": True,
    "buyers": ["per_01jd3zq9k2e8gv5w7x4c6b8n1m"],
    "prices": [
        {"listing": "lst_01jd3zq9k2e8gv5w7x4c6b8n1m", "price": {"amount": 16800, "currency": "CNY"}, "tiers": []}
    ],
}
_PRICE_LIST_ID: Final = "prl_01jd0000000000000000000000"
PriceListId = Annotated[str, Field(pattern=pattern("prl"), examples=[_PRICE_LIST_ID])]


class ListedPrice(Shape):
    """What a listing costs by a price list, whatever the quantity or in tiers."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"examples": [_PRICE_LIST["prices"][0]]})

    listing: ListingId
    price: Money
    tiers: Tiers = []


Buyers = Annotated[
    list[Annotated[str, Field(pattern=pattern("per"), examples=_PRICE_LIST["buyers"])]],
    Field(max_length=BUYERS_PER_PRICE_LIST_MAX, description="Persons, by the id that GET /v1/me tells them"),
]
ListedPrices = Annotated[list[ListedPrice], Field(max_length=LISTINGS_PER_PRICE_LIST_MAX)]


class NewPriceList(Shape):
    """Other prices of a co-operative's listings: for everybody who belongs to it (`for_members`), and for these buyers.

    A buyer pays the least of the public price and of the lists that he is on.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"examples": [_PRICE_LIST]})

    id: PriceListId | None = None
    producer: ProducerId
    name: Title
    for_members: bool = False
    buyers: Buyers = []
    prices: ListedPrices = []


class PriceListChange(Shape):
    """What is left out, or null, stays as it is. A list that is given replaces the former one whole."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"examples": [{"prices": _PRICE_LIST["prices"]}]})

    name: Title | None = None
    for_members: bool | None = None
    buyers: Buyers | None = None
    prices: ListedPrices | None = None


class PriceListShape(Shape):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"id": _PRICE_LIST_ID, **_PRICE_LIST, "created_at": "2026-02-20T08:00:00Z"}]}
    )

    id: PriceListId
    producer: ProducerId
    name: Title
    for_members: bool
    buyers: Buyers
    prices: ListedPrices
    created_at: Time
