"""Faults in words of our own, in both languages, whatever pydantic would say."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Base64Bytes, Field, ValidationError

from app.core.schema import Shape, Time
from app.core.validation import gaps_of


class Inner(Shape):
    n: int = 1


class Everything(Shape):
    whole: Annotated[int, Field(ge=1, le=9)] = 1
    share: float = 0.5
    is_so: bool = True
    word: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    choice: Literal["a", "b"] = "a"
    items: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    inner: Inner | None = None
    words: dict[str, str] = {}
    at: Time | None = None
    archive: Base64Bytes = b""


@pytest.mark.parametrize(
    ("body", "en", "zh"),
    [
        ({"whole": "x"}, "A whole number is needed", "应为整数"),
        ({"whole": 0}, "At least 1", "必须大于或等于 1"),
        ({"share": "x"}, "A number is needed", "应为数字"),
        ({"is_so": "x"}, "true or false is needed", "应为 true 或 false"),
        ({"word": 1}, "Text is needed, in quotes", "应为文本"),
        ({"word": "a"}, "At least 2 characters are needed", "至少需要 2 个字符"),
        ({"choice": "c"}, "One of: a, b", "应为以下之一：a, b"),
        ({"items": []}, "1 or more are needed", "至少需要 1 项"),
        ({"items": 1}, "A list is needed, in brackets", "应为数组"),
        ({"inner": 1}, "A JSON object is needed, in braces", "应为对象"),
        ({"words": 1}, "A JSON object is needed, in braces", "应为对象"),
        ({"surprise": 1}, "There is no such field here", "不接受此字段"),
        (
            {"at": "2026-03-01T08:00:00"},
            "A time needs its zone, such as 2026-03-01T08:00:00Z",
            "时间必须带时区，例如 2026-03-01T08:00:00Z",
        ),
        ({"at": "soon"}, "A time is needed, such as 2026-03-01T08:00:00Z", "应为时间，例如 2026-03-01T08:00:00Z"),
        ({"at": []}, "A time is text such as 2026-03-01T08:00:00Z", "时间应为文本，例如 2026-03-01T08:00:00Z"),
        ({"archive": "not base 64"}, "This is not base 64", "应为 base64 编码"),
        (7, "A JSON object is needed, in braces", "应为对象"),
    ],
)
def test_fault_is_told_in_our_words(body: Any, en: str, zh: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Everything.model_validate(body)
    (gap,) = gaps_of([{**fault, "loc": ("body", *fault["loc"])} for fault in refused.value.errors()], body)
    assert dict(gap.detail) == {"en": en, "zh-Hans": zh}
