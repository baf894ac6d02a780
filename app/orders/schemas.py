"""Shapes of buying: what is asked of a quote and an order, and what is answered."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from app.catalogue.schemas import StorageShape
from app.catalogue.values import Category, Species
from app.core.clock import minute_after, minute_before
from app.core.limits import ORDER_LINES_MAX
from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import LocalText, PlainText
from app.network.values import Mode
from app.orders.line_schemas import (
    QUOTED_LINE,
    BoxDeposit,
    Deposit,
    LegTariffShape,
    LineRequest,
    OrderLineShape,
    PriceRange,
    QuotedLine,
    ReductionShape,
)
from app.orders.payment_schemas import PaymentRequest, PaymentShape
from app.orders.proceeds_schemas import PROCEEDS, ProceedsShape
from app.orders.values import OPTION_ID, ORDER_ID, QUOTE_ID, Label, OrderStatus
from app.packaging.values import PackagingKind

_ADDRESS: Final = {
    "name": "收货人",
    "phone": "+8610000000123",
    "country": "CN",
    "county": "310115",
    "address": "世纪大道 1 号",
}
_LEG: Final = {
    "from": "HOTAN",
    "to": "URUMQI",
    "mode": "road",
    "service": "ROAD-HOTAN-URUMQI",
    "carrier": "KUNLUN",
    "departs_at": "2026-03-01T12:00:00Z",
    "arrives_at": "2026-03-02T14:30:00Z",
    "distance_m": 1480000,
    "price": {"amount": 640, "currency": "CNY"},
    "co2e_g": 703,
    "run_at": "2026-03-01T12:00:00Z",
    "board": 0,
    "alight": 1,
}
_PACKAGE: Final = {
    "type": "carton-m",
    "name": {"zh-Hans": "中号纸箱", "en": "Medium carton"},
    "count": 1,
    "units": 3,
    "weight_g": 16100,
    "own_mass_g": 580,
    "length_mm": 600,
    "width_mm": 400,
    "height_mm": 300,
    "price": {"amount": 350, "currency": "CNY"},
    "co2e_g": 720,
    "reusable": False,
}
_PRICE: Final = {
    "goods": {"amount": 5640, "currency": "CNY"},
    "carriage": {"amount": 1840, "currency": "CNY"},
    "packaging": {"amount": 350, "currency": "CNY"},
    "subsidy": {"amount": 0, "currency": "CNY"},
    "duties": {"amount": 0, "currency": "CNY"},
    "total": {"amount": 7830, "currency": "CNY"},
}
_CO2E: Final = {
    "transport": 6120,
    "hubs": None,
    "packaging": 720,
    "total": 6840,
    "covers": ["transport", "packaging"],
    "missing": ["hubs"],
}
_QUOTED: Final = {
    "producer": "prd_01jd0000000000000000000000",
    "hub": "HOTAN",
    "ready_at": "2026-03-01T08:00:00Z",
    "categories": ["produce"],
    "species": [],
    "origin": "653221",
    "temperature": "ambient",
    "lines": ["lst_01jd0000000000000000000000"],
    "weight_g": 16100,
    "volume_mm3": 72000000,
    "live_heads": 0,
    "packages": [_PACKAGE],
    "legs": [_LEG],
}
_OPTION: Final = {
    "id": "opt_01jd0000000000000000000000",
    "labels": ["cheapest", "greenest"],
    "why": {
        "cheapest": "¥12.40 less than the fastest; arrives 31 h later, emits 2.3 kg CO₂e less",
        "greenest": "2.3 kg CO₂e less than the fastest; costs ¥12.40 less, arrives 31 h later",
    },
    "arrives_by": "2026-03-06T09:00:00Z",
    "promise": {"from": "2026-03-06T09:00:00Z", "to": "2026-03-06T21:00:00Z"},
    "price": _PRICE,
    "proceeds": PROCEEDS,
    "co2e_g": _CO2E,
    "consignments": [_QUOTED],
}
_CONSOLIDATION: Final = {
    "saved": {"amount": 420, "currency": "CNY"},
    "co2e_g": None,
    "units": [
        {
            "unit": 1,
            "hub": "URUMQI",
            "producers": ["prd_01jd0000000000000000000000", "prd_01jd0000000000000000000001"],
            "saved": {"amount": 420, "currency": "CNY"},
        }
    ],
}
_QUOTE: Final = {
    "id": "quo_01jd0000000000000000000000",
    "expires_at": "2026-03-01T08:30:00Z",
    "goods": {"amount": 5640, "currency": "CNY"},
    "lines": [QUOTED_LINE],
    "options": [_OPTION],
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, populate_by_name=True, json_schema_extra={"examples": [value]})


class DeliverTo(Shape):
    """Where the goods go: to the door in a county, or to be fetched at a hub."""

    model_config: ClassVar[ConfigDict] = _example(_ADDRESS)

    name: Annotated[PlainText, Field(max_length=100)]
    phone: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{7,14}$")]
    country: Annotated[Literal["CN"], Field(description="ISO 3166-1 alpha-2; orders do not cross the border yet")] = (
        "CN"
    )
    county: Annotated[str, Field(pattern="^[1-9][0-9]{5}$", description="Six-digit adcode")]
    address: Annotated[PlainText, Field(max_length=300)]
    hub: (
        Annotated[str, Field(pattern="^[A-Z0-9_-]{2,20}$", description="Fetch it at this hub instead of the door")]
        | None
    ) = None


class QuoteRequest(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {
            "lines": [{"listing": "lst_01jd0000000000000000000000", "quantity": "3"}],
            "deliver_to": _ADDRESS,
            "packaging": "green",
        }
    )

    id: Annotated[str, Field(pattern=QUOTE_ID)] | None = None
    lines: Annotated[list[LineRequest], Field(min_length=1, max_length=ORDER_LINES_MAX)]
    deliver_to: DeliverTo
    packaging: PackagingKind = PackagingKind.STANDARD
    depart_after: Annotated[Time, Field(description="Not before now; left out, goods leave from now on")] | None = None
    deliver_by: Annotated[Time, Field(description="Only options whose `arrives_by` is not later")] | None = None


class LegShape(Shape):
    """One ride. `run_at`, `board` and `alight` say which run of the service and between which of its stops."""

    model_config: ClassVar[ConfigDict] = _example(_LEG)

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
    run_at: Time | None = None
    board: int | None = None
    alight: int | None = None
    rebate: Annotated[
        Money | None,
        Field(description="In a quote: taken off the price, since others have booked on this departure already"),
    ] = None
    unit: Annotated[
        int | None,
        Field(
            description="In a quote: legs with the same number, of consignments of one option, are ridden as one unit"
        ),
    ] = None
    sscc: Annotated[
        str | None,
        Field(
            pattern="^[0-9]{18}$", description="In an order: the GS1 number of the unit that the consignment rides in"
        ),
    ] = None


class PackageShape(Shape):
    model_config: ClassVar[ConfigDict] = _example(_PACKAGE)

    type: str
    name: LocalText
    count: Annotated[int, Field(description="How many packages of exactly this kind; the other figures are for one")]
    units: int
    weight_g: Annotated[int, Field(description="Gross: goods and package")]
    own_mass_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    price: Money
    co2e_g: int | None
    reusable: bool
    deposit: Annotated[
        Money | None, Field(description="Of a box that comes back: paid with the order, not a part of its price")
    ] = None
    return_days: Annotated[int | None, Field(description="Days after delivery in which the box is to come back")] = None
    ids: Annotated[
        list[str],
        Field(description="In an order: the boxes with a deposit, by the ids that they are scanned back with"),
    ] = []


class PriceShape(Shape):
    model_config: ClassVar[ConfigDict] = _example(_PRICE)

    goods: Money
    carriage: Money
    packaging: Money
    subsidy: Money
    duties: Money
    total: Money


class Co2eShape(Shape):
    """Grams CO2e, well to wheel (ISO 14083). A part without a sourced factor is null and named in `missing`."""

    model_config: ClassVar[ConfigDict] = _example(_CO2E)

    transport: int | None
    hubs: int | None
    packaging: int | None
    total: int
    covers: list[str]
    missing: list[str]


class PromiseShape(Shape):
    """In whole minutes, outwards: what is promised is never tighter than what was planned."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Annotated[Time, AfterValidator(minute_before), Field(alias="from")]
    to: Annotated[Time, AfterValidator(minute_after)]


