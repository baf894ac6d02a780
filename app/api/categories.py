"""Categories: what may be said of goods of each kind, as data from which a client builds its forms."""

from typing import Final

from fastapi import Request, Response

from app.api.documents import NOT_MODIFIED
from app.api.etags import etagged
from app.api.router import api_router
from app.catalogue.category_schemas import CategoryShape
from app.catalogue.rendering import category_shapes
from app.core.paging import Page

router = api_router("sell")
_ALL: Final = Page(items=category_shapes(), next_cursor=None).model_dump_json().encode()


@router.get(
    "/categories", summary="Categories and their attributes", response_model=Page[CategoryShape], responses=NOT_MODIFIED
)
async def list_categories(request: Request) -> Response:
    """Every category with its attributes, units and what its lots need. Changes only with a new version of the service."""
    return etagged(request, _ALL, cache="public, max-age=3600")
