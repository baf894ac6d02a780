"""Traces: from a lot to everybody who has goods of it, and from a package back to where they grew."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.deps import AnyCaller, Known, Language, PortsDep
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import story_router
from app.catalogue.schemas import ListingId
from app.core.errors import Invalid, NotFound
from app.core.paging import Cursor
from app.flows.show_trace import trace_lot, trace_package
from app.identity.errors import NotSignedIn
from app.recalls.schemas import LotId
from app.shipments.label_schemas import PACKAGE_NAME
from app.shipments.trace_schemas import TRACE_LINES_MAX, LotTrace, PackageTrace

router = story_router("tracking")


@router.get("/lots/{lot_id}/trace", summary="Where did a lot go?", responses=refuses(NotSignedIn, NotFound, Invalid))
async def get_lot_trace(
    lot_id: Annotated[LotId, Path()],
    ports: PortsDep,
    caller: Known,
    listing: Annotated[ListingId | None, Query(description="Whose lot, when two have one id")] = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=TRACE_LINES_MAX)] = TRACE_LINES_MAX,
) -> LotTrace:
    """Every order line with goods of the lot: its order, consignment, packages, and where they are now.

    For its producer's people; operators see the buyers too. Up to 1,000 lines at once, with a cursor for more.
    """
    return await trace_lot(ports, caller, lot_id, listing, cursor=cursor, limit=limit)


@router.get(
    "/packages/{package}/trace",
    summary="Where does a package come from?",
    response_model=PackageTrace,
    responses={**refuses(NotFound), **NOT_MODIFIED},
)
async def get_package_trace(
    package: Annotated[str, Path(pattern=PACKAGE_NAME, description="The id of a package, or its SSCC")],
    request: Request,
    ports: PortsDep,
    caller: AnyCaller,
    language: Language,
) -> Response:
    """The lots of its goods with harvest, origin and certificates, and its journey; whoever has the number sees that.

    Its buyer, its producer's people and operators also see order, quantities, ear tags, and every event with who told it and when.
    """
    trace = await trace_package(ports, caller, package, language)
    return etagged(request, trace, headers={"content-language": language})
