"""Listings: what producers sell. Reading them needs no sign-in."""

import re
from typing import Annotated, Final

from fastapi import Path, Query, Request, Response

from app.api.deps import AnyCaller, PortsDep, Reading, SignedIn, Tx, caller_of
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.catalogue import lots, queries, service
from app.catalogue.errors import NO_LISTING, ListingIncomplete, StockTaken
from app.catalogue.rules import is_public
from app.catalogue.schemas import (
    ListingCard,
    ListingChange,
    ListingId,
    ListingShape,
    LotChange,
    LotId,
    LotShape,
    NewListing,
    NewLot,
    ProducerId,
)
from app.catalogue.values import QUERY_LENGTH_MAX, Category, ListingEvent, ListingStatus, Rendered, Sort, Wanted
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.limits import AMOUNT_MINOR_MAX
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.publish_listing import publish_listing as put_on_sale
from app.identity.errors import NotSignedIn

router = api_router("sell")
AListingId = Annotated[ListingId, Path()]
ALotId = Annotated[LotId, Path()]
County = Annotated[
    str,
    Query(pattern="^[1-9][0-9](?:[0-9]{2}(?:[0-9]{2})?)?$", description="Adcode of a province (2 digits), prefecture (4) or county (6)"),
]
_VERSION: Final = re.compile(r'^(?:W/)?"([0-9]{1,9})-[0-9.]+"$')
_MINE: Final = (NotSignedIn, Forbidden, NotFound, Invalid)
