"""Shapes of exceptions: what does not go as it should, for operators and for the carrier in whose hands it is."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from app.core.quantity import as_text
from app.core.schema import Shape, Time
from app.core.text import LocalText, pick
from app.shipments.exception_values import EXCEPTION_DISPLAY, ExceptionKind
from app.shipments.exceptions import ListedException


class ExceptionShape(Shape):
    """`ended_at` null: it goes on. `worst` and `limit` are degrees Celsius, per cent of relative humidity, or hours on board."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "exc_01jd0000000000000000000000",
                    "consignment": "con_01jd0000000000000000000000",
                    "order": "ord_01jd0000000000000000000000",
                    "tracking_number": "CM3141592653589",
                    "kind": "silent",
                    "kind_text": "No word from the carrier",
                    "reason": {"en": "due at URUMQI at 03-02 22:30", "zh-Hans": "应于 03-02 22:30 到达 URUMQI"},
                    "carrier": "KUNLUN",
                    "hub": "HOTAN",
                    "began_at": "2026-03-02T14:30:00Z",
                    "ended_at": None,
                    "raised_at": "2026-03-02T20:35:00Z",
                    "worst": None,
                    "worst_at": None,
                    "limit": None,
                }
            ]
        },
    )

    id: str
    consignment: str
    order: str
    tracking_number: str
    kind: ExceptionKind
    kind_text: str
    reason: LocalText
    carrier: Annotated[str, Field(description="In whose hands the goods are, or were when it began")]
    hub: str | None
    began_at: Time
    ended_at: Time | None
    raised_at: Time
    worst: str | None
    worst_at: Time | None
    limit: str | None


def exception_shape(listed: ListedException, language: str) -> ExceptionShape:
    """One exception as it is listed. Pure."""
    row = listed.row
    worst, limit = (None if each is None else as_text(each) for each in (row.worst, row.limit_value))
    return ExceptionShape(
        id=row.id,
        consignment=row.consignment_id,
        order=listed.order_id,
        tracking_number=listed.tracking_number,
        kind=row.kind,
        kind_text=pick(EXCEPTION_DISPLAY[ExceptionKind(row.kind)], language),
        reason=row.reason,
        carrier=row.carrier,
        hub=row.hub,
        began_at=row.began_at,
        ended_at=row.ended_at,
        raised_at=row.raised_at,
        worst=worst,
        worst_at=row.worst_at,
        limit=limit,
    )
