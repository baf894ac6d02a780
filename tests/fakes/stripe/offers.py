"""What a new payment intent may ask: its amount and currency, and by which methods it can be paid."""

from tests.fakes.stripe.cards import CURRENCIES, TYPES
from tests.fakes.stripe.errors import Json, NotInStandInError, invalid

AMOUNT_MAX = 99_999_999
AMOUNT_MIN = {"usd": 50, "eur": 50, "gbp": 30, "hkd": 400, "jpy": 50, "sgd": 50}


def check_amount(amount: int, currency: str) -> None:
    if not (len(currency) == 3 and currency.isalpha()):
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, code="parameter_invalid_integer", param="amount")
    if amount < AMOUNT_MIN.get(currency, 1):
        message = f"Amount must be at least {AMOUNT_MIN[currency]} {currency} minor units"
        raise invalid(message, code="amount_too_small", param="amount")
    if amount > AMOUNT_MAX:
        message = f"Amount must be no more than {AMOUNT_MAX} {currency} minor units"
        raise invalid(message, code="amount_too_large", param="amount")


def types_offered(given: Json, currency: str, *, manual: bool) -> tuple[list[str], Json | None]:
    """The payment method types of a new intent: those named, else those fit for its currency and capture."""
    named = given.get("payment_method_types")
    automatic = given.get("automatic_payment_methods", {"enabled": not named})
    if named is None and not automatic["enabled"]:
        named = ["card"]
    if named is None:
        return _types_for(currency, manual=manual), {"allow_redirects": "always"} | automatic
    if automatic["enabled"]:
        raise invalid("You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
    if unknown := sorted(set(named) - set(TYPES)):
        raise NotInStandInError(f"payment method types not in the stand-in yet: {unknown}")
    wallets = [each for each in named if each != "card"]
    if wallets and manual:
        message = f"The following payment method types {wallets} can only be used with PaymentIntents that have "
        raise invalid(f"{message}capture_method=automatic.")
    if wrong := [each for each in wallets if currency not in CURRENCIES[each]]:
        raise invalid(
            f"The currency provided ({currency}) is invalid for payment method types {wrong}.", param="currency"
        )
    return named, None


def _types_for(currency: str, *, manual: bool) -> list[str]:
    """What `automatic_payment_methods` offers: wallets only in their currencies, and never to be captured later."""
    return [each for each in TYPES if each == "card" or (currency in CURRENCIES[each] and not manual)]
