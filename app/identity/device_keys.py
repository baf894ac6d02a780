"""Verbs for the keys with which a person's devices sign, also where there is no network."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound
from app.core.ids import new_id
from app.core.paging import Page, decode_cursor
from app.core.schema import Shape, Time
from app.core.text import PlainText
from app.identity.errors import TooManyDeviceKeys
from app.identity.models import DeviceKey, Person
from app.identity.service import page_of
from app.identity.values import Caller

DEVICE_KEYS_PER_PERSON_MAX: Final = 20
_NO_KEY: Final = {"en": "device key", "zh-Hans": "设备密钥"}
_EXAMPLE: Final[dict[str, Any]] = {"public_key": "k" * 43, "name": "The garden's phone"}


class NewDeviceKey(Shape):
    """The public half of an Ed25519 key that the device made and keeps, base64url without padding."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    name: Annotated[PlainText, Field(max_length=60)]


class DeviceKeyShape(Shape):
    """A key of one's own. Withdrawn, it signs nothing from then on; what it signed before stays signed."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                _EXAMPLE
                | {
                    "id": "dvk_01jd0000000000000000000000",
                    "created_at": "2026-03-01T08:00:00Z",
                    "revoked_at": None,
                }
            ]
        },
    )

    id: str
    public_key: str
    name: str
    created_at: Time
    revoked_at: Time | None


_KEY: Final = select(*(col(getattr(DeviceKey, name)) for name in DeviceKeyShape.model_fields))


async def add_device_key(session: Session, caller: Caller, command: NewDeviceKey, now: datetime) -> DeviceKeyShape:
    """Register a key of the caller's, once; locks the person, so that `TooManyDeviceKeys` holds. `IdTaken` for another's, or a withdrawn one."""
    await session.execute(select(col(Person.id)).where(col(Person.id) == caller.id).with_for_update())
    mine = (col(DeviceKey.person_id) == caller.id, col(DeviceKey.revoked_at).is_(None))
    present = (await session.execute(_KEY.where(col(DeviceKey.public_key) == command.public_key, *mine))).one_or_none()
    if present is not None:
        return DeviceKeyShape.model_validate(present, from_attributes=True)
    valid = select(func.count()).select_from(DeviceKey).where(*mine)
    if (await session.execute(valid)).scalar_one() >= DEVICE_KEYS_PER_PERSON_MAX:
        raise TooManyDeviceKeys(max=DEVICE_KEYS_PER_PERSON_MAX)
    key = DeviceKey(id=new_id("dvk"), person_id=caller.id, created_at=now, **command.model_dump())
    written = insert(DeviceKey).values(key.model_dump()).on_conflict_do_nothing().returning(col(DeviceKey.id))
    if (await session.execute(written)).first() is None:
        raise IdTaken(id=command.public_key)
    return DeviceKeyShape.model_validate(key, from_attributes=True)


async def list_device_keys(reader: Reader, caller: Caller, cursor: str | None, limit: int) -> Page[DeviceKeyShape]:
    """One's own, withdrawn ones too, the newest first."""
    wanted = _KEY.where(col(DeviceKey.person_id) == caller.id).order_by(col(DeviceKey.id).desc()).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(DeviceKey.id) < after[0])
    return page_of((await reader.execute(wanted)).all(), limit, DeviceKeyShape)


async def revoke_device_key(session: Session, caller: Caller, key_id: str, now: datetime) -> None:
    """Withdraw a key at once, as when the device is lost; again is harmless. Raises `NotFound`."""
    revoked = (
        update(DeviceKey)
        .where(col(DeviceKey.id) == key_id, col(DeviceKey.person_id) == caller.id)
        .values(revoked_at=func.coalesce(col(DeviceKey.revoked_at), now))
        .returning(col(DeviceKey.id))
    )
    if (await session.execute(revoked)).first() is None:
        raise NotFound(what=_NO_KEY)
