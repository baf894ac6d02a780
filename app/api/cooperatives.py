"""Routes of co-operatives: their members, what these grant and share; and of the people who act for a producer."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.deps import Language, PortsDep, Reading, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page, encode_cursor
from app.flows import join_cooperative as flow
from app.identity import cooperatives, people
from app.identity.cooperative_schemas import (
    AgreementAnswer,
    AgreementId,
    AgreementShape,
    ColleagueChange,
    ColleagueShape,
    CooperativeMembershipShape,
    MemberShape,
    MembershipChange,
    MembershipId,
    NewAgreement,
    NewColleague,
    NewMember,
    PersonId,
)
from app.identity.errors import (
    AgreementWaiting,
    InvitedAlready,
    LastOwner,
    MemberElsewhere,
    NotSignedIn,
    TooManyMembers,
    TooManyProducers,
)
from app.identity.schemas import ProducerId
from app.identity.values import MembershipEvent, MembershipState

router = api_router("co-operatives")
AProducerId = Annotated[ProducerId, Path()]
AMembershipId = Annotated[MembershipId, Path()]
_MINE = (NotSignedIn, Forbidden, NotFound, Invalid)


@router.get(
    "/producers/{producer_id}/members", summary="Members of a co-operative", responses=refuses(NotFound, Invalid)
)
async def list_members(
    producer_id: AProducerId, connection: Reading, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[MemberShape]:
    """Those who are members now, who joined last first; names no person. Needs no sign-in. Their goods: `GET /v1/listings?cooperative=`."""
    return await cooperatives.list_members(connection, producer_id, cursor=cursor, limit=limit)


@router.post(
    "/producers/{producer_id}/members",
    status_code=201,
    summary="Invite a member",
    response_model=CooperativeMembershipShape,
    responses=refuses(*_MINE, IdTaken, InvitedAlready, TooManyMembers),
)
async def invite_member(
    producer_id: AProducerId,
    command: NewMember,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """For owners of the co-operative: what it asks to be granted, and the share that it proposes. The member's owner accepts or declines."""
    return etagged(request, await flow.invite(ports, session, caller, producer_id, command, language), status=201)


