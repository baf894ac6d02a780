"""The address where card providers report what became of payments, and where operators enter what came by transfer."""

from typing import Annotated, Any, Final

from fastapi import Header, Path, Request

from app.api.deps import Language, Operator, PortsDep, RequiredClaim, SignedIn, Tx
from app.api.documents import refuses
from app.api.router import api_router, story_router
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict, UpstreamFailed
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.flows.receive_transfer import receive_transfer
from app.flows.record_payment_event import receive_payment_event
from app.flows.renew_payment import renew_payment as renew
from app.identity.errors import NotSignedIn
from app.orders.schemas import OrderShape
from app.payments.errors import (
    AmountNotPayable,
    NothingToPay,
    NotPaidByTransfer,
    PaymentEventNotGenuine,
    PaymentEventUnreadable,
    PaymentMethodUnavailable,
    PaymentWebhookNotConfigured,
    ReceiptKnown,
    RenewalTooLate,
)
from app.payments.schemas import NewReceipt, PaymentEventReceipt, PaymentId, ReceiptShape

router = story_router("payments")
receiving = api_router("payments")
_EVENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Stripe's event, byte by byte as it was signed",
        "content": {
            "application/json": {
                "schema": {"type": "object", "title": "StripeEvent"},
                "example": {
                    "id": "evt_1PqXyz",
                    "object": "event",
                    "type": "payment_intent.succeeded",
                    "data": {
                        "object": {
                            "id": "pi_3PqXyz",
                            "object": "payment_intent",
                            "status": "succeeded",
                            "amount": 7830,
                            "amount_received": 7830,
                            "currency": "cny",
                            "metadata": {"payment": "pay_01jd0000000000000000000000"},
                        }
                    },
                },
            }
        },
    }
}


@router.post(
    "/webhooks/stripe",
    summary="Take in an event of Stripe's",
    responses=refuses(PaymentEventNotGenuine, PaymentEventUnreadable, PaymentWebhookNotConfigured),
    openapi_extra=_EVENT,
)
async def receive_stripe_event(
    request: Request,
    ports: PortsDep,
    stripe_signature: Annotated[
        str | None,
        Header(
            description="Stripe's signature of the raw body",
            examples=["t=1740000000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"],
        ),
    ] = None,
) -> PaymentEventReceipt:
    """Only Stripe calls this, with its signature. An event is kept once, however often it comes."""
    await receive_payment_event(ports, await request.body(), stripe_signature)
    return PaymentEventReceipt()


@router.post(
    "/payments/{payment_id}/renewal",
    status_code=201,
    summary="Pay an order anew",
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        NotFound,
        StateConflict,
        RenewalTooLate,
        NothingToPay,
        PaymentMethodUnavailable,
        AmountNotPayable,
        UpstreamFailed,
        IdempotencyKeyRequired,
        IdempotencyKeyReused,
        RequestInProgress,
    ),
)
async def renew_payment(
    payment_id: Annotated[PaymentId, Path()], caller: SignedIn, ports: PortsDep, language: Language, _: RequiredClaim
) -> OrderShape:
    """For the buyer, when what was held on the card was lost: opens another payment, with `payment.client_secret` for the buyer's client.

    Until `payment.renew_until` the goods are kept and not handed over; held again, the order goes ahead. Of goods that are under way, or have
    arrived, it is paid at once what is owed.
    """
    return await renew(ports, caller, payment_id, language)


@receiving.post(
    "/payments/{payment_id}/receipts",
    status_code=201,
    summary="Enter money that came by transfer",
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        NotFound,
        NotPaidByTransfer,
        ReceiptKnown,
        IdempotencyKeyRequired,
        IdempotencyKeyReused,
        RequestInProgress,
    ),
)
async def create_receipt(
    payment_id: Annotated[PaymentId, Path()],
    command: NewReceipt,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    _: RequiredClaim,
) -> ReceiptShape:
    """For operators: an amount in the bank's statement that names this order. The order goes ahead once all of it is there.

    What is missing stays `due` until the deadline; what is too much, or comes too late, is paid back.
    """
    return await receive_transfer(ports, session, caller, payment_id, command)
