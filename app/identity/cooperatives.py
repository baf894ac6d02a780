"""Verbs on the memberships of producers in co-operatives: invite, accept, end, grant, and agree on shares.

Whoever changes one locks both producers by id, then the membership. What of an order is whose was frozen when it was placed:
nothing here changes an order.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, or_, select
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.schema import fingerprint
from app.core.text import pick
from app.identity.cooperative_schemas import (
    AgreementShape,
    CooperativeMembershipShape,
    MemberShape,
    NewAgreement,
    NewMember,
)
from app.identity.errors import AgreementWaiting, InvitedAlready, MemberElsewhere, TooManyMembers
from app.identity.models import CooperativeAgreement, CooperativeMembership, Producer
from app.identity.rules import OWNER, agreement_at, next_membership, require_owner
from app.identity.schemas import RoofShape
from app.identity.values import (
    AGREEMENT_DISPLAY,
    AGREEMENTS_PER_MEMBERSHIP_MAX,
    INVITATIONS_PER_PRODUCER_MAX,
    MEMBERS_PER_COOPERATIVE_MAX,
    MEMBERSHIP_DISPLAY,
    Agreement,
    AgreementState,
    Caller,
    Grant,
    MembershipEvent,
    MembershipState,
    ProducerKind,
    Side,
)

NO_MEMBERSHIP: Final = {"en": "membership", "zh-Hans": "社员关系"}
NO_AGREEMENT: Final = {"en": "agreement", "zh-Hans": "分成约定"}
NO_COOPERATIVE: Final = {"en": "co-operative", "zh-Hans": "合作社"}
_ONLY_COOPERATIVES: Final = {"en": "Only a co-operative has members", "zh-Hans": "只有合作社可以有社员"}
_NO_PRODUCER: Final = {"en": "No producer has this id", "zh-Hans": "没有该编号的生产者"}
_NOT_INSIDE: Final = {
    "en": "A co-operative cannot be a member of a co-operative",
    "zh-Hans": "合作社不能成为其他合作社的社员",
}
_OPEN: Final = (MembershipState.INVITED, MembershipState.ACTIVE)
_MEMBERSHIP: Final[Select[Any]] = select(
    *(col(getattr(CooperativeMembership, n)) for n in CooperativeMembership.model_fields)
)
_AGREEMENT: Final[Select[Any]] = select(
    *(col(getattr(CooperativeAgreement, n)) for n in CooperativeAgreement.model_fields)
)


async def invite_member(
    session: Session, caller: Caller, cooperative_id: str, command: NewMember, now: datetime
) -> tuple[CooperativeMembership, bool]:
    """Invite a producer into the caller's co-operative; False when the same invitation was there before.

    Raises `NotFound` or `Forbidden` unless the caller owns it, `Invalid`, `InvitedAlready`, `IdTaken` or `TooManyMembers`.
    """
    require_owner(caller, cooperative_id)
    await _require_kinds(session, cooperative_id, command.producer)
    row = CooperativeMembership(
        id=command.id or new_id("mbr"),
        cooperative_id=cooperative_id,
        producer_id=command.producer,
        state=MembershipState.INVITED,
        grants=list(command.grants),
        created_from=fingerprint(command),
        invited_by=caller.id,
        invited_at=now,
        updated_at=now,
    )
    earlier = await session.get(CooperativeMembership, row.id)
    if earlier is not None:
        if (earlier.cooperative_id, earlier.created_from) != (row.cooperative_id, row.created_from):
            raise IdTaken(id=row.id)
        return earlier, False
    await _require_room(session, row)
    session.add(row)
    await session.flush()
    session.add(_first_agreement(row, command, caller, now))
    await session.flush()
    return row, True


async def get_membership(reader: Reader, caller: Caller, membership_id: str) -> CooperativeMembership:
    """A membership for the people of both sides and operators; `NotFound` for anybody else."""
    found = (await reader.execute(_MEMBERSHIP.where(col(CooperativeMembership.id) == membership_id))).mappings().first()
    if found is None or not (
        caller.is_operator() or {found["cooperative_id"], found["producer_id"]} & caller.producers
    ):
        raise NotFound(what=NO_MEMBERSHIP)
    return CooperativeMembership(**found)


async def lock_membership(session: Session, caller: Caller, membership_id: str) -> CooperativeMembership:
    """Like `get_membership`, with both producers and then the row locked for a change."""
    seen = await get_membership(session, caller, membership_id)
    await _lock_producers(session, seen.cooperative_id, seen.producer_id)
    return await session.get_one(CooperativeMembership, membership_id, with_for_update=True, populate_existing=True)


async def move_membership(
    session: Session, caller: Caller, row: CooperativeMembership, event: MembershipEvent, now: datetime
) -> None:
    """Take a locked membership one step further, with the share that its invitation proposed; its listings follow by a job.

    `WITHDRAW` is for the co-operative's owners, `LEAVE` for those of either side, the others for the member's: `Forbidden`
    otherwise. Raises `StateConflict`, or `MemberElsewhere` while the member belongs to another co-operative.
    """
    sides = {
        MembershipEvent.WITHDRAW: (row.cooperative_id,),
        MembershipEvent.LEAVE: (row.cooperative_id, row.producer_id),
    }
    _require_owner_of(caller, sides.get(event, (row.producer_id,)))
    state = next_membership(row.state, event)
    agreed = state is MembershipState.ACTIVE
    if agreed:
        await _require_nowhere_else(session, row.producer_id)
    for waiting in await _waiting(session, row.id):
        _settle(waiting, now, agreed=agreed)
    row.state, row.updated_at = state, now
    row.joined_at = now if agreed else row.joined_at
    row.left_at = now if state is MembershipState.LEFT else None
    await session.flush()
    if event in (MembershipEvent.ACCEPT, MembershipEvent.LEAVE):
        await enqueue(session, [Job("producer.changed", {"producer": row.producer_id})])


async def change_grants(
    session: Session, caller: Caller, row: CooperativeMembership, grants: Sequence[Grant], now: datetime
) -> None:
    """What a locked membership grants from now on; for the member's owners alone. Raises `StateConflict` once it is over."""
    _require_owner_of(caller, (row.producer_id,))
    if row.state not in _OPEN:
        raise StateConflict(state=MEMBERSHIP_DISPLAY[row.state], verb={"en": "changed", "zh-Hans": "更改"})
    row.grants, row.updated_at = list(grants), now
    await session.flush()


