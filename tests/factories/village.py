"""The story that most tests begin with: dates from Hotan, a carpet from Kashgar, and a buyer in Shanghai."""

from dataclasses import dataclass

from app.flows.ports import Ports
from tests.factories.catalogue import CARPET, a_listing
from tests.factories.identity import LOOM, Seller, Someone, a_person, a_producer
from tests.factories.jobs import work


@dataclass(frozen=True)
class Village:
    garden: Seller
    loom: Seller
    dates: str
    carpets: str
    buyer: Someone

    @property
    def basket(self) -> dict[str, str]:
        """Three boxes of dates and a carpet: two producers, so two consignments."""
        return {self.dates: "3", self.carpets: "1"}


async def a_village(ports: Ports, *, boxes: str = "500", carpets: str = "20") -> Village:
    """Two producers with one listing each, and a buyer; no job is waiting."""
    garden, loom = await a_producer(ports), await a_producer(ports, **LOOM)
    dates = await a_listing(ports, garden, quantity=boxes)
    rugs = await a_listing(ports, loom, CARPET, quantity=carpets)
    buyer = await a_person(ports)
    await work(ports)
    return Village(garden, loom, dates, rugs, buyer)
