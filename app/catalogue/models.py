"""The tables of the catalogue.

A listing keeps its public JSON ready to send in `document`; stock stays in the counters of its lots, which are the truth.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Numeric, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field, SQLModel

from app.catalogue.values import Category, ListingStatus, MediaState, ReservationState
from app.core.database import enum_type
from app.core.quantity import Unit
from app.network.values import Temperature

_PUBLISHED = text("status = 'published'")
_AMOUNT = Numeric(12, 3)


def _shelf_indexes() -> list[Index]:
    """One range to read for each filter and order of the public list; the end of the key is the page's cursor.

    `category` trails in the indexes by place, so that a place is read in order and other categories are passed over
    inside the index.
    """
    ways = []
    for order in ("listed_at", "price_minor"):
        ways += [
            Index(None, order, "id", postgresql_where=_PUBLISHED),
            Index(None, "category", order, "id", postgresql_where=_PUBLISHED),
        ]
        ways += [
            Index(None, place, order, "id", "category", postgresql_where=_PUBLISHED)
            for place in ("province", "prefecture", "county")
        ]
    return ways


def _roof_indexes() -> list[Index]:
    """The same for what is sold under the roof of a co-operative; other listings cost them nothing."""
    under_a_roof = text("status = 'published' AND cooperative_id IS NOT NULL")
    return [
        Index(None, "cooperative_id", order, "id", postgresql_where=under_a_roof)
        for order in ("listed_at", "price_minor")
    ]


class Listing(SQLModel, table=True):
    """Goods that a producer offers. What comes from the producer is copied here and follows it by `refresh_listings`.

    `listed_at` is when it was first published (before that: created). `version` rises with every change that a buyer
    or the producer can see, but not with its stock.
    """

    __tablename__ = "listing"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'archived') "
            "OR (price_minor IS NOT NULL AND weight_g IS NOT NULL AND temperature IS NOT NULL)",
            name="complete",
        ),
        CheckConstraint("net_weight_g > 0 AND net_weight_g <= weight_g", name="net_weight"),
        CheckConstraint("capacity_per_week >= 0", name="capacity_per_week"),
        CheckConstraint("price_per IS NULL OR weighed", name="priced_by_weight"),
        CheckConstraint("price_minor > 0 AND weight_g > 0 AND min_quantity > 0 AND step > 0", name="positive"),
        *_shelf_indexes(),
        *_roof_indexes(),
        Index(None, "producer_id", "status", "listed_at", "id"),
        Index(
            "ix_listing_search",
            "search",
            postgresql_using="gin",
            postgresql_where=_PUBLISHED,
            # A pending list would be read from end to end by every search.
            postgresql_with={"fastupdate": "off"},
        ),
        # Rows are read whole by the page: keep them out of the side table, uncompressed.
        {"postgresql_with": {"toast_tuple_target": 8160}},
    )

    id: str = Field(primary_key=True, max_length=40)
    producer_id: str = Field(max_length=40)
    category: Category = Field(sa_type=enum_type(Category))
    status: ListingStatus = Field(sa_type=enum_type(ListingStatus))
    title: dict[str, str] = Field(sa_type=JSONB)
    description: dict[str, str] = Field(sa_type=JSONB)
    attributes: dict[str, Any] = Field(sa_type=JSONB)
    unit: Unit = Field(sa_type=enum_type(Unit))
    price_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str = Field(max_length=3)
    tiers: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    net_weight_g: int | None = None
    weighed: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    price_per: Unit | None = Field(default=None, sa_type=enum_type(Unit, "price_per"))
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    min_quantity: Decimal = Field(sa_type=_AMOUNT)
    step: Decimal = Field(sa_type=_AMOUNT)
    temperature: Temperature | None = Field(default=None, sa_type=enum_type(Temperature))
    shelf_life_h: int | None = None
    lead_time_h: int
    # What hands can make in a calendar week, of goods made to order; none, or nothing, when lots are declared one by one.
    capacity_per_week: Decimal | None = Field(default=None, sa_type=_AMOUNT)
    cycle_id: str | None = Field(default=None, foreign_key="order_cycle.id", index=True, max_length=40)
    photos: list[str] = Field(sa_type=JSONB)
    producer_name: dict[str, str] = Field(sa_type=JSONB)
    cooperative_id: str | None = Field(default=None, max_length=40)
    cooperative_name: dict[str, str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    village: dict[str, str] | None = Field(default=None, sa_type=JSONB)
    hub: str = Field(max_length=40)
    province: str = Field(max_length=2)
    prefecture: str = Field(max_length=4)
    county: str = Field(max_length=6)
    version: int
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime
    listed_at: datetime
    published_at: datetime | None = None
    document: str = Field(sa_type=Text)
    search: Any = Field(sa_type=TSVECTOR)


class OrderCycle(SQLModel, table=True):
    """Orders that a producer takes in windows, each for one departure of a service from a hub."""

    __tablename__ = "order_cycle"
    __table_args__ = (
        CheckConstraint("lead_time_h >= 0 AND open_h > 0", name="terms"),
        Index(None, "producer_id", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    producer_id: str = Field(max_length=40)
    name: dict[str, str] = Field(sa_type=JSONB)
    service_id: str = Field(max_length=40)
    hub: str = Field(max_length=40)
    lead_time_h: int
    open_h: int
    created_from: str = Field(max_length=64)
    created_at: datetime


class PriceList(SQLModel, table=True):
    """Other prices of a co-operative: for all its members, or for the buyers that it names."""

    __tablename__ = "price_list"
    __table_args__ = (Index(None, "producer_id", "id"),)

    id: str = Field(primary_key=True, max_length=40)
    producer_id: str = Field(max_length=40)
    name: dict[str, str] = Field(sa_type=JSONB)
    for_members: bool
    created_from: str = Field(max_length=64)
    created_at: datetime


class PriceListBuyer(SQLModel, table=True):
    """A buyer who was named."""

    __tablename__ = "price_list_buyer"

    price_list_id: str = Field(primary_key=True, foreign_key="price_list.id", max_length=40)
    person_id: str = Field(primary_key=True, max_length=40)


class PriceListPrice(SQLModel, table=True):
    """What a listing costs by a list. The listing leads: a quote looks for all lists of a few listings."""

    __tablename__ = "price_list_price"
    __table_args__ = (CheckConstraint("price_minor > 0", name="positive"),)

    listing_id: str = Field(primary_key=True, foreign_key="listing.id", max_length=40)
    price_list_id: str = Field(primary_key=True, foreign_key="price_list.id", index=True, max_length=40)
    price_minor: int = Field(sa_type=BigInteger)
    tiers: list[dict[str, Any]] = Field(sa_type=JSONB)


class Lot(SQLModel, table=True):
    """Goods that came in together. Nobody can reserve or take more than there is: the CHECK holds it.

    `made_in` is the Monday of the week whose capacity it is. With `presold_max` it is a forecast, of which so much may be sold ahead, by that version of the policy. `harvested` is what
    really came, while it is found out whom it is too little for. `recalled_at`: nothing of it is sold while it is called back.
    """

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND reserved >= 0 AND consumed >= 0", name="not_negative"),
        CheckConstraint("reserved + consumed <= quantity", name="not_oversold"),
        CheckConstraint("presold_max <= quantity AND reserved + consumed <= presold_max", name="not_presold"),
        CheckConstraint("(presold_max IS NULL) = (presale_policy IS NULL)", name="presale"),
        CheckConstraint("presold_max IS NULL OR available_from IS NOT NULL", name="forecast_has_day"),
        CheckConstraint("harvested IS NULL OR presold_max IS NOT NULL", name="confirming"),
        Index(
            "uq_lot_listing_id_made_in",
            "listing_id",
            "made_in",
            unique=True,
            postgresql_where=text("made_in IS NOT NULL"),
        ),
        # Every order writes the counters: room for the new row on the same page keeps the indexes out of it.
        {"postgresql_with": {"fillfactor": 60}},
    )

    listing_id: str = Field(primary_key=True, foreign_key="listing.id", max_length=40)
    id: str = Field(primary_key=True, index=True, max_length=40)
    quantity: Decimal = Field(sa_type=_AMOUNT)
    reserved: Decimal = Field(sa_type=_AMOUNT)
    consumed: Decimal = Field(sa_type=_AMOUNT)
    available_from: datetime | None = None
    harvested_on: date | None = None
    expires_at: datetime | None = None
    ear_tags: list[str] = Field(sa_type=JSONB)
    certificates: list[dict[str, Any]] = Field(sa_type=JSONB)
    presold_max: Decimal | None = Field(default=None, sa_type=_AMOUNT)
    presale_policy: str | None = Field(default=None, max_length=20)
    harvested: Decimal | None = Field(default=None, sa_type=_AMOUNT)
    made_in: date | None = None
    recalled_at: datetime | None = None
    created_from: str = Field(max_length=64)
    created_at: datetime


class EarTag(SQLModel, table=True):
    """An ear tag stands in one lot of the whole platform, and its animal is held by one order line at the most."""

    __tablename__ = "ear_tag"
    __table_args__ = (
        CheckConstraint("(order_id IS NULL) = (line_id IS NULL)", name="one_buyer"),
        Index(None, "order_id", postgresql_where=text("order_id IS NOT NULL")),
    )

    tag: str = Field(primary_key=True, max_length=15)
    listing_id: str = Field(max_length=40)
    lot_id: str = Field(max_length=40, index=True)
    order_id: str | None = Field(default=None, max_length=40)
    line_id: str | None = Field(default=None, max_length=40)


class Reservation(SQLModel, table=True):
    """What one order line holds of one lot; it keeps the trace from the line to the lot when it is consumed."""

    __tablename__ = "reservation"
    __table_args__ = (CheckConstraint("quantity > 0", name="positive"), Index(None, "listing_id", "lot_id"))

    order_id: str = Field(primary_key=True, max_length=40)
    line_id: str = Field(primary_key=True, max_length=40)
    lot_id: str = Field(primary_key=True, max_length=40)
    listing_id: str = Field(max_length=40)
    quantity: Decimal = Field(sa_type=_AMOUNT)
    state: ReservationState = Field(sa_type=enum_type(ReservationState))
    created_at: datetime


class Media(SQLModel, table=True):
    """A photo: announced, then uploaded by its person, then shown by one listing or kept as the evidence of one claim or weigh-in."""

    __tablename__ = "media"
    __table_args__ = (Index(None, "person_id", postgresql_where=text("listing_id IS NULL")),)

    id: str = Field(primary_key=True, max_length=40)
    person_id: str = Field(max_length=40)
    listing_id: str | None = Field(default=None, foreign_key="listing.id", index=True, max_length=40)
    claim_id: str | None = Field(default=None, max_length=40)
    claim_producer_id: str | None = Field(default=None, max_length=40)
    weigh_in_id: str | None = Field(default=None, max_length=40)
    # Ids of the buyer and the producer who may see the photo of a weigh-in.
    weigh_in_parties: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    content_type: str = Field(max_length=40)
    bytes: int
    sha256: str = Field(max_length=64)
    state: MediaState = Field(sa_type=enum_type(MediaState))
    created_from: str = Field(max_length=64)
    created_at: datetime = Field(index=True)