async def propose_share(
    session: Session, caller: Caller, row: CooperativeMembership, command: NewAgreement, now: datetime
) -> tuple[CooperativeAgreement, bool]:
    """Propose another share for a locked membership, by an owner of either side; False when it was proposed before.

    Raises `Forbidden`, `StateConflict` unless it is active, `IdTaken`, `AgreementWaiting` or `TooManyMembers`.
    """
    _require_owner_of(caller, (row.cooperative_id, row.producer_id))
    made_from = fingerprint(command)
    earlier = await session.get(CooperativeAgreement, command.id) if command.id else None
    if earlier is not None:
        if (earlier.membership_id, earlier.created_from) != (row.id, made_from):
            raise IdTaken(id=earlier.id)
        return earlier, False
    if row.state is not MembershipState.ACTIVE:
        raise StateConflict(state=MEMBERSHIP_DISPLAY[row.state], verb={"en": "agreed on", "zh-Hans": "约定分成"})
    for waiting in await _waiting(session, row.id):
        raise AgreementWaiting(agreement=waiting.id)
    versions = select(func.count()).where(col(CooperativeAgreement.membership_id) == row.id)
    version = (await session.execute(versions)).scalar_one() + 1
    if version > AGREEMENTS_PER_MEMBERSHIP_MAX:
        raise TooManyMembers(max=AGREEMENTS_PER_MEMBERSHIP_MAX, what={"en": "agreements", "zh-Hans": "份约定"})
    agreement = CooperativeAgreement(
        id=command.id or new_id("agr"),
        membership_id=row.id,
        version=version,
        share_bps=command.share_bps,
        valid_from=command.valid_from or now,
        state=AgreementState.PROPOSED,
        proposed_by=Side.COOPERATIVE if row.cooperative_id in caller.owned else Side.MEMBER,
        person_id=caller.id,
        created_from=made_from,
        proposed_at=now,
    )
    session.add(agreement)
    row.updated_at = now
    await session.flush()
    return agreement, True


