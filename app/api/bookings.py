"""Routes for carriers: what is booked on their services."""

from typing import Annotated

from fastapi import Depends, Query

from app.api.deps import Language, Reading, partner_with
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden, Invalid
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.core.schema import Time
from app.flows.show_bookings import show_bookings
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network.schemas import BookingShape, ServiceId

router = api_router("move")
Carrier = Annotated[Caller, Depends(partner_with(Scope.BOOKINGS_READ))]


@router.get("/bookings", summary="List bookings", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_bookings(
    caller: Carrier,
    connection: Reading,
    language: Language,
    service: ServiceId | None = None,
    from_: Annotated[Time | None, Query(alias="from", description="Departures at this time or later")] = None,
    until: Annotated[Time | None, Query(description="Departures before this time")] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[BookingShape]:
    """Bookings on one's own carrier, by start of run, the released ones too; operators see all. Two statements."""
    return await show_bookings(
        connection,
        caller,
        service=service,
        from_at=from_,
        until_at=until,
        cursor=cursor,
        limit=limit,
        language=language,
    )
