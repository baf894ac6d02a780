"""What may be claimed for which goods, how they are settled by weight, and who pays for a cancelled order: a versioned table, and what of it an order keeps. Pure."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from app.catalogue.values import Category
from app.core.limits import DISPUTE_WINDOW
from app.core.schema import Shape
from app.core.text import LANGUAGES
from app.orders.values import OrderStatus

TABLE: Final = Path(__file__).parent / "seed" / "policies.toml"
ROWS_MAX: Final = 200
HOURS_MAX: Final = 90 * 24
SHARE_BPS_MAX: Final = 10_000
# Where a policy does not say how long goods may be handed in that go back. [M]
HAND_IN_H: Final = 168
# What is owed for refused goods that nobody can claim is written off after so long, where no table says otherwise. [M]
WRITE_OFF_H: Final = 30 * 24
TOLERANCE_BPS_MAX: Final = 5_000
_CANCELLABLE: Final = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.PLACED})
Hours = Annotated[int, Field(ge=1, le=HOURS_MAX)]


class ClaimKind(StrEnum):
    """`REFUSAL`: goods that are refused at the door without a claim go back, and are not owed; only a carrier's word opens it."""

    DAMAGE = "damage"
    NO_REASON = "no_reason"
    HAND_OVER = "hand_over"
    INSPECTION = "inspection"
    REFUSAL = "refusal"


class Evidence(StrEnum):
    PHOTOS = "photos"
    INSPECTION = "inspection"


class Party(StrEnum):
    BUYER = "buyer"
    PRODUCER = "producer"
    CARRIER = "carrier"
    PLATFORM = "platform"


class CarriageBack(StrEnum):
    """Who pays the way back. `NONE`: the goods stay where they are."""

    BUYER = "buyer"
    PRODUCER = "producer"
    CARRIER = "carrier"
    PLATFORM = "platform"
    NONE = "none"


class Canceller(StrEnum):
    BUYER = "buyer"
    OPERATOR = "operator"


class Base(StrEnum):
    """Of what of a consignment a share is owed."""

    GOODS = "goods"
    PACKAGING = "packaging"
    PICKUP = "pickup"


class Lapse(StrEnum):
    """What a buyer's silence means about a weight outside the tolerance."""

    DECLINE = "decline"
    OPERATOR = "operator"


def _said(words: Mapping[str, str]) -> bool:
    return {tag for tag, text in words.items() if text.strip()} >= {*LANGUAGES}


class ClaimPolicy(Shape):
    """One row: the claims of one kind for goods of one category."""

    number: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{0,39}$")]
    category: Category
    kind: ClaimKind
    made_to_order: Annotated[
        bool | None, Field(description="Only for goods that are (or are not) made to order; null is for both")
    ] = None
    what: dict[str, str]
    source: dict[str, str]
    window_h: Annotated[Hours, Field(description="Hours after delivery in which a claim may be opened")]
    evidence: tuple[Evidence, ...] = ()
    carriage_back: CarriageBack
    answer_h: Annotated[Hours, Field(description="Hours for an answer; then the claim goes to an operator")]
    decide_h: Annotated[Hours, Field(description="Hours for the operator's decision")]
    hand_in_h: Annotated[Hours, Field(description="Hours in which goods that go back are handed in")] = HAND_IN_H

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (_said(self.what) and _said(self.source)):
            raise ValueError("`what` and `source` are said in en and in zh-Hans")
        if self.kind is ClaimKind.REFUSAL and self.carriage_back is CarriageBack.NONE:
            raise ValueError("goods of a `refusal` go back: `carriage_back` says who pays it")
        return self

    def bears_on(self, category: Category, *, made_to_order: bool) -> bool:
        return self.category is category and self.made_to_order in (None, made_to_order)