class QuotedConsignment(Shape):
    """What one producer hands in as one consignment at `hub` from `ready_at` on: its packages and its way.

    `ready_at` follows from the lots that would be taken: not before a harvest that is still to come (`pre_harvest`). Every way
    arrives, with its margin, before `good_until`; null when the goods keep.
    """

    model_config: ClassVar[ConfigDict] = _example(_QUOTED)

    producer: str
    hub: str | None = None
    ready_at: Time | None = None
    good_until: Time | None = None
    pre_harvest: bool = False
    categories: list[Category] = []
    species: list[Species] = []
    origin: Annotated[str, Field(description="The county where the goods come from")] | None = None
    storage: StorageShape | None = None
    temperature: str
    lines: list[str]
    weight_g: int
    volume_mm3: int
    live_heads: int
    packages: list[PackageShape]
    legs: list[LegShape]
    tariffs: Annotated[
        list[LegTariffShape], Field(description="With goods that are settled by weight: of each leg in turn")
    ] = []


class UnitShape(Shape):
    """Consignments that ride as one from `hub` on. `unit` is the number that their shared legs carry."""

    unit: int
    hub: str
    producers: list[str]
    saved: Money


class ConsolidationShape(Shape):
    """What riding as one saves, against booking each consignment by itself on the same departures.

    `co2e_g` null: what riding as one saves is in handling, for which no figure is known; the rides emit the same.
    """

    model_config: ClassVar[ConfigDict] = _example(_CONSOLIDATION)

    saved: Money
    co2e_g: int | None
    units: list[UnitShape]


