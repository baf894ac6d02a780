"""Shapes of paying: the answer to a provider's webhook, and money that arrived by transfer."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from app.core.ids import pattern
from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import PlainText
from app.payments.values import PaymentStatus

PaymentId = Annotated[str, Field(pattern=pattern("pay"), examples=["pay_01jd0000000000000000000000"])]


class PaymentEventReceipt(Shape):
    """The event is kept and will be acted upon; sending it again does no harm."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"received": True}]}
    )

    received: Literal[True] = True


class NewReceipt(Shape):
    """Money that arrived at the bank or in the wallet, with the reference that it has there."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"amount": {"amount": 7830, "currency": "CNY"}, "reference": "ICBC-20260303-000017"}]
        },
    )

    amount: Money
    reference: Annotated[PlainText, Field(max_length=60)]


class ReceiptShape(Shape):
    """What arrived, and how the payment stands: `due` is still to be paid, `surplus` goes back to the buyer with the next run."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "rcp_01jd0000000000000000000000",
                    "payment": "pay_01jd0000000000000000000000",
                    "order": "ord_01jd0000000000000000000000",
                    "amount": {"amount": 7830, "currency": "CNY"},
                    "reference": "ICBC-20260303-000017",
                    "created_at": "2026-03-03T02:00:00Z",
                    "payment_status": "paid",
                    "received": {"amount": 7830, "currency": "CNY"},
                    "due": {"amount": 0, "currency": "CNY"},
                    "surplus": {"amount": 0, "currency": "CNY"},
                }
            ]
        },
    )

    id: str
    payment: str
    order: str
    amount: Money
    reference: str
    created_at: Time
    payment_status: PaymentStatus
    received: Money
    due: Money
    surplus: Money
