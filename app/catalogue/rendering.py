"""From rows to what is sent: a listing's public JSON, its words for the search, and the facts that rules look at.

No database: the rows are given.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from app.catalogue.attributes import ATTRIBUTES, Attribute, Form, attribute_texts, derived_attributes
from app.catalogue.category_schemas import AttributeShape, CategoryShape, Choice
from app.catalogue.models import Listing, Lot
from app.catalogue.pricing import unit_prices
from app.catalogue.schemas import LotShape
from app.catalogue.search import search_tokens
from app.catalogue.values import (
    CATEGORY_NAMES,
    CERTIFICATE_NAMES,
    Category,
    Certificate,
    Facts,
    LotFacts,
    Parcel,
    Tier,
    UnitPrice,
    Words,
)
from app.catalogue.weighed import price_weight
from app.core.clock import rfc3339
from app.core.money import Money
from app.core.quantity import Unit, as_text
from app.network.values import Temperature

_AS_THEY_ARE: Final = (
    "title",
    "description",
    "attributes",
    "min_quantity",
    "step",
    "lead_time_h",
    "photos",
    "net_weight_g",
    "capacity_per_week",
    "weighed",
    "price_per",
)
_CERTIFICATES: Final = TypeAdapter(tuple[Certificate, ...])


def facts_of(listing: Listing) -> Facts:
    return Facts(
        category=listing.category,
        unit=listing.unit,
        title=listing.title,
        attributes=listing.attributes,
        price=None if listing.price_minor is None else Money(listing.price_minor, listing.currency),
        package=_parcel(listing.weight_g, listing.length_mm, listing.width_mm, listing.height_mm),
        temperature=listing.temperature,
        min_quantity=listing.min_quantity,
        step=listing.step,
        net_weight_g=listing.net_weight_g,
        tiers=tiers_of(listing.tiers),
        capacity_per_week=listing.capacity_per_week,
        weighed=listing.weighed,
        price_per=listing.price_per,
    )


def tiers_of(kept: Sequence[Mapping[str, Any]], price_list: str | None = None) -> tuple[Tier, ...]:
    """Tiers from the form in which they are kept and shown: `{"from", "price"}`."""
    return tuple(Tier(Decimal(each["from"]), Money(**each["price"]), price_list) for each in kept)


def kept_tiers(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tiers as a request gave them, in the form in which they are kept and shown."""
    return [{"from": as_text(tier["from_"]), "price": tier["price"]} for tier in given]


def _unit_prices_of(facts: Facts, price: Money) -> list[UnitPrice]:
    return list(unit_prices(facts.category, price_weight(facts) or facts.unit, facts.net_weight_g, price))


def lot_facts_of(lot: Lot) -> LotFacts:
    return LotFacts(
        quantity=lot.quantity,
        free=free_of(lot),
        harvested_on=lot.harvested_on,
        ear_tags=tuple(lot.ear_tags),
        certificates=_CERTIFICATES.validate_python(lot.certificates),
        forecast=lot.presold_max is not None,
        available_from=lot.available_from,
    )


def lot_shape_of(lot: Lot) -> LotShape:
    return LotShape(
        **lot.model_dump(exclude={"listing_id", "created_from"}),
        listing=lot.listing_id,
        available=Decimal(0) if lot.harvested is not None or lot.recalled_at is not None else free_of(lot),
        forecast=lot.presold_max is not None,
    )


def free_of(lot: Lot) -> Decimal:
    """What nobody has reserved or taken: of the lot, or of what of a forecast may be sold ahead."""
    return (lot.quantity if lot.presold_max is None else lot.presold_max) - lot.reserved - lot.consumed


