"""Files of the directory storage, through links that we signed. With an S3-compatible service none of this answers."""

import asyncio
import hashlib
from typing import Final

from fastapi import APIRouter, Request, Response

from app.api.deps import PortsDep
from app.core.errors import Kind, NotFound, Problem
from app.core.limits import DOWNLOAD_LIFETIME, PHOTO_BYTES_MAX
from app.core.storage import DirectoryStorage

router = APIRouter(include_in_schema=False)
_NO_FILE: Final = {"en": "file", "zh-Hans": "文件"}
_TYPES: Final = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
# Whatever the bytes are, a browser shows a picture or saves a file; it never runs them.
_HARMLESS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}


class LinkRefused(Problem):
    slug = "link-refused"
    kind = Kind.FORBIDDEN
    title = {"en": "This link is not valid", "zh-Hans": "链接无效"}
    detail = {
        "en": "It has expired or was changed. Ask the API for the file again and use the new link as it is.",
        "zh-Hans": "链接已过期或被改动。请通过 API 重新获取，并原样使用新链接。",
    }


class UploadRefused(Problem):
    slug = "upload-refused"
    kind = Kind.INVALID
    title = {"en": "This is not the file that was announced", "zh-Hans": "上传的文件与申报不符"}
    detail = {
        "en": "Type, size and SHA-256 must be those that POST /v1/media was told. Send that file, with the headers given.",
        "zh-Hans": "文件类型、大小和 SHA-256 须与 POST /v1/media 中申报的一致。请使用给定的请求头上传该文件。",
    }


@router.put("/storage/{key:path}")
async def put_file(key: str, request: Request, ports: PortsDep) -> Response:
    """Take exactly the file that the link was signed for."""
    storage = _storage_of(ports.storage, "PUT", key, request)
    terms = request.query_params
    size = int(terms["bytes"])
    if request.headers.get("content-type") != terms["type"] or size > PHOTO_BYTES_MAX:
        raise UploadRefused
    content = await _read(request, size)
    if len(content) != size or hashlib.sha256(content).hexdigest() != terms["sha256"]:
        raise UploadRefused
    await asyncio.to_thread(storage.write, key, content)
    return Response(status_code=200)


@router.get("/storage/{key:path}")
async def get_file(key: str, request: Request, ports: PortsDep) -> Response:
    """The file that the link was signed for. It never changes, so it may be kept for as long as the link works."""
    storage = _storage_of(ports.storage, "GET", key, request)
    path = storage.path(key)
    try:
        content = await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        raise NotFound(what=_NO_FILE) from None
    kept = f"private, max-age={int(DOWNLOAD_LIFETIME.total_seconds())}, immutable"
    shown = _TYPES.get(path.suffix)
    headers = _HARMLESS | {"cache-control": kept} | ({} if shown else {"content-disposition": "attachment"})
    return Response(content, 200, headers, shown or "application/octet-stream")


def _storage_of(storage: object, method: str, key: str, request: Request) -> DirectoryStorage:
    if not isinstance(storage, DirectoryStorage):
        raise NotFound(what=_NO_FILE)
    if not storage.allows(method, key, dict(request.query_params)):
        raise LinkRefused
    return storage


async def _read(request: Request, size: int) -> bytes:
    """The body, given up as soon as it is longer than it may be."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > size:
            raise UploadRefused
    return bytes(content)
