"""Payouts of an account's balance to its bank: pending, in transit, paid; failed at once, or returned after all."""

import time
from typing import Any, Final

from tests.fakes.stripe import accounts, books
from tests.fakes.stripe.errors import Json, NotInStandInError, invalid
from tests.fakes.stripe.state import Call, State, merge_metadata, page

ARRIVES_IN_S = 2 * 86_400
NEXT: Final[dict[str, tuple[str, ...]]] = {
    "pending": ("in_transit", "paid", "failed", "canceled"),
    "in_transit": ("paid", "failed"),
    # A bank that refuses late: Stripe calls it failed, people call it returned.
    "paid": ("failed",),
}


def create(state: State, call: Call) -> Json:
    """Send what an account may spend to its bank; the platform asks in that account's name."""
    call.require_known("amount", "currency", "metadata", "description", "statement_descriptor", "method")
    if not call.account:
        raise NotInStandInError("payouts of the platform itself")
    return _new(state, call.account, call.params, automatic=False)


def _new(state: State, account_id: str, given: Json, *, automatic: bool) -> Json:
    account: Json = state.objects[account_id]
    if given["amount"] < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, code="parameter_invalid_integer", param="amount")
    currency = given["currency"].lower()
    if not account["payouts_enabled"]:
        message = "Cannot create payouts: this account has requirements that need to be collected."
        raise invalid(message, code="payouts_not_allowed")
    banks = [each for each in account["external_accounts"]["data"] if each["currency"] == currency]
    if not banks:
        raise invalid(f"Sorry, you don't have any external accounts in that currency ({currency}).", param="currency")
    books.require_funds(state, account_id, currency, given["amount"])
    now = int(time.time())
    payout = state.new(
        "payout",
        "po",
        owner=account_id,
        amount=given["amount"],
        arrival_date=now + ARRIVES_IN_S,
        automatic=automatic,
        currency=currency,
        description=given.get("description"),
        destination=banks[0]["id"],
        metadata=given.get("metadata") or {},
        method=given.get("method", "standard"),
        reconciliation_status="in_progress" if automatic else "not_applicable",
        source_type="card",
        statement_descriptor=given.get("statement_descriptor"),
        status="pending",
        type="bank_account",
    )
    payout["balance_transaction"] = books.book(state, account_id, "payout", payout, -payout["amount"])["id"]
    state.emit("payout.created", payout, account=account_id)
    return payout


def automatic(state: State, account_id: str, currency: str) -> Json:
    """The account's own schedule: everything that it may spend goes out."""
    accounts.find(state, account_id)
    given = {"amount": books.held_by(state, account_id, currency), "currency": currency}
    return _new(state, account_id, given, automatic=True)


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("payout", call.path["payout"], "payout")


def update(state: State, call: Call) -> Json:
    call.require_known("metadata")
    payout = state.get("payout", call.path["payout"], "payout")
    merge_metadata(payout, call.params)
    return payout


def listing(state: State, call: Call) -> Json:
    call.require_known("status", "destination", "created", "limit", "starting_after", "ending_before")
    match = {name: call.params.get(name) for name in ("status", "destination")}
    return page(state.of("payout", **match), call.params, "/v1/payouts")


def cancel(state: State, call: Call) -> Json:
    call.require_known()
    payout = state.get("payout", call.path["payout"], "payout")
    if payout["status"] != "pending" or payout["automatic"]:
        raise invalid("Payouts can only be canceled while they are pending and were not made automatically.")
    return move(state, payout["id"], "canceled")


def move(state: State, payout_id: str, status: str, failure_code: str = "account_closed") -> Json:
    """What the bank does: a payout that fails gives the money back and, as Stripe does, closes that bank account."""
    payout = state.get("payout", payout_id, "payout")
    account_id = state.owner_of(payout_id)
    if status not in NEXT.get(payout["status"], ()):
        raise invalid(f"a payout that is {payout['status']} does not become {status}")
    previous: dict[str, Any] = {"status": payout["status"]}
    payout["status"] = status
    if status in ("failed", "canceled"):
        kind = "payout_failure" if status == "failed" else "payout_cancel"
        back = books.book(state, account_id, kind, payout, payout["amount"])
        payout["failure_balance_transaction"] = back["id"]
    if status == "failed":
        payout |= {"failure_code": failure_code, "failure_message": "The bank account could not take the payout."}
        account = state.objects[account_id]
        for bank in account["external_accounts"]["data"]:
            bank["status"] = "errored"
        account |= {"payouts_enabled": False}
        account["requirements"] = account["requirements"] | {
            "currently_due": ["external_account"],
            "past_due": ["external_account"],
            "disabled_reason": "requirements.past_due",
        }
        state.emit("account.updated", account, account=account_id)
    named = status if status in ("paid", "failed", "canceled") else "updated"
    state.emit(f"payout.{named}", payout, previous, account=account_id)
    return payout
