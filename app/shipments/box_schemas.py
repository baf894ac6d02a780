"""Shapes of boxes that come back."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import LocalText


class BoxReturn(Shape):
    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"examples": [{"hub": "SHANGHAI"}]})

    hub: Annotated[str, Field(pattern="^[A-Z0-9_-]{2,20}$", description="Where it was scanned")]


class BoxShape(Shape):
    """A box with a deposit. `back_by` is until when it is to come back; unknown before the delivery."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "pkg_01jd0000000000000000000000",
                    "type": "RPC-M",
                    "name": {"zh-Hans": "循环周转箱（中号）", "en": "Reusable crate, medium"},
                    "deposit": {"amount": 2500, "currency": "CNY"},
                    "back_by": "2026-04-05T08:00:00Z",
                    "returned_at": "2026-03-12T08:00:00Z",
                    "returned_hub": "SHANGHAI",
                }
            ]
        }
    )

    id: str
    type: str
    name: LocalText
    deposit: Money
    back_by: Time | None = None
    returned_at: Time | None = None
    returned_hub: str | None = None
