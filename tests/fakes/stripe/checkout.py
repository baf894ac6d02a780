"""Checkout Sessions: a page of Stripe's where the buyer pays, with an intent made once the buyer does."""

import time
from urllib.parse import urlsplit

from tests.fakes.stripe import intents
from tests.fakes.stripe.errors import Json, NotInStandInError, invalid
from tests.fakes.stripe.offers import check_amount, types_offered
from tests.fakes.stripe.state import Call, State, page

LASTS_S = 86_400
LASTS_S_MIN = 1_800


def create(state: State, call: Call) -> Json:
    call.require_known(
        "mode", "line_items", "success_url", "cancel_url", "client_reference_id", "metadata", "payment_intent_data",
        "payment_method_types", "expires_at", "currency", "locale", "payment_method_options",
    )  # fmt: skip
    given = call.params
    if given.get("mode") != "payment":
        raise NotInStandInError(f"checkout sessions of mode {given.get('mode')}")
    if "success_url" not in given or not urlsplit(given["success_url"]).scheme:
        raise invalid("Missing required param: success_url.", code="parameter_missing", param="success_url")
    amount, currency = _priced(given)
    check_amount(amount, currency)
    wanted = given.get("payment_intent_data", {})
    manual = wanted.get("capture_method") == "manual"
    asked = {"payment_method_types": given["payment_method_types"]} if "payment_method_types" in given else {}
    offered, _ = types_offered(asked, currency, manual=manual)
    now = int(time.time())
    expires_at = given.get("expires_at", now + LASTS_S)
    if not LASTS_S_MIN <= expires_at - now + 5 <= LASTS_S + 10:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", param="expires_at"
        )
    session = state.new(
        "checkout.session",
        "cs_test",
        amount_subtotal=amount,
        amount_total=amount,
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        cancel_url=given.get("cancel_url"),
        client_reference_id=given.get("client_reference_id"),
        currency=currency,
        custom_fields=[],
        custom_text=state.spec.blank("payment_pages_checkout_session_custom_text"),
        expires_at=expires_at,
        metadata=given.get("metadata") or {},
        mode="payment",
        payment_method_types=offered,
        payment_status="unpaid",
        shipping_options=[],
        status="open",
        success_url=given["success_url"],
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        ui_mode="hosted_page",
    )
    session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
    # What Stripe keeps and does not show.
    state.hidden[session["id"]] = {
        "payment_intent_data": wanted,
        "payment_method_options": given.get("payment_method_options", {}),
    }
    return session


def _priced(given: Json) -> tuple[int, str]:
    items = given.get("line_items") or []
    if not items:
        raise invalid("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if any("price_data" not in each or "product_data" not in each["price_data"] for each in items):
        raise NotInStandInError("line items without price_data and product_data")
    currencies = {each["price_data"]["currency"].lower() for each in items}
    if len(currencies) != 1:
        raise invalid("All line items must have the same currency.", param="line_items")
    total = sum(each["price_data"]["unit_amount"] * each.get("quantity", 1) for each in items)
    return total, currencies.pop()


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("checkout.session", call.path["session"], "session")


def listing(state: State, call: Call) -> Json:
    call.require_known("payment_intent", "status", "created", "limit", "starting_after", "ending_before")
    match = {name: call.params.get(name) for name in ("payment_intent", "status")}
    return page(state.of("checkout.session", **match), call.params, "/v1/checkout/sessions")


def expire(state: State, call: Call) -> Json:
    call.require_known()
    session = state.get("checkout.session", call.path["session"], "session")
    return end(state, session["id"])


def end(state: State, session_id: str) -> Json:
    """Nobody paid in time."""
    session = state.get("checkout.session", session_id, "session")
    _require_open(session)
    session |= {"status": "expired", "url": None}
    state.emit("checkout.session.expired", session)
    return session


def _require_open(session: Json) -> None:
    if session["status"] != "open":
        raise invalid(f'Only Checkout Sessions with a status in ["open"] can be paid or expired: {session["status"]}.')


def pay(state: State, session_id: str, method: str = "pm_card_visa") -> Json:
    """The buyer pays on the page, by a test card or a wallet (which is authenticated at once)."""
    session = state.get("checkout.session", session_id, "session")
    _require_open(session)
    kept: Json = state.hidden[session_id]
    params: Json = kept["payment_intent_data"] | {
        "amount": session["amount_total"],
        "currency": session["currency"],
        "payment_method_types": session["payment_method_types"],
    }
    if kept["payment_method_options"]:
        params["payment_method_options"] = kept["payment_method_options"]
    if session["payment_intent"] is None:
        session["payment_intent"] = intents.create(state, Call(params, {}))["id"]
    intent: Json = state.objects[session["payment_intent"]]
    confirm: Json = {"return_url": session["success_url"], "payment_method": method}
    if method in ("alipay", "wechat_pay"):
        options = {"payment_method_options": {"wechat_pay": {"client": "web"}}} if method == "wechat_pay" else {}
        confirm = {"return_url": session["success_url"], "payment_method_data": {"type": method}} | options
    intents.confirm(state, Call(confirm, {"intent": intent["id"]}))
    if intent["status"] == "requires_action":
        intents.authenticate(state, intent["id"], succeed=True)
    paid = intent["status"] == "succeeded"
    session |= {"status": "complete", "payment_status": "paid" if paid else "unpaid", "url": None}
    session["customer_details"] = None
    state.emit("checkout.session.completed", session)
    return session