class Cancellation(Shape):
    """One row: a reason to cancel, who may give it and when, and who owes whom what share of what."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]
    what: dict[str, str]
    by: Annotated[frozenset[Canceller], Field(min_length=1)]
    states: Annotated[frozenset[OrderStatus], Field(min_length=1)]
    pays: Party
    to: Party | None = None
    of: Base | None = None
    bps: Annotated[int, Field(ge=0, le=SHARE_BPS_MAX)] = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not _said(self.what):
            raise ValueError("`what` is said in en and in zh-Hans")
        if bool(self.bps) != (self.to is not None) or bool(self.bps) != (self.of is not None):
            raise ValueError("`bps` above zero comes with `to` and `of`, and neither without it")
        if self.to is self.pays:
            raise ValueError("`to` is somebody else than who `pays`")
        if not self.states <= _CANCELLABLE:
            raise ValueError(f"orders are cancelled while they are {' or '.join(sorted(_CANCELLABLE))}")
        return self


class HarvestShort(Shape):
    """What a buyer may do whose order was cut down because too little was harvested."""

    cancel_h: Annotated[
        Hours, Field(description="Hours in which the whole order may be cancelled at no cost to the buyer")
    ]


class Refused(Shape):
    """What becomes of money that is owed for refused goods which can neither be claimed nor sent back."""

    write_off_h: Annotated[
        Hours, Field(description="Hours after the delivery; then the platform bears it, and nobody owes it any more")
    ]


class Weighing(Shape):
    """One row: how goods of one category that are sold by weight are settled."""

    number: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{0,39}$")]
    category: Category
    what: dict[str, str]
    source: dict[str, str]
    tolerance_bps: Annotated[
        int, Field(ge=0, le=TOLERANCE_BPS_MAX, description="Ten-thousandths of the estimate, both ways")
    ]
    answer_h: Annotated[Hours, Field(description="Hours for the buyer's word on a weight outside the tolerance")]
    lapse: Annotated[Lapse, Field(description="What silence means: the goods are taken off, or an operator decides")]
    trash_pct: Annotated[
        Decimal | None, Field(ge=0, le=50, description="Cotton: the standard trash of the conditioned weight")
    ] = None
    regain_pct: Annotated[
        Decimal | None, Field(ge=0, le=50, description="Cotton: the conventional moisture regain")
    ] = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (_said(self.what) and _said(self.source)):
            raise ValueError("`what` and `source` are said in en and in zh-Hans")
        if (self.trash_pct is None) != (self.regain_pct is None):
            raise ValueError("`trash_pct` and `regain_pct` come together")
        return self


class DisputePolicy(Shape):
    """One row: who bears what is lost when a buyer's bank decides for the buyer, by the reason that it gave."""

    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]
    bears: Party
    what: dict[str, str]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not _said(self.what):
            raise ValueError("`what` is said in en and in zh-Hans")
        if self.bears not in (Party.PRODUCER, Party.PLATFORM):
            raise ValueError("`bears` is producer or platform")
        return self


@dataclass(frozen=True, slots=True)
class Owed:
    """Who owes whom what share for each consignment of a cancelled order."""

    pays: Party
    to: Party
    of: Base
    bps: int


