"""ETags: a hash of the answer itself, so that equal tags mean equal bytes; 304 and 412 follow from it."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from fastapi import Request, Response
from pydantic import BaseModel

from app.core.errors import Changed


def etag_of(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def etagged(
    request: Request,
    shape: BaseModel | bytes,
    *,
    status: int = 200,
    cache: str = "private, no-cache",
    vary: str = "Accept-Language, Authorization",
    media: str = "application/json",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The answer with its ETag, or 304 when the client has it already."""
    body = shape if isinstance(shape, bytes) else shape.model_dump_json(by_alias=True).encode()
    tag = etag_of(body)
    sent = {"etag": tag, "cache-control": cache, "vary": vary, **headers}
    if status == 200 and _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=sent)
    return Response(body, status, sent, media)


def require_match(request: Request, present: BaseModel) -> None:
    """Raise `Changed` when the client's `If-Match` is not the tag of the present state. Call it with the row locked."""
    expected = request.headers.get("if-match")
    if expected is not None and not _matches(expected, etag_of(present.model_dump_json(by_alias=True).encode())):
        raise Changed


def _matches(header: str | None, tag: str) -> bool:
    if header is None:
        return False
    return header.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in header[:1000].split(","))
