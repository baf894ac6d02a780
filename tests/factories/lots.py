"""Lots that are still to come, and flocks by their ear tags."""

from datetime import datetime, timedelta
from typing import Any

from app.catalogue.rules import legal_day
from app.catalogue.schemas import Harvest, LotShape
from app.flows.confirm_harvest import confirm_harvest
from app.flows.ports import Ports
from tests.factories.catalogue import SHEEP, a_draft, a_lot, flock, publish
from tests.factories.identity import Seller, Someone
from tests.factories.orders import ADDRESS, a_quote, ordering, place

# To be fetched in the next town: no animal has to travel for long.
NEAR: dict[str, Any] = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}


def in_days(ports: Ports, days: int) -> datetime:
    return ports.clock.now() + timedelta(days=days)


async def a_forecast(ports: Ports, seller: Seller, listing: str, quantity: str, days: int) -> str:
    """So much is expected to be there in so many days; answers the lot's id."""
    expected = in_days(ports, days).isoformat()
    return await a_lot(ports, seller, listing, quantity, forecast=True, available_from=expected)


async def confirmed(
    ports: Ports, seller: Seller, listing: str, lot: str, quantity: str, on: str = "2026-03-02"
) -> LotShape:
    """What really came of a forecast, said by its seller."""
    command = Harvest.model_validate({"quantity": quantity, "harvested_on": on})
    async with ports.begin() as session:
        return await confirm_harvest(session, seller.caller, listing, lot, command, ports.clock.now())


async def flocks(ports: Ports, seller: Seller, *heads: int) -> tuple[str, list[list[str]]]:
    """Sheep on sale in lots of so many; answers the listing and the tags of each lot."""
    listing = await a_draft(ports, seller, SHEEP)
    tags = []
    for number in heads:
        animals = flock(number, legal_day(ports.clock.now()))
        tags.append(animals["ear_tags"])
        await a_lot(ports, seller, listing, str(number), **animals)
    await publish(ports, seller, listing)
    return listing, tags


async def bought(ports: Ports, buyer: Someone, listing: str, heads: str) -> dict[str, Any]:
    """An order of so many animals, fetched in the next town."""
    return await place(ports, buyer, ordering(await a_quote(ports, buyer, {listing: heads}, **NEAR)))
