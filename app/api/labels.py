"""Labels as PDF: of one consignment, or a batch of them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Path, Query, Request, Response

from app.api.deps import Known, Language, PortsDep
from app.api.documents import refuses
from app.api.router import story_router
from app.core.errors import Invalid, NotFound, StateConflict
from app.flows.print_labels import print_labels
from app.identity.errors import NotSignedIn
from app.shipments.errors import NumbersUsedUp, TooManyLabels
from app.shipments.label_schemas import LabelsRequest, Size
from app.shipments.labels import Label, LabelSize
from app.shipments.schemas import CONSIGNMENT_ID

router = story_router("consignments")
PDF: Final = "application/pdf"
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {PDF: {"schema": {"type": "string", "format": "binary"}}},
        "description": "One page for each package",
    }
}


@router.get(
    "/consignments/{consignment_id}/labels",
    summary="Labels of one consignment",
    response_class=Response,
    responses=_ANSWER | refuses(NotSignedIn, NotFound, Invalid, StateConflict, TooManyLabels, NumbersUsedUp),
)
async def get_labels(
    consignment_id: Annotated[str, Path(pattern=CONSIGNMENT_ID)],
    request: Request,
    ports: PortsDep,
    caller: Known,
    language: Language,
    size: Annotated[Size, Query()] = LabelSize.A6,
) -> Response:
    """A page for each package: GS1-128 with its SSCC, a QR with its GS1 Digital Link, the hubs where it goes, how to keep it.

    For those who may `ship` for the producer, carriers of one of its legs with `bookings:read`, and operators. A package gets its
    SSCC when its label is first asked for, and keeps it; a label that is printed again shows the way as it is by then.
    """
    labels = await print_labels(ports, caller, LabelsRequest(consignments=[consignment_id], size=size))
    return await _paper(request, labels, size, language)


@router.post(
    "/labels",
    summary="A batch of labels",
    response_class=Response,
    responses=_ANSWER | refuses(NotSignedIn, NotFound, Invalid, StateConflict, TooManyLabels, NumbersUsedUp),
)
async def create_labels(
    command: LabelsRequest, request: Request, ports: PortsDep, caller: Known, language: Language
) -> Response:
    """Labels of up to 500 packages in one document, in the order in which they are named; for the same callers as those of one."""
    labels = await print_labels(ports, caller, command)
    return await _paper(request, labels, command.size, language)


async def _paper(request: Request, labels: Sequence[Label], size: LabelSize, language: str) -> Response:
    body = await asyncio.to_thread(request.app.state.draw_labels, labels, size, language)
    told = {
        "cache-control": "no-store",
        "content-language": language,
        "content-disposition": f'inline; filename="labels-{size}.pdf"',
    }
    return Response(body, headers=told, media_type=PDF)
