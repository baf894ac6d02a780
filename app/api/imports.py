"""Routes for carriers that bring many services at once: a sheet, or a bus company's feed."""

from typing import Annotated, Final

from fastapi import Depends, Request

from app.api.deps import Language, PortsDep, partner_with
from app.api.documents import refuses
from app.api.problems import NotJson
from app.api.router import story_router
from app.core.errors import Forbidden, Gap, IdTaken, Invalid
from app.core.validation import pointer_of
from app.flows import import_services as flow
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network.bulk.schemas import FeedImport, ImportShape, SheetImport
from app.network.errors import ImportRefused

router = story_router("move")
Carrier = Annotated[Caller, Depends(partner_with(Scope.SERVICES_WRITE))]
_REFUSALS = refuses(NotSignedIn, Forbidden, IdTaken, Invalid, ImportRefused, NotJson)
_IN_THE_BODY: Final = {
    "en": "Nothing is asked in the address: `dry_run` and the rest are fields of the body",
    "zh-Hans": "地址中不接受参数：dry_run 等均为请求体中的字段",
}


async def _refuse_query(request: Request) -> None:
    """A dry run that is asked for in the wrong place must not become a real one."""
    if request.query_params:
        raise Invalid(gaps=[Gap(pointer_of(["query", name]), _IN_THE_BODY) for name in request.query_params][:50])


_ASKED_IN_BODY = [Depends(_refuse_query)]


@router.post(
    "/services/imports", summary="Import services from a sheet", responses=_REFUSALS, dependencies=_ASKED_IN_BODY
)
async def import_services(command: SheetImport, caller: Carrier, ports: PortsDep, language: Language) -> ImportShape:
    """Creates the services of a CSV sheet, and changes those that are there: all, or none with every fault by row and column.

    The sheet goes as text into the field `csv` of a JSON body, beside `dry_run`.
    """
    return await flow.import_sheet(ports, caller, command, language)


@router.post(
    "/services/imports/gtfs", summary="Import a bus company's feed", responses=_REFUSALS, dependencies=_ASKED_IN_BODY
)
async def import_feed(command: FeedImport, caller: Carrier, ports: PortsDep, language: Language) -> ImportShape:
    """Makes the buses of a GTFS feed carry parcels: all, or nothing with every fault by file, row and column.

    The ZIP archive goes in base 64 into the field `archive` of a JSON body, beside `dry_run`.
    """
    return await flow.import_feed(ports, caller, command, language)
