"""The words of the catalogue: states, offers, stock, certificates, photos, and what each unit may weigh."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from app.core.money import Money
from app.core.quantity import Unit
from app.network.values import Temperature

Words = Mapping[str, str]

LEAD_TIME_H_MAX: Final = 90 * 24
SHELF_LIFE_H_MAX: Final = 5 * 366 * 24
QUERY_LENGTH_MAX: Final = 100
SEARCH_TOKENS_MAX: Final = 4_000
QUERY_TOKENS_MAX: Final = 16
# Longer runs of Chinese are looked for as they stand, without guessing where their words end.
SPLIT_LENGTH_MAX: Final = 10
WORD_LENGTH_MAX: Final = 40
LISTINGS_PER_REFRESH_MAX: Final = 200
LISTINGS_PER_CYCLE_MAX: Final = 200
LISTINGS_PER_PRICE_LIST_MAX: Final = 200
BUYERS_PER_PRICE_LIST_MAX: Final = 500
CYCLE_OPEN_H_MAX: Final = 90 * 24
UPLOADS_WAITING_MAX: Final = 100
UPLOADS_FORGOTTEN_AFTER: Final = timedelta(days=1)
UPLOADS_PER_SWEEP_MAX: Final = 500
CURRENCY: Final = "CNY"
# No goods are denser than gold: a denser package was measured in centimetres, or weighed in milligrams.
DENSITY_G_PER_DM3_MAX: Final = 20_000
# Legal time is UTC+8 in the whole country; certificates are dated by it.
LEGAL_TIME: Final = timedelta(hours=8)


class Category(StrEnum):
    COTTON = "cotton"
    PRODUCE = "produce"
    LIVESTOCK = "livestock"
    HANDICRAFT = "handicraft"


class Species(StrEnum):
    SHEEP = "sheep"
    GOAT = "goat"
    CATTLE = "cattle"
    YAK = "yak"
    HORSE = "horse"
    PIG = "pig"
    CAMEL = "camel"
    DONKEY = "donkey"
    POULTRY = "poultry"


class ListingStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"
    ARCHIVED = "archived"


class ListingEvent(StrEnum):
    PUBLISH = "publish"
    PAUSE = "pause"
    ARCHIVE = "archive"


class ReservationState(StrEnum):
    HELD = "held"
    CONSUMED = "consumed"
    RELEASED = "released"


class MediaState(StrEnum):
    AWAITED = "awaited"
    READY = "ready"


class Sort(StrEnum):
    NEWEST = "newest"
    PRICE = "price"


class CertificateKind(StrEnum):
    PRODUCE_COMPLIANCE = "produce_compliance"
    ANIMAL_QUARANTINE_A = "animal_quarantine_a"
    ANIMAL_QUARANTINE_B = "animal_quarantine_b"
    GREEN_FOOD = "green_food"
    ORGANIC = "organic"
    GEOGRAPHICAL_INDICATION = "geographical_indication"
    COTTON_INSPECTION = "cotton_inspection"
    FIBRE_TEST = "fibre_test"
    GEM = "gem"
    FOOD_CONTACT = "food_contact"


DISPLAY: Final[Mapping[ListingStatus, Words]] = {
    ListingStatus.DRAFT: {"en": "Draft", "zh-Hans": "草稿"},
    ListingStatus.PUBLISHED: {"en": "On sale", "zh-Hans": "在售"},
    ListingStatus.PAUSED: {"en": "Paused", "zh-Hans": "暂停销售"},
    ListingStatus.ARCHIVED: {"en": "Archived", "zh-Hans": "已下架"},
}
CATEGORY_NAMES: Final[Mapping[Category, Words]] = {
    Category.COTTON: {"en": "Cotton", "zh-Hans": "棉花"},
    Category.PRODUCE: {"en": "Produce", "zh-Hans": "农产品"},
    Category.LIVESTOCK: {"en": "Livestock", "zh-Hans": "活畜禽"},
    Category.HANDICRAFT: {"en": "Handicraft", "zh-Hans": "手工艺品"},
}
SPECIES_NAMES: Final[Mapping[Species, Words]] = {
    Species.SHEEP: {"en": "Sheep", "zh-Hans": "绵羊"},
    Species.GOAT: {"en": "Goat", "zh-Hans": "山羊"},
    Species.CATTLE: {"en": "Cattle", "zh-Hans": "牛"},
    Species.YAK: {"en": "Yak", "zh-Hans": "牦牛"},
    Species.HORSE: {"en": "Horse", "zh-Hans": "马"},
    Species.PIG: {"en": "Pig", "zh-Hans": "猪"},
    Species.CAMEL: {"en": "Camel", "zh-Hans": "骆驼"},
    Species.DONKEY: {"en": "Donkey", "zh-Hans": "驴"},
    Species.POULTRY: {"en": "Poultry", "zh-Hans": "家禽"},
}
CERTIFICATE_NAMES: Final[Mapping[CertificateKind, Words]] = {
    CertificateKind.PRODUCE_COMPLIANCE: {"en": "Promise to meet standards", "zh-Hans": "承诺达标合格证"},
    CertificateKind.ANIMAL_QUARANTINE_A: {"en": "Animal quarantine certificate A", "zh-Hans": "动物检疫证明（动物A）"},
    CertificateKind.ANIMAL_QUARANTINE_B: {"en": "Animal quarantine certificate B", "zh-Hans": "动物检疫证明（动物B）"},
    CertificateKind.GREEN_FOOD: {"en": "Green food", "zh-Hans": "绿色食品"},
    CertificateKind.ORGANIC: {"en": "Organic", "zh-Hans": "有机产品"},
    CertificateKind.GEOGRAPHICAL_INDICATION: {"en": "Geographical indication", "zh-Hans": "地理标志"},
    CertificateKind.COTTON_INSPECTION: {"en": "Cotton inspection result", "zh-Hans": "棉花公证检验证书"},
    CertificateKind.FIBRE_TEST: {"en": "Fibre test", "zh-Hans": "纤维检验"},
    CertificateKind.GEM: {"en": "Jade or gem identification", "zh-Hans": "珠宝玉石鉴定"},
    CertificateKind.FOOD_CONTACT: {"en": "Food contact safety", "zh-Hans": "食品接触安全检测"},
}

# Animal-A (to another province) holds for five days at the most, Animal-B (within the province) on its day alone:
# the marketplace's default reading of the Animal Quarantine Measures, MARA Order 2022 No. 7.
CERTIFICATE_DAYS_MAX: Final[Mapping[CertificateKind, int]] = {
    CertificateKind.ANIMAL_QUARANTINE_A: 5,
    CertificateKind.ANIMAL_QUARANTINE_B: 0,
}
# The first digit of an official ear tag; species without one carry none.
EAR_TAG_DIGIT: Final[Mapping[Species, str]] = {
    Species.PIG: "1",
    Species.CATTLE: "2",
    Species.YAK: "2",
    Species.SHEEP: "3",
    Species.GOAT: "3",
}
EAR_TAG_PATTERN: Final = r"^[123][0-9]{14}$"
# GB/T 2260: the first two digits of every county code.
PROVINCES: Final = frozenset(
    str(code)
    for code in (
        *range(11, 16),
        *range(21, 24),
        *range(31, 38),
        *range(41, 47),
        *range(50, 55),
        *range(61, 66),
        71,
        81,
        82,
    )
)
# What a package with one unit may weigh, in grams: the goods themselves at least, and no more than packing explains.
UNIT_WEIGHT_G: Final[Mapping[Unit, tuple[int, int]]] = {
    Unit.KG: (1_000, 10_000),
    Unit.JIN: (500, 5_000),
    Unit.TONNE: (1_000_000, 3_000_000),
    Unit.BALE: (5_000, 600_000),
    Unit.HEAD: (20, 2_000_000),
    Unit.PIECE: (1, 2_000_000),
    Unit.BOX: (1, 2_000_000),
}
PHOTO_SUFFIX: Final[Mapping[str, str]] = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one unit ships as."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class Tier:
    """From this quantity on, every unit of the line costs this; by which price list, when not for everybody."""

    start: Decimal
    price: Money
    price_list: str | None = None


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What goods cost by a weight that buyers compare by, beside the price of a sales unit."""

    per: Unit
    price: Money


