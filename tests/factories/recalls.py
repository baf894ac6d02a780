"""Lots that are called back."""

from typing import Any

from app.core.ids import new_id
from app.flows.ports import Ports
from app.recalls.schemas import LiftRecall, NewRecall
from app.recalls.service import lift_recall, recall_lot
from tests.factories.catalogue import a_listing
from tests.factories.identity import Seller, Someone, a_person
from tests.factories.orders import an_order
from tests.factories.tables import value

REASON = {"en": "Too much of a pesticide", "zh-Hans": "农药残留超标"}
ADVICE = {"en": "Do not eat it", "zh-Hans": "请勿食用"}


async def lot_of(ports: Ports, listing: str) -> str:
    """The only lot of a listing."""
    return str(await value(ports, "SELECT id FROM lot WHERE listing_id = :listing", listing=listing))


async def called_back(ports: Ports, by: Seller | Someone, lot: str, listing: str | None = None, **more: Any) -> str:
    """Recall a lot; answers the recall's id."""
    command = NewRecall.model_validate({"id": new_id("rcl"), "reason": REASON, "advice": ADVICE} | more)
    async with ports.begin() as session:
        return (await recall_lot(session, by.caller, lot, listing, command, ports.clock.now())).id


async def lifted(ports: Ports, by: Seller | Someone, recall: str) -> None:
    command = LiftRecall(reason={"en": "The second analysis found nothing"})
    async with ports.begin() as session:
        await lift_recall(session, by.caller, recall, command, ports.clock.now())


async def a_recall(ports: Ports, seller: Seller) -> str:
    """A lot of which two people have bought is called back; answers the recall's id."""
    listing = await a_listing(ports, seller)
    for _ in range(2):
        await an_order(ports, await a_person(ports), {listing: "2"})
    return await called_back(ports, seller, await lot_of(ports, listing))
