"""Offers: bargaining for bulk lots, and the deposits of what was agreed."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.deps import Language, Operator, PortsDep, RequiredClaim, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router, story_router
from app.catalogue.errors import OfferChanged, OutOfStock
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict, UpstreamFailed
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.ids import pattern
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import bargain, pay_deposit
from app.flows.show_offers import show_offer, show_offers, terms_shape
from app.identity.errors import NotSignedIn
from app.offers.errors import NotBargained, NotYourTurn, OfferExpired, OfferOpenAlready, OfferRoundsOver
from app.offers.schemas import (
    BankNote,
    CounterOffer,
    DepositRequest,
    NewOffer,
    OfferId,
    OfferShape,
    OfferTermsShape,
)
from app.offers.values import OfferStatus
from app.orders.errors import NotForSale
from app.payments.errors import AmountNotPayable, PaymentMethodUnavailable

router = api_router("offers")
# Paying a deposit asks the card provider between its transactions.
paying = story_router("offers")
AnOfferId = Annotated[OfferId, Path()]
AListingId = Annotated[str, Path(pattern=pattern("lst"))]
_KEYED = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)
_STEP = (NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, NotYourTurn, Changed)


def _guard(request: Request) -> Callable[[OfferShape], None]:
    """With `If-Match`, a step is taken only of what the client has seen."""
    return lambda present: require_match(request, present)


@router.get("/offer-terms", summary="What offers are for", response_model=OfferTermsShape, responses=NOT_MODIFIED)
async def read_offer_terms(request: Request, ports: PortsDep) -> Response:
    """From how much on offers are taken, by which clocks, and with what deposit, by category. An offer keeps what stood here when it was made."""
    return etagged(request, terms_shape(ports.offer_terms))


@router.post(
    "/listings/{listing_id}/offers",
    status_code=201,
    summary="Make an offer",
    responses=refuses(
        NotSignedIn, Forbidden, Invalid, NotFound, NotForSale, NotBargained, OutOfStock, OfferOpenAlready, IdTaken
    ),
)
async def create_offer(
    listing_id: AListingId, command: NewOffer, caller: SignedIn, session: Tx, ports: PortsDep, language: Language
) -> OfferShape:
    """For a bulk lot of a listing: a quantity and a price for one unit. The producer has to answer by `due_at`. Nothing is kept for the buyer yet."""
    return await bargain.make_offer(ports, session, caller, listing_id, command, language)


@router.get("/offers", summary="My offers", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_offers(
    caller: SignedIn,
    ports: PortsDep,
    language: Language,
    status: OfferStatus | None = None,
    listing: Annotated[str | None, Query(pattern=pattern("lst"))] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[OfferShape]:
    """Those that one made or that one's producers were made, the newest first. Operators see all."""
    return await show_offers(ports, caller, status, listing, cursor, limit, language)


@router.get(
    "/offers/{offer_id}",
    summary="Read an offer",
    response_model=OfferShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_offer(
    request: Request, offer_id: AnOfferId, caller: SignedIn, ports: PortsDep, language: Language
) -> Response:
    """For its buyer, its producer's members and operators."""
    return etagged(request, await show_offer(ports, caller, offer_id, language))


@router.post(
    "/offers/{offer_id}/counter",
    summary="Name another price",
    responses=refuses(*_STEP, OfferExpired, OfferRoundsOver, NotForSale, OutOfStock),
)
async def counter_offer(
    request: Request,
    offer_id: AnOfferId,
    command: CounterOffer,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> OfferShape:
    """For whose turn it is: another price, another quantity, or both; then it is the other side's turn. Honours `If-Match`."""
    return await bargain.counter_offer(ports, session, caller, offer_id, command, language, _guard(request))


@router.post(
    "/offers/{offer_id}/accept",
    summary="Agree",
    responses=refuses(*_STEP, OfferExpired, NotForSale, OutOfStock, OfferChanged, *_KEYED),
)
async def accept_offer(
    request: Request,
    offer_id: AnOfferId,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> OfferShape:
    """For whose turn it is. The goods are kept for the buyer, who pays the deposit by `due_at` and then orders. Honours `If-Match`."""
    return await bargain.accept_offer(ports, session, caller, offer_id, language, _guard(request))


@router.post("/offers/{offer_id}/decline", summary="Say no", responses=refuses(*_STEP))
async def decline_offer(
    request: Request, offer_id: AnOfferId, caller: SignedIn, session: Tx, ports: PortsDep, language: Language
) -> OfferShape:
    """For whose turn it is. Honours `If-Match`."""
    return await bargain.decline_offer(ports, session, caller, offer_id, language, _guard(request))


@router.post("/offers/{offer_id}/withdraw", summary="Take an offer back", responses=refuses(*_STEP, *_KEYED))
async def withdraw_offer(
    request: Request,
    offer_id: AnOfferId,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> OfferShape:
    """For who named the last price; of an agreement that is not ordered yet, for either side and for operators. Honours `If-Match`.

    A deposit that is held goes back to the buyer, unless it is the buyer who withdraws: then the terms of the offer decide.
    """
    return await bargain.withdraw_offer(ports, session, caller, offer_id, language, _guard(request))


@paying.post(
    "/offers/{offer_id}/deposit",
    summary="Pay the deposit",
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        NotFound,
        StateConflict,
        OfferExpired,
        PaymentMethodUnavailable,
        AmountNotPayable,
        UpstreamFailed,
        *_KEYED,
    ),
)
async def pay_the_deposit(
    offer_id: AnOfferId,
    command: DepositRequest,
    caller: SignedIn,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> OfferShape:
    """For the buyer. By bank transfer with `deposit.reference` on it, or by card with `deposit.client_secret`; until it is paid, the other way may be chosen."""
    return await pay_deposit.start_deposit(ports, caller, offer_id, command, language)


@router.post(
    "/offers/{offer_id}/deposit/receipt",
    summary="A deposit came in",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, *_KEYED),
)
async def receive_deposit(
    offer_id: AnOfferId,
    command: BankNote,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> OfferShape:
    """For operators who see the bank transfer on the account. One that comes when the offer is over is to be sent back."""
    return await pay_deposit.receive_deposit(ports, session, caller, offer_id, command, language)


@router.post(
    "/offers/{offer_id}/deposit/refund",
    summary="A deposit was sent back",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, *_KEYED),
)
async def send_deposit_back(
    offer_id: AnOfferId,
    command: BankNote,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> OfferShape:
    """For operators who have sent a returned deposit back by bank transfer. What was paid by card goes back by itself."""
    return await pay_deposit.send_deposit_back(ports, session, caller, offer_id, command, language)
