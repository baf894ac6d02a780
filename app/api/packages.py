"""Boxes that come back, scanned at hubs."""

from typing import Annotated, Final

from fastapi import Depends, Path

from app.api.deps import PortsDep, Tx, partner_with
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.ids import pattern
from app.flows.return_boxes import return_box
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.shipments.box_schemas import BoxReturn, BoxShape

router = api_router("move")
PACKAGE_ID: Final = pattern("pkg")


@router.post(
    "/packages/{package_id}/returns",
    summary="A box came back",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict),
)
async def create_return(
    package_id: Annotated[str, Path(pattern=PACKAGE_ID)],
    command: BoxReturn,
    session: Tx,
    ports: PortsDep,
    _: Annotated[Caller, Depends(partner_with(Scope.TRACKING_WRITE))],
) -> BoxShape:
    """For carriers and operators who scan a reusable box at a hub: its deposit goes back to the buyer. A second scan answers the first."""
    return await return_box(ports, session, package_id, command)