@router.get("/memberships", summary="My memberships", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_memberships(
    caller: SignedIn,
    connection: Reading,
    ports: PortsDep,
    language: Language,
    state: Annotated[MembershipState | None, Query(description="Only these; `invited` waits for an answer")] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[CooperativeMembershipShape]:
    """Memberships and invitations of one's own producers and co-operatives, the newest first."""
    rows = await cooperatives.list_memberships(connection, caller, state, cursor=cursor, limit=limit)
    shapes = await cooperatives.membership_shapes(connection, rows[:limit], ports.clock.now(), language)
    return Page(items=shapes, next_cursor=encode_cursor([shapes[-1].id]) if len(rows) > limit else None)


@router.get(
    "/memberships/{membership_id}",
    summary="One membership",
    response_model=CooperativeMembershipShape,
    responses=NOT_MODIFIED | refuses(*_MINE),
)
async def read_membership(
    membership_id: AMembershipId,
    request: Request,
    caller: SignedIn,
    connection: Reading,
    ports: PortsDep,
    language: Language,
) -> Response:
    """With every agreement that there was. For the people of both sides and operators."""
    row = await cooperatives.get_membership(connection, caller, membership_id)
    return etagged(request, await cooperatives.membership_shape(connection, row, ports.clock.now(), language))


@router.patch(
    "/memberships/{membership_id}",
    summary="Change what is granted",
    response_model=CooperativeMembershipShape,
    responses=refuses(*_MINE, StateConflict, Changed),
)
async def change_membership(
    membership_id: AMembershipId,
    command: MembershipChange,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """For the member's owners: what the people of the co-operative may do in its name from now on. `If-Match` guards against lost changes."""
    now = ports.clock.now()
    row = await cooperatives.lock_membership(session, caller, membership_id)
    require_match(request, await cooperatives.membership_shape(session, row, now, language))
    await cooperatives.change_grants(session, caller, row, command.grants, now)
    return etagged(request, await cooperatives.membership_shape(session, row, now, language))


@router.post(
    "/memberships/{membership_id}/accept",
    summary="Accept an invitation",
    response_model=CooperativeMembershipShape,
    responses=refuses(*_MINE, StateConflict, MemberElsewhere),
)
async def accept_membership(
    membership_id: AMembershipId,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """For the member's owners: from now on its goods stand under the co-operative's roof, with the share that was proposed."""
    event = MembershipEvent.ACCEPT
    return etagged(request, await flow.move(ports, session, caller, membership_id, event, language))


@router.post(
    "/memberships/{membership_id}/decline",
    summary="Decline an invitation",
    response_model=CooperativeMembershipShape,
    responses=refuses(*_MINE, StateConflict),
)
async def decline_membership(
    membership_id: AMembershipId,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """For the owners of the producer that was invited."""
    event = MembershipEvent.DECLINE
    return etagged(request, await flow.move(ports, session, caller, membership_id, event, language))


@router.post(
    "/memberships/{membership_id}/withdraw",
    summary="Withdraw an invitation",
    response_model=CooperativeMembershipShape,
    responses=refuses(*_MINE, StateConflict),
)
async def withdraw_membership(
    membership_id: AMembershipId,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """For owners of the co-operative, as long as nobody has answered."""
    event = MembershipEvent.WITHDRAW
    return etagged(request, await flow.move(ports, session, caller, membership_id, event, language))


@router.post(
    "/memberships/{membership_id}/leave",
    summary="End a membership",
    response_model=CooperativeMembershipShape,
    responses=refuses(*_MINE, StateConflict),
)
async def end_membership(
    membership_id: AMembershipId,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """For owners of either side. Orders that were placed before stay shared as they were agreed."""
    event = MembershipEvent.LEAVE
    return etagged(request, await flow.move(ports, session, caller, membership_id, event, language))


@router.post(
    "/memberships/{membership_id}/agreements",
    status_code=201,
    summary="Propose another share",
    responses=refuses(*_MINE, IdTaken, StateConflict, AgreementWaiting, TooManyMembers),
)
async def propose_share(
    membership_id: AMembershipId,
    command: NewAgreement,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> AgreementShape:
    """For owners of either side; it holds once the other side has agreed, for orders that are placed from `valid_from` on."""
    return await flow.propose(ports, session, caller, membership_id, command, language)


@router.post(
    "/memberships/{membership_id}/agreements/{agreement_id}/answer",
    summary="Agree on a share, or not",
    responses=refuses(*_MINE, StateConflict),
)
async def answer_share(
    membership_id: AMembershipId,
    agreement_id: Annotated[AgreementId, Path()],
    command: AgreementAnswer,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> AgreementShape:
    """The other side agrees or declines; who proposed it may take it back."""
    return await flow.answer(ports, session, caller, membership_id, agreement_id, command, language)


@router.get("/producers/{producer_id}/people", summary="Who acts for a producer", responses=refuses(*_MINE))
async def list_people(
    producer_id: AProducerId,
    caller: SignedIn,
    connection: Reading,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ColleagueShape]:
    """With what each may do. For its owners and operators."""
    return await people.list_colleagues(connection, caller, producer_id, cursor=cursor, limit=limit)


@router.post(
    "/producers/{producer_id}/people",
    status_code=201,
    summary="Let somebody act for a producer",
    response_model=ColleagueShape,
    responses=refuses(*_MINE, IdTaken, TooManyMembers, TooManyProducers),
)
async def add_person(
    producer_id: AProducerId, command: NewColleague, request: Request, caller: SignedIn, session: Tx
) -> Response:
    """For its owners. Whoever belongs to a co-operative may do for its members what they were given here and these granted."""
    return etagged(request, await people.add_colleague(session, caller, producer_id, command), status=201)


@router.get(
    "/producers/{producer_id}/people/{person_id}",
    summary="What somebody may do",
    response_model=ColleagueShape,
    responses=NOT_MODIFIED | refuses(*_MINE),
)
async def read_person(
    producer_id: AProducerId,
    person_id: Annotated[PersonId, Path()],
    request: Request,
    caller: SignedIn,
    connection: Reading,
) -> Response:
    """For owners of the producer and operators."""
    return etagged(request, await people.get_colleague(connection, caller, producer_id, person_id))


@router.patch(
    "/producers/{producer_id}/people/{person_id}",
    summary="Change what somebody may do",
    response_model=ColleagueShape,
    responses=refuses(*_MINE, LastOwner, Changed),
)
async def change_person(
    producer_id: AProducerId,
    person_id: Annotated[PersonId, Path()],
    command: ColleagueChange,
    request: Request,
    caller: SignedIn,
    session: Tx,
) -> Response:
    """For owners of the producer, who may do everything themselves. `If-Match` guards against lost changes."""
    row = await people.lock_colleague(session, caller, producer_id, person_id)
    require_match(request, people.colleague_shape(row))
    return etagged(request, await people.change_colleague(session, row, command))


@router.delete(
    "/producers/{producer_id}/people/{person_id}",
    status_code=204,
    summary="Somebody acts for a producer no more",
    responses=refuses(*_MINE, LastOwner),
)
async def drop_person(
    producer_id: AProducerId, person_id: Annotated[PersonId, Path()], caller: SignedIn, session: Tx
) -> None:
    """For owners of the producer, and for oneself. What they did stays."""
    await people.drop_colleague(session, await people.lock_leaver(session, caller, producer_id, person_id))
