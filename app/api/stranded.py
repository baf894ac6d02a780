"""Routes for operators: the consignments that a disruption left without a way on, and trying again."""

from typing import Annotated

from fastapi import Path

from app.api.deps import Language, Operator, PortsDep, Reading
from app.api.documents import refuses
from app.api.router import story_router
from app.core.errors import Forbidden, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.ports import Ports
from app.flows.replan_consignments import retry_stranded, why_none
from app.identity.errors import NotSignedIn
from app.network.errors import RouteUnavailable, TooManyWays
from app.shipments.errors import WhereaboutsUnknown
from app.shipments.schemas import CONSIGNMENT_ID, ConsignmentShape, consignment_shape
from app.shipments.stranded import StrandedConsignment, page_of_stranded
from app.shipments.stranded_schemas import StrandedShape

router = story_router("move")


@router.get("/stranded", summary="Consignments without a way on", responses=refuses(NotSignedIn, Forbidden))
async def list_stranded(
    _: Operator,
    reading: Reading,
    ports: PortsDep,
    language: Language,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[StrandedShape]:
    """What could not be planned anew after a disruption, with the planner's reason; the first ordered first."""
    page = await page_of_stranded(reading, cursor, limit)
    return Page(items=[_shape(ports, each, language) for each in page.items], next_cursor=page.next_cursor)


@router.post(
    "/stranded/{consignment_id}/retry",
    summary="Look for a way once more",
    responses=refuses(NotSignedIn, Forbidden, NotFound, RouteUnavailable, TooManyWays, WhereaboutsUnknown),
)
async def retry_stranded_consignment(
    consignment_id: Annotated[str, Path(pattern=CONSIGNMENT_ID)], caller: Operator, ports: PortsDep, language: Language
) -> ConsignmentShape:
    """Plan and book the rest of its way on the network of now; when there still is none, the answer says why."""
    return consignment_shape(await retry_stranded(ports, caller, consignment_id), language)


def _shape(ports: Ports, each: StrandedConsignment, language: str) -> StrandedShape:
    rule = ports.origin_rules.find(each.rule)
    why = why_none(each.reason, each.hub, each.destination, each.temperature, rule)
    return StrandedShape(
        consignment=each.consignment_id,
        order=each.order_id,
        tracking_number=each.tracking_number,
        hub=each.hub,
        to=each.destination,
        ready_at=each.ready_at,
        reason=each.reason,
        rule=each.rule,
        reason_text=why.detail_in(language),
        disruption=each.disruption_id,
        disruption_reason=each.disruption_reason,
        stranded_at=each.stranded_at,
        tried_at=each.tried_at,
    )
