"""The story of a producer and a co-operative: invited, accepted, shared, left; each side hears what the other did."""

from collections.abc import Mapping
from datetime import datetime

from app.core.database import Session
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.cooperative_schemas import (
    AgreementAnswer,
    AgreementShape,
    CooperativeMembershipShape,
    NewAgreement,
    NewMember,
)
from app.identity.cooperatives import (
    agreement_shape,
    answer_share,
    invite_member,
    lock_membership,
    membership_shape,
    move_membership,
    propose_share,
)
from app.identity.service import contacts_of_producers
from app.identity.values import AGREEMENT_DISPLAY, Caller, MembershipEvent, Side
from app.notify.service import queue_messages
from app.notify.values import Notice, Template

_TOLD: Mapping[MembershipEvent, Template] = {
    MembershipEvent.ACCEPT: Template.COOPERATIVE_JOINED,
    MembershipEvent.DECLINE: Template.COOPERATIVE_DECLINED,
    MembershipEvent.WITHDRAW: Template.COOPERATIVE_DECLINED,
    MembershipEvent.LEAVE: Template.COOPERATIVE_LEFT,
}
_SIDES = frozenset(Side)


async def invite(
    ports: Ports, session: Session, caller: Caller, cooperative_id: str, command: NewMember, language: str
) -> CooperativeMembershipShape:
    """An owner of a co-operative invites a producer, whose people are told; the same again tells nobody twice."""
    now = ports.clock.now()
    row, fresh = await invite_member(session, caller, cooperative_id, command, now)
    shape = await membership_shape(session, row, now, language)
    if fresh:
        await _tell(session, shape, Template.COOPERATIVE_INVITED, command.share_bps, frozenset({Side.MEMBER}), now)
    return shape


async def move(
    ports: Ports, session: Session, caller: Caller, membership_id: str, event: MembershipEvent, language: str
) -> CooperativeMembershipShape:
    """An invitation is accepted, declined or withdrawn, or a membership ends: from then on, for orders that come later.

    Both sides are told. Raises `NotFound`, `Forbidden`, `StateConflict` or `MemberElsewhere`.
    """
    now = ports.clock.now()
    row = await lock_membership(session, caller, membership_id)
    await move_membership(session, caller, row, event, now)
    shape = await membership_shape(session, row, now, language)
    agreed = shape.agreements[-1].share_bps
    await _tell(session, shape, _TOLD[event], agreed, _SIDES, now)
    return shape


async def propose(
    ports: Ports, session: Session, caller: Caller, membership_id: str, command: NewAgreement, language: str
) -> AgreementShape:
    """An owner of either side proposes another share; the other side is told."""
    now = ports.clock.now()
    row = await lock_membership(session, caller, membership_id)
    agreement, fresh = await propose_share(session, caller, row, command, now)
    if fresh:
        other = frozenset({Side.MEMBER if agreement.proposed_by is Side.COOPERATIVE else Side.COOPERATIVE})
        shape = await membership_shape(session, row, now, language)
        await _tell(session, shape, Template.SHARE_PROPOSED, agreement.share_bps, other, now)
    return agreement_shape(agreement, language)


async def answer(
    ports: Ports,
    session: Session,
    caller: Caller,
    membership_id: str,
    agreement_id: str,
    command: AgreementAnswer,
    language: str,
) -> AgreementShape:
    """The other side agrees, or one of them ends the proposal; both are told."""
    now = ports.clock.now()
    row = await lock_membership(session, caller, membership_id)
    agreement, fresh = await answer_share(session, caller, row, agreement_id, now, agree=command.answer == "agree")
    if fresh:
        shape = await membership_shape(session, row, now, language)
        words = AGREEMENT_DISPLAY[agreement.state]
        await _tell(session, shape, Template.SHARE_ANSWERED, agreement.share_bps, _SIDES, now, words)
    return agreement_shape(agreement, language)


async def _tell(
    session: Session,
    shape: CooperativeMembershipShape,
    template: Template,
    share_bps: int,
    sides: frozenset[Side],
    now: datetime,
    answer: Mapping[str, str] | None = None,
) -> None:
    """A message to everybody of these sides, each in their language."""
    told = {Side.COOPERATIVE: shape.cooperative.id, Side.MEMBER: shape.producer.id}
    people = await contacts_of_producers(session, {told[side] for side in sides})
    known = {contact.person_id: contact for contacts in people.values() for contact in contacts}
    notices = [
        Notice(
            contact.phone,
            template,
            contact.language,
            {
                "cooperative": pick(shape.cooperative.name, contact.language),
                "member": pick(shape.producer.name, contact.language),
                "share": percent(share_bps),
                "answer": pick(answer, contact.language) if answer else "",
            },
        )
        for contact in known.values()
    ]
    await queue_messages(session, notices, now)


def percent(bps: int) -> str:
    """Ten-thousandths as people write them: 500 is 5, 25 is 0.25."""
    return f"{bps / 100:g}"
