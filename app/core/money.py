"""Money: integer minor units of one currency, with arithmetic that never loses a fen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

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
