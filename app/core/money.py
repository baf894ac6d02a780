"""Money: integer minor units of one currency, with arithmetic that never loses a fen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self

from pydantic import ConfigDict, Field

from app.core.limits import AMOUNT_MINOR_MAX


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (fen for CNY). Adding two currencies is our mistake, not a user's."""

    amount: Annotated[
        int, Field(ge=-AMOUNT_MINOR_MAX, le=AMOUNT_MINOR_MAX, description="Minor units (fen)", examples=[1250])
    ]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["CNY"])]

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __add__(self, other: Self) -> "Money":
        assert self.currency == other.currency
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Self) -> "Money":
        assert self.currency == other.currency
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def share_bps(self, bps: int) -> "Money":
        """This many ten-thousandths, rounded down."""
        return Money(self.amount * bps // 10_000, self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Divide by weights (largest remainder); the parts always add up to the whole."""
        total = sum(weights)
        assert total > 0
        assert min(weights) >= 0
        floors = [self.amount * weight // total for weight in weights]
        missing = self.amount - sum(floors)
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(self.amount * weights[i] % total), i))
        for i in by_remainder[:missing]:
            floors[i] += 1
        return [Money(part, self.currency) for part in floors]


def zero(currency: str) -> Money:
    return Money(0, currency)


def total(parts: Sequence[Money], currency: str) -> Money:
    return sum(parts, zero(currency))


# ISO 4217: how many digits of a currency's major unit its minor units are; two for all others.
_DIGITS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def major(money: Money, *, grouped: bool = False) -> str:
    """The amount in major units as a decimal number, exactly: `-1234.50`, or `-1,234.50` for people to read."""
    digits = _DIGITS.get(money.currency, 2)
    whole, part = divmod(abs(money.amount), 10**digits)
    sign = "-" if money.amount < 0 else ""
    shown = f"{whole:,}" if grouped else str(whole)
    return f"{sign}{shown}.{part:0{digits}d}" if digits else f"{sign}{shown}"


def priced(money: Money) -> str:
    """An amount as people read it: `¥1,234.50`, or `USD 1,234.50` of another currency."""
    return ("¥" if money.currency == "CNY" else f"{money.currency} ") + major(money, grouped=True)
