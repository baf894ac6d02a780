"""PaymentIntents: created by the shop, confirmed by the buyer's client, captured or cancelled by the shop."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes.stripe import books, charges, methods, offers
from tests.fakes.stripe.errors import Json, NotInStandInError, StripeError, invalid, missing
from tests.fakes.stripe.state import Call, State, merge_metadata, page

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
PLAIN = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
# Not shown to a buyer's client, which asks with the publishable key and the client secret.
PRIVATE = frozenset({
    "amount_capturable", "amount_received", "application", "application_fee_amount", "customer", "latest_charge",
    "metadata", "on_behalf_of", "review", "statement_descriptor", "statement_descriptor_suffix", "transfer_data",
    "transfer_group",
})  # fmt: skip


def create(state: State, call: Call) -> Json:
    given = call.params
    call.require_known(
        *PLAIN, "amount", "currency", "metadata", "capture_method", "automatic_payment_methods", "payment_method_types",
        "payment_method", "payment_method_data", "payment_method_options", "confirm", "return_url",
    )  # fmt: skip
    currency = given["currency"].lower()
    offers.check_amount(given["amount"], currency)
    manual = given.get("capture_method") == "manual"
    offered, automatic = offers.types_offered(given, currency, manual=manual)
    intent = state.new(
        "payment_intent",
        "pi",
        amount=given["amount"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        automatic_payment_methods=automatic,
        capture_method=given.get("capture_method", "automatic_async"),
        confirmation_method="automatic",
        currency=currency,
        metadata=given.get("metadata", {}),
        payment_method_options={each: dict(methods.OPTIONS[each]) for each in offered},
        payment_method_types=offered,
        status="requires_payment_method",
        **{name: given[name] for name in PLAIN if name in given},
    )
    intent["client_secret"] = f"{intent['id']}_secret_{secrets.token_hex(12)}"
    try:
        _choose_method(state, intent, given)
        action = _confirmable(state, intent, given) if given.get("confirm") else None
    except StripeError:
        del state.objects[intent["id"]]
        raise
    state.emit("payment_intent.created", intent)
    return _confirm(state, intent, action) if given.get("confirm") else intent


def _choose_method(state: State, intent: Json, given: Json) -> None:
    """Attach the payment method that the call names, if any, and note its options."""
    options: Json = intent["payment_method_options"]
    for kind, wanted in (given.get("payment_method_options") or {}).items():
        if kind not in options:
            raise NotInStandInError(f"payment_method_options of a type that the intent does not offer: {kind}")
        options = options | {kind: options[kind] | wanted}
    intent["payment_method_options"] = options
    method = methods.named(state, given)
    if method is None:
        return
    if method["type"] not in intent["payment_method_types"]:
        offered = ", ".join(intent["payment_method_types"])
        message = f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. "
        message += f"Please attach a PaymentMethod of one of the following types: {offered}."
        raise invalid(message, code="payment_intent_incompatible_payment_method")
    intent |= {"payment_method": method["id"], "status": "requires_confirmation"}


def find(state: State, call: Call) -> Json:
    """The intent of the path; a buyer's client must know its secret as well."""
    intent = state.get("payment_intent", call.path["intent"], "intent")
    if call.public and call.params.get("client_secret") != intent["client_secret"]:
        raise missing("payment_intent", intent["id"], "intent")
    return intent


def retrieve(state: State, call: Call) -> Json:
    call.require_known("client_secret")
    return find(state, call)


def listing(state: State, call: Call) -> Json:
    call.require_known("created", "limit", "starting_after", "ending_before")
    return page(state.of("payment_intent"), call.params, "/v1/payment_intents")


def update(state: State, call: Call) -> Json:
    """Change what is still open; metadata and description may be changed at any time."""
    call.require_known(*PLAIN, "amount", "metadata", "payment_method", "payment_method_options")
    intent = find(state, call)
    if {"amount", "payment_method"} & set(call.params):
        _require(intent, "This PaymentIntent could not be updated", "updated", OPEN)
    with _unchanged_when_refused(intent):
        if "amount" in call.params:
            offers.check_amount(call.params["amount"], intent["currency"])
            intent["amount"] = call.params["amount"]
        _choose_method(state, intent, call.params)
    intent |= {name: call.params[name] or None for name in PLAIN if name in call.params}
    merge_metadata(intent, call.params)
    return intent


def confirm(state: State, call: Call) -> Json:
    call.require_known(
        "client_secret",
        "payment_method",
        "payment_method_data",
        "payment_method_options",
        "return_url",
        "use_stripe_sdk",
    )
    intent = find(state, call)
    _require(intent, "You cannot confirm this PaymentIntent", "confirmed", OPEN)
    with _unchanged_when_refused(intent):
        _choose_method(state, intent, call.params)
        action = _confirmable(state, intent, call.params)
    return _confirm(state, intent, action)


@contextmanager
def _unchanged_when_refused(intent: Json) -> Iterator[None]:
    before = dict(intent)
    try:
        yield
    except StripeError:
        intent.clear()
        intent |= before
        raise


