"""Charges: the attempts of a payment intent, and what is released or returned of them."""

import time

from tests.fakes.stripe import books
from tests.fakes.stripe.cards import NO_BILLING, Decline, Instrument, card_of
from tests.fakes.stripe.errors import Json, StripeError
from tests.fakes.stripe.state import Call, State, merge_metadata, page

HOLD_LASTS_S = 7 * 86_400
RECEIPTS = "https://pay.stripe.com/receipts"


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("charge", call.path["charge"], "id")


def update(state: State, call: Call) -> Json:
    call.require_known("metadata", "description", "transfer_group", "receipt_email")
    charge = state.get("charge", call.path["charge"], "charge")
    merge_metadata(charge, call.params)
    charge |= {name: call.params[name] or None for name in call.params if name not in ("metadata", "expand")}
    state.emit("charge.updated", charge)
    return charge


def listing(state: State, call: Call) -> Json:
    call.require_known("payment_intent", "transfer_group", "created", "limit", "starting_after", "ending_before")
    match = {name: call.params.get(name) for name in ("payment_intent", "transfer_group")}
    return page(state.of("charge", **match), call.params, "/v1/charges")


def attempt(state: State, intent: Json, method: Json) -> None:
    """Charge or, with manual capture, hold the amount of the intent; a decline is recorded, then raised as a 402."""
    instrument = state.instruments[method["id"]]
    charge = _new(state, intent, method, instrument)
    intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
    if instrument.decline:
        _fail(state, intent, method, charge, instrument.decline)
    if charge["captured"]:
        books.book_charge(state, charge, charge["amount"])
    state.emit("charge.succeeded", charge)
    if not charge["captured"]:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        state.emit("payment_intent.amount_capturable_updated", intent)
    else:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        state.emit("payment_intent.succeeded", intent)


def _new(state: State, intent: Json, method: Json, instrument: Instrument) -> Json:
    paid = instrument.decline is None
    captured = paid and not _held_only(intent, instrument)
    copied = ("description", "receipt_email", "shipping", "statement_descriptor", "transfer_group")
    charge = state.new(
        "charge",
        "ch",
        amount=intent["amount"],
        amount_captured=intent["amount"] if captured else 0,
        amount_refunded=0,
        billing_details=NO_BILLING,
        captured=captured,
        currency=intent["currency"],
        disputed=False,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        paid=paid,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": instrument.type, instrument.type: _details(intent, instrument)},
        refunded=False,
        status="succeeded" if paid else "failed",
        outcome=_outcome(instrument.decline),
        **{name: intent[name] for name in copied},
    )
    charge["receipt_url"] = f"{RECEIPTS}/{charge['id']}" if paid else None
    return charge


def _held_only(intent: Json, instrument: Instrument) -> bool:
    """Whether the money waits for a capture: asked for the intent, or for cards alone; wallets cannot wait."""
    options: Json = intent["payment_method_options"].get(instrument.type, {})
    return "manual" in (intent["capture_method"], options.get("capture_method"))


def _details(intent: Json, instrument: Instrument) -> Json:
    if instrument.type != "card":
        return {"fingerprint": None, "transaction_id": None}
    held = instrument.decline is None and _held_only(intent, instrument)
    deadline = {"capture_before": int(time.time()) + HOLD_LASTS_S} if held else {}
    return (
        card_of(instrument)
        | deadline
        | {
            "amount_authorized": intent["amount"] if instrument.decline is None else None,
            "installments": None,
            "mandate": None,
            "network": instrument.brand,
            "three_d_secure": None,
        }
    )


def _outcome(decline: Decline | None) -> Json:
    common = {"network_advice_code": None, "risk_level": "normal", "risk_score": 20}
    if decline is None:
        return common | {
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return common | {
        "network_decline_code": "01",
        "network_status": "declined_by_network",
        "reason": decline.reason or decline.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _fail(state: State, intent: Json, method: Json, charge: Json, decline: Decline) -> None:
    charge |= {"failure_code": decline.code, "failure_message": decline.message}
    refusal = StripeError(
        402,
        "card_error",
        decline.message,
        code=decline.code,
        decline_code=decline.reason,
        charge=charge["id"],
        payment_method=method,
    )
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": dict(refusal.error),
    }
    state.emit("charge.failed", charge)
    state.emit("payment_intent.payment_failed", intent)
    refusal.error["payment_intent"] = intent
    raise refusal


def release(state: State, charge: Json, amount: int) -> None:
    """Give back what was held and not captured; Stripe books it as a refund of the charge, without a reason.

    So `amount_refunded` is not zero after a partial capture, though nothing captured was returned.
    """
    state.new(
        "refund",
        "re",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        metadata={},
        payment_intent=charge["payment_intent"],
        status="succeeded",
    )
    give_back(charge, amount)


def give_back(charge: Json, amount: int) -> None:
    """Book `amount` as refunded; a negative one takes a failed refund back."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def kept(state: State, charge: Json) -> int:
    """What was captured and has not gone back to the buyer."""
    released = charge["amount"] - charge["amount_captured"]
    back = sum(each["amount"] for each in state.of("refund", charge=charge["id"]) if each["status"] != "failed")
    return int(charge["amount_captured"] - back + released)


def arrival(state: State, transfer: Json, account: str) -> Json:
    """The payment that a connected account sees when a transfer reaches it."""
    return state.new(
        "charge",
        "py",
        owner=account,
        amount=transfer["amount"],
        amount_captured=transfer["amount"],
        amount_refunded=0,
        billing_details=NO_BILLING,
        captured=True,
        currency=transfer["currency"],
        disputed=False,
        fraud_details={},
        metadata={},
        paid=True,
        refunded=False,
        source_transfer=transfer["id"],
        status="succeeded",
        payment_method_details={"type": "stripe_account", "stripe_account": {}},
    )
