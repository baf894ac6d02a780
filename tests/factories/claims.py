"""A buyer who is not content: photos, and claims for lines of a delivered order."""

from typing import Any

from app.catalogue.photos import mark_ready
from app.claims.schemas import ClaimShape, NewClaim
from app.core.ids import new_id
from app.flows.claim_goods import open_claim
from app.flows.ports import Ports
from tests.factories.catalogue import a_photo
from tests.factories.identity import Someone


async def a_ready_photo(ports: Ports, person: Someone) -> str:
    """A photo of this person's that is uploaded and shown nowhere."""
    photo = await a_photo(ports, person, new_id("pic").encode())
    async with ports.begin() as session:
        await mark_ready(session, photo)
    return photo


def claiming(order: dict[str, Any], line: int, amount: int, kind: str = "no_reason", **more: Any) -> dict[str, Any]:
    """The body of a claim for a line of an order, by its place."""
    money = {"amount": amount, "currency": "CNY"}
    return {"line": order["lines"][line]["id"], "kind": kind, "words": "Not as it should be", "amount": money} | more


async def a_claim_for(ports: Ports, buyer: Someone, order: dict[str, Any], **body: Any) -> ClaimShape:
    """An open claim of this body."""
    async with ports.begin() as session:
        return await open_claim(ports, session, buyer.caller, order["id"], NewClaim.model_validate(body), "en")
