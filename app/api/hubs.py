"""Routes of hubs: where goods change hands. Public."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import Language, Reading
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.core.errors import Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.network import queries
from app.network.rules import parse_position
from app.network.schemas import Code, County, HubShape, Near
from app.network.values import HubKind

router = api_router("move")


@router.get("/hubs", summary="List hubs", responses=refuses(Invalid))
async def list_hubs(
    connection: Reading,
    language: Language,
    kind: HubKind | None = None,
    near: Near | None = None,
    county: County | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[HubShape]:
    """By code. With `near` the nearest first, with `distance_m`; with `county` those of its province, the one that serves the county first."""
    position = parse_position(near) if near else None
    return await queries.list_hubs(
        connection, kind=kind, near=position, county=county, cursor=cursor, limit=limit, language=language
    )


@router.get(
    "/hubs/{code}", summary="One hub", response_model=HubShape, responses=NOT_MODIFIED | refuses(NotFound, Invalid)
)
async def read_hub(
    code: Annotated[Code, Path()], request: Request, connection: Reading, language: Language
) -> Response:
    """A place where goods change hands: where it is, how long goods stay, what handling costs."""
    return etagged(request, await queries.get_hub(connection, code, language), cache="public, no-cache")
