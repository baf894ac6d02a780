"""Shapes of consignments without a way on."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.schema import Shape, Time
from app.core.text import LocalText

_STRANDED: Final[dict[str, Any]] = {
    "consignment": "con_01jd0000000000000000000000",
    "order": "ord_01jd0000000000000000000000",
    "tracking_number": "CM3141592653589",
    "hub": "HOTAN",
    "to": "URUMQI",
    "ready_at": "2026-03-01T11:00:00Z",
    "reason": "full",
    "rule": None,
    "reason_text": "From HOTAN to URUMQI: Every departure that would arrive in time is full. Send less, or start later.",
    "disruption": "dis_01jd0000000000000000000000",
    "disruption_reason": {"zh-Hans": "沙尘暴封路", "en": "Road closed by a sandstorm"},
    "stranded_at": "2026-03-01T12:00:00Z",
    "tried_at": "2026-03-01T12:00:00Z",
}


class StrandedShape(Shape):
    """A consignment for which no way on was found: it is, or will be at `ready_at`, at `hub`, and should go `to`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_STRANDED]}
    )

    consignment: str
    order: str
    tracking_number: str
    hub: str
    to: str
    ready_at: Time
    reason: str
    rule: Annotated[str | None, Field(description="The number of the rule by which it may not go there")]
    reason_text: str
    disruption: str | None
    disruption_reason: LocalText
    stranded_at: Time
    tried_at: Time