@dataclass(frozen=True, slots=True)
class Facts:
    """What a listing says of its goods, whole or not."""

    category: Category
    unit: Unit
    title: Words
    attributes: Mapping[str, Any]
    price: Money | None
    package: Parcel | None
    temperature: Temperature | None
    min_quantity: Decimal
    step: Decimal
    net_weight_g: int | None = None
    tiers: tuple[Tier, ...] = ()
    capacity_per_week: Decimal | None = None
    weighed: bool = False
    price_per: Unit | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    kind: CertificateKind
    number: str
    issued_on: date
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What a lot says of its goods; `free` is what nobody has reserved or taken yet."""

    quantity: Decimal
    free: Decimal
    harvested_on: date | None
    ear_tags: tuple[str, ...]
    certificates: tuple[Certificate, ...]
    forecast: bool = False
    available_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class CycleTerms:
    """What an order cycle adds to the timetable: orders open `open_h` before they close, and close `lead_time_h` before hand-in."""

    id: str
    service: str
    hub: str
    lead_time_h: int
    open_h: int


@dataclass(frozen=True, slots=True)
class Window:
    """Orders are taken from `opens_at` until just before `closes_at`, are handed in together by `hand_in_by`, and depart at `departs_at`."""

    opens_at: datetime
    closes_at: datetime
    hand_in_by: datetime
    departs_at: datetime

    def is_open(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at


@dataclass(frozen=True, slots=True)
class Storage:
    """At what the seller says that the goods are to be kept, ends included; None is not said. Degrees Celsius, relative humidity in per cent."""

    min_c: Decimal | None = None
    max_c: Decimal | None = None
    min_rh_pct: Decimal | None = None
    max_rh_pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a buyer may count on at this moment; the price holds for as long as `version` stays."""

    listing_id: str
    producer_id: str
    category: Category
    title: Words
    unit: Unit
    price: Money
    package: Parcel
    min_quantity: Decimal
    step: Decimal
    temperature: Temperature
    shelf_life_h: int | None
    lead_time_h: int
    hub: str
    county: str
    version: int
    available: Decimal
    status: ListingStatus
    species: Species | None
    cycle: CycleTerms | None = None
    net_weight_g: int | None = None
    # What this buyer pays by quantity, from zero on.
    ladder: tuple[Tier, ...] = ()
    lots: tuple["LotStock", ...] = ()
    made_to_order: bool = False
    # The weight that the price is for, of goods that are settled by weight; None is the sales unit.
    price_per: Unit | None = None
    storage: Storage | None = None


