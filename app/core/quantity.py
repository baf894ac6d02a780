"""Quantities: decimal strings in JSON (`"12.5"`), exact decimals inside, and the rural units that goods are sold in."""

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from app.core.limits import QUANTITY_MAX

QUANTITY_PATTERN: Final = r"^(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,3})?$"


def _only_text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not value.isascii() or not _looks_decimal(value):
        message = 'A quantity is a decimal string such as "12.5", with at most 3 decimals'
        raise ValueError(message)
    return Decimal(value)


def _looks_decimal(text: str) -> bool:
    whole, _, part = text.partition(".")
    tidy = whole.isdigit() and (whole == "0" or not whole.startswith("0")) and len(whole) <= 9
    return tidy and ("." not in text or (part.isdigit() and 1 <= len(part) <= 3))


def as_text(value: Decimal) -> str:
    """The shortest decimal string: `Decimal("3.000")` is `"3"`."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Quantity = Annotated[
    Decimal,
    BeforeValidator(_only_text),
    Field(gt=0, le=QUANTITY_MAX),
    PlainSerializer(as_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": QUANTITY_PATTERN,
            "examples": ["12.5"],
            "description": "A positive decimal with at most 3 decimals",
        }
    ),
]
Stock = Annotated[
    Decimal,
    BeforeValidator(_only_text),
    Field(ge=0),
    PlainSerializer(as_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": QUANTITY_PATTERN, "examples": ["500"], "description": "A decimal, zero or more"}
    ),
]


class Unit(StrEnum):
    """What goods are counted or weighed in. 1 jin = 0.5 kg."""

    KG = "kg"
    JIN = "jin"
    TONNE = "tonne"
    BALE = "bale"
    HEAD = "head"
    PIECE = "piece"
    BOX = "box"


GRAMS: Final[dict[Unit, int]] = {Unit.KG: 1_000, Unit.JIN: 500, Unit.TONNE: 1_000_000}
WHOLE_UNITS: Final = frozenset({Unit.BALE, Unit.HEAD, Unit.PIECE, Unit.BOX})


def times(quantity: Decimal, minor: int) -> int:
    """`quantity` times an integer amount, rounded half up to an integer."""
    return int((quantity * minor).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def fits_step(quantity: Decimal, minimum: Decimal, step: Decimal) -> bool:
    """Whether the quantity is the minimum or more, in whole steps."""
    return quantity >= minimum and quantity % step == 0
