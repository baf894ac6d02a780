"""Manifests for carriers: what goes with a departure, as JSON and on paper."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request, Response

from app.api.deps import Language, PortsDep, partner_with
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.media_types import NotAcceptable, wanted_type
from app.api.router import story_router
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.schema import Time
from app.flows.show_manifest import show_manifest
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network.schemas import Code, ServiceId
from app.shipments.errors import ManifestTooLong
from app.shipments.manifest import ManifestShape

router = story_router("move")
JSON: Final = "application/json"
PDF: Final = "application/pdf"
_PAPER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}, "description": "The manifest"}
}


@router.get(
    "/services/{service_id}/manifest",
    summary="The manifest of a departure",
    response_model=ManifestShape,
    responses=_PAPER
    | NOT_MODIFIED
    | refuses(NotSignedIn, Forbidden, NotFound, Invalid, NotAcceptable, ManifestTooLong),
)
async def get_manifest(
    service_id: Annotated[ServiceId, Path()],
    request: Request,
    ports: PortsDep,
    caller: Annotated[Caller, Depends(partner_with(Scope.BOOKINGS_READ))],
    language: Language,
    run_at: Annotated[Time, Query(description="When the run starts at its first stop, as its bookings say")],
    hub: Annotated[Code, Query(description="The stop where the goods are put on")],
) -> Response:
    """Everything booked on one run from one hub, by next hub and temperature: SSCCs, weights, totals. `Accept: application/pdf` for paper.

    Of one's own carrier; operators see all. Packages whose labels nobody has asked for yet have no SSCC.
    """
    media = wanted_type(request.headers.get("accept"), (JSON, PDF))
    shown = await show_manifest(ports, caller, service_id, run_at, hub, language)
    vary, told = "Accept, Accept-Language, Authorization", {"content-language": language}
    if media == JSON:
        return etagged(request, shown, vary=vary, headers=told)
    paper = await asyncio.to_thread(request.app.state.draw_manifest, shown, language)
    told["content-disposition"] = f'inline; filename="manifest-{service_id}-{run_at:%Y%m%d%H%M}-{hub}.pdf"'
    return etagged(request, paper, vary=vary, media=PDF, headers=told)
