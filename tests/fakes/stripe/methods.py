"""Payment methods: made from Stripe's test ids or from the buyer's data, and the action they ask of the buyer."""

from copy import deepcopy

from tests.fakes.stripe.cards import NO_BILLING, TEST_METHODS, WALLET, Instrument, card_of
from tests.fakes.stripe.errors import Json, NotInStandInError, invalid
from tests.fakes.stripe.state import Call, State

OPTIONS: dict[str, Json] = {
    "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "alipay": {},
    "wechat_pay": {"app_id": None, "client": None},
}
PAGES = "https://hooks.stripe.com/redirect/authenticate"


def named(state: State, given: Json) -> Json | None:
    """The payment method that a call names by id, by test id or by its data; None when it names none."""
    if data := given.get("payment_method_data"):
        if data["type"] not in WALLET:
            raise NotInStandInError(f"payment_method_data of type {data['type']}")
        return _new(state, WALLET[data["type"]], data.get("billing_details"))
    key = given.get("payment_method")
    if not key:
        return None
    if key in TEST_METHODS:
        return _new(state, TEST_METHODS[key], None)
    return state.get("payment_method", key, "payment_method")


def _new(state: State, instrument: Instrument, billing: Json | None) -> Json:
    shown: Json = {}
    if instrument.type == "card":
        shown = card_of(instrument) | {"networks": {"available": [instrument.brand], "preferred": None}}
    method = state.new(
        "payment_method",
        "pm",
        billing_details=deepcopy(NO_BILLING) | (billing or {}),
        metadata={},
        type=instrument.type,
        **{instrument.type: shown},
    )
    state.instruments[method["id"]] = instrument
    return method


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("payment_method", call.path["payment_method"], "payment_method")


def next_action(intent: Json, method: Json, return_url: str | None) -> Json:
    """Where the buyer goes next; Alipay needs the way back, WeChat Pay the kind of client."""
    url = f"{PAGES}/{intent['id']}"
    if method["type"] == "wechat_pay":
        if intent["payment_method_options"]["wechat_pay"]["client"] is None:
            param = "payment_method_options[wechat_pay][client]"
            raise invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
        picture = {
            "image_data_url": "data:image/png;base64,",
            "image_url_png": f"{url}.png",
            "image_url_svg": f"{url}.svg",
        }
        code = {"data": f"weixin://wxpay/bizpayurl?pr={intent['id']}", "hosted_instructions_url": url} | picture
        return {"type": "wechat_pay_display_qr_code", "wechat_pay_display_qr_code": code}
    if method["type"] == "alipay":
        if not return_url:
            raise invalid("Missing required param: return_url.", code="parameter_missing", param="return_url")
        page: Json = {"native_data": None, "native_url": None, "return_url": return_url, "url": url}
        return {"type": "alipay_handle_redirect", "alipay_handle_redirect": page}
    if return_url:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