async def answer_share(
    session: Session, caller: Caller, row: CooperativeMembership, agreement_id: str, now: datetime, *, agree: bool
) -> tuple[CooperativeAgreement, bool]:
    """The other side agrees, or either side ends a proposal, on a locked membership; False when that was said before.

    An agreement holds from its day on, but never for what is past. Raises `NotFound`, `Forbidden` or `StateConflict`.
    """
    agreement = await session.get(CooperativeAgreement, agreement_id, with_for_update=True, populate_existing=True)
    if agreement is None or agreement.membership_id != row.id:
        raise NotFound(what=NO_AGREEMENT)
    other = row.producer_id if agreement.proposed_by is Side.COOPERATIVE else row.cooperative_id
    _require_owner_of(caller, (other,) if agree else (row.cooperative_id, row.producer_id))
    said = AgreementState.AGREED if agree else AgreementState.DECLINED
    if agreement.state is said:
        return agreement, False
    if agreement.state is not AgreementState.PROPOSED or row.state is not MembershipState.ACTIVE:
        raise StateConflict(
            state=AGREEMENT_DISPLAY[agreement.state], verb={"en": "answered here", "zh-Hans": "在此答复"}
        )
    _settle(agreement, now, agreed=agree)
    row.updated_at = now
    await session.flush()
    return agreement, True


async def list_memberships(
    reader: Reader, caller: Caller, state: MembershipState | None, *, cursor: str | None, limit: int
) -> list[CooperativeMembership]:
    """Those of the caller's producers and co-operatives, the newest first; one more than `limit`."""
    wanted = _MEMBERSHIP.where(
        or_(
            col(CooperativeMembership.cooperative_id).in_(caller.producers),
            col(CooperativeMembership.producer_id).in_(caller.producers),
        )
    )
    if state is not None:
        wanted = wanted.where(col(CooperativeMembership.state) == state)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(CooperativeMembership.id) < after[0])
    rows = await reader.execute(wanted.order_by(col(CooperativeMembership.id).desc()).limit(limit + 1))
    return [CooperativeMembership(**row) for row in rows.mappings()]


async def list_members(reader: Reader, cooperative_id: str, *, cursor: str | None, limit: int) -> Page[MemberShape]:
    """The members of a co-operative, as everybody may see them, those who joined last first. Raises `NotFound`."""
    after = decode_cursor(cursor, str)
    kind = select(col(Producer.kind)).where(col(Producer.id) == cooperative_id)
    if (await reader.execute(kind)).scalar_one_or_none() != ProducerKind.COOPERATIVE:
        raise NotFound(what=NO_COOPERATIVE)
    names = [name for name in MemberShape.model_fields if name != "joined_at"]
    wanted = (
        select(
            *(col(getattr(Producer, name)) for name in names),
            col(CooperativeMembership.joined_at),
            col(CooperativeMembership.id).label("membership"),
        )
        .join(CooperativeMembership, col(CooperativeMembership.producer_id) == col(Producer.id))
        .where(
            col(CooperativeMembership.cooperative_id) == cooperative_id,
            col(CooperativeMembership.state) == MembershipState.ACTIVE,
        )
    )
    if after is not None:
        wanted = wanted.where(col(CooperativeMembership.id) < after[0])
    page = wanted.order_by(col(CooperativeMembership.id).desc()).limit(limit + 1)
    rows = (await reader.execute(page)).all()
    items = [MemberShape.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([rows[limit - 1].membership]) if len(rows) > limit else None)


