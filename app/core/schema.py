"""The base of every request and answer shape: unknown fields refused, times in UTC ending in Z."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
)

from app.core.clock import rfc3339


class Shape(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, str_max_length=100_000)


def _only_text(value: Any) -> Any:
    if isinstance(value, str | datetime):
        return value
    message = "A time is text such as 2026-03-01T08:00:00Z"
    raise ValueError(message)


def _in_utc(at: datetime) -> datetime:
    if not 2000 <= at.year <= 2100:
        message = "A time between the years 2000 and 2100 is needed"
        raise ValueError(message)
    return at.astimezone(UTC)


Time = Annotated[
    AwareDatetime,
    BeforeValidator(_only_text),
    AfterValidator(_in_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T08:00:00Z"]}),
]


def fingerprint(command: BaseModel) -> str:
    """A hash of what was asked, equal for equal requests: tells a repeated creation from a different one."""
    return digest(command.model_dump(mode="json"))


def digest(content: Any) -> str:
    """A hash of plain values (JSON), equal for equal ones, whatever the order of their members."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
