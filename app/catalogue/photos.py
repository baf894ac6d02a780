"""Verbs on photos: announced, uploaded past us, then ready. The storage itself is the flow's business."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.catalogue.errors import NO_MEDIA, TooManyUploads, UploadDiffers, UploadMissing
from app.catalogue.models import Listing, Media
from app.catalogue.rules import is_public
from app.catalogue.schemas import MediaShape, NewMedia
from app.catalogue.values import (
    PHOTO_SUFFIX,
    UPLOADS_FORGOTTEN_AFTER,
    UPLOADS_PER_SWEEP_MAX,
    UPLOADS_WAITING_MAX,
    MediaState,
)
from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound
from app.core.ids import new_id
from app.core.schema import fingerprint
from app.core.storage import Stored
from app.identity.rules import may, may_any
from app.identity.values import Caller, Grant

_UNUSED: Final = (col(Media.listing_id).is_(None), col(Media.claim_id).is_(None), col(Media.weigh_in_id).is_(None))
_COLUMNS: Final = [col(getattr(Media, name)) for name in Media.model_fields]


@dataclass(frozen=True, slots=True)
class Announced:
    """A photo as it was announced, with its place in the storage."""

    media: MediaShape
    key: str


async def announce_photo(session: Session, caller: Caller, command: NewMedia, now: datetime) -> Announced:
    """Note what the caller is going to upload. The same id and body again answer the first result.

    Raises `TooManyUploads` while UPLOADS_WAITING_MAX of the caller's photos are shown nowhere.
    """
    media = Media(
        **command.model_dump(exclude={"id"}),
        id=command.id or new_id("med"),
        person_id=caller.id,
        state=MediaState.AWAITED,
        created_from=fingerprint(command),
        created_at=now,
    )
    present = await session.get(Media, media.id)
    if present is None:
        waiting = select(func.count()).where(*_UNUSED, col(Media.person_id) == caller.id)
        if (await session.execute(waiting)).scalar_one() >= UPLOADS_WAITING_MAX:
            raise TooManyUploads
        await session.execute(insert(Media).values(media.model_dump()).on_conflict_do_nothing())
        present = await session.get_one(Media, media.id)
    if (present.person_id, present.created_from) != (media.person_id, media.created_from):
        raise IdTaken(id=media.id)
    return _announced(present)


async def photos_named(reader: Reader, media_ids: Collection[str]) -> dict[str, Announced]:
    """Those of these photos that are uploaded, by their ids. Who may see them is the caller's business."""
    wanted = select(*_COLUMNS).where(col(Media.id).in_(set(media_ids)), col(Media.state) == MediaState.READY)
    return {row["id"]: _announced(Media(**row)) for row in (await reader.execute(wanted)).mappings()}


async def find_photo(connection: Reader, caller: Caller | None, media_id: str) -> Announced:
    """A photo that the caller may see: their own, their producers', evidence for them, or one that a public listing shows.

    Raises `NotFound`. One statement.
    """
    wanted = (
        select(*_COLUMNS, col(Listing.status), col(Listing.producer_id))
        .outerjoin(Listing, col(Listing.id) == col(Media.listing_id))
        .where(col(Media.id) == media_id)
    )
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=NO_MEDIA)
    shown = row["status"] is not None and is_public(row["status"])
    own = caller is not None and (row["person_id"] == caller.id or may_any(caller, row["producer_id"] or ""))
    if not (shown or own or _is_evidence_for(row, caller)):
        raise NotFound(what=NO_MEDIA)
    return _announced(Media(**{name: row[name] for name in Media.model_fields}))


def _is_evidence_for(row: RowMapping, caller: Caller | None) -> bool:
    """Whether a claim against one of the caller's producers, a weigh-in of theirs, or what an operator may have to decide, rests on it."""
    if caller is None or (row["claim_id"] is None and row["weigh_in_id"] is None):
        return False
    if caller.is_operator() or caller.id in (row["weigh_in_parties"] or ()):
        return True
    sellers = {row["claim_producer_id"], *(row["weigh_in_parties"] or ())} - {None}
    return any(may(caller, seller, Grant.SEE) for seller in sellers)


async def keep_as_evidence(
    session: Session, caller: Caller, media_ids: Collection[str], claim_id: str, producer_id: str
) -> set[str]:
    """Keep photos of the caller's for a claim against this producer; answers those that could be kept.

    Not kept is what is another's, not uploaded yet, shown by a listing, or kept for something else. One statement.
    """
    return await _keep(session, caller, media_ids, {"claim_id": claim_id, "claim_producer_id": producer_id})


async def keep_for_weigh_in(
    session: Session, caller: Caller, media_id: str, weigh_in_id: str, parties: Collection[str]
) -> bool:
    """Keep a photo of the caller's for a weigh-in, which its buyer and its producer (`parties`) may see. False as above."""
    to = {"weigh_in_id": weigh_in_id, "weigh_in_parties": sorted(parties)}
    return bool(await _keep(session, caller, [media_id], to))


async def _keep(session: Session, caller: Caller, media_ids: Collection[str], to: dict[str, Any]) -> set[str]:
    kept = await session.execute(
        update(Media)
        .where(
            col(Media.id).in_(set(media_ids)),
            col(Media.person_id) == caller.id,
            col(Media.state) == MediaState.READY,
            *_UNUSED,
        )
        .values(to)
        .returning(col(Media.id))
    )
    return set(kept.scalars())


async def own_photo(connection: Reader, caller: Caller, media_id: str) -> Announced:
    """A photo that the caller announced. Raises `NotFound`."""
    wanted = select(*_COLUMNS).where(col(Media.id) == media_id, col(Media.person_id) == caller.id)
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=NO_MEDIA)
    return _announced(Media(**row))


def require_arrived(media: MediaShape, stored: Stored | None) -> None:
    """Raise `UploadMissing` or `UploadDiffers` unless exactly the announced file is there.

    A storage that keeps no checksum was given it with the upload and refused any other file.
    """
    if stored is None:
        raise UploadMissing
    if stored.bytes != media.bytes or stored.sha256 not in (None, media.sha256):
        raise UploadDiffers


async def mark_ready(session: Session, media_id: str) -> None:
    await session.execute(update(Media).where(col(Media.id) == media_id).values(state=MediaState.READY))


async def forget_unused(session: Session, now: datetime) -> Sequence[str]:
    """Delete photos that nothing took up within a day, UPLOADS_PER_SWEEP_MAX at a time; answers their storage keys."""
    unused = (
        select(col(Media.id))
        .where(*_UNUSED, col(Media.created_at) < now - UPLOADS_FORGOTTEN_AFTER)
        .order_by(col(Media.created_at))
        .limit(UPLOADS_PER_SWEEP_MAX)
        .with_for_update(skip_locked=True)
    )
    gone = await session.execute(
        delete(Media).where(col(Media.id).in_(unused)).returning(col(Media.id), col(Media.content_type))
    )
    return [_key(row.id, row.content_type) for row in gone]


def _announced(media: Media) -> Announced:
    shape = MediaShape(
        id=media.id,
        content_type=media.content_type,
        bytes=media.bytes,
        sha256=media.sha256,
        state=media.state,
        listing=media.listing_id,
        url=None,
    )
    return Announced(shape, _key(media.id, media.content_type))


def _key(media_id: str, content_type: str) -> str:
    return f"media/{media_id}{PHOTO_SUFFIX[content_type]}"
