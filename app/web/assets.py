"""Files that pages load: our own, and MapLibre GL JS out of the package that brings it. Only what is named here is served."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.core.errors import NotFound

router = APIRouter(include_in_schema=False)
_OURS: Final = Path(__file__).parent / "static"
_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLE: Final = "text/css; charset=utf-8"
_TYPES: Final = {
    "network.js": _SCRIPT,
    "network-map.js": _SCRIPT,
    "network-panel.js": _SCRIPT,
    "network-door.js": _SCRIPT,
    "network.css": _STYLE,
    "track.js": _SCRIPT,
    "track-map.js": _SCRIPT,
    "map-names.js": _SCRIPT,
    "land.json": "application/geo+json",
    "maplibre-gl.js": _SCRIPT,
    "maplibre-gl.css": _STYLE,
}
_FILE: Final = {"en": "file", "zh-Hans": "文件"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent, plain and packed. Both are kept: there are few."""

    body: bytes
    packed: bytes
    tag: str
    media: str


@lru_cache(maxsize=len(_TYPES))
def asset(name: str) -> Asset:
    """Raises `NotFound` for anything that pages do not load."""
    if name not in _TYPES:
        raise NotFound(what=_FILE)
    body = _path(name).read_bytes()
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    return Asset(body, gzip.compress(body, mtime=0), digest, _TYPES[name])


def _path(name: str) -> Path:
    """Nothing of the package is imported: only its copy of the library is read."""
    if name.startswith("maplibre-"):
        return Path(str(distribution("maplibre").locate_file(f"maplibre/srcjs/{name}")))
    return _OURS / name


def address_of(name: str) -> str:
    """Where a page finds a file: with its tag, so that it may be kept for ever."""
    return f"/static/{name}?v={asset(name).tag}"


@router.get("/static/{name}")
def read_asset(name: str, request: Request, v: str | None = None) -> Response:
    """The file, packed where the browser can unpack it. With its own tag in the address it is kept for a year."""
    found = asset(name)
    kept = "public, max-age=31536000, immutable" if v == found.tag else "no-cache"
    headers = {
        "etag": f'"{found.tag}"',
        "cache-control": kept,
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers=headers | {"content-encoding": "gzip"}, media_type=found.media)
    return Response(found.body, headers=headers, media_type=found.media)
