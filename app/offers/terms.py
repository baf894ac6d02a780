"""For which goods offers are taken, from how much on, by which clocks and with what deposit: a versioned table, and what of it an offer keeps. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from app.catalogue.values import Category
from app.core.quantity import Quantity, Unit, as_text
from app.core.schema import Shape
from app.core.text import LANGUAGES
from app.offers.values import Fate

TABLE: Final = Path(__file__).parent / "seed" / "terms.toml"
ROWS_MAX: Final = 50
HOURS_MAX: Final = 90 * 24
# Above a half, a deposit would be a price.
DEPOSIT_BPS_MAX: Final = 5_000
ROUNDS_MAX: Final = 50
Hours = Annotated[int, Field(ge=1, le=HOURS_MAX)]


class TermsRow(Shape):
    """One row: offers on goods of one category."""

    category: Category
    what: dict[str, str]
    source: dict[str, str]
    min_quantity: Annotated[dict[Unit, Quantity], Field(min_length=1)]
    rounds_max: Annotated[int, Field(ge=1, le=ROUNDS_MAX)]
    answer_h: Hours
    answer_h_max: Hours
    deposit_bps: Annotated[int, Field(ge=0, le=DEPOSIT_BPS_MAX)]
    deposit_h: Hours
    order_h: Hours
    on_lapse: Fate

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for words in (self.what, self.source):
            if not {tag for tag, text in words.items() if text.strip()} >= {*LANGUAGES}:
                raise ValueError("`what` and `source` are said in en and in zh-Hans")
        if self.answer_h > self.answer_h_max:
            raise ValueError("`answer_h` is not above `answer_h_max`")
        return self


class OfferTerms(Shape):
    """One version of the table."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    terms: Annotated[tuple[TermsRow, ...], Field(max_length=ROWS_MAX)] = ()

    @model_validator(mode="after")
    def _stands_once(self) -> Self:
        names = [row.category.value for row in self.terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"categories stand twice: {', '.join(twice)}")
        return self

    def find(self, category: Category, unit: Unit) -> "AgreedTerms | None":
        """What an offer on such goods keeps; None where prices are fixed."""
        row = next((row for row in self.terms if row.category is category and unit in row.min_quantity), None)
        return _agreed(self.version, row, unit) if row else None


NO_TERMS: Final = OfferTerms(version="none")


class TermsUnreadable(ValueError):
    """The table cannot be used: its message names the file and every fault."""


@dataclass(frozen=True, slots=True)
class AgreedTerms:
    """What of the table holds for one offer, as it was when the offer was made."""

    version: str
    bulk: Decimal
    rounds_max: int
    answer: timedelta
    answer_max: timedelta
    deposit_bps: int
    deposit: timedelta
    order: timedelta
    on_lapse: Fate


def _agreed(version: str, row: TermsRow, unit: Unit) -> AgreedTerms:
    return AgreedTerms(
        version=version,
        bulk=row.min_quantity[unit],
        rounds_max=row.rounds_max,
        answer=timedelta(hours=row.answer_h),
        answer_max=timedelta(hours=row.answer_h_max),
        deposit_bps=row.deposit_bps,
        deposit=timedelta(hours=row.deposit_h),
        order=timedelta(hours=row.order_h),
        on_lapse=row.on_lapse,
    )


def frozen(terms: AgreedTerms) -> dict[str, Any]:
    """The terms as an offer keeps them."""
    hour = timedelta(hours=1)
    return {
        "version": terms.version,
        "bulk": as_text(terms.bulk),
        "rounds_max": terms.rounds_max,
        "answer_h": terms.answer // hour,
        "answer_h_max": terms.answer_max // hour,
        "deposit_bps": terms.deposit_bps,
        "deposit_h": terms.deposit // hour,
        "order_h": terms.order // hour,
        "on_lapse": terms.on_lapse.value,
    }


def terms_of(kept: Mapping[str, Any]) -> AgreedTerms:
    """The terms that an offer kept."""
    return AgreedTerms(
        version=kept["version"],
        bulk=Decimal(kept["bulk"]),
        rounds_max=kept["rounds_max"],
        answer=timedelta(hours=kept["answer_h"]),
        answer_max=timedelta(hours=kept["answer_h_max"]),
        deposit_bps=kept["deposit_bps"],
        deposit=timedelta(hours=kept["deposit_h"]),
        order=timedelta(hours=kept["order_h"]),
        on_lapse=Fate(kept["on_lapse"]),
    )


def read_terms(text: str) -> OfferTerms:
    """The table in this TOML; `ValueError` names every fault with its row, in one line."""
    table = tomllib.loads(text)
    try:
        return OfferTerms.model_validate(table)
    except ValidationError as error:
        told = [
            f"{_place(table, fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
        ]
        raise ValueError("; ".join(told)) from error


def _place(table: Mapping[str, Any], loc: tuple[int | str, ...]) -> str:
    """Where a fault is: the row by its category, or by its place in the file, then the field."""
    if len(loc) < 2 or loc[0] != "terms" or not isinstance(loc[1], int):
        return ".".join(map(str, loc)) or "the table"
    row = table["terms"][loc[1]]
    named = row.get("category") if isinstance(row, dict) else None
    return " ".join(map(str, ("terms", named or f"{loc[1] + 1} of the file", *loc[2:])))


def load_terms(path: Path | None) -> OfferTerms:
    """The table of this file, or the one that comes with the code; `TermsUnreadable` with the file and what is wrong with it."""
    try:
        return read_terms((path or TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TermsUnreadable(f"{path or TABLE}: {error}") from error
