"""Routes to sign in and out, and to learn who one is."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Body, Request, Response

from app.api.deps import Language, PortsDep, Reading, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, Responses, refuses
from app.api.etags import etagged
from app.api.router import story_router
from app.core.errors import Forbidden, Invalid, TooManyRequests
from app.core.throttle import Spent
from app.flows import sign_in as flow
from app.identity.errors import NotSignedIn, RefreshTokenRefused, SignInCodeRefused
from app.identity.schemas import AskForCode, CodeGrant, CodeSent, Me, RefreshGrant, Tokens
from app.identity.service import get_me
from app.identity.sign_in import sign_out

router = story_router("auth")

_LIMITS = {
    "RateLimit": {"description": "What is left of each allowance, and in how many seconds it is whole again"},
    "RateLimit-Policy": {"description": "The allowances: how many (`q`) in how many seconds (`w`)"},
}


def _with_limits(status: int) -> Responses:
    return {status: {"headers": {name: entry | {"schema": {"type": "string"}} for name, entry in _LIMITS.items()}}}


@router.post(
    "/auth/codes",
    status_code=202,
    summary="Ask for a sign-in code",
    responses=_with_limits(202) | refuses(Invalid, TooManyRequests),
)
async def send_sign_in_code(
    command: AskForCode, request: Request, response: Response, ports: PortsDep, language: Language
) -> CodeSent:
    """Sends six digits to the phone, in the language of `Accept-Language`. The answer is the same for any phone."""
    answer, spent = await flow.send_code(ports, command, language=language, address=_address(request))
    _show_limits(response, spent)
    return answer


@router.post(
    "/auth/tokens",
    status_code=201,
    summary="Sign in, or refresh the tokens",
    responses=_with_limits(201) | refuses(SignInCodeRefused, RefreshTokenRefused, Invalid, TooManyRequests),
)
async def create_tokens(
    command: Annotated[CodeGrant | RefreshGrant, Body(discriminator="grant")],
    request: Request,
    response: Response,
    ports: PortsDep,
    language: Language,
) -> Tokens:
    """Takes a code, or the newest refresh token, for a pair of tokens; either works once.

    A refresh token that comes a second time ends every token of its sign-in. Send an `Idempotency-Key`, so that a
    lost answer can be asked for again.
    """
    answer, spent = await flow.create_tokens(ports, command, language=language, address=_address(request))
    _show_limits(response, spent)
    return answer


@router.delete("/auth/tokens", status_code=204, summary="Sign out", responses=refuses(NotSignedIn, Forbidden))
async def delete_tokens(caller: SignedIn, session: Tx, ports: PortsDep) -> None:
    """Ends the access and refresh tokens of this sign-in at once; other devices stay signed in."""
    await sign_out(session, caller, ports.clock.now())


@router.get("/me", summary="Who am I?", response_model=Me, responses=NOT_MODIFIED | refuses(NotSignedIn, Forbidden))
async def read_me(request: Request, caller: SignedIn, connection: Reading, ports: PortsDep) -> Response:
    """The person who is signed in, with their roles and the producers they belong to."""
    return etagged(request, await get_me(connection, caller, ports.settings.operator_phones))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _show_limits(response: Response, spent: Sequence[Spent]) -> None:
    """The `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers."""
    response.headers["ratelimit"] = ", ".join(
        f'"{each.allowance.name}";r={each.remaining};t={each.resets_in_s}' for each in spent
    )
    response.headers["ratelimit-policy"] = ", ".join(
        f'"{each.allowance.name}";q={each.allowance.limit};w={int(each.allowance.window.total_seconds())}'
        for each in spent
    )
