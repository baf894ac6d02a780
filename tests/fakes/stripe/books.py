"""Balances of the platform and of connected accounts: every movement of money is a balance transaction of somebody's.

Fees are the stand-in's own tariff; what a charge brings is pending until `mature`. One currency never becomes another.
"""

import time
from typing import Any

from tests.fakes.stripe.errors import Json, invalid
from tests.fakes.stripe.state import Call, State, page

PLATFORM = ""
# By type of payment method: ten-thousandths, and minor units a charge.
TARIFF = {"card": (340, 235), "alipay": (220, 235), "wechat_pay": (220, 235)}
DISPUTE_FEE_MINOR = 8_500
MATURES_IN_S = 2 * 86_400
# Stripe's own grouping of types, for the types that the stand-in books.
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
    "payout": "payout",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "adjustment": "dispute",
}


def fee_of(method_type: str, amount: int) -> int:
    bps, fixed = TARIFF[method_type]
    return min(amount, amount * bps // 10_000 + fixed)


def book(
    state: State,
    account: str,
    kind: str,
    source: Json,
    amount: int,
    *,
    fee: int = 0,
    fee_for: str = "Stripe processing fees",
    pending_until: int | None = None,
    category: str | None = None,
) -> Json:
    """Move `amount` (negative: out) and take `fee` on one account's balance, because of `source`."""
    details = [{"amount": fee, "application": None, "currency": source["currency"], "description": fee_for}]
    now = int(time.time())
    return state.new(
        "balance_transaction",
        "txn",
        owner=account,
        amount=amount,
        available_on=pending_until or now,
        balance_type="payments",
        currency=source["currency"],
        fee=fee,
        fee_details=[each | {"type": "stripe_fee"} for each in details] if fee else [],
        net=amount - fee,
        reporting_category=category or CATEGORIES[kind],
        source=source["id"],
        status="pending" if pending_until else "available",
        type=kind,
    )


def book_charge(state: State, charge: Json, amount: int) -> None:
    """What was captured, less the fee, is the platform's; it may be spent once it has matured."""
    method = charge["payment_method_details"]["type"]
    kind = "charge" if method == "card" else "payment"
    until = int(time.time()) + MATURES_IN_S
    booked = book(state, PLATFORM, kind, charge, amount, fee=fee_of(method, amount), pending_until=until)
    charge["balance_transaction"] = booked["id"]


def held_by(state: State, account: str, currency: str, *, pending: bool = False) -> int:
    """What an account may spend in one currency; with `pending`, what has yet to mature as well."""
    return sum(
        each["net"]
        for each in state.objects.values()
        if each["object"] == "balance_transaction"
        and state.owner_of(each["id"]) == account
        and each["currency"] == currency
        and (pending or each["status"] == "available")
    )


def require_funds(state: State, account: str, currency: str, amount: int, *, pending: bool = False) -> None:
    if amount > held_by(state, account, currency, pending=pending):
        message = "You have insufficient available funds in your Stripe account."
        raise invalid(message, code="balance_insufficient")


def mature(state: State, account: str | None = None) -> Json:
    """Days pass: whatever is pending, of one account or of all, may be spent."""
    owners = set()
    for each in state.objects.values():
        if each["object"] == "balance_transaction" and each["status"] == "pending":
            owner = state.owner_of(each["id"])
            if account in (None, owner):
                each |= {"status": "available", "available_on": int(time.time())}
                owners.add(owner)
    for owner in sorted(owners):
        state.emit("balance.available", balance_of(state, owner), account=owner)
    return {}


def balance_of(state: State, account: str) -> Json:
    seen = {each["currency"] for each in state.objects.values() if each["object"] == "balance_transaction"}
    mine = [
        each
        for each in state.objects.values()
        if each["object"] == "balance_transaction" and state.owner_of(each["id"]) == account
    ]

    def amounts(status: str) -> list[Json]:
        kept = dict.fromkeys(sorted(seen or {"cny"}), 0)
        for each in mine:
            if each["status"] == status:
                kept[each["currency"]] += each["net"]
        return [{"amount": n, "currency": name, "source_types": {"card": n}} for name, n in kept.items()]

    return {"object": "balance", "available": amounts("available"), "pending": amounts("pending"), "livemode": False}


def balance(state: State, call: Call) -> Json:
    call.require_known()
    return balance_of(state, call.account)


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("balance_transaction", call.path["id"], "id")


def listing(state: State, call: Call) -> Json:
    call.require_known("type", "source", "currency", "payout", "created", "limit", "starting_after", "ending_before")
    match: dict[str, Any] = {name: call.params.get(name) for name in ("type", "source", "currency")}
    found = state.of("balance_transaction", **match)
    if "payout" in call.params:
        found = [each for each in found if each["source"] == call.params["payout"]]
    return page(found, call.params, "/v1/balance_transactions")
