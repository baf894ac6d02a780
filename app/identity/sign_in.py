"""Verbs of signing in: codes, and the families of tokens that they open."""

import secrets
from datetime import datetime

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Session
from app.core.ids import new_id
from app.core.limits import REFRESH_TOKEN_LIFETIME, SIGN_IN_CODE_ATTEMPTS_MAX, SIGN_IN_CODE_LIFETIME
from app.identity.models import Membership, Person, SignIn, SignInCode
from app.identity.rules import code_mac, codes_match, read_refresh_token
from app.identity.values import (
    CODES_FORGOTTEN_AFTER,
    PRODUCERS_PER_PERSON_MAX,
    SIGN_INS_FORGOTTEN_AFTER,
    Caller,
    SignedIn,
)

_FORGET_CODES = text(
    "DELETE FROM sign_in_code WHERE phone IN "
    "(SELECT phone FROM sign_in_code WHERE expires_at < :before ORDER BY expires_at LIMIT 10000)"
)
_FORGET_SIGN_INS = text(
    "DELETE FROM sign_in WHERE id IN "
    "(SELECT id FROM sign_in WHERE expires_at < :before ORDER BY expires_at LIMIT 10000)"
)


async def start_sign_in(session: Session, phone: str, *, key: bytes, now: datetime) -> str:
    """Make the code that this phone may sign in with; an earlier one stops working. Answers six digits."""
    code = f"{secrets.randbelow(1_000_000):06}"
    fresh = {"mac": code_mac(key, phone, code), "attempts": 0, "expires_at": now + SIGN_IN_CODE_LIFETIME}
    kept = insert(SignInCode).values(phone=phone, **fresh)
    await session.execute(kept.on_conflict_do_update(index_elements=[col(SignInCode.phone)], set_=fresh))
    return code


async def finish_sign_in(
    session: Session, phone: str, code: str, *, language: str, key: bytes, now: datetime
) -> SignedIn | None:
    """Use the code up and open a sign-in; None when the code is refused.

    Every try is counted, with the code's row locked until the transaction ends: of two callers with the right code
    one gets in. None instead of an exception, so that the caller commits the count before refusing.
    """
    tried = (
        update(SignInCode)
        .where(
            col(SignInCode.phone) == phone,
            col(SignInCode.expires_at) > now,
            col(SignInCode.attempts) < SIGN_IN_CODE_ATTEMPTS_MAX,
        )
        .values(attempts=col(SignInCode.attempts) + 1)
        .returning(col(SignInCode.mac))
    )
    mac = (await session.execute(tried)).scalar_one_or_none()
    if mac is None or not codes_match(mac, key, phone, code):
        return None
    await session.execute(delete(SignInCode).where(col(SignInCode.phone) == phone))
    return await open_sign_in(session, phone, language=language, now=now)


async def open_sign_in(session: Session, phone: str, *, language: str, now: datetime) -> SignedIn:
    """Open a new family of tokens for whoever holds this phone, who becomes a person the first time."""
    person = Person(id=new_id("per"), phone=phone, language=language, created_at=now)
    known = insert(Person).values(person.model_dump())
    known = known.on_conflict_do_update(index_elements=[col(Person.phone)], set_={"language": language})
    person_id: str = (await session.execute(known.returning(col(Person.id)))).scalar_one()
    sign_in = SignIn(
        id=new_id("sgn"), person_id=person_id, generation=1, created_at=now, expires_at=now + REFRESH_TOKEN_LIFETIME
    )
    await session.execute(insert(SignIn).values(sign_in.model_dump()))
    return SignedIn(sign_in.id, 1, person_id, phone, await _producers_of(session, person_id))


async def rotate(session: Session, refresh_token: str, *, key: bytes, now: datetime) -> SignedIn | None:
    """Take the newest refresh token of a family for the next one; None when it is refused.

    A genuine token of an earlier generation has been copied by somebody: its whole family ends. None instead of an
    exception, so that the caller commits that end before refusing.
    """
    read = read_refresh_token(refresh_token, key)
    if read is None:
        return None
    sign_in_id, generation = read
    rotated = (
        update(SignIn)
        .where(
            col(SignIn.id) == sign_in_id,
            col(SignIn.generation) == generation,
            col(SignIn.revoked_at).is_(None),
            col(SignIn.expires_at) > now,
            col(Person.id) == col(SignIn.person_id),
        )
        .values(generation=generation + 1, expires_at=now + REFRESH_TOKEN_LIFETIME)
        .returning(col(Person.id), col(Person.phone))
    )
    row = (await session.execute(rotated)).one_or_none()
    if row is None:
        await session.execute(
            update(SignIn)
            .where(col(SignIn.id) == sign_in_id, col(SignIn.generation) > generation, col(SignIn.revoked_at).is_(None))
            .values(revoked_at=now)
        )
        return None
    return SignedIn(sign_in_id, generation + 1, row.id, row.phone, await _producers_of(session, row.id))


async def sign_out(session: Session, caller: Caller, now: datetime) -> None:
    """End every token of the sign-in that the caller came with; again is harmless."""
    await session.execute(
        update(SignIn)
        .where(col(SignIn.id) == caller.sign_in_id, col(SignIn.revoked_at).is_(None))
        .values(revoked_at=now)
    )


async def forget_old(session: Session, now: datetime) -> None:
    """Delete codes and sign-ins long past their end, at most 10,000 of each."""
    await session.execute(_FORGET_CODES, {"before": now - CODES_FORGOTTEN_AFTER})
    await session.execute(_FORGET_SIGN_INS, {"before": now - SIGN_INS_FORGOTTEN_AFTER})


async def _producers_of(session: Session, person_id: str) -> tuple[str, ...]:
    owned = select(col(Membership.producer_id)).where(col(Membership.person_id) == person_id)
    return tuple((await session.execute(owned.limit(PRODUCERS_PER_PERSON_MAX))).scalars())
