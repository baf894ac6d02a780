"""How an order is paid: what a buyer chooses, and what the buyer is told."""

from typing import Literal

from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import LocalText


class PaymentRequest(Shape):
    method: Literal["cash_on_delivery", "stripe", "bank_transfer"]


class TransferDue(Shape):
    """How an order is paid by bank or wallet transfer: what is still `due`, with which `reference`, to whom, until when."""

    reference: str
    pay_to: LocalText
    due: Money
    received: Money
    until: Time


class PaymentShape(Shape):
    """`client_secret` only while a card payment waits for the buyer's client; `transfer` only for payments by transfer.

    `renew_until`: what was held on the card was lost, and until then the order may be paid anew: POST /v1/payments/{payment_id}/renewal.
    """

    id: str | None = None
    method: str
    status: str
    client_secret: str | None = None
    transfer: TransferDue | None = None
    renew_until: Time | None = None
