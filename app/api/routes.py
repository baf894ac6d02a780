"""Routes of ways: how goods could go from one hub to another, without an order. Public."""

from app.api.deps import PortsDep
from app.api.documents import refuses
from app.api.router import story_router
from app.core.errors import Invalid
from app.flows.find_routes import find_routes as find
from app.network.errors import RouteUnavailable
from app.network.schemas import RouteRequest, RoutesShape

router = story_router("move")


@router.post("/routes", summary="Find ways between two hubs", responses=refuses(RouteUnavailable, Invalid))
async def find_routes(ports: PortsDep, command: RouteRequest) -> RoutesShape:
    """The Pareto front of price, arrival and CO2e on the present timetable and bookings. Nothing is reserved."""
    return await find(ports, command)
