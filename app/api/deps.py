"""What routes ask for: the ports, a transaction, who is calling, the language, and the idempotency key.

All of it is async: FastAPI runs a plain function in a thread, 100 µs for nothing.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Final, cast

from fastapi import Depends, Header, Request, Response, Security
from fastapi.security import HTTPBearer
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database import Session
from app.core.errors import Forbidden
from app.core.idempotency import Claim, IdempotencyKeyRequired, IdempotencyKeyUnusable
from app.core.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from app.core.text import preferred_language
from app.flows.ports import Ports
from app.identity.errors import NotSignedIn
from app.identity.service import authenticate
from app.identity.values import Caller, Scope


def ports_of(request: Request) -> Ports:
    return cast("Ports", request.app.state.ports)


async def _ports(request: Request) -> Ports:
    return ports_of(request)


PortsDep = Annotated[Ports, Depends(_ports)]


async def _transaction(request: Request, ports: PortsDep) -> AsyncIterator[Session]:
    """The transaction that the router opened around an Idempotency-Key, else one for this call alone."""
    shared: Session | None = getattr(request.state, "session", None)
    if shared is not None:
        yield shared
        return
    async with ports.begin() as session:
        yield session


async def _reading(ports: PortsDep) -> AsyncIterator[AsyncConnection]:
    async with ports.database.read() as connection:
        yield connection


# With FastAPI's default scope the commit would come after the answer was sent.
Tx = Annotated[Session, Depends(_transaction, scope="function")]
Reading = Annotated[AsyncConnection, Depends(_reading, scope="function")]


async def caller_of(request: Request) -> Caller | None:
    """Who is calling, looked up once a request; None without credentials, `NotSignedIn` with bad ones."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return None
    known: Caller | None = getattr(request.state, "caller", None)
    if known is not None:
        return known
    ports = ports_of(request)
    async with ports.database.read() as connection:
        caller = await authenticate(
            connection,
            authorization,
            key=ports.settings.key,
            operator_phones=ports.settings.operator_phones,
            now=ports.clock.now(),
            test_keys=ports.settings.environment != "production",
        )
    request.state.caller = caller
    return caller


AnyCaller = Annotated[Caller | None, Depends(caller_of)]


# Only says in the OpenAPI document what these routes need; `caller_of` reads the header.
_SCHEME: Final = HTTPBearer(
    scheme_name="bearer", auto_error=False, description="A person's access token, or a partner's API key (`chk_…`)"
)


async def _known(caller: AnyCaller, _token: Annotated[object, Security(_SCHEME)]) -> Caller:
    if caller is None:
        raise NotSignedIn
    return caller


Known = Annotated[Caller, Depends(_known)]


async def _signed_in(caller: Known) -> Caller:
    if caller.person_id is None:
        raise Forbidden(
            needs={
                "en": "a person who is signed in, not a partner's key",
                "zh-Hans": "以个人身份登录（不能使用合作方密钥）",
            }
        )
    return caller


SignedIn = Annotated[Caller, Depends(_signed_in)]


async def _operator(caller: Known) -> Caller:
    if not caller.is_operator():
        raise Forbidden(needs={"en": "an operator of this service", "zh-Hans": "本服务的运营人员身份"})
    return caller


Operator = Annotated[Caller, Depends(_operator)]


def anyone_with(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A person who is signed in, or a partner's key with this scope."""

    async def allowed(caller: Known) -> Caller:
        if caller.person_id is None and scope not in caller.scopes:
            raise Forbidden(
                needs={
                    "en": f"a person who is signed in, or a partner's API key with the scope {scope.value}",
                    "zh-Hans": f"以个人身份登录，或具有 {scope.value} 权限的合作方 API 密钥",
                }
            )
        return caller

    return allowed


Uploader = Annotated[Caller, Depends(anyone_with(Scope.WEIGH_INS_WRITE))]
HookOwner = Annotated[Caller, Depends(anyone_with(Scope.TRACKING_READ))]


def partner_with(scope: str) -> Callable[[Caller], Awaitable[Caller]]:
    """A partner's key with this scope, or an operator."""

    async def allowed(caller: Known) -> Caller:
        if not (caller.is_operator() or (caller.partner_id is not None and scope in caller.scopes)):
            raise Forbidden(
                needs={
                    "en": f"a partner's API key with the scope {scope}",
                    "zh-Hans": f"具有 {scope} 权限的合作方 API 密钥",
                }
            )
        return caller

    return allowed


async def _language(
    response: Response, accept_language: Annotated[str | None, Header(include_in_schema=False)] = None
) -> str:
    language = preferred_language(accept_language)
    response.headers["content-language"] = language
    return language


Language = Annotated[str, Depends(_language)]


async def claim_of(request: Request) -> Claim | None:
    """The Idempotency-Key of this request with its caller and a hash of what it asks; None without the header."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not key.isprintable() or not key.isascii() or not 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX:
        raise IdempotencyKeyUnusable(length_max=IDEMPOTENCY_KEY_LENGTH_MAX)
    caller = await caller_of(request)
    asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).hexdigest()
    return Claim(caller.id if caller else "anonymous", key, asked)


async def _required_claim(claim: Annotated[Claim | None, Depends(claim_of)]) -> Claim:
    if claim is None:
        raise IdempotencyKeyRequired
    return claim


RequiredClaim = Annotated[Claim, Depends(_required_claim)]
