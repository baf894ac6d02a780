"""Pages by keyset: an opaque cursor that holds the sort key of the last item, never an offset, never a count."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, ClassVar, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import Gap, Invalid
from app.core.limits import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX

Item = TypeVar("Item")
Limit = Annotated[int, Field(ge=1, le=PAGE_SIZE_MAX, description="How many items at the most")]
Cursor = Annotated[str, Field(max_length=400, description="`next_cursor` of the page before")]
DEFAULT_LIMIT = PAGE_SIZE_DEFAULT


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last one."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    items: list[Item]
    next_cursor: str | None


def encode_cursor(key: Sequence[str | int]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(key))).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[str | int, ...] | None:
    """The sort key in a cursor, checked for its shape; `Invalid` when it is not one of ours."""
    if cursor is None:
        return None
    try:
        key = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _bad_cursor() from None
    well_shaped = (
        isinstance(key, list)
        and len(key) == len(kinds)
        and all(type(part) is kind for part, kind in zip(key, kinds, strict=True))
    )
    if not well_shaped or any(isinstance(part, str) and "\x00" in part for part in key):
        raise _bad_cursor()
    return tuple(key)


def _bad_cursor() -> Invalid:
    return Invalid(gaps=[Gap("/query/cursor", {"en": "Not a cursor of this list", "zh-Hans": "不是该列表的游标"})])