async def member_ids(reader: Reader, cooperative_id: str) -> list[str]:
    """The producers that are members of a co-operative now; there is a bound to them."""
    wanted = select(col(CooperativeMembership.producer_id)).where(
        col(CooperativeMembership.cooperative_id) == cooperative_id,
        col(CooperativeMembership.state) == MembershipState.ACTIVE,
    )
    return list((await reader.execute(wanted.limit(MEMBERS_PER_COOPERATIVE_MAX))).scalars())


async def has_memberships(session: Session, producer_id: str) -> bool:
    """Whether a producer is invited, a member, or has others as such; the caller has locked it."""
    standing = select(col(CooperativeMembership.id)).where(
        or_(
            col(CooperativeMembership.cooperative_id) == producer_id,
            col(CooperativeMembership.producer_id) == producer_id,
        ),
        col(CooperativeMembership.state).in_(_OPEN),
    )
    return (await session.execute(standing.limit(1))).first() is not None


async def membership_shapes(
    reader: Reader, rows: Collection[CooperativeMembership], now: datetime, language: str
) -> list[CooperativeMembershipShape]:
    """Memberships as both sides see them, with names and every agreement. Two statements for any number."""
    sides = {row.cooperative_id for row in rows} | {row.producer_id for row in rows}
    named = select(col(Producer.id), col(Producer.name)).where(col(Producer.id).in_(sides))
    names = {producer: RoofShape(id=producer, name=name) for producer, name in await reader.execute(named)}
    wanted = _AGREEMENT.where(col(CooperativeAgreement.membership_id).in_({row.id for row in rows}))
    found = await reader.execute(wanted.order_by(col(CooperativeAgreement.version)))
    agreements = [CooperativeAgreement(**row) for row in found.mappings()]
    return [
        _shape(row, names, [each for each in agreements if each.membership_id == row.id], now, language) for row in rows
    ]


async def membership_shape(
    reader: Reader, row: CooperativeMembership, now: datetime, language: str
) -> CooperativeMembershipShape:
    (shape,) = await membership_shapes(reader, [row], now, language)
    return shape


def agreement_shape(agreement: CooperativeAgreement, language: str) -> AgreementShape:
    kept = agreement.model_dump(include=set(AgreementShape.model_fields))
    return AgreementShape(**kept, state_text=pick(AGREEMENT_DISPLAY[agreement.state], language))


def _shape(
    row: CooperativeMembership,
    names: dict[str, RoofShape],
    agreements: Sequence[CooperativeAgreement],
    now: datetime,
    language: str,
) -> CooperativeMembershipShape:
    agreed = [
        Agreement(each.id, each.version, each.share_bps, each.valid_from)
        for each in agreements
        if each.state is AgreementState.AGREED
    ]
    holds = agreement_at(agreed, now) if row.state is MembershipState.ACTIVE else None
    return CooperativeMembershipShape(
        id=row.id,
        cooperative=names[row.cooperative_id],
        producer=names[row.producer_id],
        state=row.state,
        state_text=pick(MEMBERSHIP_DISPLAY[row.state], language),
        grants=[Grant(grant) for grant in row.grants],
        share_bps=holds.share_bps if holds else None,
        agreements=[agreement_shape(each, language) for each in agreements],
        invited_at=row.invited_at,
        joined_at=row.joined_at,
        left_at=row.left_at,
        updated_at=row.updated_at,
    )


def _first_agreement(
    row: CooperativeMembership, command: NewMember, caller: Caller, now: datetime
) -> CooperativeAgreement:
    return CooperativeAgreement(
        id=new_id("agr"),
        membership_id=row.id,
        version=1,
        share_bps=command.share_bps,
        valid_from=command.valid_from or now,
        state=AgreementState.PROPOSED,
        proposed_by=Side.COOPERATIVE,
        person_id=caller.id,
        created_from=row.created_from,
        proposed_at=now,
    )


