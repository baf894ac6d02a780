"""Routes for operators: logistics partners and their API keys."""

from typing import Annotated

from fastapi import Path

from app.api.deps import Operator, PortsDep, Reading, Tx
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity import partners
from app.identity.errors import CarrierTaken, NotSignedIn, TooManyKeys
from app.identity.schemas import (
    ApiKeyCreated,
    ApiKeyShape,
    KeyId,
    NewApiKey,
    NewPartner,
    PartnerId,
    PartnerShape,
)

router = api_router("partners")


@router.post(
    "/partners",
    status_code=201,
    summary="Register a partner",
    responses=refuses(NotSignedIn, Forbidden, IdTaken, CarrierTaken, Invalid),
)
async def create_partner(command: NewPartner, _operator: Operator, session: Tx, ports: PortsDep) -> PartnerShape:
    """Registers a logistics partner under a carrier code of its own. For operators."""
    return await partners.create_partner(session, command, ports.clock.now())


@router.get("/partners", summary="List partners", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_partners(
    _operator: Operator, connection: Reading, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[PartnerShape]:
    """Every partner, the newest first. For operators."""
    return await partners.list_partners(connection, cursor=cursor, limit=limit)


@router.post(
    "/partners/{partner_id}/keys",
    status_code=201,
    summary="Make an API key",
    responses=refuses(NotSignedIn, Forbidden, NotFound, TooManyKeys, Invalid),
)
async def create_api_key(
    partner_id: Annotated[PartnerId, Path()], command: NewApiKey, _operator: Operator, session: Tx, ports: PortsDep
) -> ApiKeyCreated:
    """Makes a key with the given scopes. Its secret is in this answer and nowhere else. For operators."""
    return await partners.create_key(session, partner_id, command, ports.clock.now())


@router.get(
    "/partners/{partner_id}/keys",
    summary="List a partner's API keys",
    responses=refuses(NotSignedIn, Forbidden, NotFound, Invalid),
)
async def list_api_keys(
    partner_id: Annotated[PartnerId, Path()],
    _operator: Operator,
    connection: Reading,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ApiKeyShape]:
    """Every key, revoked ones too, the newest first; never a secret. For operators."""
    return await partners.list_keys(connection, partner_id, cursor=cursor, limit=limit)


@router.delete(
    "/partners/{partner_id}/keys/{key_id}",
    status_code=204,
    summary="Revoke an API key",
    responses=refuses(NotSignedIn, Forbidden, NotFound, Invalid),
)
async def revoke_api_key(
    partner_id: Annotated[PartnerId, Path()],
    key_id: Annotated[KeyId, Path()],
    _operator: Operator,
    session: Tx,
    ports: PortsDep,
) -> None:
    """Ends the key at once; again is harmless. For operators."""
    await partners.revoke_key(session, partner_id, key_id, ports.clock.now())
