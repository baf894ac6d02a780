"""Quotes: what it costs, when it arrives and what it emits, before anything is ordered."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import Language, PortsDep, SignedIn
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import story_router
from app.catalogue.errors import GoodsWouldSpoil, OrderCycleClosed, OutOfStock
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.flows.quote_order import quote_order, show_quote
from app.identity.errors import NotSignedIn
from app.network.errors import NoHubForCounty, RouteUnavailable, TooManyWays
from app.offers.errors import OfferExpired, OfferNotOrderable
from app.orders.errors import NotForSale
from app.orders.schemas import QuoteRequest, QuoteShape
from app.orders.values import QUOTE_ID
from app.packaging.errors import TooManyPackages

router = story_router("buy")


@router.post(
    "/quotes",
    status_code=201,
    summary="Ask what an order would cost",
    response_model=QuoteShape,
    responses=refuses(
        NotSignedIn,
        Forbidden,
        NotFound,
        Invalid,
        NotForSale,
        OutOfStock,
        GoodsWouldSpoil,
        OrderCycleClosed,
        OfferExpired,
        OfferNotOrderable,
        RouteUnavailable,
        NoHubForCounty,
        TooManyWays,
        TooManyPackages,
        IdTaken,
    ),
)
async def create_quote(ports: PortsDep, caller: SignedIn, command: QuoteRequest, language: Language) -> Response:
    """The Pareto front of total price, arrival and CO2e, at most six options, each exactly as bookable for half an hour."""
    quote = await quote_order(ports, caller, command, language)
    body = quote.model_dump_json(by_alias=True)
    return Response(body, 201, {"content-language": language}, "application/json")


@router.get(
    "/quotes/{id}",
    summary="Read a quote again",
    response_model=QuoteShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_quote(
    request: Request,
    ports: PortsDep,
    caller: SignedIn,
    id: Annotated[str, Path(pattern=QUOTE_ID)],  # noqa: A002 - the contract's word
    language: Language,
) -> Response:
    """One's own quote, for as long as it is kept."""
    return etagged(request, await show_quote(ports, caller, id, language), headers={"content-language": language})
