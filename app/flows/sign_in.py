"""The story of signing in: a code goes out, comes back, opens a family of tokens, which are refreshed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from app.core.limits import ACCESS_TOKEN_LIFETIME, SIGN_IN_CODE_LIFETIME
from app.core.throttle import Allowance, Spent, spend
from app.flows.ports import Ports
from app.identity.errors import RefreshTokenRefused, SignInCodeRefused
from app.identity.rules import access_token, is_loopback, refresh_token, roles_of, throttled_as
from app.identity.schemas import AskForCode, CodeGrant, CodeSent, PersonShape, RefreshGrant, Tokens
from app.identity.sign_in import finish_sign_in, rotate, start_sign_in
from app.identity.values import SignedIn
from app.notify.service import queue_messages
from app.notify.values import Notice, Template

CODES_PER_ADDRESS: Final = Allowance("codes-address", 30, timedelta(hours=1))
CODES_PER_MINUTE: Final = Allowance("codes-minute", 1, timedelta(minutes=1))
CODES_PER_HOUR: Final = Allowance("codes-hour", 5, timedelta(hours=1))
TRIES_PER_PHONE: Final = Allowance("tries-phone", 10, timedelta(minutes=10))
TRIES_PER_ADDRESS: Final = Allowance("tries-address", 120, timedelta(hours=1))
REFRESHES_PER_ADDRESS: Final = Allowance("refreshes-address", 1_200, timedelta(hours=1))


async def send_code(
    ports: Ports, command: AskForCode, *, language: str, address: str
) -> tuple[CodeSent, Sequence[Spent]]:
    """Send a sign-in code to a phone, known or not: the answer does not tell. Answers what is left of the allowances too.

    Raises `TooManyRequests` beyond what one phone or one address may ask for.
    """
    now = ports.clock.now()
    spent = (
        *await _spend_of_address(ports, CODES_PER_ADDRESS, address, now),
        await spend(ports.database, CODES_PER_MINUTE, command.phone, now),
        await spend(ports.database, CODES_PER_HOUR, command.phone, now),
    )
    async with ports.begin() as session:
        code = await start_sign_in(session, command.phone, key=ports.settings.key, now=now)
        params = {"code": code, "minutes": str(SIGN_IN_CODE_LIFETIME // timedelta(minutes=1))}
        await queue_messages(session, [Notice(command.phone, Template.SIGN_IN_CODE, language, params)], now)
    return CodeSent(expires_in_s=int(SIGN_IN_CODE_LIFETIME.total_seconds())), spent


async def _spend_of_address(ports: Ports, allowance: Allowance, address: str, now: datetime) -> Sequence[Spent]:
    """Count one use of an address, but for a developer's own machine: there one address is everybody, and no stranger."""
    if ports.settings.environment == "development" and is_loopback(address):
        return ()
    return (await spend(ports.database, allowance, throttled_as(address), now),)


async def create_tokens(
    ports: Ports, command: CodeGrant | RefreshGrant, *, language: str, address: str
) -> tuple[Tokens, Sequence[Spent]]:
    """Take a code, or a refresh token, for tokens. Answers what is left of the allowances too.

    Raises `SignInCodeRefused`, `RefreshTokenRefused` (the family of a token that was used before has ended then) or
    `TooManyRequests`.
    """
    if isinstance(command, CodeGrant):
        return await _sign_in(ports, command, language=language, address=address)
    return await _refresh(ports, command, address=address)


async def _sign_in(ports: Ports, command: CodeGrant, *, language: str, address: str) -> tuple[Tokens, Sequence[Spent]]:
    now, key = ports.clock.now(), ports.settings.key
    spent = (
        *await _spend_of_address(ports, TRIES_PER_ADDRESS, address, now),
        await spend(ports.database, TRIES_PER_PHONE, command.phone, now),
    )
    async with ports.begin() as session:
        signed_in = await finish_sign_in(session, command.phone, command.code, language=language, key=key, now=now)
    # Refused after the commit: the try stays counted.
    if signed_in is None:
        raise SignInCodeRefused
    return _tokens(ports, signed_in, now), spent


async def _refresh(ports: Ports, command: RefreshGrant, *, address: str) -> tuple[Tokens, Sequence[Spent]]:
    now = ports.clock.now()
    spent = (await spend(ports.database, REFRESHES_PER_ADDRESS, throttled_as(address), now),)
    async with ports.begin() as session:
        signed_in = await rotate(session, command.refresh_token, key=ports.settings.key, now=now)
    # Refused after the commit: the end of the family stays.
    if signed_in is None:
        raise RefreshTokenRefused
    return _tokens(ports, signed_in, now), spent


def _tokens(ports: Ports, signed_in: SignedIn, now: datetime) -> Tokens:
    key, expires_at = ports.settings.key, now + ACCESS_TOKEN_LIFETIME
    roles = roles_of(signed_in.phone, signed_in.producers, ports.settings.operator_phones)
    return Tokens(
        access_token=access_token(signed_in.sign_in_id, expires_at, key),
        refresh_token=refresh_token(signed_in.sign_in_id, signed_in.generation, key),
        token_type="bearer",  # noqa: S106 - the name of a scheme, not a secret
        expires_in_s=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        person=PersonShape(id=signed_in.person_id, phone=signed_in.phone, roles=sorted(roles)),
    )
