"""Devices that sign, and goods that change hands by their codes."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.ids import new_id
from app.core.sign import Signer
from app.flows.hand_over import record_hand_over
from app.flows.ports import Ports
from app.identity.device_keys import DeviceKeyShape, NewDeviceKey, add_device_key
from app.identity.partners import create_key
from app.identity.schemas import NewApiKey
from app.identity.values import Caller, Scope
from app.shipments.custody import HandOverCode, Holder, read_holder, signed_text, text_of
from app.shipments.custody_schemas import HandOverShape, NewHandOver
from tests.factories.identity import Someone, caller_of


def holder(text: str) -> Holder:
    read = read_holder(text)
    assert read is not None
    return read


async def a_device(ports: Ports, owner: Someone, secret: bytes = b"a phone") -> tuple[Signer, DeviceKeyShape]:
    """A device of this person's, with its key registered."""
    signer = Signer(secret)
    async with ports.begin() as session:
        command = NewDeviceKey(public_key=signer.public_key, name="Phone")
        return signer, await add_device_key(session, owner.caller, command, ports.clock.now())


async def a_scanner(ports: Ports, partner: Someone, secret: bytes = b"a scanner") -> tuple[Signer, Caller]:
    """A partner's key with a public key of its scanner's."""
    signer = Signer(secret)
    async with ports.begin() as session:
        wanted = NewApiKey(scopes=[Scope.TRACKING_WRITE, Scope.TRACKING_READ], public_key=signer.public_key)
        key = await create_key(session, partner.id, wanted, ports.clock.now())
    return signer, await caller_of(ports, {"authorization": f"Bearer {key.secret}"})


def a_code(consignment: str, giver: str, taker: str, at: datetime, signer: Signer | None = None, **more: Any) -> str:
    """What the giver's screen shows."""
    code = HandOverCode(
        more.pop("id", new_id("hov")),
        consignment,
        tuple(more.pop("packages", ())),
        more.pop("weight_g", 32_200),
        at,
        more.pop("hub", None),
        holder(giver),
        holder(taker),
    )
    return text_of(replace(code, signature=signer.sign(signed_text(code)) if signer else None))


async def hand_over(ports: Ports, caller: Caller, consignment: str, code: str, **more: Any) -> HandOverShape:
    async with ports.begin() as session:
        return await record_hand_over(ports, session, caller, consignment, NewHandOver(code=code, **more))


async def handed_in(ports: Ports, owner: Someone, consignment: dict[str, Any]) -> HandOverShape:
    """The producer's phone signs that the first carrier has a consignment of an order."""
    signer, _ = await a_device(ports, owner)
    giver, taker = f"producer:{consignment['producer']}", f"carrier:{consignment['legs'][0]['carrier']}"
    now = ports.clock.now().replace(microsecond=0)
    code = a_code(consignment["id"], giver, taker, now, signer)
    return await hand_over(ports, owner.caller, consignment["id"], code)
