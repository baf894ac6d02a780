"""The story of a producer: it hands its goods in at a hub that exists, and its listings follow what it says of itself."""

from datetime import datetime

from app.catalogue.service import refresh_listings
from app.core.database import Session
from app.core.errors import Gap, Invalid
from app.flows.ports import Ports
from app.identity import service
from app.identity.cooperatives import has_memberships, member_ids
from app.identity.schemas import NewProducer, ProducerChange, ProducerShape
from app.identity.values import Caller, ProducerKind
from app.network.queries import known_hubs


async def register_producer(session: Session, caller: Caller, command: NewProducer, now: datetime) -> ProducerShape:
    """Register a producer that the caller owns. Raises `Invalid` for a hub that does not exist."""
    await _require_hub(session, command.hub)
    return await service.create_producer(session, caller, command, now)


async def change_producer(session: Session, present: ProducerShape, command: ProducerChange) -> ProducerShape:
    """Change a locked producer. Raises `Invalid` for a hub that does not exist, or for another kind while there are members."""
    if command.hub is not None:
        await _require_hub(session, command.hub)
    if command.kind not in (None, present.kind) and ProducerKind.COOPERATIVE in (command.kind, present.kind):
        await _require_alone(session, present.id)
    return await service.change_producer(session, present, command)


async def producer_changed(ports: Ports, producer: str) -> None:
    """Job: copy what changed into the listings of the producer and of its members, some in each transaction. May run twice."""
    async with ports.database.read() as connection:
        members = await member_ids(connection, producer)
    for seller in (producer, *members):
        after: str | None = ""
        while after is not None:
            async with ports.begin() as session:
                after = await refresh_listings(session, seller, ports.clock.now(), after)


async def _require_alone(session: Session, producer: str) -> None:
    if await has_memberships(session, producer):
        detail = {
            "en": "It has members or invitations, or is a member itself: these end first",
            "zh-Hans": "该生产者尚有社员、邀请或社员身份，请先结束",
        }
        raise Invalid(gaps=[Gap("/kind", detail)])


async def _require_hub(session: Session, hub: str) -> None:
    if not await known_hubs(session, [hub]):
        detail = {
            "en": "There is no such hub; GET /v1/hubs lists them",
            "zh-Hans": "没有该枢纽；可在 GET /v1/hubs 查询",
        }
        raise Invalid(gaps=[Gap("/hub", detail)])
