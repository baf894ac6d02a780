"""Shapes of paying: the answer to a provider's webhook."""

from typing import ClassVar, Literal

from pydantic import ConfigDict

from app.core.schema import Shape


class PaymentEventReceipt(Shape):
    """The event is kept and will be acted upon; sending it again does no harm."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"received": True}]}
    )

    received: Literal[True] = True
