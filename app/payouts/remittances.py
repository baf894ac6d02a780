"""Verbs of cash that carriers collected: announce what is handed over, confirm what arrived, and who holds how much too long."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound, StateConflict
from app.core.ids import new_id
from app.core.paging import decode_cursor
from app.identity.values import Caller
from app.ledger.service import record as record_transfers
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from app.payouts.errors import RemittanceKnown
from app.payouts.models import Remittance
from app.payouts.values import CARRIERS_LISTED_MAX

REMITTANCE: Final = {"en": "remittance", "zh-Hans": "上缴记录"}
_CONFIRMED: Final = {"en": "confirmed", "zh-Hans": "已确认"}
_COLUMNS: Final = select(*(col(getattr(Remittance, name)) for name in Remittance.model_fields))
# Cash collected from then on is not overdue yet; what was handed over is taken to be the oldest.
_HELD: Final = text(
    """
    SELECT account.owner AS carrier, account.currency, (-sum(entry.amount_minor))::bigint AS held_minor,
        coalesce(-sum(entry.amount_minor) FILTER (WHERE transfer.kind = 'collection' AND transfer.settled_at >= :since), 0)::bigint
            AS fresh_minor,
        (SELECT coalesce(sum(announced_minor), 0)::bigint FROM remittance WHERE remittance.carrier = account.owner
            AND remittance.currency = account.currency AND confirmed_at IS NULL) AS announced_minor
    FROM account JOIN entry ON entry.account_id = account.id JOIN transfer ON transfer.id = entry.transfer_id
    WHERE account.kind = 'carrier_cash' AND transfer.state = 'posted'
        AND (CAST(:carrier AS text) IS NULL OR account.owner = :carrier)
    GROUP BY account.owner, account.currency ORDER BY 1, 2 LIMIT :most
    """
)
_RECEIVED: Final = text(
    "SELECT currency, sum(received_minor)::bigint FROM remittance WHERE confirmed_at IS NOT NULL GROUP BY 1"
)


async def announce(session: Session, remittance: Remittance) -> Remittance:
    """Write down what a carrier says that it hands over. The same id and body again answer the first.

    Raises `IdTaken`, or `RemittanceKnown` when the carrier has used the reference before.
    """
    written = insert(Remittance).values(remittance.model_dump()).on_conflict_do_nothing().returning(col(Remittance.id))
    if (await session.execute(written)).first() is not None:
        return remittance
    earlier = await session.get(Remittance, remittance.id)
    if earlier is None:
        raise RemittanceKnown(reference=remittance.reference)
    if earlier.created_from != remittance.created_from or earlier.carrier != remittance.carrier:
        raise IdTaken(id=remittance.id)
    return earlier


async def confirm(session: Session, remittance_id: str, received_minor: int, by: str, now: datetime) -> Remittance:
    """What arrived, which may be another amount: the difference stays with the carrier. Locks it; raises `NotFound` or `StateConflict`."""
    remittance = await session.get(Remittance, remittance_id, with_for_update=True, populate_existing=True)
    if remittance is None:
        raise NotFound(what=REMITTANCE)
    if remittance.confirmed_at is not None:
        raise StateConflict(state=_CONFIRMED, verb={"en": "confirmed again", "zh-Hans": "再次确认"})
    remittance.received_minor, remittance.confirmed_by, remittance.confirmed_at = received_minor, by, now
    await session.flush()
    if received_minor:
        currency = remittance.currency
        entries = (
            Entry(AccountRef(AccountKind.CARRIER_CASH, remittance.carrier, currency), received_minor),
            Entry(AccountRef(AccountKind.BANK, PLATFORM, currency), -received_minor),
        )
        moved = Transfer(new_id("trf"), TransferKind.REMITTANCE, remittance.id, State.POSTED, entries)
        await record_transfers(session, [moved], now)
    return remittance


async def list_remittances(
    reader: Reader, caller: Caller, cursor: str | None, limit: int, *, waiting: bool
) -> list[Remittance]:
    """A carrier's own, all for an operator, the newest first; one more than `limit`."""
    wanted = _COLUMNS.order_by(col(Remittance.id).desc()).limit(limit + 1)
    if not caller.is_operator():
        wanted = wanted.where(col(Remittance.carrier) == caller.carrier)
    if waiting:
        wanted = wanted.where(col(Remittance.confirmed_at).is_(None))
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Remittance.id) < after[0])
    return [Remittance(**row) for row in (await reader.execute(wanted)).mappings()]


async def cash_held(reader: Reader, carrier: str | None, since: datetime) -> list[Any]:
    """By carrier and currency: cash held, of it collected after `since`, and what is announced as handed over. One statement."""
    return list(await reader.execute(_HELD, {"carrier": carrier, "since": since, "most": CARRIERS_LISTED_MAX}))


async def received_in_all(reader: Reader) -> dict[str, int]:
    """What carriers handed over and arrived, by currency."""
    return {currency: int(amount) for currency, amount in await reader.execute(_RECEIVED)}