class DepartureSharing(Shape):
    """What the bookings of other orders take off the base of rides, by the table of fills of this version."""

    model_config: ClassVar[ConfigDict] = _example({"saved": {"amount": 80, "currency": "CNY"}, "rule": "2026-1"})

    saved: Money
    rule: str


class OptionShape(Shape):
    model_config: ClassVar[ConfigDict] = _example(_OPTION)

    id: str
    labels: list[Label]
    # Not stored: said when the quote is shown, in the language of who reads it.
    why: Annotated[dict[Label, str], Field(description="For each label, what it was won by")] = {}
    arrives_by: Time
    promise: PromiseShape
    price: PriceShape
    # Not stored: it follows from the lines and the tariffs.
    range: Annotated[PriceRange | None, Field(description="With goods that are settled by weight")] = None
    box_deposit: BoxDeposit = None
    # Not stored, as `why`: by the fee that an order placed now would have.
    proceeds: ProceedsShape | None = None
    co2e_g: Co2eShape
    consolidation: ConsolidationShape | None = None
    sharing: DepartureSharing | None = None
    consignments: list[QuotedConsignment]


class QuoteShape(Shape):
    """A Pareto front of total price, arrival and CO2e; each option is exactly as bookable."""

    model_config: ClassVar[ConfigDict] = _example(_QUOTE)

    id: str
    expires_at: Time
    goods: Money
    deposit: Deposit = None
    lines: list[QuotedLine]
    options: list[OptionShape]


class OrderRequest(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {
            "quote": "quo_01jd0000000000000000000000",
            "option": "opt_01jd0000000000000000000000",
            "payment": {"method": "cash_on_delivery"},
        }
    )

    id: Annotated[str, Field(pattern=ORDER_ID)] | None = None
    quote: Annotated[str, Field(pattern=QUOTE_ID)]
    option: Annotated[str, Field(pattern=OPTION_ID)]
    payment: PaymentRequest


class CancelRequest(Shape):
    model_config: ClassVar[ConfigDict] = _example({"reason": "changed_mind"})

    reason: (
        Annotated[
            str, Field(pattern="^[a-z][a-z_]{1,39}$", description="A code of `cancellations` in `GET /v1/policies`")
        ]
        | None
    ) = None


class OrderConsignment(Shape):
    id: str
    tracking_number: str
    status: str
    producer: str
    ear_tags: Annotated[list[str], Field(description="The animals that travel in it")] = []
    packages: list[PackageShape]
    legs: list[LegShape]


class OrderShape(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {
            "id": "ord_01jd0000000000000000000000",
            "number": "26-7KQX-3MPA",
            "status": "placed",
            "status_text": "Placed",
            "created_at": "2026-03-01T08:05:00Z",
            "promise": _OPTION["promise"],
            "price": _PRICE,
            "proceeds": PROCEEDS,
            "co2e_g": _CO2E,
            "deliver_to": _ADDRESS,
            "payment": {"method": "cash_on_delivery", "status": "pending_cash"},
            "lines": [
                {
                    "id": "lin_01jd0000000000000000000000",
                    "listing": "lst_01jd0000000000000000000000",
                    "title": {"zh-Hans": "和田大枣", "en": "Hotan jujube"},
                    "quantity": "3",
                    "unit": "box",
                    "price": {"amount": 1880, "currency": "CNY"},
                    "tier_from": None,
                    "price_list": None,
                    "total": {"amount": 5640, "currency": "CNY"},
                }
            ],
            "consignments": [
                {
                    "id": "con_01jd0000000000000000000000",
                    "tracking_number": "CM3141592653589",
                    "status": "booked",
                    "producer": "prd_01jd0000000000000000000000",
                    "packages": [_PACKAGE],
                    "legs": [_LEG],
                }
            ],
        }
    )

    id: str
    number: str
    status: OrderStatus
    status_text: str
    created_at: Time
    promise: PromiseShape
    price: PriceShape
    range: Annotated[PriceRange | None, Field(description="While goods are still to be settled by weight")] = None
    ordered: Annotated[
        Money | None, Field(description="What it came to when it was ordered, if weights changed that")
    ] = None
    deposit: Deposit = None
    box_deposit: BoxDeposit = None
    proceeds: ProceedsShape
    co2e_g: Co2eShape
    deliver_to: DeliverTo
    payment: PaymentShape
    lines: list[OrderLineShape]
    consignments: list[OrderConsignment]
    delivered_at: Time | None = None
    cancel_reason: str | None = None
    reductions: Annotated[
        list[ReductionShape], Field(description="What was taken off; all else says what is left")
    ] = []
    cancel_free_until: Annotated[Time | None, Field(description="After a reduction: cancel freely until then")] = None


class OrderSummary(Shape):
    """An order in a list."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "id": "ord_01jd0000000000000000000000",
            "number": "26-7KQX-3MPA",
            "status": "placed",
            "status_text": "Placed",
            "created_at": "2026-03-01T08:05:00Z",
            "total": _PRICE["total"],
            "promised_by": "2026-03-06T21:00:00Z",
        }
    )

    id: str
    number: str
    status: OrderStatus
    status_text: str
    created_at: Time
    total: Money
    promised_by: Time