def _confirmable(state: State, intent: Json, given: Json) -> Json | None:
    """Refuse what cannot be confirmed; else say which action the buyer must take first, if any."""
    if intent["payment_method"] is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, code="payment_intent_unexpected_state", payment_intent=dict(intent))
    automatic, return_url = intent["automatic_payment_methods"], given.get("return_url")
    if automatic and automatic["allow_redirects"] == "always" and not return_url:
        message = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
        message += "Because some of these might redirect your customer off of your page, "
        raise invalid(f"{message}you must provide a `return_url`.")
    method = state.objects[intent["payment_method"]]
    asks = state.instruments[method["id"]].asks_holder
    return methods.next_action(intent, method, return_url) if asks else None


def _confirm(state: State, intent: Json, action: Json | None) -> Json:
    """Try to take the money, or send the buyer to where it is: a bank's page, a wallet's page or QR code."""
    if action:
        intent |= {"status": "requires_action", "next_action": action}
        state.emit("payment_intent.requires_action", intent)
    else:
        charges.attempt(state, intent, state.objects[intent["payment_method"]])
    return intent


def authenticate(state: State, intent_id: str, *, succeed: bool) -> Json:
    """What the buyer does on the page of the bank or wallet after `requires_action`."""
    intent = state.get("payment_intent", intent_id, "intent")
    _require(intent, "The buyer is not asked about this PaymentIntent", "authenticated", ("requires_action",))
    method = state.objects[intent["payment_method"]]
    if succeed:
        charges.attempt(state, intent, method)
        return intent
    card = method["type"] == "card"
    code = "payment_intent_authentication_failure" if card else "payment_intent_payment_attempt_failed"
    message = "The provided PaymentMethod has failed authentication." if card else "The payment failed."
    refusal = StripeError(402, "invalid_request_error", message, code=code, payment_method=method)
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_payment_error"] = refusal.error
    state.emit("payment_intent.payment_failed", intent)
    return intent


def capture(state: State, call: Call) -> Json:
    """Take what is held, or part of it once; the rest is released."""
    call.require_known("amount_to_capture", "final_capture", "metadata")
    intent = find(state, call)
    _require(intent, "This PaymentIntent could not be captured", "captured", ("requires_capture",))
    if call.params.get("final_capture") is False:
        raise NotInStandInError("several captures of one intent")
    held: int = intent["amount_capturable"]
    amount: int = call.params.get("amount_to_capture", held)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, code="parameter_invalid_integer", param="amount_to_capture")
    if amount > held:
        message = "The payment could not be captured because the requested capture amount is greater than "
        message += "the amount you can capture for this charge."
        raise invalid(message, code="amount_too_large", payment_intent=intent)
    merge_metadata(intent, call.params)
    charge = state.objects[intent["latest_charge"]]
    charge |= {"captured": True, "amount_captured": amount}
    books.book_charge(state, charge, amount)
    if amount < held:
        charges.release(state, charge, held - amount)
    intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
    state.emit("charge.captured", charge)
    state.emit("payment_intent.succeeded", intent)
    return intent


def cancel(state: State, call: Call) -> Json:
    """End an intent that has not taken money; what it holds is released."""
    call.require_known("cancellation_reason")
    intent = find(state, call)
    _require(intent, "You cannot cancel this PaymentIntent", "canceled", CANCELABLE)
    if intent["status"] == "requires_capture":
        charge = state.objects[intent["latest_charge"]]
        charges.release(state, charge, charge["amount"])
        state.emit("charge.refunded", charge, {"amount_refunded": 0, "refunded": False})
    intent |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": int(time.time()),
        "cancellation_reason": call.params.get("cancellation_reason"),
        "next_action": None,
    }
    state.emit("payment_intent.canceled", intent)
    return intent


def expire(state: State, intent_id: str) -> Json:
    """Nobody captured in time: what was held is released, and the intent has ended."""
    intent = state.get("payment_intent", intent_id, "intent")
    _require(intent, "This hold does not expire", "expired", ("requires_capture",))
    charge = state.objects[intent["latest_charge"]]
    charges.release(state, charge, charge["amount"])
    state.emit("charge.expired", charge)
    intent |= {"status": "canceled", "amount_capturable": 0, "canceled_at": int(time.time())}
    intent["cancellation_reason"] = "automatic"
    state.emit("payment_intent.canceled", intent)
    return intent


def _require(intent: Json, refusal: str, done: str, allowed: tuple[str, ...]) -> None:
    if intent["status"] in allowed:
        return
    message = f"{refusal} because it has a status of {intent['status']}. "
    message += f"Only a PaymentIntent with one of the following statuses may be {done}: {', '.join(allowed)}."
    raise invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)


def public_view(body: Any) -> Any:
    """Leave out what Stripe does not tell a buyer's client, in an intent or in an error that carries one."""
    if body.get("object") == "payment_intent":
        return {name: value for name, value in body.items() if name not in PRIVATE}
    error = body.get("error", {})
    if "payment_intent" in error:
        error["payment_intent"] = public_view(error["payment_intent"])
    return body
