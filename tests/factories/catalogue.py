"""What the valley sells: one listing of each category, with its stock, on sale."""

import hashlib
from datetime import date, timedelta
from itertools import count
from typing import Any

from app.catalogue.cycle_schemas import NewOrderCycle
from app.catalogue.lots import add_lot
from app.catalogue.photos import announce_photo
from app.catalogue.price_list_schemas import NewPriceList
from app.catalogue.price_lists import create_list
from app.catalogue.rules import legal_day
from app.catalogue.schemas import NewListing, NewLot, NewMedia
from app.catalogue.service import create_listing
from app.core.ids import new_id
from app.flows.keep_cycle import open_cycle, put_in_cycle
from app.flows.ports import Ports
from app.flows.publish_listing import publish_listing
from tests.factories.identity import Seller, Someone

JUJUBE: dict[str, Any] = {
    "category": "produce",
    "title": {"zh-Hans": "和田骏枣 5 公斤箱装", "en": "Hotan jujubes, box of 5 kg"},
    "description": {"zh-Hans": "树上自然风干", "en": "Dried on the tree"},
    "attributes": {"variety": {"zh-Hans": "骏枣", "en": "Junzao"}, "grade": "1"},
    "unit": "box",
    "price": {"amount": 8_800, "currency": "CNY"},
    "package": {"weight_g": 5_300, "length_mm": 400, "width_mm": 300, "height_mm": 200},
    "handling": {"temperature": "ambient", "shelf_life_h": 4_320},
    "lead_time_h": 12,
}
CARPET: dict[str, Any] = {
    "category": "handicraft",
    "title": {"zh-Hans": "手工羊毛地毯", "en": "Hand-knotted wool carpet"},
    "attributes": {
        "materials": [{"name": {"zh-Hans": "羊毛", "en": "Wool"}, "share_pct": 100}],
        "technique": {"zh-Hans": "手工打结", "en": "Hand-knotted"},
    },
    "unit": "piece",
    "price": {"amount": 168_000, "currency": "CNY"},
    "package": {"weight_g": 9_000, "length_mm": 1_300, "width_mm": 300, "height_mm": 300},
    "handling": {"temperature": "ambient"},
    "lead_time_h": 24,
}
SHEEP: dict[str, Any] = {
    "category": "livestock",
    "title": {"zh-Hans": "和田羊", "en": "Hotan sheep"},
    "attributes": {"species": "sheep", "breed": {"zh-Hans": "和田羊", "en": "Hotan"}, "age_months": 10},
    "unit": "head",
    "price": {"amount": 150_000, "currency": "CNY"},
    "package": {"weight_g": 42_000, "length_mm": 1_100, "width_mm": 400, "height_mm": 800},
    "handling": {"temperature": "live"},
    "lead_time_h": 24,
}
COTTON: dict[str, Any] = {
    "category": "cotton",
    "title": {"zh-Hans": "细绒棉", "en": "Upland cotton"},
    "attributes": {"season": 2025, "colour_grade": "31", "length_mm": 29, "micronaire": "4.3"},
    "unit": "bale",
    "price": {"amount": 330_000, "currency": "CNY"},
    "package": {"weight_g": 227_000, "length_mm": 1_400, "width_mm": 530, "height_mm": 700},
    "handling": {"temperature": "ambient"},
    "lead_time_h": 24,
}
_serial = count(1)


def harvest(today: date) -> dict[str, Any]:
    """What a lot of dates needs: picked and passed some weeks ago."""
    passed = {"kind": "produce_compliance", "number": "HGZ-653221-0001"}
    return {
        "harvested_on": str(today - timedelta(days=40)),
        "certificates": [passed | {"issued_on": str(today - timedelta(days=35))}],
    }


HARVEST = harvest(date(2026, 3, 2))


def flock(heads: int = 2, today: date = date(2026, 3, 2)) -> dict[str, Any]:
    """What a lot of sheep needs: a tag for each head, and a quarantine certificate of that day."""
    quarantine = {"kind": "animal_quarantine_a", "number": "6532210001", "issued_on": str(today)}
    return {
        "ear_tags": [f"3653221{next(_serial):08}" for _ in range(heads)],
        "certificates": [quarantine | {"expires_on": str(today + timedelta(days=3))}],
    }


async def a_draft(ports: Ports, seller: Seller, goods: dict[str, Any] = JUJUBE, **changes: Any) -> str:
    """A listing that nobody else sees yet; answers its id."""
    asked = {"id": new_id("lst"), "producer": seller.producer.id} | goods | changes
    async with ports.begin() as session:
        await create_listing(session, seller.caller, NewListing.model_validate(asked), ports.clock.now())
    return str(asked["id"])


async def a_lot(ports: Ports, seller: Seller, listing_id: str, quantity: str, **facts: Any) -> str:
    async with ports.begin() as session:
        command = NewLot.model_validate({"quantity": quantity} | facts)
        return (await add_lot(session, seller.caller, listing_id, command, ports.clock.now())).id


async def a_listing(
    ports: Ports, seller: Seller, goods: dict[str, Any] = JUJUBE, *, quantity: str = "500", **changes: Any
) -> str:
    """Goods on sale, with one lot; answers the listing's id. Two sheep come with their tags."""
    listing_id = await a_draft(ports, seller, goods, **changes)
    today = legal_day(ports.clock.now())
    facts = harvest(today) if goods is JUJUBE else flock(today=today) if goods is SHEEP else {}
    await a_lot(ports, seller, listing_id, "2" if goods is SHEEP else quantity, **facts)
    await publish(ports, seller, listing_id)
    return listing_id


WEEKLY: dict[str, Any] = {
    "name": {"zh-Hans": "每周发车", "en": "The weekly lorry"},
    "lead_time_h": 24,
    "open_h": 72,
}


async def a_cycle(ports: Ports, seller: Seller, service: str, *listings: str, **terms: Any) -> str:
    """Orders in windows for this service's departures, of these listings; answers the cycle's id."""
    asked = NewOrderCycle.model_validate(WEEKLY | {"producer": seller.producer.id, "service": service} | terms)
    async with ports.begin() as session:
        cycle = await open_cycle(ports, session, seller.caller, asked)
        await put_in_cycle(ports, session, seller.caller, cycle.id, listings)
    return cycle.id


async def publish(ports: Ports, seller: Seller, listing_id: str) -> None:
    async with ports.begin() as session:
        await publish_listing(session, seller.caller, listing_id, ports.clock.now())


async def a_photo(ports: Ports, seller: Seller | Someone, content: bytes = b"\xff\xd8\xff a photo of dates") -> str:
    """A photo that was announced and not uploaded yet."""
    told = {
        "content_type": "image/jpeg",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    async with ports.begin() as session:
        announced = await announce_photo(session, seller.caller, NewMedia.model_validate(told), ports.clock.now())
    return announced.media.id


MEMBERS_PRICES: dict[str, Any] = {"name": {"zh-Hans": "社员价", "en": "Members' prices"}}


async def a_price_list(ports: Ports, seller: Seller, **terms: Any) -> str:
    """A price list of a co-operative, for nobody yet; answers its id."""
    asked = {"producer": seller.producer.id} | MEMBERS_PRICES | terms
    async with ports.begin() as session:
        made = await create_list(session, seller.caller, NewPriceList.model_validate(asked), ports.clock.now())
    return made.id
