"""Requests and answers of the catalogue."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field, WithJsonSchema

from app.catalogue.attributes import attributes_schema
from app.catalogue.price_schemas import SHOWN_TIER, TIER, NetWeight, ShownTier, Tiers, UnitPriceShape, by_weight
from app.catalogue.values import (
    EAR_TAG_PATTERN,
    LEAD_TIME_H_MAX,
    PHOTO_SUFFIX,
    SHELF_LIFE_H_MAX,
    Category,
    CertificateKind,
    ListingStatus,
    MediaState,
)
from app.core.ids import pattern
from app.core.limits import (
    CERTIFICATES_PER_LOT_MAX,
    EAR_TAGS_PER_LOT_MAX,
    LANGUAGES_MAX,
    LENGTH_MM_MAX,
    PHOTO_BYTES_MAX,
    PHOTOS_PER_LISTING_MAX,
    QUANTITY_MAX,
    TITLE_LENGTH_MAX,
    WEIGHT_G_MAX,
)
from app.core.money import Money
from app.core.quantity import Quantity, Stock, Unit
from app.core.schema import Shape, Time
from app.core.text import LocalText, PlainText, Tag
from app.identity.schemas import ROOF_EXAMPLE, RoofShape
from app.network.values import Temperature

_LISTING: Final = "lst_01jd3zq9k2e8gv5w7x4c6b8n1m"
_PRODUCER: Final = "prd_01jd3zq9k2e8gv5w7x4c6b8n1m"
_LOT: Final = "lot_01jd3zq9k2e8gv5w7x4c6b8n1m"
_MEDIA: Final = "med_01jd3zq9k2e8gv5w7x4c6b8n1m"
_SHA256: Final = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
_JUJUBE: Final = {
    "title": {"zh-Hans": "和田大枣", "en": "Hotan jujube"},
    "description": {"zh-Hans": "自然晾干，五公斤装", "en": "Dried on the tree, 5 kg a box"},
    "attributes": {"variety": {"zh-Hans": "骏枣", "en": "Junzao"}, "grade": "1"},
    "price": {"amount": 18800, "currency": "CNY"},
    "tiers": [TIER],
    "net_weight_g": 5000,
    "package": {"weight_g": 5200, "length_mm": 400, "width_mm": 300, "height_mm": 200},
    "min_quantity": "1",
    "step": "1",
    "handling": {"temperature": "ambient", "shelf_life_h": 4320},
    "lead_time_h": 12,
}


_SHOWN: Final = {
    "id": _LISTING,
    "producer": _PRODUCER,
    "producer_name": {"zh-Hans": "和田枣园", "en": "Hotan date garden"},
    "cooperative": ROOF_EXAMPLE,
    "county": "653201",
    "village": {"zh-Hans": "巴格其镇", "en": "Bagqi"},
    "hub": "HOTAN",
    "category": "produce",
    "status": "published",
    "unit": "box",
    **{name: value for name, value in _JUJUBE.items() if name != "description"},
    "tiers": [
        SHOWN_TIER,
    ],
    "unit_prices": by_weight(3760, 1880),
    "derived": {},
    "photos": [{"id": _MEDIA, "url": f"/v1/media/{_MEDIA}/content"}],
    "version": 2,
    "created_at": "2026-03-01T08:00:00Z",
    "updated_at": "2026-03-01T08:10:00Z",
    "published_at": "2026-03-01T08:10:00Z",
    "available": "500",
}
_STOCKED: Final = {
    "quantity": "500",
    "harvested_on": "2025-10-20",
    "certificates": [{"kind": "produce_compliance", "number": "HT-2025-0117", "issued_on": "2025-10-21"}],
}

ListingId = Annotated[str, Field(pattern=pattern("lst"), examples=[_LISTING])]
LotId = Annotated[str, Field(pattern=pattern("lot"), examples=[_LOT])]
MediaId = Annotated[str, Field(pattern=pattern("med"), examples=[_MEDIA])]
ProducerId = Annotated[str, Field(pattern=pattern("prd"), examples=[_PRODUCER])]
Title = Annotated[
    dict[Tag, Annotated[PlainText, Field(max_length=TITLE_LENGTH_MAX)]],
    Field(max_length=LANGUAGES_MAX, description="A title by BCP 47 language tag", examples=[_JUJUBE["title"]]),
]
Attributes = Annotated[
    dict[str, Any],
    Field(max_length=50),
    WithJsonSchema(
        {
            "description": "Typed by category; GET /v1/categories describes each",
            "anyOf": [attributes_schema(category) for category in Category],
        }
    ),
]
LengthMm = Annotated[int, Field(ge=1, le=LENGTH_MM_MAX)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 12, 31))]


Weighed = Annotated[
    bool, Field(description="Ordered by estimate, and settled by what the hub weighs: `price` is for `price_per`")
]
PricePer = Annotated[Unit, Field(description="The weight that the price of weighed goods is for: kg, jin or tonne")]


def examples(*values: dict[str, Any]) -> ConfigDict:
    """What the OpenAPI document shows of a shape."""
    return ConfigDict(json_schema_extra={"examples": list(values)})


class ParcelShape(Shape):
    """What one unit ships as, packing included."""

    weight_g: Annotated[int, Field(ge=1, le=WEIGHT_G_MAX)]
    length_mm: LengthMm
    width_mm: LengthMm
    height_mm: LengthMm


class Handling(Shape):
    temperature: Temperature
    shelf_life_h: Annotated[int, Field(ge=1, le=SHELF_LIFE_H_MAX)] | None = None


class NewListing(Shape):
    """A draft. It may be incomplete, but what is there must be right."""

    model_config: ClassVar[ConfigDict] = examples(
        {"producer": _PRODUCER, "category": "produce", "unit": "box", **_JUJUBE}
    )

    id: ListingId | None = None
    producer: ProducerId
    category: Category
    title: Title = {}
    description: LocalText = {}
    attributes: Attributes = {}
    unit: Unit
    price: Money | None = None
    tiers: Tiers = []
    net_weight_g: NetWeight | None = None
    weighed: Weighed = False
    price_per: PricePer | None = None
    package: ParcelShape | None = None
    min_quantity: Quantity = Decimal(1)
    step: Quantity = Decimal(1)
    handling: Handling | None = None
    lead_time_h: Annotated[int, Field(ge=0, le=LEAD_TIME_H_MAX)] = 24
    capacity_per_week: Annotated[
        Quantity | None, Field(description="Made to order: what can be made in a calendar week of legal time (UTC+8)")
    ] = None
    photos: Annotated[list[MediaId], Field(max_length=PHOTOS_PER_LISTING_MAX)] = []


class ListingChange(Shape):
    """What is left out, or null, stays as it is. A map or a list that is given replaces the former one whole."""

    model_config: ClassVar[ConfigDict] = examples({"price": {"amount": 17800, "currency": "CNY"}, "lead_time_h": 24})

    title: Title | None = None
    description: LocalText | None = None
    attributes: Attributes | None = None
    price: Money | None = None
    tiers: Tiers | None = None
    net_weight_g: NetWeight | None = None
    weighed: Weighed | None = None
    price_per: PricePer | None = None
    package: ParcelShape | None = None
    min_quantity: Quantity | None = None
    step: Quantity | None = None
    handling: Handling | None = None
    lead_time_h: Annotated[int, Field(ge=0, le=LEAD_TIME_H_MAX)] | None = None
    capacity_per_week: Annotated[
        Stock | None,
        Field(description="Made to order: what can be made in a calendar week of legal time (UTC+8); zero ends it"),
    ] = None
    photos: Annotated[list[MediaId], Field(max_length=PHOTOS_PER_LISTING_MAX)] | None = None


class Photo(Shape):
    """`url` is relative to this service and leads on to the picture."""

    id: MediaId
    url: Annotated[str, Field(examples=[f"/v1/media/{_MEDIA}/content"])]


class ListingCard(Shape):
    """A listing as lists show it. `derived` follows from the attributes, such as cotton's classes."""

    model_config: ClassVar[ConfigDict] = examples(_SHOWN)

    id: ListingId
    producer: ProducerId
    producer_name: LocalText
    cooperative: Annotated[RoofShape | None, Field(description="The co-operative under whose roof it is sold")] = None
    county: str
    village: LocalText | None
    hub: str
    category: Category
    status: ListingStatus
    title: Title
    attributes: Attributes
    derived: dict[str, str]
    unit: Unit
    price: Money | None
    unit_prices: Annotated[
        list[UnitPriceShape],
        Field(description="The same price by weight; empty when the net weight of a sales unit is not known"),
    ] = []
    tiers: Annotated[list[ShownTier], Field(description="What a unit costs in larger quantities")] = []
    net_weight_g: NetWeight | None = None
    weighed: Weighed = False
    price_per: PricePer | None = None
    package: ParcelShape | None
    min_quantity: Quantity
    step: Quantity
    handling: Handling | None
    lead_time_h: int
    order_cycle: Annotated[str | None, Field(description="It is ordered in the windows of this order cycle only")] = (
        None
    )
    photos: list[Photo]
    version: Annotated[int, Field(description="Rises with every change but those of stock")]
    created_at: Time
    updated_at: Time
    published_at: Time | None
    capacity_per_week: Annotated[
        Stock | None, Field(description="Made to order: what can be made in a calendar week of legal time (UTC+8)")
    ] = None
    available: Annotated[Stock, Field(description="What can be had now")]


