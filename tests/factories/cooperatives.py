"""Producers join a co-operative, and people act for both: invited, accepted, granted, through the flows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.core.clock import rfc3339
from app.flows import join_cooperative as flow
from app.flows.ports import Ports
from app.identity import people
from app.identity.cooperative_schemas import (
    AgreementAnswer,
    AgreementShape,
    CooperativeMembershipShape,
    NewAgreement,
    NewColleague,
    NewMember,
)
from app.identity.values import Grant, MembershipEvent
from tests.factories.identity import Seller, Someone, caller_of
from tests.factories.jobs import work


def inviting(member: Seller, share_bps: int = 500, grants: Iterable[str] = tuple(Grant), **more: Any) -> dict[str, Any]:
    """The body of an invitation: every grant, and a twentieth."""
    return {"producer": member.producer.id, "grants": list(grants), "share_bps": share_bps} | more


async def invited(
    ports: Ports, cooperative: Seller, member: Seller, share_bps: int = 500, **more: Any
) -> CooperativeMembershipShape:
    command = NewMember.model_validate(inviting(member, share_bps, **more))
    async with ports.begin() as session:
        return await flow.invite(ports, session, cooperative.caller, cooperative.producer.id, command, "en")


async def moved(
    ports: Ports, who: Someone | Seller, membership: str, event: MembershipEvent
) -> CooperativeMembershipShape:
    async with ports.begin() as session:
        return await flow.move(ports, session, who.caller, membership, event, "en")


async def a_member(ports: Ports, cooperative: Seller, member: Seller, share_bps: int = 500, **more: Any) -> str:
    """A producer that has joined, with its goods under the roof; answers the membership's id."""
    invitation = await invited(ports, cooperative, member, share_bps, **more)
    await moved(ports, member, invitation.id, MembershipEvent.ACCEPT)
    await work(ports)
    return invitation.id


async def proposed(
    ports: Ports, who: Seller, membership: str, share_bps: int, valid_from: datetime | None = None, **more: Any
) -> AgreementShape:
    day = {"valid_from": rfc3339(valid_from)} if valid_from else {}
    command = NewAgreement.model_validate({"share_bps": share_bps} | day | more)
    async with ports.begin() as session:
        return await flow.propose(ports, session, who.caller, membership, command, "en")


async def answered(ports: Ports, who: Seller, membership: str, agreement: str, answer: str) -> AgreementShape:
    command = AgreementAnswer.model_validate({"answer": answer})
    async with ports.begin() as session:
        return await flow.answer(ports, session, who.caller, membership, agreement, command, "en")


async def a_colleague(ports: Ports, seller: Seller, person: Someone, *grants: Grant) -> Seller:
    """Somebody who acts for this producer with these grants only, as they are known from then on."""
    command = NewColleague.model_validate({"person": person.id, "grants": list(grants)})
    async with ports.begin() as session:
        await people.add_colleague(session, seller.caller, seller.producer.id, command)
    return Seller(await again(ports, person), seller.producer)


async def again(ports: Ports, person: Someone) -> Someone:
    """The same person, with what they may do by now."""
    return Someone(person.id, person.phone, await caller_of(ports, person.headers), person.headers)


async def acting(ports: Ports, who: Seller, producer: Seller) -> Seller:
    """The person of the one producer, who acts in the name of the other."""
    return Seller(await again(ports, who.person), producer.producer)