def document_of(listing: Listing) -> str:
    """The public JSON but for `available` and `description`, which are added when it is sent."""
    facts = facts_of(listing)
    handling = {"temperature": listing.temperature, "shelf_life_h": listing.shelf_life_h}
    roof = None
    if listing.cooperative_id is not None:
        roof = {"id": listing.cooperative_id, "name": listing.cooperative_name}
    shown = {
        "id": listing.id,
        "producer": listing.producer_id,
        "producer_name": listing.producer_name,
        "cooperative": roof,
        "county": listing.county,
        "village": listing.village,
        "hub": listing.hub,
        "category": listing.category,
        "status": listing.status,
        "title": listing.title,
        "attributes": listing.attributes,
        "derived": derived_attributes(listing.attributes),
        "unit": listing.unit,
        "price": facts.price,
        "unit_prices": [] if facts.price is None else _unit_prices_of(facts, facts.price),
        "tiers": [
            {**kept, "unit_prices": _unit_prices_of(facts, tier.price)}
            for kept, tier in zip(listing.tiers, facts.tiers, strict=True)
        ],
        "net_weight_g": listing.net_weight_g,
        "weighed": listing.weighed,
        "price_per": price_weight(facts),
        "package": facts.package,
        "min_quantity": as_text(listing.min_quantity),
        "step": as_text(listing.step),
        "handling": None if listing.temperature is None else handling,
        "lead_time_h": listing.lead_time_h,
        "order_cycle": listing.cycle_id,
        "photos": [{"id": photo, "url": f"/v1/media/{photo}/content"} for photo in listing.photos],
        "version": listing.version,
        "created_at": rfc3339(listing.created_at),
        "updated_at": rfc3339(listing.updated_at),
        "published_at": None if listing.published_at is None else rfc3339(listing.published_at),
        "capacity_per_week": None if listing.capacity_per_week is None else as_text(listing.capacity_per_week),
    }
    return orjson.dumps(shown).decode()


def tokens_of(listing: Listing) -> list[str]:
    """What the listing is found by, the most telling texts first."""
    texts = [
        *listing.title.values(),
        *attribute_texts(listing.category, listing.attributes),
        *CATEGORY_NAMES[listing.category].values(),
        *listing.producer_name.values(),
        *(listing.village or {}).values(),
        *listing.description.values(),
    ]
    return search_tokens(texts)


def _parcel(*sizes: int | None) -> Parcel | None:
    return None if None in sizes else Parcel(*(size for size in sizes if size is not None))


def columns_of(command: dict[str, Any]) -> dict[str, Any]:
    """The columns that a request's fields are kept in; fields that were left out or null are left out."""
    given = {name: value for name, value in command.items() if value is not None}
    columns: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    if "price" in given:
        columns |= {"price_minor": given["price"]["amount"], "currency": given["price"]["currency"]}
    if "tiers" in given:
        columns["tiers"] = kept_tiers(given["tiers"])
    columns |= given.get("package", {})
    columns |= given.get("handling", {})
    return columns


def category_shapes() -> list[CategoryShape]:
    """Every category as data: what may be said of its goods, in which units, and what a lot needs."""
    return [_category_shape(category) for category in Category]


def _category_shape(category: Category) -> CategoryShape:
    live = category is Category.LIVESTOCK
    needs = {Category.PRODUCE: ["harvested_on"], Category.LIVESTOCK: ["ear_tags", "certificates"]}
    return CategoryShape(
        code=category,
        name=dict(CATEGORY_NAMES[category]),
        units=[unit for unit in Unit if (unit is Unit.HEAD) == live],
        temperatures=[temperature for temperature in Temperature if (temperature is Temperature.LIVE) == live],
        attributes=[_attribute_shape(attribute) for attribute in ATTRIBUTES[category]],
        lots_need=needs.get(category, []),
        certificates=_choices(CERTIFICATE_NAMES),
    )


def _attribute_shape(attribute: Attribute) -> AttributeShape:
    number = attribute.form in (Form.INTEGER, Form.DECIMAL)
    return AttributeShape(
        name=attribute.name,
        form=attribute.form,
        label=dict(attribute.label),
        needed_to_publish=attribute.required,
        unit=attribute.unit or None,
        minimum=attribute.low if number else None,
        maximum=attribute.high if number else None,
        decimals=attribute.decimals if number else None,
        choices=_choices(attribute.choices),
    )


def _choices(names: Mapping[Any, Words]) -> list[Choice]:
    return [Choice(value=str(value), label=dict(label)) for value, label in names.items()]
