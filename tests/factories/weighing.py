"""Goods that are sold by weight, and the scale of the hub."""

from typing import Any

from app.core.clock import rfc3339
from app.core.ids import new_id
from app.flows.ports import Ports
from app.flows.weigh_in import decide_weigh_in, record_weigh_in
from app.shipments.weigh_in_schemas import NewWeighIn, WeighInDecision, WeighInShape
from tests.factories.catalogue import COTTON, JUJUBE, SHEEP, a_draft, a_lot, flock, harvest, publish
from tests.factories.claims import a_ready_photo
from tests.factories.identity import Seller, Someone

BULK: dict[str, Any] = JUJUBE | {
    "title": {"zh-Hans": "散装骏枣", "en": "Jujubes in bulk"},
    "unit": "kg",
    "weighed": True,
    "price": {"amount": 2_400, "currency": "CNY"},
    "package": {"weight_g": 1_050, "length_mm": 200, "width_mm": 150, "height_mm": 100},
}
FLOCK: dict[str, Any] = SHEEP | {
    "weighed": True,
    "price": {"amount": 3_600, "currency": "CNY"},
    "price_per": "kg",
    "net_weight_g": 42_000,
}
LINT: dict[str, Any] = COTTON | {
    "weighed": True,
    "price": {"amount": 1_650_000, "currency": "CNY"},
    "price_per": "tonne",
    "net_weight_g": 226_000,
}


async def weighed_goods(
    ports: Ports, seller: Seller, goods: dict[str, Any] = BULK, quantity: str = "500", **changes: Any
) -> str:
    """Goods on sale that are settled by weight; answers the listing's id."""
    listing = await a_draft(ports, seller, goods, **changes)
    today = ports.clock.now().date()
    facts = harvest(today) if goods is BULK else flock(int(quantity), today) if goods is FLOCK else {}
    await a_lot(ports, seller, listing, quantity, **facts)
    await publish(ports, seller, listing)
    return listing


def scaled(ports: Ports, line: str, net_g: int, photo: str, **more: Any) -> dict[str, Any]:
    """The body of a weigh-in of a line, in a crate of 6.5 kg, just now."""
    return {
        "id": new_id("wgh"),
        "line": line,
        "gross_g": net_g + 6_500,
        "tare_g": 6_500,
        "net_g": net_g,
        "weighed_at": rfc3339(ports.clock.now()),
        "instrument": "HOTAN-SCALE-2",
        "ticket": "20260302-0117",
        "photo": photo,
    } | more


async def a_photo_of_the_scale(ports: Ports, weigher: Someone) -> str:
    return await a_ready_photo(ports, weigher)


async def weigh(
    ports: Ports, weigher: Someone, order: dict[str, Any], net_g: int, line: int = 0, **more: Any
) -> WeighInShape:
    """The hub weighs one line of an order."""
    sold = order["lines"][line]
    photo = more.pop("photo", None) or await a_photo_of_the_scale(ports, weigher)
    body = scaled(ports, sold["id"], net_g, photo, **more)
    return await tell_weight(ports, weigher, sold["consignment"], body)


async def tell_weight(ports: Ports, weigher: Someone, consignment: str, body: dict[str, Any]) -> WeighInShape:
    async with ports.begin() as session:
        command = NewWeighIn.model_validate(body)
        return await record_weigh_in(ports, session, weigher.caller, consignment, command, "en")


async def say(ports: Ports, buyer: Someone, weigh_in: str, word: str) -> WeighInShape:
    """The buyer, or an operator, accepts or declines."""
    async with ports.begin() as session:
        command = WeighInDecision.model_validate({"decision": word})
        return await decide_weigh_in(ports, session, buyer.caller, weigh_in, command, "en")
