"""Verbs of payees: give an account, check it, find and lock those to be paid."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import or_, select, text, update
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import NotFound, StateConflict
from app.core.ids import new_id
from app.core.paging import decode_cursor
from app.core.seal import Seal
from app.identity.values import Caller, Grant
from app.payouts.models import Payee
from app.payouts.rules import masked
from app.payouts.values import PAYEE_DISPLAY, PAYEES_PER_STEP, AccountDetails, Channel, Party, PayeeStatus

PAYEE: Final = {"en": "payee", "zh-Hans": "收款账户"}


def seal_account(seal: Seal, details: AccountDetails) -> bytes:
    kept = {"holder": details.holder, "number": details.number, "bank": details.bank}
    return seal.close(orjson.dumps(kept))


def open_account(seal: Seal, sealed: bytes) -> AccountDetails:
    """The account in full, for the sheet that goes to the bank."""
    return AccountDetails(**orjson.loads(seal.open(sealed)))


async def add_payee(
    session: Session,
    *,
    party: Party,
    party_id: str,
    channel: Channel,
    currency: str,
    created_by: str,
    now: datetime,
    account: AccountDetails | None = None,
    seal: Seal | None = None,
    ref: str | None = None,
    status: PayeeStatus = PayeeStatus.UNVERIFIED,
) -> Payee:
    """Keep where a party is paid in a currency, in the place of what was there. Waits for a run that pays the former one.

    With an `account` it is sealed; with a `ref` a machine knows it.
    """
    # Of two who give an account at once, the second replaces the first; a row to lock there may not be yet.
    await session.execute(_ALONE, {"party": party_id})
    await session.execute(
        update(Payee)
        .where(col(Payee.party_id) == party_id, col(Payee.currency) == currency, _PRESENT)
        .values(status=PayeeStatus.REPLACED, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    assert (account is None) == (seal is None)
    payee = Payee(
        id=new_id("pye"),
        party=party,
        party_id=party_id,
        channel=channel,
        currency=currency,
        masked=masked(account.number) if account else masked(ref or channel),
        sealed=seal_account(seal, account) if account and seal else None,
        ref=ref,
        status=status,
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    session.add(payee)
    await session.flush()
    return payee


async def lock_payee(session: Session, payee_id: str) -> Payee:
    """A payee as it stands, locked: who holds it alone pays it. Raises `NotFound`."""
    payee = await session.get(Payee, payee_id, with_for_update=True, populate_existing=True)
    if payee is None:
        raise NotFound(what=PAYEE)
    return payee


async def find_payee(reader: Reader, party_id: str, currency: str) -> Payee | None:
    """Where a party is paid now, whether or not it has been checked."""
    wanted = _SELECT.where(col(Payee.party_id) == party_id, col(Payee.currency) == currency, _PRESENT)
    row = (await reader.execute(wanted)).mappings().one_or_none()
    return Payee(**row) if row else None


async def find_by_ref(session: Session, ref: str) -> Payee | None:
    """The payee that a machine knows by this name."""
    return (await session.scalars(select(Payee).where(col(Payee.ref) == ref))).one_or_none()


async def return_to(session: Session, former: Payee, now: datetime) -> Payee:
    """A party is paid again where it was paid before, once that is found good again."""
    await session.execute(_ALONE, {"party": former.party_id})
    mine = (col(Payee.party_id) == former.party_id) & (col(Payee.currency) == former.currency)
    await session.execute(
        update(Payee)
        .where(mine, _PRESENT, col(Payee.id) != former.id)
        .values(status=PayeeStatus.REPLACED, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    payee = await lock_payee(session, former.id)
    if payee.status is PayeeStatus.REPLACED:
        payee.status, payee.updated_at = PayeeStatus.UNVERIFIED, now
    await session.flush()
    return payee


async def note_masked(session: Session, payee: Payee, last4: str | None) -> None:
    """What a machine lets us know of the account behind it."""
    if last4 is not None:
        payee.masked = f"···{last4}"
        await session.flush()


async def payees_to_pay(session: Session, parties: Collection[Party], after: str) -> list[str]:
    """The next ids of payees of these kinds that are checked; an empty list at the end."""
    wanted = (
        select(col(Payee.id))
        .where(col(Payee.party).in_(set(parties)), col(Payee.status) == PayeeStatus.VERIFIED, col(Payee.id) > after)
        .order_by(col(Payee.id))
        .limit(PAYEES_PER_STEP)
    )
    return list((await session.execute(wanted)).scalars())


async def judge_payee(
    session: Session, payee: Payee, now: datetime, *, verified: bool, reason: str | None = None
) -> None:
    """An operator's word on a locked payee, or the bank's. Raises `StateConflict` for one that is replaced."""
    if payee.status is PayeeStatus.REPLACED:
        raise StateConflict(state=PAYEE_DISPLAY[payee.status], verb={"en": "checked", "zh-Hans": "核实"})
    payee.status = PayeeStatus.VERIFIED if verified else PayeeStatus.REJECTED
    payee.reason, payee.updated_at = reason, now
    await session.flush()


async def get_payee(reader: Reader, caller: Caller, payee_id: str) -> Payee:
    """A payee for its party or an operator; `NotFound` for anybody else."""
    row = (await reader.execute(_SELECT.where(col(Payee.id) == payee_id, seen_by(caller, Payee)))).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound(what=PAYEE)
    return Payee(**found)


async def list_payees(
    reader: Reader, caller: Caller, status: PayeeStatus | None, cursor: str | None, limit: int
) -> list[Payee]:
    """Those of one's own, all for an operator, the newest first; one more than `limit`."""
    wanted = _SELECT.where(seen_by(caller, Payee)).order_by(col(Payee.id).desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(col(Payee.status) == status)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Payee.id) < after[0])
    return [Payee(**row) for row in (await reader.execute(wanted)).mappings()]


def seen_by(caller: Caller, table: Any) -> Any:
    """Rows whose party is the caller: a person, producers whose accounts it may see, or a carrier by its key; every row for an operator."""
    if caller.is_operator():
        return True
    mine = [each for each in (caller.person_id, caller.carrier) if each]
    return or_(col(table.party_id).in_(mine), col(table.party_id).in_(caller.granted(Grant.SEE)))


_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('payee ' || CAST(:party AS text), 0))")
_PRESENT: Final = col(Payee.status) != PayeeStatus.REPLACED
_SELECT: Final = select(*(col(getattr(Payee, name)) for name in Payee.model_fields))
