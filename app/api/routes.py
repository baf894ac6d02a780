"""Routes of ways: how goods could go from one hub to another, without an order. Public."""

import asyncio
from typing import Annotated, Final

from fastapi import Query, Request, Response

from app.api.deps import Language, PortsDep
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.media_types import NotAcceptable, wanted_type
from app.api.router import story_router
from app.core.errors import Invalid
from app.flows.find_routes import find_routes as find
from app.flows.show_tracking import show_ground
from app.network.errors import RouteUnavailable, TooManyWays
from app.network.route_schemas import RouteQuery, RouteRequest, RoutesShape

router = story_router("move")
JSON: Final = "application/json"
SVG: Final = "image/svg+xml"
# A picture may be opened by itself: nothing in it may run, and it may load nothing.
_PICTURE_POLICY: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
}


@router.post("/routes", summary="Find ways between two hubs", responses=refuses(RouteUnavailable, TooManyWays, Invalid))
async def find_routes(ports: PortsDep, command: RouteRequest, language: Language) -> RoutesShape:
    """The Pareto front of price, arrival and CO2e on the present timetable and bookings. Nothing is reserved."""
    return await find(ports, command, language)


@router.get(
    "/routes",
    summary="See ways between two hubs, also on a map",
    response_model=RoutesShape,
    responses={200: {"content": {SVG: {"schema": {"type": "string"}}}, "description": "The front, or a picture of it"}}
    | NOT_MODIFIED
    | refuses(RouteUnavailable, TooManyWays, Invalid, NotAcceptable),
)
async def see_routes(
    request: Request, ports: PortsDep, query: Annotated[RouteQuery, Query()], language: Language
) -> Response:
    """The same front as an answer that may be kept; with `Accept: image/svg+xml` a picture of it, `width` pixels wide."""
    media = wanted_type(request.headers.get("accept"), (JSON, SVG))
    found = await find(ports, query, language, at="/query")
    vary, told = "Accept, Accept-Language", {"content-language": language}
    if media == JSON:
        return etagged(request, found, cache="public, no-cache", vary=vary, headers=told)
    ground = await show_ground(ports)
    picture = await asyncio.to_thread(request.app.state.draw_routes, found, query, ground, language, query.width)
    return etagged(request, picture, cache="public, no-cache", vary=vary, media=SVG, headers=told | _PICTURE_POLICY)
