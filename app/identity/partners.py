"""Verbs for logistics partners and their API keys."""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound
from app.core.ids import new_id
from app.core.paging import Page, decode_cursor
from app.core.schema import fingerprint
from app.identity.errors import CarrierTaken, TooManyKeys
from app.identity.models import ApiKey, Partner
from app.identity.rules import key_hash, key_secret, shown_prefix
from app.identity.schemas import ApiKeyCreated, ApiKeyShape, NewApiKey, NewPartner, PartnerShape
from app.identity.service import page_of
from app.identity.values import KEYS_PER_PARTNER_MAX

_PARTNER: Final = select(*(col(getattr(Partner, name)) for name in PartnerShape.model_fields))
_KEY: Final = select(*(col(getattr(ApiKey, name)) for name in ApiKeyShape.model_fields))
_NO_PARTNER: Final = {"en": "partner", "zh-Hans": "合作方"}
_NO_KEY: Final = {"en": "API key", "zh-Hans": "API 密钥"}


async def create_partner(session: Session, command: NewPartner, now: datetime) -> PartnerShape:
    """Register a partner. The same id and body again answer the first result.

    Raises `IdTaken`, or `CarrierTaken` when the carrier's code belongs to another.
    """
    partner = Partner(
        id=command.id or new_id("ptn"),
        name=command.name,
        carrier=command.carrier,
        created_from=fingerprint(command),
        created_at=now,
    )
    inserted = insert(Partner).values(partner.model_dump()).on_conflict_do_nothing().returning(col(Partner.id))
    if (await session.execute(inserted)).first() is None:
        earlier = await session.get(Partner, partner.id)
        if earlier is None:
            raise CarrierTaken(carrier=command.carrier)
        if earlier.created_from != partner.created_from:
            raise IdTaken(id=partner.id)
        partner = earlier
    return PartnerShape.model_validate(partner, from_attributes=True)


async def list_partners(connection: Reader, *, cursor: str | None, limit: int) -> Page[PartnerShape]:
    """Every partner, the newest first."""
    after = decode_cursor(cursor, str)
    wanted = _PARTNER.order_by(col(Partner.id).desc()).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(col(Partner.id) < after[0])
    return page_of((await connection.execute(wanted)).all(), limit, PartnerShape)


async def partners_by_carrier(connection: Reader, carriers: Collection[str]) -> dict[str, PartnerShape]:
    """The partners behind these carrier codes, where there are any. One statement."""
    rows = (await connection.execute(_PARTNER.where(col(Partner.carrier).in_(set(carriers))))).all()
    return {row.carrier: PartnerShape.model_validate(row, from_attributes=True) for row in rows}


async def partner_by_carrier(connection: Reader, carrier: str) -> PartnerShape | None:
    """The partner behind a carrier's code, if any."""
    return (await partners_by_carrier(connection, [carrier])).get(carrier)


async def create_key(session: Session, partner_id: str, command: NewApiKey, now: datetime) -> ApiKeyCreated:
    """Make an API key; only this answer holds its secret. Locks the partner, so that `TooManyKeys` holds."""
    partner = select(col(Partner.id)).where(col(Partner.id) == partner_id).with_for_update()
    if (await session.execute(partner)).first() is None:
        raise NotFound(what=_NO_PARTNER)
    valid = select(func.count()).where(col(ApiKey.partner_id) == partner_id, col(ApiKey.revoked_at).is_(None))
    if (await session.execute(valid)).scalar_one() >= KEYS_PER_PARTNER_MAX:
        raise TooManyKeys(max=KEYS_PER_PARTNER_MAX)
    secret = key_secret(command.mode, secrets.token_urlsafe(32))
    key = ApiKey(
        id=new_id("key"),
        partner_id=partner_id,
        hash=key_hash(secret),
        prefix=shown_prefix(secret),
        mode=command.mode,
        scopes=sorted(set(command.scopes)),
        public_key=command.public_key,
        created_at=now,
    )
    await session.execute(insert(ApiKey).values(key.model_dump()))
    return ApiKeyCreated.model_validate(key.model_dump(exclude={"partner_id", "hash"}) | {"secret": secret})


async def list_keys(connection: Reader, partner_id: str, *, cursor: str | None, limit: int) -> Page[ApiKeyShape]:
    """A partner's keys, revoked ones too, the newest first; never a secret."""
    after = decode_cursor(cursor, str)
    if (await connection.execute(_PARTNER.where(col(Partner.id) == partner_id))).first() is None:
        raise NotFound(what=_NO_PARTNER)
    wanted = _KEY.where(col(ApiKey.partner_id) == partner_id).order_by(col(ApiKey.id).desc()).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(col(ApiKey.id) < after[0])
    return page_of((await connection.execute(wanted)).all(), limit, ApiKeyShape)


async def revoke_key(session: Session, partner_id: str, key_id: str, now: datetime) -> None:
    """End a key at once; again is harmless. Raises `NotFound`."""
    revoked = (
        update(ApiKey)
        .where(col(ApiKey.id) == key_id, col(ApiKey.partner_id) == partner_id)
        .values(revoked_at=func.coalesce(col(ApiKey.revoked_at), now))
        .returning(col(ApiKey.id))
    )
    if (await session.execute(revoked)).first() is None:
        raise NotFound(what=_NO_KEY)
