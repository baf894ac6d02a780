"""Shapes of traces: from a lot to everybody who has goods of it, and from a package back to where they grew."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.schemas import CertificateShape
from app.core.schema import Shape, Time
from app.core.text import LocalText
from app.shipments.schemas import Tracking
from app.shipments.values import ConsignmentStatus, EventType

TRACE_LINES_MAX: Final = 1_000
_ORIGIN: Final = {
    "producer": "prd_01jd0000000000000000000000",
    "name": {"en": "Date garden", "zh-Hans": "和田枣园"},
    "village": {"en": "Bageqi", "zh-Hans": "巴格其"},
    "county": "653221",
    "hub": "HOTAN",
}
_CERTIFICATE: Final = {
    "kind": "produce_compliance",
    "number": "HGZ-653221-0001",
    "issued_on": "2026-02-20",
    "expires_on": None,
}
_LOT: Final = {
    "lot": "lot_01jd0000000000000000000000",
    "listing": "lst_01jd0000000000000000000000",
    "title": {"en": "Hotan jujube", "zh-Hans": "和田大枣"},
    "harvested_on": "2026-02-18",
    "came_in_at": "2026-03-01T08:05:00Z",
    "expires_at": None,
    "recalled_at": None,
    "certificates": [_CERTIFICATE],
    "origin": _ORIGIN,
}
_PACKAGE: Final = {"id": "pkg_01jd0000000000000000000000", "sscc": "395200001234567897"}
_SOLD: Final = {
    "order": "ord_01jd0000000000000000000000",
    "order_number": "26-7KQX-3MPA",
    "ordered_at": "2026-03-02T08:00:00Z",
    "line": "lin_01jd0000000000000000000000",
    "quantity": "3",
    "ear_tags": [],
    "handed_over": True,
    "consignment": "con_01jd0000000000000000000000",
    "tracking_number": "CM3141592653589",
    "status": "in_transit",
    "hub": "URUMQI",
    "ended_at": None,
    "packages": [_PACKAGE],
    "buyer": None,
}
_STEP: Final = {
    "party": "TARIM-COLD",
    "event": "KL-2026-000123",
    "type": "departed",
    "occurred_at": "2026-03-05T12:02:00Z",
    "recorded_at": "2026-03-05T12:02:09Z",
    "hub": "HOTAN",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


class OriginShape(Shape):
    """Where goods grew, as far as it is known: their producer, its village and county, and the hub it hands in at."""

    model_config: ClassVar[ConfigDict] = _example(_ORIGIN)

    producer: str
    name: LocalText
    village: LocalText | None
    county: str
    hub: str


class TracedLot(Shape):
    """Goods that came in together, with what is certified of them."""

    model_config: ClassVar[ConfigDict] = _example(_LOT)

    lot: str
    listing: str
    title: LocalText
    harvested_on: str | None
    came_in_at: Time
    expires_at: Time | None
    recalled_at: Time | None
    certificates: list[CertificateShape]
    origin: OriginShape


class TracedPackage(Shape):
    model_config: ClassVar[ConfigDict] = _example(_PACKAGE)

    id: str
    sscc: str | None


class BuyerShape(Shape):
    """Who bought, and the name on the address."""

    id: str
    name: str


class SoldGoods(Shape):
    """Goods of the lot in one order line, and where they are now. `packages` are all of their consignment's."""

    model_config: ClassVar[ConfigDict] = _example(_SOLD)

    order: str
    order_number: str
    ordered_at: Time
    line: str
    quantity: str
    ear_tags: list[str]
    handed_over: Annotated[bool, Field(description="The producer has handed them in; else they are kept for it")]
    consignment: str
    tracking_number: str
    status: ConsignmentStatus
    hub: str | None
    ended_at: Time | None
    packages: list[TracedPackage]
    buyer: Annotated[BuyerShape | None, Field(description="For operators only")]


class LotTrace(Shape):
    """Everything that was sold of a lot and not given back. `orders` and `quantity` count all of it, whatever the page."""

    model_config: ClassVar[ConfigDict] = _example(
        {"lot": _LOT, "ear_tags": [], "orders": 1, "quantity": "3", "sold": [_SOLD], "next_cursor": None}
    )

    lot: TracedLot
    ear_tags: list[str]
    orders: int
    quantity: str
    sold: list[SoldGoods]
    next_cursor: str | None


class GoodsInside(Shape):
    """Of which lot, how much. Ear tags are shown to those whom the goods concern."""

    lot: TracedLot
    line: str | None
    quantity: str | None
    ear_tags: list[str] | None


class CustodyStep(Shape):
    """Who said what happened, when, and when we heard of it."""

    model_config: ClassVar[ConfigDict] = _example(_STEP)

    party: str
    event: str
    type: EventType
    occurred_at: Time
    recorded_at: Time
    hub: str | None


class PackageTrace(Shape):
    """A package back to where its goods grew. What is null is for its buyer, its producer's people and operators.

    Which of a consignment's goods lie in which of its packages is not recorded: `goods` are those of the consignment.
    """

    package: TracedPackage
    type: str
    weight_g: int
    number: int
    count: int
    goods: list[GoodsInside]
    journey: Tracking
    order: str | None
    order_number: str | None
    custody: list[CustodyStep] | None
