"""Exceptions: what does not go as it should, for operators and the carriers in whose hands it is."""

from typing import Annotated

from fastapi import Depends, Query

from app.api.deps import Language, Reading, partner_with
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.shipments.exception_schemas import ExceptionShape, exception_shape
from app.shipments.exception_values import ExceptionKind
from app.shipments.exceptions import page_of_exceptions

router = api_router("tracking")


@router.get("/exceptions", summary="What does not go as it should", responses=refuses(NotSignedIn, Forbidden))
async def list_exceptions(
    caller: Annotated[Caller, Depends(partner_with(Scope.TRACKING_READ))],
    reading: Reading,
    language: Language,
    kind: Annotated[ExceptionKind | None, Query(description="Only these")] = None,
    open_: Annotated[bool | None, Query(alias="open", description="Only what goes on, or only what has ended")] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ExceptionShape]:
    """Excursions of the cold chain, animals too long on board, silence and lateness, the last raised first.

    A carrier sees what happened in its own hands, operators everything. Each is raised once and ended by what is heard next.
    """
    carrier = None if caller.is_operator() else caller.carrier or ""
    page = await page_of_exceptions(reading, carrier=carrier, kind=kind, is_open=open_, cursor=cursor, limit=limit)
    return Page(items=[exception_shape(each, language) for each in page.items], next_cursor=page.next_cursor)