class ListingShape(ListingCard):
    """A listing with everything that is said of it."""

    model_config: ClassVar[ConfigDict] = examples({**_SHOWN, "description": _JUJUBE["description"]})

    description: LocalText


class CertificateShape(Shape):
    kind: CertificateKind
    number: Annotated[PlainText, Field(max_length=64)]
    issued_on: Day
    expires_on: Day | None = None


EarTags = Annotated[
    list[Annotated[str, Field(pattern=EAR_TAG_PATTERN, examples=["365320100000001"])]],
    Field(max_length=EAR_TAGS_PER_LOT_MAX, description="15 digits: species, county, serial; one a head"),
]
Certificates = Annotated[list[CertificateShape], Field(max_length=CERTIFICATES_PER_LOT_MAX)]


class StorageShape(Shape):
    """At what goods are to be kept, by their listings: degrees Celsius, relative humidity in per cent. Readings count against it."""

    min_c: str | None = None
    max_c: str | None = None
    min_rh_pct: str | None = None
    max_rh_pct: str | None = None


class NewLot(Shape):
    """Stock that comes in. `available_from` holds it back until then.

    A `forecast` is stock that is still to come: a harvest, or handicraft that is `made_to_order`. It is sold ahead, up to a share
    of `quantity` (`presold_max`), and handed in from `available_from` on.
    """

    model_config: ClassVar[ConfigDict] = examples(
        _STOCKED,
        {
            "quantity": "1",
            "ear_tags": ["365320100000001"],
            "certificates": [
                {
                    "kind": "animal_quarantine_a",
                    "number": "6532010001",
                    "issued_on": "2026-03-01",
                    "expires_on": "2026-03-05",
                }
            ],
        },
    )

    id: LotId | None = None
    quantity: Quantity
    available_from: Time | None = None
    harvested_on: Day | None = None
    forecast: bool = False
    ear_tags: EarTags = []
    certificates: Certificates = []


