"""Stripe's published test payment methods and what becomes of them, as data."""

from dataclasses import dataclass

from tests.fakes.stripe.errors import Json

WALLETS = ("alipay", "wechat_pay")
TYPES = ("card", *WALLETS)
# Presentment currencies of the wallets; cards take any.
CURRENCIES = {
    "alipay": frozenset({"aud", "cad", "cny", "eur", "gbp", "hkd", "jpy", "nzd", "sgd", "usd", "myr"}),
    "wechat_pay": frozenset(
        {"aud", "cad", "cny", "eur", "gbp", "hkd", "jpy", "sgd", "usd", "dkk", "nok", "sek", "chf"}
    ),
}


@dataclass(frozen=True)
class Decline:
    code: str
    reason: str | None
    message: str


@dataclass(frozen=True)
class Instrument:
    """How a payment method behaves: declined, asking its holder first (3-D Secure, a wallet's own page), or neither."""

    type: str = "card"
    brand: str = "visa"
    last4: str = "4242"
    decline: Decline | None = None
    asks_holder: bool = False


REFUSED = "Your card was declined."
DECLINES = {
    "chargeDeclined": Decline("card_declined", "generic_decline", REFUSED),
    "chargeDeclinedInsufficientFunds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds."
    ),
    "chargeDeclinedLostCard": Decline("card_declined", "lost_card", REFUSED),
    "chargeDeclinedStolenCard": Decline("card_declined", "stolen_card", REFUSED),
    "chargeDeclinedFraudulent": Decline("card_declined", "fraudulent", REFUSED),
    "chargeDeclinedExpiredCard": Decline("expired_card", None, "Your card has expired."),
    "chargeDeclinedIncorrectCvc": Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    "chargeDeclinedProcessingError": Decline(
        "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
    ),
}
TEST_METHODS: dict[str, Instrument] = {
    "pm_card_visa": Instrument(),
    "pm_card_mastercard": Instrument(brand="mastercard", last4="4444"),
    "pm_card_unionpay": Instrument(brand="unionpay", last4="0005"),
    "pm_card_authenticationRequired": Instrument(last4="3184", asks_holder=True),
    "pm_card_threeDSecure2Required": Instrument(last4="3220", asks_holder=True),
    **{f"pm_card_{name}": Instrument(last4="0002", decline=each) for name, each in DECLINES.items()},
    **{f"pm_card_visa_{name}": Instrument(last4="0002", decline=each) for name, each in DECLINES.items()},
}
WALLET = {name: Instrument(type=name, brand="", last4="", asks_holder=True) for name in WALLETS}

NO_BILLING: Json = {
    "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}
CHECKS: Json = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
EXPIRY: Json = {"exp_month": 12, "exp_year": 2034}


def card_of(instrument: Instrument) -> Json:
    """The fields that a card shows both on its payment method and on a charge."""
    return {
        "brand": instrument.brand,
        "checks": CHECKS,
        "country": "US",
        "fingerprint": f"fp{instrument.last4}",
        "funding": "credit",
        "last4": instrument.last4,
        "wallet": None,
    } | EXPIRY
