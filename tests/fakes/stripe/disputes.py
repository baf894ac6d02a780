"""Disputes: a buyer's bank takes the money of a charge back, hears the shop's evidence, and decides."""

import time
from typing import Any

from tests.fakes.stripe import books, charges
from tests.fakes.stripe.errors import Json, invalid
from tests.fakes.stripe.state import Call, State, merge_metadata, page

ANSWER_WITHIN_S = 9 * 86_400
OPEN = ("needs_response", "warning_needs_response")
FILES = frozenset({"shipping_documentation", "uncategorized_file", "customer_communication", "receipt"})
HEARD = ("under_review", "warning_under_review")


def open_dispute(
    state: State,
    charge_id: str,
    amount: int | None = None,
    reason: str = "product_not_received",
    *,
    inquiry: bool = False,
    due_in_s: int = ANSWER_WITHIN_S,
) -> Json:
    """The buyer complains at the bank: an inquiry asks only, a dispute takes the money at once. Wallets know none."""
    charge = state.get("charge", charge_id, "charge")
    method = charge["payment_method_details"]
    if method["type"] != "card":
        raise invalid(f"payments by {method['type']} are not disputed")
    if not charge["captured"] or charge["disputed"]:
        raise invalid("only a captured charge that is not disputed yet can be disputed")
    left = charges.kept(state, charge)
    network = {"brand": method["card"]["brand"], "network": method["card"]["brand"], "network_reason_code": None}
    dispute = state.new(
        "dispute",
        "du",
        amount=amount or left,
        balance_transactions=[],
        charge=charge_id,
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence=state.spec.blank("dispute_evidence") | {"enhanced_evidence": {}},
        evidence_details={
            "due_by": int(time.time()) + due_in_s,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": due_in_s <= 0,
            "submission_count": 0,
        },
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "type": "card",
            "card": network | {"case_type": "inquiry" if inquiry else "chargeback"},
        },
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    charge["disputed"] = True
    state.emit("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(state, dispute)
    return dispute


def _withdraw(state: State, dispute: Json) -> None:
    fee = books.DISPUTE_FEE_MINOR
    taken = books.book(state, books.PLATFORM, "adjustment", dispute, -dispute["amount"], fee=fee, fee_for="Dispute fee")
    dispute["balance_transactions"] = [dict(taken)]
    state.emit("charge.dispute.funds_withdrawn", dispute)


def escalate(state: State, dispute_id: str) -> Json:
    """An inquiry becomes a dispute: now the money is taken."""
    dispute = state.get("dispute", dispute_id, "dispute")
    if not dispute["status"].startswith("warning_") or dispute["status"] == "warning_closed":
        raise invalid("only an inquiry that is open escalates")
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    state.emit("charge.dispute.updated", dispute)
    _withdraw(state, dispute)
    return dispute


def update(state: State, call: Call) -> Json:
    """Keep evidence, and (unless `submit` is false) send it to the bank: once, and in time."""
    call.require_known("evidence", "metadata", "submit")
    dispute = state.get("dispute", call.path["dispute"], "dispute")
    merge_metadata(dispute, call.params)
    evidence = call.params.get("evidence")
    submit = call.params.get("submit", evidence is not None)
    if evidence is None and not submit:
        return dispute
    details = dispute["evidence_details"]
    if dispute["status"] not in OPEN:
        raise invalid("This dispute is already closed" if dispute["status"] not in HEARD else _ALREADY)
    if details["past_due"]:
        raise invalid("The deadline for submitting evidence on this dispute has passed.")
    for field in FILES & (evidence or {}).keys():
        state.get("file", evidence[field], f"evidence[{field}]")
    previous: dict[str, Any] = {"status": dispute["status"]}
    dispute["evidence"] = dispute["evidence"] | (evidence or {})
    details["has_evidence"] = True
    if submit:
        details["submission_count"] += 1
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    state.emit("charge.dispute.updated", dispute, previous)
    return dispute


_ALREADY = "Evidence has already been submitted for this dispute."


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("dispute", call.path["dispute"], "dispute")


def listing(state: State, call: Call) -> Json:
    call.require_known("charge", "payment_intent", "created", "limit", "starting_after", "ending_before")
    match = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return page(state.of("dispute", **match), call.params, "/v1/disputes")


def overturn(state: State, dispute_id: str) -> Json:
    """The network thinks again about a dispute that was lost: the money is back after all."""
    dispute = state.get("dispute", dispute_id, "dispute")
    if dispute["status"] != "lost":
        raise invalid("only a dispute that was lost is overturned")
    dispute["status"] = "won"
    state.emit("charge.dispute.updated", dispute, {"status": "lost"})
    _reinstate(state, dispute)
    return dispute


def close(state: State, call: Call) -> Json:
    """The shop gives up: lost, for good."""
    call.require_known()
    return decide(state, call.path["dispute"], won=False)


def decide(state: State, dispute_id: str, *, won: bool) -> Json:
    """The bank's word: won gives the money back, but not the fee; an inquiry just closes."""
    dispute = state.get("dispute", dispute_id, "dispute")
    if dispute["status"] not in (*OPEN, *HEARD):
        raise invalid("This dispute is already closed")
    previous = {"status": dispute["status"]}
    if dispute["status"].startswith("warning_"):
        dispute["status"] = "warning_closed"
    else:
        dispute["status"] = "won" if won else "lost"
    state.emit("charge.dispute.closed", dispute, previous)
    if dispute["status"] == "won":
        _reinstate(state, dispute)
    return dispute


def _reinstate(state: State, dispute: Json) -> None:
    back = books.book(state, books.PLATFORM, "adjustment", dispute, dispute["amount"], category="dispute_reversal")
    dispute["balance_transactions"] = [*dispute["balance_transactions"], dict(back)]
    state.emit("charge.dispute.funds_reinstated", dispute)