class LotChange(Shape):
    """What is left out, or null, stays as it is. `quantity` is all that ever came in, what was sold included."""

    model_config: ClassVar[ConfigDict] = examples({"quantity": "480"})

    quantity: Quantity | None = None
    available_from: Time | None = None
    harvested_on: Day | None = None
    ear_tags: EarTags | None = None
    certificates: Certificates | None = None


class Harvest(Shape):
    """What really came of a forecast. When it is less than what is reserved, who ordered first is served first."""

    model_config: ClassVar[ConfigDict] = examples({"quantity": "410", "harvested_on": "2026-03-01"})

    quantity: Annotated[Stock, Field(le=QUANTITY_MAX)]
    harvested_on: Day
    certificates: Certificates = []


class LotShape(Shape):
    """`quantity` came in; of it some is reserved by orders, some consumed (handed over), and the rest available."""

    model_config: ClassVar[ConfigDict] = examples(
        {
            "id": _LOT,
            "listing": _LISTING,
            **_STOCKED,
            "available": "480",
            "reserved": "15",
            "consumed": "5",
            "available_from": None,
            "forecast": False,
            "presold_max": None,
            "presale_policy": None,
            "harvested": None,
            "recalled_at": None,
            "expires_at": "2026-04-18T16:00:00Z",
            "ear_tags": [],
            "created_at": "2026-03-01T08:05:00Z",
        }
    )

    id: LotId
    listing: ListingId
    quantity: Quantity
    available: Stock
    reserved: Stock
    consumed: Stock
    available_from: Time | None
    harvested_on: Day | None
    expires_at: Annotated[Time | None, Field(description="After this the goods are no longer sold")]
    forecast: bool
    presold_max: Annotated[Stock | None, Field(description="So much of a forecast may be sold ahead")]
    recalled_at: Annotated[Time | None, Field(description="While it is recalled, nothing of it is sold")] = None
    presale_policy: Annotated[str | None, Field(description="The version of the policy that says how much")]
    harvested: Annotated[
        Stock | None, Field(description="What came, while it is shared out among orders that it is too little for")
    ]
    made_in: Annotated[Day | None, Field(description="The Monday of the week whose capacity it is")] = None
    ear_tags: EarTags
    certificates: Certificates
    created_at: Time


