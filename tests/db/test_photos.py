"""Photos on a real database: announced, uploaded, shown, let go."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.catalogue import photos
from app.catalogue.errors import TooManyUploads, UploadDiffers, UploadMissing
from app.catalogue.schemas import NewMedia
from app.catalogue.values import UPLOADS_WAITING_MAX
from app.core.errors import Invalid, NotFound
from app.core.storage import Stored
from tests.db.selling import changed, gaps_of, published
from tests.factories.catalogue import HARVEST, a_draft, a_lot, a_photo
from tests.factories.identity import a_person
from tests.factories.network import networked
from tests.factories.tables import value

template = networked


async def test_photos_are_announced_uploaded_shown_and_let_go(ports, seller):
    photo_id = await a_photo(ports, seller)
    not_ready = changed(ports, seller, listing_id := await a_draft(ports, seller), photos=[photo_id])
    assert await gaps_of(Invalid, not_ready) == ["/photos/0"]
    async with ports.begin() as session:
        await photos.mark_ready(session, photo_id)
    seen = await changed(ports, seller, listing_id, photos=[photo_id])
    assert [photo.id for photo in seen.photos] == [photo_id]
    other = changed(ports, seller, await a_draft(ports, seller), photos=[photo_id])
    assert await gaps_of(Invalid, other) == ["/photos/0"]
    twice = changed(ports, seller, listing_id, photos=[photo_id, photo_id])
    assert await gaps_of(Invalid, twice) == ["/photos"]
    ports.clock.advance(timedelta(days=2))
    async with ports.begin() as session:
        assert await photos.forget_unused(session, ports.clock.now()) == []
    await changed(ports, seller, listing_id, photos=[])
    async with ports.begin() as session:
        assert await photos.forget_unused(session, ports.clock.now()) == [f"media/{photo_id}.jpg"]
    assert await value(ports, "SELECT count(*) FROM media") == 0


async def test_a_photo_is_private_until_its_listing_is_public(ports, seller):
    photo_id, stranger = await a_photo(ports, seller), await a_person(ports)
    async with ports.begin() as session:
        await photos.mark_ready(session, photo_id)
    listing_id = await a_draft(ports, seller, photos=[photo_id])
    await a_lot(ports, seller, listing_id, "1", **HARVEST)

    async def seen_by(caller):
        async with ports.database.read() as connection:
            return (await photos.find_photo(connection, caller, photo_id)).media.id

    assert await seen_by(seller.caller) == photo_id
    for caller in (None, stranger.caller):
        with pytest.raises(NotFound):
            await seen_by(caller)
    await published(ports, seller, listing_id)
    assert await seen_by(None) == await seen_by(stranger.caller) == photo_id


async def test_an_upload_is_what_was_announced(ports, seller):
    async with ports.begin() as session:
        command = NewMedia(content_type="image/png", bytes=3, sha256="0" * 64)
        media = (await photos.announce_photo(session, seller.caller, command, ports.clock.now())).media
    photos.require_arrived(media, Stored(3, "0" * 64))
    photos.require_arrived(media, Stored(3, None))
    with pytest.raises(UploadMissing):
        photos.require_arrived(media, None)
    for stored in (Stored(4, "0" * 64), Stored(3, "1" * 64)):
        with pytest.raises(UploadDiffers):
            photos.require_arrived(media, stored)


async def test_waiting_uploads_are_bounded(ports, seller):
    photo_id = await a_photo(ports, seller)
    row = "SELECT id || n, person_id, content_type, bytes, sha256, state, created_from, created_at FROM media, "
    async with ports.begin() as session:
        copies = f"{row} generate_series(2, {UPLOADS_WAITING_MAX}) n"
        columns = "(id, person_id, content_type, bytes, sha256, state, created_from, created_at)"
        await session.execute(text(f"INSERT INTO media {columns} {copies}"))
    with pytest.raises(TooManyUploads):
        await a_photo(ports, seller)
    assert photo_id