class Policies(Shape):
    """One version of the table."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    claim: Annotated[tuple[ClaimPolicy, ...], Field(max_length=ROWS_MAX)] = ()
    cancellation: Annotated[tuple[Cancellation, ...], Field(max_length=ROWS_MAX)] = ()
    weighing: Annotated[tuple[Weighing, ...], Field(max_length=ROWS_MAX)] = ()
    harvest_short: HarvestShort | None = None
    refused: Refused | None = None
    dispute: Annotated[tuple[DisputePolicy, ...], Field(max_length=ROWS_MAX)] = ()

    @model_validator(mode="after")
    def _stands_once(self) -> Self:
        for what, names in (
            ("numbers", [*(row.number for row in self.claim), *(row.number for row in self.weighing)]),
            ("codes", [row.code for row in self.cancellation]),
            ("weighed categories", [row.category.value for row in self.weighing]),
            ("reasons", [row.reason for row in self.dispute]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} stand twice: {', '.join(twice)}")
        for i, row in enumerate(self.claim):
            for other in self.claim[:i]:
                same = (row.category, row.kind) == (other.category, other.kind)
                if same and (
                    None in (row.made_to_order, other.made_to_order) or row.made_to_order == other.made_to_order
                ):
                    raise ValueError(f"{other.number} and {row.number} are for the same goods and kind")
        return self

    def find_cancellation(self, code: str) -> Cancellation | None:
        return next((row for row in self.cancellation if row.code == code), None)

    def find_weighing(self, category: str) -> Weighing | None:
        return next((row for row in self.weighing if row.category == category), None)


NO_POLICIES: Final = Policies(version="none")


class PoliciesUnreadable(ValueError):
    """The table cannot be used: its message names the file and every fault."""


@dataclass(frozen=True, slots=True)
class Claimable:
    """What of a policy decides about a claim, as it was when the order was placed."""

    number: str
    kind: ClaimKind
    window: timedelta
    evidence: frozenset[Evidence]
    carriage_back: CarriageBack
    answer: timedelta
    decide: timedelta
    hand_in: timedelta = timedelta(hours=HAND_IN_H)


def frozen_terms(policies: Policies, goods: Mapping[str, tuple[str | None, bool]]) -> dict[str, Any]:
    """What an order keeps of the table: for its lines (category, and whether made to order) the rows that bear, and what cancelling costs."""
    bearing = {
        line: [
            row
            for row in policies.claim
            if category is not None and row.bears_on(Category(category), made_to_order=made_to_order)
        ]
        for line, (category, made_to_order) in goods.items()
    }
    used = {row.number: row for rows in bearing.values() for row in rows}
    return {
        "policy": policies.version,
        "disputes": {row.reason: row.bears.value for row in policies.dispute},
        "lines": {line: [row.number for row in rows] for line, rows in bearing.items()},
        "claims": {
            number: [
                row.kind.value,
                row.window_h,
                [each.value for each in row.evidence],
                row.carriage_back.value,
                row.answer_h,
                row.decide_h,
                row.hand_in_h,
            ]
            for number, row in used.items()
        },
        "cancellations": {
            row.code: [row.pays.value, row.to.value, row.of.value, row.bps]
            for row in policies.cancellation
            if row.to is not None and row.of is not None
        },
        "write_off_h": policies.refused.write_off_h if policies.refused else WRITE_OFF_H,
        "harvest_short_h": policies.harvest_short.cancel_h if policies.harvest_short else 0,
    }


def claimable_of(terms: Mapping[str, Any], line: str) -> Sequence[Claimable]:
    """The claims that may be made for a line, by the terms of its order. None for orders from before there were any."""
    return [_claimable(number, terms["claims"][number]) for number in terms.get("lines", {}).get(line, ())]


def goes_back(terms: Mapping[str, Any], line: str) -> bool:
    """Whether goods of this line that are refused at the door are sent back, by the terms of the order; without a word in them they stay."""
    return any(
        policy.kind in (ClaimKind.HAND_OVER, ClaimKind.REFUSAL) and policy.carriage_back is not CarriageBack.NONE
        for policy in claimable_of(terms, line)
    )


def window_of(terms: Mapping[str, Any], lines: Iterable[str]) -> timedelta:
    """How long after delivery any of these lines may still be claimed: so long their producers' money waits.

    For lines of which the terms say nothing, the time that buyers had before there were terms.
    """
    windows = [[policy.window for policy in claimable_of(terms, line)] or [DISPUTE_WINDOW] for line in lines]
    return max(max(each) for each in windows)


def _claimable(number: str, row: Sequence[Any]) -> Claimable:
    kind, window_h, evidence, carriage_back, answer_h, decide_h, *more = row
    return Claimable(
        number=number,
        kind=ClaimKind(kind),
        window=timedelta(hours=window_h),
        evidence=frozenset(map(Evidence, evidence)),
        carriage_back=CarriageBack(carriage_back),
        answer=timedelta(hours=answer_h),
        decide=timedelta(hours=decide_h),
        # Orders from before ways back were booked do not say it.
        hand_in=timedelta(hours=more[0] if more else HAND_IN_H),
    )


def owed_for(terms: Mapping[str, Any], code: str) -> Owed | None:
    """What cancelling for this reason costs, by the terms of the order; None when nobody owes anything."""
    row = terms.get("cancellations", {}).get(code)
    return Owed(Party(row[0]), Party(row[1]), Base(row[2]), row[3]) if row else None


def write_off_of(terms: Mapping[str, Any]) -> timedelta:
    """How long after the delivery what is owed for refused goods is written off, by the terms of the order."""
    return timedelta(hours=terms.get("write_off_h", WRITE_OFF_H))


def free_cancel_of(terms: Mapping[str, Any]) -> timedelta:
    """For how long an order that was cut down may be cancelled freely, by its terms; no time for orders from before."""
    return timedelta(hours=terms.get("harvest_short_h", 0))


def read_policies(text: str) -> Policies:
    """The table in this TOML; `ValueError` names every fault with its row, in one line."""
    table = tomllib.loads(text)
    try:
        return Policies.model_validate(table)
    except ValidationError as error:
        told = [
            f"{_place(table, fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
        ]
        raise ValueError("; ".join(told)) from error


def _place(table: Mapping[str, Any], loc: tuple[int | str, ...]) -> str:
    """Where a fault is: the row by its number or code, or by its place in the file, then the field."""
    if len(loc) < 2 or loc[0] not in ("claim", "cancellation", "weighing") or not isinstance(loc[1], int):
        return ".".join(map(str, loc)) or "the table"
    row = table[loc[0]][loc[1]]
    named = (row.get("number") or row.get("code")) if isinstance(row, dict) else None
    return " ".join(map(str, (loc[0], named or f"{loc[1] + 1} of the file", *loc[2:])))


def load_policies(path: Path | None) -> Policies:
    """The table of this file, or the one that comes with the code; `PoliciesUnreadable` with the file and what is wrong with it."""
    try:
        return read_policies((path or TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PoliciesUnreadable(f"{path or TABLE}: {error}") from error
