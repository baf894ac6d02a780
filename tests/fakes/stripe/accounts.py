"""Connected accounts: made by the platform, filled in by their holder on Stripe's pages, enabled, and asked for more."""

import secrets
import time

from tests.fakes.stripe.errors import Json, NotInStandInError, invalid
from tests.fakes.stripe.state import Call, State, merge_metadata, new_id, page

ASKED = ("external_account", "individual.first_name", "individual.last_name", "tos_acceptance.date")
LINK_LASTS_S = 300
BANK = {
    "account_holder_name": "Sample Holder",
    "account_holder_type": "individual",
    "bank_name": "STRIPE TEST BANK",
    "available_payout_methods": ["standard"],
    "default_for_currency": True,
    "status": "new",
}


def create(state: State, call: Call) -> Json:
    call.require_known(
        "type", "controller", "country", "email", "business_type", "business_profile", "capabilities", "metadata",
        "default_currency", "settings", "tos_acceptance",
    )  # fmt: skip
    given = call.params
    if "type" in given and "controller" in given:
        raise invalid("You may only specify one of these parameters: type, controller.")
    country = given.get("country", "HK").upper()
    account = state.new(
        "account",
        "acct",
        business_type=given.get("business_type"),
        capabilities={},
        charges_enabled=False,
        controller=_controller(given.get("controller", {})),
        country=country,
        default_currency=given.get("default_currency", "hkd"),
        details_submitted=False,
        email=given.get("email"),
        external_accounts={"object": "list", "data": [], "has_more": False, "url": ""},
        metadata=given.get("metadata") or {},
        payouts_enabled=False,
        requirements=_requirements(list(ASKED), "requirements.past_due"),
        future_requirements=_requirements([], None),
        settings=_settings(given.get("settings", {})),
        tos_acceptance={"date": None, "ip": None, "user_agent": None} | given.get("tos_acceptance", {}),
        type="express" if given.get("type", "express") == "express" else given["type"],
    )
    account["external_accounts"]["url"] = f"/v1/accounts/{account['id']}/external_accounts"
    _ask_capabilities(account, given.get("capabilities", {}))
    return account


def _controller(given: Json) -> Json:
    known = {"fees", "losses", "requirement_collection", "stripe_dashboard"}
    if unknown := sorted(set(given) - known):
        raise NotInStandInError(f"controller: {unknown}")
    return {
        "type": "application",
        "is_controller": True,
        "fees": {"payer": "application"} | given.get("fees", {}),
        "losses": {"payments": "application"} | given.get("losses", {}),
        "requirement_collection": given.get("requirement_collection", "stripe"),
        "stripe_dashboard": {"type": "express"} | given.get("stripe_dashboard", {}),
    }


def _settings(given: Json) -> Json:
    if unknown := sorted(set(given) - {"payouts"}):
        raise NotInStandInError(f"settings: {unknown}")
    payouts = given.get("payouts", {})
    return {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Asia/Hong_Kong"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": payouts.get("debit_negative_balances", False),
            "schedule": {"delay_days": 2, "interval": "daily"} | payouts.get("schedule", {}),
            "statement_descriptor": None,
        },
    }


def _requirements(due: list[str], disabled: str | None) -> Json:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": disabled if due else None,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


def _ask_capabilities(account: Json, wanted: Json) -> None:
    for name, asked in wanted.items():
        if asked.get("requested"):
            account["capabilities"].setdefault(name, "active" if account["details_submitted"] else "inactive")


def find(state: State, key: str, param: str = "account") -> Json:
    return state.get("account", key, param)


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return find(state, call.path["account"])


def update(state: State, call: Call) -> Json:
    call.require_known("metadata", "email", "business_type", "capabilities", "default_currency", "settings")
    account = find(state, call.path["account"])
    merge_metadata(account, call.params)
    account |= {name: call.params[name] for name in ("email", "business_type") if name in call.params}
    _ask_capabilities(account, call.params.get("capabilities", {}))
    if "settings" in call.params:
        account["settings"]["payouts"] = _settings(call.params["settings"])["payouts"]
    state.emit("account.updated", account, account=account["id"])
    return account


def listing(state: State, call: Call) -> Json:
    call.require_known("created", "limit", "starting_after", "ending_before")
    return page(state.of("account"), call.params, "/v1/accounts")


def link(state: State, call: Call) -> Json:
    """A page of Stripe's, for one visit, where the holder gives names, bank account and consent."""
    call.require_known("account", "type", "refresh_url", "return_url", "collection_options")
    account = find(state, call.params["account"])
    if call.params["type"] != "account_onboarding" and account["controller"]["requirement_collection"] == "stripe":
        message = "You cannot create `account_update` type Account Links for this account."
        raise invalid(message, param="type")
    for name in ("refresh_url", "return_url"):
        if name not in call.params:
            raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    now = int(time.time())
    url = f"https://connect.stripe.com/setup/e/{account['id']}/{secrets.token_hex(6)}"
    return {"object": "account_link", "created": now, "expires_at": now + LINK_LASTS_S, "url": url}


def onboard(state: State, account_id: str, last4: str = "6789", currency: str | None = None) -> Json:
    """The holder has filled in everything and Stripe finds nothing to ask."""
    account = find(state, account_id)
    bank = state.new(
        "bank_account",
        "ba",
        owner=account_id,
        account=account_id,
        country=account["country"],
        currency=currency or account["default_currency"],
        fingerprint=new_id("fp"),
        last4=last4,
        metadata={},
        **BANK,
    )
    account["external_accounts"]["data"] = [bank]
    account |= {
        "details_submitted": True,
        "payouts_enabled": True,
        "charges_enabled": account["capabilities"].get("card_payments") is not None,
        "requirements": _requirements([], None),
        "capabilities": dict.fromkeys(account["capabilities"], "active"),
    }
    account["tos_acceptance"]["date"] = int(time.time())
    state.emit("account.external_account.created", bank, account=account_id)
    state.emit("account.updated", account, account=account_id)
    return account


def require(state: State, account_id: str, due: list[str], *, transfers: bool = True) -> Json:
    """Stripe asks the holder for more: payouts stop, and with `transfers=False` transfers as well."""
    account = find(state, account_id)
    account |= {"payouts_enabled": not due, "requirements": _requirements(list(due), "requirements.past_due")}
    account["capabilities"] = dict.fromkeys(account["capabilities"], "active" if transfers else "inactive")
    state.emit("account.updated", account, account=account_id)
    return account


def require_transfers(account: Json) -> None:
    if account["capabilities"].get("transfers") != "active":
        message = "Your destination account needs to have at least one of the following capabilities enabled: transfers"
        raise invalid(message, code="insufficient_capabilities_for_transfer", param="destination")
