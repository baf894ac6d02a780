"""A buyer who is not content: photos, and claims for lines of a delivered order."""

from typing import Any

from app.catalogue.photos import mark_ready
from app.claims.recourse_schemas import NewRecourse, RecourseShape
from app.claims.schemas import ClaimAnswer, ClaimShape, NewClaim
from app.claims.values import Answer
from app.core.ids import new_id
from app.flows.claim_goods import answer_claim, open_claim
from app.flows.pass_on_loss import pass_on
from app.flows.ports import Ports
from tests.factories.catalogue import a_photo
from tests.factories.identity import Someone
from tests.factories.jobs import work
from tests.factories.tables import value
from tests.factories.village import Village


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


async def a_recourse(
    ports: Ports, operator: Someone, claim: str, order: dict[str, Any], place: int = 0
) -> RecourseShape:
    """A part of a settled claim for goods of this consignment, passed on to the carrier of a ride, Kunlun's if there is one."""
    consignment = order["consignments"][place]
    body = await recoursing(ports, consignment["id"])
    async with ports.begin() as session:
        return await pass_on(ports, session, operator.caller, claim, NewRecourse.model_validate(body), "en")


async def recoursing(ports: Ports, consignment: str, amount: int = 300) -> dict[str, Any]:
    """The body that passes so much on to the carrier of a ride, Kunlun's if there is one, by the first event."""
    leg = await value(
        ports, "SELECT id FROM leg WHERE consignment_id = :id ORDER BY carrier <> 'KUNLUN', seq LIMIT 1", id=consignment
    )
    event = await value(
        ports, "SELECT id FROM tracking_event WHERE consignment_id = :id ORDER BY id LIMIT 1", id=consignment
    )
    money = {"amount": amount, "currency": "CNY"}
    return {"leg": leg, "amount": money, "events": [event], "reasons": "Damaged on this ride"}


async def a_return(ports: Ports, village: Village, order: dict[str, Any]) -> str:
    """All of the carpet in an order is granted against the goods, whose way back is booked; answers the return."""
    place = [line["listing"] for line in order["lines"]].index(village.carpets)
    claim = await a_claim_for(
        ports, village.buyer, order, **claiming(order, place, order["lines"][place]["total"]["amount"])
    )
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer=Answer.ACCEPT), "en")
    await work(ports)
    return str(await value(ports, "SELECT id FROM goods_return WHERE order_id = :id", id=order["id"]))


async def a_claim_for(ports: Ports, buyer: Someone, order: dict[str, Any], **body: Any) -> ClaimShape:
    """An open claim of this body."""
    async with ports.begin() as session:
        return await open_claim(ports, session, buyer.caller, order["id"], NewClaim.model_validate(body), "en")
