"""Questions for ways between two hubs, and their answers."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from app.core.limits import WEIGHT_G_MAX
from app.core.money import Money
from app.core.schema import Shape, Time
from app.network.schemas import Code, example
from app.network.values import LIVE_PLACES_MAX, VOLUME_MM3_MAX, Mode, Temperature

_LEG: Final = {
    "from": "HOTAN",
    "to": "KASHGAR",
    "mode": "rail",
    "service": "RAILB-HOTAN-KASHGAR",
    "carrier": "XITIE",
    "departs_at": "2026-03-05T03:00:00Z",
    "arrives_at": "2026-03-05T14:24:00Z",
    "distance_m": 488000,
    "price": {"amount": 407, "currency": "CNY"},
    "co2e_g": 264,
}
_ROUTE: Final = {
    "labels": ["cheapest", "greenest"],
    "why": {
        "cheapest": "¥12.40 less than the fastest; arrives 31 h later, emits 2.3 kg CO₂e less",
        "greenest": "2.3 kg CO₂e less than the fastest; costs ¥12.40 less, arrives 31 h later",
    },
    "arrives_at": "2026-03-14T09:20:00Z",
    "price": {"amount": 1873, "currency": "CNY"},
    "co2e_g": {"transport": 2710, "hubs": None, "total": 2710, "covers": ["transport"], "missing": ["hubs"]},
    "legs": [_LEG],
}


RouteLabel = Literal["cheapest", "fastest", "greenest"]


class RouteRequest(Shape):
    """What is to be carried between two hubs. Without a volume, 250 kg are taken to fill a cubic metre; without heads, 50 kg a head.

    On `species` depends how long animals may travel, and on it, on `category` and on the county of `from` where goods may not go.
    """

    model_config: ClassVar[ConfigDict] = example(
        {"from": "HOTAN", "to": "SHANGHAI", "weight_g": 15600, "temperature": "ambient"}
    )

    from_: Annotated[Code, Field(alias="from")]
    to: Code
    weight_g: Annotated[int, Field(ge=1, le=WEIGHT_G_MAX)]
    volume_mm3: Annotated[int, Field(ge=1, le=VOLUME_MM3_MAX)] | None = None
    temperature: Temperature = Temperature.AMBIENT
    live_heads: Annotated[int, Field(ge=1, le=LIVE_PLACES_MAX)] | None = None
    fresh: Annotated[bool, Field(description="Goods of the toll-free green channel: fresh produce or live animals")] = (
        False
    )
    species: (
        Annotated[str, Field(max_length=40, description="Of live animals, as in listings, such as `sheep`")] | None
    ) = None
    category: Annotated[str, Field(max_length=40, description="As in listings, such as `produce`")] | None = None
    depart_after: Annotated[Time, Field(description="Not before now; left out, goods leave from now on")] | None = None
    arrive_by: (
        Annotated[Time, Field(description="Only ways that arrive by then; `hand_in_by` says until when to hand in")]
        | None
    ) = None


class RouteQuery(RouteRequest):
    """The same as query parameters, and how wide a picture of it is."""

    width: Annotated[int, Field(ge=320, le=1200, description="Of the picture, in pixels")] = 720


class RouteLegShape(Shape):
    """One ride; its price holds the handling at the hub where it begins."""

    model_config: ClassVar[ConfigDict] = example(_LEG)

    from_: Annotated[str, Field(alias="from")]
    to: str
    mode: Mode
    service: str
    carrier: str
    departs_at: Time
    arrives_at: Time
    distance_m: int
    price: Money
    co2e_g: int | None


class RouteCo2eShape(Shape):
    """Grams CO2e, well to wheel (ISO 14083). A part without a sourced factor is null and named in `missing`."""

    transport: int | None
    hubs: int | None
    total: int
    covers: list[Literal["transport", "hubs"]]
    missing: Annotated[list[str], Field(description="What the figures leave out, such as `hubs`, `radiative_forcing`")]


class RouteOptionShape(Shape):
    model_config: ClassVar[ConfigDict] = example(_ROUTE)

    labels: list[RouteLabel]
    why: Annotated[dict[RouteLabel, str], Field(description="For each label, what it was won by")]
    arrives_at: Time
    price: Money
    co2e_g: RouteCo2eShape
    legs: list[RouteLegShape]


class RoutesShape(Shape):
    """A Pareto front of price, arrival and CO2e; nothing is reserved by it."""

    model_config: ClassVar[ConfigDict] = example({"options": [_ROUTE], "hand_in_by": None})

    options: list[RouteOptionShape]
    hand_in_by: Annotated[
        Time | None,
        Field(
            description="The last moment to hand in at `from` so that the goods arrive by `arrive_by`; null without one"
        ),
    ] = None
