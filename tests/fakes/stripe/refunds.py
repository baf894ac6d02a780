"""Refunds of captured money: whole, in part, never more than what is left; wallets settle them later."""

from typing import NoReturn

from tests.fakes.stripe import books
from tests.fakes.stripe.charges import give_back
from tests.fakes.stripe.errors import Json, invalid
from tests.fakes.stripe.state import Call, State, merge_metadata, page

# The buyer's bank has the money already, or keeps it.
TAKEN = ("needs_response", "under_review", "lost")


def create(state: State, call: Call) -> Json:
    """Return part or all of a captured charge, named by itself or by its intent."""
    call.require_known("amount", "charge", "payment_intent", "reason", "metadata")
    charge = _charge(state, call.params)
    left = charge["amount"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, code="parameter_invalid_integer", param="amount")
    if amount > left:
        # Real answers seen in public carry no code here, only the parameter.
        sums = f"({amount} {charge['currency']}) is greater than unrefunded amount on charge ({left}"
        raise invalid(f"Refund amount {sums} {charge['currency']})", param="amount")
    card = charge["payment_method_details"]["type"] == "card"
    refund = state.new(
        "refund",
        "re",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        metadata=call.params.get("metadata") or {},
        payment_intent=charge["payment_intent"],
        reason=call.params.get("reason"),
        status="succeeded" if card else "pending",
    )
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    give_back(charge, amount)
    kind = "refund" if card else "payment_refund"
    refund["balance_transaction"] = books.book(state, books.PLATFORM, kind, refund, -amount)["id"]
    state.emit("refund.created", refund)
    state.emit("charge.refunded", charge, before)
    return refund


def _charge(state: State, params: Json) -> Json:
    """Find the captured charge; a failed or merely held one cannot be refunded."""
    if "payment_intent" in params:
        intent = state.get("payment_intent", params["payment_intent"], "payment_intent")
        if params.get("charge") not in (None, intent["latest_charge"]):
            raise invalid(f"Charge {params['charge']} is not of {intent['id']}.", param="charge")
        if intent["latest_charge"] is None:
            _nothing_to_refund(intent["id"])
        charge = state.objects[intent["latest_charge"]]
    elif "charge" in params:
        charge = state.get("charge", params["charge"], "charge")
    else:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise invalid(message, code="parameter_missing")
    if charge["status"] != "succeeded" or not charge["captured"]:
        _nothing_to_refund(charge["payment_intent"])
    if any(each["status"] in TAKEN for each in state.of("dispute", charge=charge["id"])):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    return charge


def _nothing_to_refund(intent_id: str) -> NoReturn:
    raise invalid(f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.")


def settle(state: State, refund_id: str, *, succeed: bool) -> Json:
    """What the buyer's bank or wallet says later; a failed refund gives the money back to the platform."""
    refund = state.get("refund", refund_id, "id")
    previous = {"status": refund["status"]}
    if succeed:
        refund["status"] = "succeeded"
    else:
        refund |= {"status": "failed", "failure_reason": "unknown"}
        give_back(state.objects[refund["charge"]], -refund["amount"])
        back = books.book(state, books.PLATFORM, "refund_failure", refund, refund["amount"])
        refund["failure_balance_transaction"] = back["id"]
        state.emit("refund.failed", refund)
    state.emit("refund.updated", refund, previous)
    state.emit("charge.refund.updated", refund, previous)
    return refund


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("refund", call.path["refund"], "id")


def update(state: State, call: Call) -> Json:
    call.require_known("metadata")
    refund = state.get("refund", call.path["refund"], "id")
    merge_metadata(refund, call.params)
    return refund


def listing(state: State, call: Call) -> Json:
    call.require_known("charge", "payment_intent", "created", "limit", "starting_after", "ending_before")
    match = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return page(state.of("refund", **match), call.params, "/v1/refunds")