def _settle(agreement: CooperativeAgreement, now: datetime, *, agreed: bool) -> None:
    """Answer a proposal; what is agreed on begins at its day, but not before now."""
    agreement.state = AgreementState.AGREED if agreed else AgreementState.DECLINED
    agreement.answered_at = now
    if agreed:
        agreement.valid_from = max(agreement.valid_from, now)


def _require_owner_of(caller: Caller, producers: Collection[str]) -> None:
    """Raise `Forbidden` unless the caller, who may see the membership, owns one of these."""
    if not caller.owned & set(producers):
        raise Forbidden(needs=OWNER)


async def _lock_producers(session: Session, *producer_ids: str) -> dict[str, ProducerKind]:
    """Lock producers by id, so that neither becomes another kind meanwhile; answers of what kind those are that exist."""
    wanted = select(col(Producer.id), col(Producer.kind)).where(col(Producer.id).in_(producer_ids))
    rows = await session.execute(wanted.order_by(col(Producer.id)).with_for_update(key_share=True))
    return {row.id: ProducerKind(row.kind) for row in rows}


async def _require_kinds(session: Session, cooperative_id: str, producer_id: str) -> None:
    kinds = await _lock_producers(session, cooperative_id, producer_id)
    gaps = []
    if kinds.get(cooperative_id) is not ProducerKind.COOPERATIVE:
        gaps.append(Gap("/path/producer_id", _ONLY_COOPERATIVES))
    if producer_id not in kinds:
        gaps.append(Gap("/producer", _NO_PRODUCER))
    elif kinds[producer_id] is ProducerKind.COOPERATIVE:
        gaps.append(Gap("/producer", _NOT_INSIDE))
    if gaps:
        raise Invalid(gaps=gaps)


async def _require_room(session: Session, wanted: CooperativeMembership) -> None:
    """Both producers are locked, so that what is counted stays so."""
    kept = select(
        col(CooperativeMembership.id), col(CooperativeMembership.state), col(CooperativeMembership.producer_id)
    )
    of_coop = kept.where(
        col(CooperativeMembership.cooperative_id) == wanted.cooperative_id, col(CooperativeMembership.state).in_(_OPEN)
    )
    rows = (await session.execute(of_coop.limit(MEMBERS_PER_COOPERATIVE_MAX + 1))).all()
    for row in rows:
        if row.producer_id == wanted.producer_id:
            raise InvitedAlready(membership=row.id)
    if len(rows) >= MEMBERS_PER_COOPERATIVE_MAX:
        raise TooManyMembers(max=MEMBERS_PER_COOPERATIVE_MAX, what={"en": "members", "zh-Hans": "名社员"})
    waiting = select(func.count()).where(
        col(CooperativeMembership.producer_id) == wanted.producer_id,
        col(CooperativeMembership.state) == MembershipState.INVITED,
    )
    if (await session.execute(waiting)).scalar_one() >= INVITATIONS_PER_PRODUCER_MAX:
        words = {"en": "invitations that wait", "zh-Hans": "份待处理的邀请"}
        raise TooManyMembers(max=INVITATIONS_PER_PRODUCER_MAX, what=words)


async def _require_nowhere_else(session: Session, producer_id: str) -> None:
    other = select(col(CooperativeMembership.cooperative_id)).where(
        col(CooperativeMembership.producer_id) == producer_id,
        col(CooperativeMembership.state) == MembershipState.ACTIVE,
    )
    cooperative = (await session.execute(other)).scalar_one_or_none()
    if cooperative is not None:
        raise MemberElsewhere(producer=producer_id, cooperative=cooperative)


async def _waiting(session: Session, membership_id: str) -> Sequence[CooperativeAgreement]:
    wanted = select(CooperativeAgreement).where(
        col(CooperativeAgreement.membership_id) == membership_id,
        col(CooperativeAgreement.state) == AgreementState.PROPOSED,
    )
    return (await session.scalars(wanted, execution_options={"populate_existing": True})).all()