@dataclass(frozen=True, slots=True)
class StockWant:
    """What an order line takes from a listing, as it was at `version`: there by `ready_at`, good until it `arrives_at` the latest."""

    line_id: str
    listing_id: str
    quantity: Decimal
    version: int
    ready_at: datetime | None = None
    arrives_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LotStock:
    """A lot: what may be taken from it, when its goods are no longer good, and from when they are there (None: they are)."""

    id: str
    listing_id: str
    free: Decimal
    expires_at: datetime | None
    available_from: datetime | None = None
    tagged: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A part of a line that one lot gives, and which animals when they have ear tags."""

    line_id: str
    listing_id: str
    lot_id: str
    quantity: Decimal
    ear_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What one order holds of a lot, or has taken from it; beside it, what its line holds of other lots.

    The line may be cut down to `least`, in whole `step`s.
    """

    order_id: str
    quantity: Decimal
    created_at: datetime
    other: Decimal = Decimal(0)
    least: Decimal = Decimal(1)
    step: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class ShortHarvest:
    """What came of a forecast, and who holds of it."""

    quantity: Decimal
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader of the list asks for; None and "" ask for nothing."""

    category: Category | None = None
    q: str = ""
    county: str = ""
    max_price_minor: int | None = None
    producer_id: str = ""
    status: ListingStatus = ListingStatus.PUBLISHED
    sort: Sort = Sort.NEWEST
    cooperative_id: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A listing as JSON, its ETag, and who may see it."""

    body: bytes
    etag: str
    producer_id: str
    status: ListingStatus
