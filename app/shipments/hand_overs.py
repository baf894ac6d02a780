"""Verbs of custody: record a hand-over once, and read the chain of those who had the goods."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.core.database import Reader, Session, Sql
from app.core.errors import IdTaken
from app.shipments.custody import HandOver, Holder, PartyKind, read_holder
from app.shipments.models import HandOverRow

# Keys that a party had registered when a code says that it was made. A device that was lost signs nothing after it was reported.
_CARRIERS_KEYS: Final = Sql(
    "SELECT api_key.public_key FROM api_key JOIN partner ON partner.id = api_key.partner_id WHERE partner.carrier = :id "
    "AND api_key.public_key IS NOT NULL AND api_key.created_at <= :until AND (api_key.revoked_at IS NULL OR api_key.revoked_at > :at)"
)
_PRODUCERS_KEYS: Final = Sql(
    "SELECT device_key.public_key FROM device_key JOIN membership ON membership.person_id = device_key.person_id "
    "WHERE membership.producer_id = :id AND membership.grants ? 'ship' "
    "AND device_key.created_at <= :until AND (device_key.revoked_at IS NULL OR device_key.revoked_at > :at)"
)
_BUYERS_KEYS: Final = Sql(
    "SELECT public_key FROM device_key WHERE person_id = :id AND created_at <= :until AND (revoked_at IS NULL OR revoked_at > :at)"
)
_KEYS: Final = {
    PartyKind.CARRIER: _CARRIERS_KEYS,
    PartyKind.PRODUCER: _PRODUCERS_KEYS,
    PartyKind.BUYER: _BUYERS_KEYS,
}
_COLUMNS: Final = [col(getattr(HandOverRow, name)) for name in HandOverRow.model_fields]


async def keys_of(reader: Reader, holder: Holder, buyer_id: str, at: datetime, until: datetime) -> list[str]:
    """The public keys that this party had registered by `until` and not withdrawn by `at`. One statement."""
    party = buyer_id if holder.kind is PartyKind.BUYER else holder.id
    rows = await _KEYS[holder.kind].all(reader, {"id": party, "at": at, "until": until})
    return sorted({row.public_key for row in rows})


async def find_hand_over(reader: Reader, hand_over_id: str) -> HandOverRow | None:
    row = (await reader.execute(select(*_COLUMNS).where(col(HandOverRow.id) == hand_over_id))).mappings().one_or_none()
    return HandOverRow(**row) if row else None


async def add_hand_over(session: Session, row: HandOverRow) -> None:
    """Write one, once; raises `IdTaken` when its id means another."""
    written = insert(HandOverRow).values(row.model_dump()).on_conflict_do_nothing()
    if (await session.execute(written.returning(col(HandOverRow.id)))).first() is None:
        earlier = await find_hand_over(session, row.id)
        if earlier is None or earlier.code != row.code:
            raise IdTaken(id=row.id)


async def list_hand_overs(reader: Reader, consignment_id: str) -> Sequence[HandOverRow]:
    """Those of a consignment, as they happened."""
    wanted = select(*_COLUMNS).where(col(HandOverRow.consignment_id) == consignment_id)
    rows = await reader.execute(wanted.order_by(col(HandOverRow.happened_at), col(HandOverRow.id)))
    return [HandOverRow(**row) for row in rows.mappings()]


def as_told(row: HandOverRow) -> HandOver:
    giver, taker = read_holder(row.giver), read_holder(row.taker)
    assert giver is not None
    assert taker is not None
    return HandOver(row.happened_at, row.id, giver, taker, row.hub, row.weight_g, tuple(row.packages))
