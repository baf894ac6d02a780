"""The story of a photo: announced to us, uploaded past us to the storage, looked at there, then ready to be shown."""

from app.catalogue.photos import announce_photo, find_photo, forget_unused, mark_ready, own_photo, require_arrived
from app.catalogue.schemas import MediaCreated, MediaShape, NewMedia, UploadShape
from app.catalogue.values import MediaState
from app.core.errors import NotFound
from app.flows.ports import Ports
from app.identity.values import Caller


async def start_upload(ports: Ports, caller: Caller, command: NewMedia) -> MediaCreated:
    """Note what will come and say where to put it. A repetition gives a fresh address for the same photo."""
    async with ports.begin() as session:
        announced = await announce_photo(session, caller, command, ports.clock.now())
    photo = announced.media
    upload = await ports.storage.presign_put(announced.key, photo.content_type, photo.bytes, photo.sha256)
    return MediaCreated(
        id=photo.id, upload=UploadShape(method=upload.method, url=upload.url, headers=dict(upload.headers))
    )


async def finish_upload(ports: Ports, caller: Caller, media_id: str) -> MediaShape:
    """Check that what arrived is what was announced; raises `UploadMissing` or `UploadDiffers`."""
    async with ports.database.read() as connection:
        announced = await own_photo(connection, caller, media_id)
    require_arrived(announced.media, await ports.storage.find(announced.key))
    async with ports.begin() as session:
        await mark_ready(session, media_id)
    url = await ports.storage.presign_get(announced.key)
    return announced.media.model_copy(update={"state": MediaState.READY, "url": url})


async def show_photo(ports: Ports, caller: Caller | None, media_id: str) -> MediaShape:
    """A photo that the caller may see, with a link that works for a while; raises `NotFound`."""
    async with ports.database.read() as connection:
        announced = await find_photo(connection, caller, media_id)
    ready = announced.media.state is MediaState.READY
    url = await ports.storage.presign_get(announced.key) if ready else None
    return announced.media.model_copy(update={"url": url})


async def link_to_photo(ports: Ports, caller: Caller | None, media_id: str) -> str:
    """Where the picture itself is; raises `NotFound` while there is none."""
    photo = await show_photo(ports, caller, media_id)
    if photo.url is None:
        raise NotFound(what={"en": "picture yet", "zh-Hans": "图片"})
    return photo.url


async def forget_photos(ports: Ports) -> None:
    """Periodic: photos that no listing took up go, from the database first, so that none is shown without its file."""
    async with ports.begin() as session:
        keys = await forget_unused(session, ports.clock.now())
    for key in keys:
        await ports.storage.delete(key)
