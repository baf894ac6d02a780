"""The ways back of goods: when they are handed in, and what is booked for that."""

from app.api.deps import Language, PortsDep, RequiredClaim, SignedIn
from app.api.documents import refuses
from app.api.returns import AReturnId
from app.api.router import story_router
from app.claims.return_schemas import ReturnBooking, ReturnShape
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.flows import plan_back
from app.identity.errors import NotSignedIn
from app.network.errors import RouteUnavailable, TooManyWays

router = story_router("claims")
_KEYED = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)


@router.post(
    "/returns/{return_id}/booking",
    summary="Say when goods are handed in",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, RouteUnavailable, TooManyWays, *_KEYED),
)
async def book_return(
    return_id: AReturnId,
    command: ReturnBooking,
    caller: SignedIn,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> ReturnShape:
    """For the buyer or an operator, until the goods are handed in: their way back is planned and booked from then on.

    What was booked before gives back its room, and its tracking number is not used any more.
    """
    return await plan_back.book_return(ports, caller, return_id, command.ready_at, language)
