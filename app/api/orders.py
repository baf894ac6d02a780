"""Orders: place, read, cancel, confirm."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.api.deps import Language, PortsDep, RequiredClaim, SignedIn
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import story_router
from app.catalogue.errors import OfferChanged, OutOfStock
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict, UpstreamFailed
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.cancel_order import cancel_order as cancel
from app.flows.follow_shipment import confirm_receipt as confirm
from app.flows.place_order import place_order
from app.flows.show_order import show_order, show_orders
from app.identity.errors import NotSignedIn
from app.offers.errors import OfferExpired, OfferNotOrderable
from app.orders.errors import AlreadyShipped, CancelReasonUnusable, OptionMissing, PlanChanged, QuoteExpired, QuoteUsed
from app.orders.schemas import CancelRequest, OrderRequest, OrderShape, OrderSummary
from app.orders.values import ORDER_ID
from app.payments.errors import PaymentMethodUnavailable

router = story_router("buy")
AnOrderId = Annotated[str, Path(pattern=ORDER_ID)]
# Placing an order claims its own key inside the order's transaction.
placing = APIRouter(prefix="/v1", tags=["buy"])


@placing.post(
    "/orders",
    status_code=201,
    summary="Order an option of a quote",
    response_model=OrderShape,
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        IdempotencyKeyRequired,
        IdempotencyKeyReused,
        RequestInProgress,
        NotFound,
        QuoteExpired,
        QuoteUsed,
        OptionMissing,
        OutOfStock,
        OfferChanged,
        OfferExpired,
        OfferNotOrderable,
        PlanChanged,
        IdTaken,
        PaymentMethodUnavailable,
        UpstreamFailed,
    ),
)
async def create_order(
    ports: PortsDep, caller: SignedIn, command: OrderRequest, claim: RequiredClaim, language: Language
) -> Response:
    """Whole or not at all: stock, a place on every departure, consignments with tracking numbers, and the payment's beginning."""
    answer = await place_order(ports, caller, command, claim, language)
    headers = {"idempotent-replayed": "true"} if answer.replayed else None
    return Response(answer.body, 201, headers, "application/json")


@router.get("/orders", summary="My orders", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_orders(
    ports: PortsDep,
    caller: SignedIn,
    language: Language,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Page[OrderSummary]:
    """One's own orders as a buyer, newest first."""
    return await show_orders(ports, caller, cursor, limit, language)


@router.get(
    "/orders/{id}",
    summary="Read an order",
    response_model=OrderShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_order(request: Request, ports: PortsDep, caller: SignedIn, id: AnOrderId, language: Language) -> Response:  # noqa: A002 - the contract's word
    """For its buyer and for operators."""
    return etagged(request, await show_order(ports, id, caller, language))


@router.post(
    "/orders/{id}/cancel",
    summary="Cancel an order",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, CancelReasonUnusable, AlreadyShipped),
)
async def cancel_order(
    ports: PortsDep,
    caller: SignedIn,
    id: AnOrderId,  # noqa: A002 - the contract's word
    language: Language,
    command: CancelRequest | None = None,
) -> OrderShape:
    """Before any of its goods were handed in. Stock and capacity are free again at once; money goes back the way it came.

    A `reason` says who bears what the order has cost already: `GET /v1/policies` lists them, and who may give each when.
    """
    return await cancel(ports, caller, id, language, command.reason if command else None)


@router.post(
    "/orders/{id}/confirm-receipt",
    summary="Confirm that everything arrived",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict),
)
async def confirm_receipt(ports: PortsDep, caller: SignedIn, id: AnOrderId, language: Language) -> OrderShape:  # noqa: A002 - the contract's word
    """Completes a delivered order at once: the producers' money becomes available without waiting for the dispute window."""
    return await confirm(ports, caller, id, language)
