"""When parties are paid and from which amount on, when cash is due, how long a transfer may take: a versioned table. Pure."""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from app.core.schema import Shape
from app.core.text import LANGUAGES
from app.payouts.values import Party

TABLE: Final = Path(__file__).parent / "seed" / "terms.toml"
DAYS_MAX: Final = 90
HOURS_MAX: Final = 30 * 24
Days = Annotated[int, Field(ge=0, le=DAYS_MAX)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


class PartyTerms(Shape):
    """One row: when parties of a kind are paid."""

    kind: Party
    weekdays: frozenset[Annotated[int, Field(ge=1, le=7)]] = frozenset()
    hold_days: Days = 0
    minimum: dict[Currency, Annotated[int, Field(ge=1)]] = {}

    @property
    def hold(self) -> timedelta:
        return timedelta(days=self.hold_days)


class CashTerms(Shape):
    due_days: Days = 3
    net: bool = False

    @property
    def due_after(self) -> timedelta:
        return timedelta(days=self.due_days)


class TransferTerms(Shape):
    deadline_h: Annotated[int, Field(ge=1, le=HOURS_MAX)] = 72
    pay_to: dict[str, str] = {}

    @property
    def deadline(self) -> timedelta:
        return timedelta(hours=self.deadline_h)

    @model_validator(mode="after")
    def _said(self) -> Self:
        if self.pay_to and not {tag for tag, words in self.pay_to.items() if words.strip()} >= {*LANGUAGES}:
            raise ValueError("`pay_to` is said in en and in zh-Hans, or not at all")
        return self


class RenewalTerms(Shape):
    """How long an order whose goods have not moved waits to be paid anew, once what was held on a card is lost; 0: it is cancelled."""

    deadline_h: Annotated[int, Field(ge=0, le=HOURS_MAX)] = 0

    @property
    def deadline(self) -> timedelta:
        return timedelta(hours=self.deadline_h)


class DebtorTerms(Shape):
    """The operator's own account that a bank takes a run from, as it stands in the message to the bank; its bank by BIC or name."""

    holder: Annotated[str, StringConstraints(max_length=140)] = ""
    account: Annotated[str, StringConstraints(max_length=34)] = ""
    bank: Annotated[str, StringConstraints(max_length=140)] = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        told = [bool(each.strip()) for each in (self.holder, self.account, self.bank)]
        if any(told) and not all(told):
            raise ValueError("`holder`, `account` and `bank` are said all three, or none")
        return self


class Terms(Shape):
    """One version of the table."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    party: tuple[PartyTerms, ...] = ()
    cash: CashTerms = CashTerms()
    transfer: TransferTerms = TransferTerms()
    renewal: RenewalTerms = RenewalTerms()
    debtor: DebtorTerms = DebtorTerms()

    @model_validator(mode="after")
    def _stands_once(self) -> Self:
        kinds = [row.kind for row in self.party]
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise ValueError(f"parties stand twice: {', '.join(twice)}")
        return self

    def of(self, party: Party) -> PartyTerms:
        """The row of a kind of party; one that is not there is paid only when an operator asks."""
        return next((row for row in self.party if row.kind is party), PartyTerms(kind=party))

    def due_on(self, day: date) -> list[Party]:
        """The kinds of party that are paid on this day."""
        return [row.kind for row in self.party if day.isoweekday() in row.weekdays]


NO_TERMS: Final = Terms(version="none")


class TermsUnreadable(ValueError):
    """The table cannot be used: its message names the file and every fault."""


def read_terms(text: str) -> Terms:
    """The table in this TOML; `ValueError` names every fault with its place, in one line."""
    try:
        return Terms.model_validate(tomllib.loads(text))
    except ValidationError as error:
        told = [f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()]
        raise ValueError("; ".join(told)) from error


def _place(loc: tuple[int | str, ...]) -> str:
    """Where a fault is; rows are counted from one."""
    return " ".join(str(part + 1) if isinstance(part, int) else part for part in loc) or "the table"


def load_terms(path: Path | None) -> Terms:
    """The table of this file, or the one that comes with the code; `TermsUnreadable` with the file and what is wrong with it."""
    try:
        return read_terms((path or TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TermsUnreadable(f"{path or TABLE}: {error}") from error


def minimum_minor(terms: PartyTerms, currency: str) -> int:
    return terms.minimum.get(currency, 1)
