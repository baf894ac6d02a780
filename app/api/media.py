"""Photos: announce one, upload it to the address given, say that it is there."""

from typing import Annotated, Final

from fastapi import Path, Request, Response
from fastapi.responses import RedirectResponse

from app.api.deps import AnyCaller, PortsDep, Uploader
from app.api.documents import NOT_MODIFIED, Responses, refuses
from app.api.etags import etagged
from app.api.router import story_router
from app.catalogue.errors import TooManyUploads, UploadDiffers, UploadMissing
from app.catalogue.schemas import MediaCreated, MediaId, MediaShape, NewMedia
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, UpstreamFailed
from app.core.limits import DOWNLOAD_LIFETIME
from app.flows import add_photo
from app.identity.errors import NotSignedIn

router = story_router("sell")
AMediaId = Annotated[MediaId, Path()]
_ELSEWHERE: Final[Responses] = {307: {"description": "The picture is at `Location`, for a while"}}


@router.post(
    "/media",
    status_code=201,
    summary="Announce a photo",
    responses=refuses(NotSignedIn, Forbidden, IdTaken, TooManyUploads, Invalid),
)
async def create_media(command: NewMedia, ports: PortsDep, caller: Uploader) -> MediaCreated:
    """Says where to upload the file, for a quarter of an hour. The same id and body again give a fresh address."""
    return await add_photo.start_upload(ports, caller, command)


@router.post(
    "/media/{media_id}/complete",
    summary="Say that a photo has been uploaded",
    responses=refuses(NotSignedIn, Forbidden, NotFound, UploadMissing, UploadDiffers, UpstreamFailed, Invalid),
)
async def complete_media(media_id: AMediaId, ports: PortsDep, caller: Uploader) -> MediaShape:
    """Checks size and SHA-256 in the storage; from then on a listing may show the photo. May be repeated."""
    return await add_photo.finish_upload(ports, caller, media_id)


@router.get(
    "/media/{media_id}",
    summary="One photo",
    response_model=MediaShape,
    responses=NOT_MODIFIED | refuses(NotSignedIn, NotFound, Invalid),
)
async def read_media(media_id: AMediaId, request: Request, ports: PortsDep, caller: AnyCaller) -> Response:
    """A photo with a link that works for an hour. Photos of listings on sale need no sign-in."""
    return etagged(request, await add_photo.show_photo(ports, caller, media_id))


@router.get(
    "/media/{media_id}/content",
    summary="The picture itself",
    status_code=307,
    response_class=RedirectResponse,
    responses=_ELSEWHERE | refuses(NotSignedIn, NotFound, Invalid),
)
async def read_media_content(media_id: AMediaId, ports: PortsDep, caller: AnyCaller) -> Response:
    """Leads on to the storage: an address that can stand in a page or a listing for ever."""
    url = await add_photo.link_to_photo(ports, caller, media_id)
    kept_s = int(DOWNLOAD_LIFETIME.total_seconds()) // 2
    return RedirectResponse(url, 307, {"cache-control": f"private, max-age={kept_s}"})
