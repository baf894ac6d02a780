"""The story of a carrier at a hub who asks what goes with a departure."""

from datetime import datetime
from typing import Final

from app.core.errors import Gap, Invalid
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.queries import get_service, hubs_by_code
from app.shipments.manifest import ManifestShape, list_loaded, manifest_shape

_NO_STOP: Final = {
    "en": "The service does not stop at this hub, or ends there: take one of its stops",
    "zh-Hans": "该服务不在此站点停靠，或以此为终点：请填写其停靠站点",
}


async def show_manifest(
    ports: Ports, caller: Caller, service_id: str, run_at: datetime, hub: str, language: str
) -> ManifestShape:
    """What is booked from a hub on a run of one's own carrier (operators: of any). Three statements.

    Raises `NotFound` for another's service, `Invalid` for a hub at which nothing can be put on it, `ManifestTooLong`.
    """
    async with ports.database.read() as connection:
        service = await get_service(connection, caller, service_id, language)
        if hub not in [stop.hub for stop in service.stops[:-1]]:
            raise Invalid(gaps=[Gap("/query/hub", _NO_STOP)])
        rows = await list_loaded(connection, service_id, run_at, hub)
        hubs = await hubs_by_code(connection, {hub} | {row.to_hub for row in rows})
    return manifest_shape(service, run_at, hub, rows, hubs, language)
