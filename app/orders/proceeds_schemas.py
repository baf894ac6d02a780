"""Who gets what of what a buyer pays: the shape of it, on every option of a quote and on every order."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape

PROCEEDS: Final[dict[str, Any]] = {
    "producers": {"amount": 5471, "currency": "CNY"},
    "cooperatives": {"amount": 0, "currency": "CNY"},
    "carriage": {"amount": 1840, "currency": "CNY"},
    "packaging": {"amount": 350, "currency": "CNY"},
    "platform": {"amount": 169, "currency": "CNY"},
    "duties": {"amount": 0, "currency": "CNY"},
    "subsidy": {"amount": 0, "currency": "CNY"},
    "carriage_bps": 2350,
}


class ProceedsShape(Shape):
    """What producers and their co-operatives get net of our fee, what carriage, packaging, the platform and duties take: together the total and the subsidy.

    `carriage_bps` is the part of the total that carriage took, in ten-thousandths.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [PROCEEDS]}
    )

    producers: Money
    cooperatives: Annotated[
        Money, Field(description="Their shares, once the order is placed; a quote has them among the producers'")
    ]
    carriage: Money
    packaging: Money
    platform: Money
    duties: Money
    subsidy: Money
    carriage_bps: Annotated[int | None, Field(description="Null when the buyer pays nothing")]