class NewMedia(Shape):
    """The file that will be uploaded, exactly."""

    model_config: ClassVar[ConfigDict] = examples({"content_type": "image/jpeg", "bytes": 184320, "sha256": _SHA256})

    id: MediaId | None = None
    content_type: Annotated[str, Field(pattern=f"^(?:{'|'.join(PHOTO_SUFFIX)})$", examples=["image/jpeg"])]
    bytes: Annotated[int, Field(ge=1, le=PHOTO_BYTES_MAX)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=[_SHA256])]


class UploadShape(Shape):
    """One request with exactly these headers and the file as its body, before `url` expires."""

    method: Annotated[str, Field(examples=["PUT"])]
    url: str
    headers: dict[str, str]


class MediaCreated(Shape):
    model_config: ClassVar[ConfigDict] = examples(
        {
            "id": _MEDIA,
            "upload": {
                "method": "PUT",
                "url": "https://storage.example/media/…",
                "headers": {
                    "content-type": "image/jpeg",
                    "x-amz-checksum-sha256": "X3C/GKCGAHAW6UiwSu07ghA6Nr6kF1W2zd+vEKzjxu8=",
                },
            },
        }
    )

    id: MediaId
    upload: UploadShape


class MediaShape(Shape):
    """`url` is where the picture is until it expires; null while it has not been uploaded."""

    model_config: ClassVar[ConfigDict] = examples(
        {
            "id": _MEDIA,
            "content_type": "image/jpeg",
            "bytes": 184320,
            "sha256": _SHA256,
            "state": "ready",
            "listing": None,
            "url": "https://storage.example/media/…",
        }
    )

    id: MediaId
    content_type: str
    bytes: int
    sha256: str
    state: MediaState
    listing: ListingId | None
    url: str | None
