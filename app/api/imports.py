"""Routes for carriers that bring many services at once: a sheet, or a bus company's feed."""

from typing import Annotated

from fastapi import Depends

from app.api.deps import Language, PortsDep, partner_with
from app.api.documents import refuses
from app.api.router import story_router
from app.core.errors import Forbidden, IdTaken, Invalid
from app.flows import import_services as flow
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network.bulk.schemas import FeedImport, ImportShape, SheetImport
from app.network.errors import ImportRefused

router = story_router("move")
Carrier = Annotated[Caller, Depends(partner_with(Scope.SERVICES_WRITE))]
_REFUSALS = refuses(NotSignedIn, Forbidden, IdTaken, Invalid, ImportRefused)


@router.post("/services/imports", summary="Import services from a sheet", responses=_REFUSALS)
async def import_services(command: SheetImport, caller: Carrier, ports: PortsDep, language: Language) -> ImportShape:
    """Creates the services of a CSV sheet, and changes those that are there: all, or none with every fault by row and column."""
    return await flow.import_sheet(ports, caller, command, language)


@router.post("/services/imports/gtfs", summary="Import a bus company's feed", responses=_REFUSALS)
async def import_feed(command: FeedImport, caller: Carrier, ports: PortsDep, language: Language) -> ImportShape:
    """Makes the buses of a GTFS feed carry parcels: all, or nothing with every fault by file, row and column."""
    return await flow.import_feed(ports, caller, command, language)
