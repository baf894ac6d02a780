"""Where goods of an origin may not go: animal and plant quarantine as a versioned table, and what it closes for a cargo. Pure."""

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from app.core.clock import LEGAL_TIME
from app.core.schema import Shape
from app.core.text import LANGUAGES
from app.network.rules import SEED
from app.network.values import HubPoint, Temperature
from app.routing import Reason, Timetable

TABLE: Final = SEED / "origin_rules.toml"
RULES_MAX: Final = 1_000
AREAS_MAX: Final = 500
NUMBER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$"
# A province, a prefecture or a county: how its codes (GB/T 2260) begin.
Area = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9](?:[0-9]{2}(?:[0-9]{2})?)?$")]
Areas = Annotated[frozenset[Area], Field(max_length=AREAS_MAX)]
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """What rules look at: the county where goods come from, and what is known of them. None and empty is not known."""

    county: str | None
    temperature: Temperature
    categories: frozenset[str] = frozenset()
    species: frozenset[str] = frozenset()


class OriginRule(Shape):
    """One row: goods of `origin` may not go `to` an area, or not `outside` one. `what` and `source` are in each of our languages."""

    number: Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
    what: dict[str, str]
    source: dict[str, str]
    origin: Annotated[Areas, Field(min_length=1)]
    to: Areas = frozenset()
    outside: Areas = frozenset()
    categories: frozenset[str] = frozenset()
    species: frozenset[str] = frozenset()
    temperatures: frozenset[Temperature] = frozenset()
    transit: bool = False
    since: date | None = None
    until: date | None = None
    in_force: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if bool(self.to) == bool(self.outside):
            raise ValueError("a rule names either where goods may not go, `to`, or what they may not leave, `outside`")
        if self.since and self.until and self.until < self.since:
            raise ValueError("`until` is before `since`")
        if any(not {tag for tag, said in words.items() if said} >= {*LANGUAGES} for words in (self.what, self.source)):
            raise ValueError("`what` and `source` are said in en and in zh-Hans")
        return self

    def bears_on(self, goods: Origin, on: date) -> bool:
        """Whether it holds for goods that are handed in on this day. What is not known of them, no rule about it bears on."""
        return (
            self.in_force
            and (self.since or on) <= on <= (self.until or on)
            and goods.county is not None
            and _within(goods.county, self.origin)
            and (not self.categories or bool(self.categories & goods.categories))
            and (not self.species or bool(self.species & goods.species))
            and (not self.temperatures or goods.temperature in self.temperatures)
        )

    def closes(self, adcode: str | None) -> bool:
        """Whether the goods may not go to a place with this code; abroad, which has none, is customs' affair."""
        if adcode is None:
            return False
        return _within(adcode, self.to) if self.to else not _within(adcode, self.outside)


def _within(adcode: str, areas: Collection[str]) -> bool:
    return any(adcode.startswith(area) for area in areas)


class OriginRules(Shape):
    """One version of the table, in the order in which rules are named when several bear."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    rule: Annotated[tuple[OriginRule, ...], Field(max_length=RULES_MAX)] = ()

    @model_validator(mode="after")
    def _numbers_are_unique(self) -> Self:
        numbers = [rule.number for rule in self.rule]
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice:
            raise ValueError(f"numbers stand twice: {', '.join(twice)}")
        return self

    def bearing_on(self, goods: Origin, at: datetime) -> tuple[OriginRule, ...]:
        """The rules for goods that are handed in at this moment, by China's calendar."""
        on = at.astimezone(LEGAL_TIME).date()
        return tuple(rule for rule in self.rule if rule.bears_on(goods, on))

    def find(self, number: str | None) -> OriginRule | None:
        return next((rule for rule in self.rule if rule.number == number), None)


NO_RULES: Final = OriginRules(version="none")


class RulesUnreadable(ValueError):
    """The table cannot be used: its message names the file and every fault."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What goods may not touch on their way, and the rules that say so. Services call at such a place between others."""

    rules: tuple[OriginRule, ...] = ()
    places: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()


NOTHING_CLOSED: Final = Closed()


def forbidding(rules: Iterable[OriginRule], adcode: str | None) -> OriginRule | None:
    """The first of these rules by which goods may not go to this place."""
    return next((rule for rule in rules if rule.closes(adcode)), None)


def closed_on_the_way(
    rules: Iterable[OriginRule], hubs: Iterable[HubPoint], timetable: Timetable, start: str
) -> Closed:
    """What these rules close to transit. Goods may always leave `start`, the hub where they are.

    A service that calls at a closed place between two others is not used at all, also where a part of it would do: some way may be
    lost by that, but none that is wrong is given.
    """
    strict = tuple(rule for rule in rules if rule.transit)
    if not strict:
        return NOTHING_CLOSED
    shut = frozenset(hub.code for hub in hubs if hub.code != start and any(rule.closes(hub.adcode) for rule in strict))
    through = (service.id for service in timetable.services if any(stop.place in shut for stop in service.stops[1:-1]))
    return Closed(strict, shut, frozenset(through))


def what_stands_in_the_way(
    rules: Sequence[OriginRule], found: Reason, why: Callable[[Sequence[OriginRule]], Reason | None]
) -> tuple[Reason, OriginRule | None]:
    """Why there is no way under these rules, for which the planner `found` a reason: one of the rules, or what else there is.

    `why`: the planner's reason under some of them, None when there is a way. It is the first rule that leaves none by itself; rules
    that only together leave none are told by the first of them. Without a way under none of them, they are not blamed.
    """
    strict = [rule for rule in rules if rule.transit]
    if not strict:
        return found, None
    otherwise = why(())
    if otherwise is not None:
        return otherwise, None
    return Reason.FORBIDDEN, next((rule for rule in strict if why([rule]) is not None), strict[0])


def read_origin_rules(text: str, categories: Collection[str], species: Collection[str]) -> OriginRules:
    """The table in this TOML; `ValueError` names every fault with its rule. These are the categories and species that there are."""
    table = tomllib.loads(text)
    try:
        rules = OriginRules.model_validate(table)
    except ValidationError as error:
        told = [
            f"{_place(table, fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
        ]
        raise ValueError("; ".join(told)) from error
    unknown = [
        f"rule {rule.number}: no such {kind}: {', '.join(sorted(odd))}"
        for rule in rules.rule
        for kind, odd in (("category", rule.categories - {*categories}), ("species", rule.species - {*species}))
        if odd
    ]
    if unknown:
        raise ValueError("; ".join(unknown))
    return rules


def _place(table: Mapping[str, Any], loc: tuple[int | str, ...]) -> str:
    """Where a fault is: the rule by its number, or by its place in the file, then the field."""
    if len(loc) < 2 or loc[0] != "rule" or not isinstance(loc[1], int):
        return ".".join(map(str, loc)) or "the table"
    row = table["rule"][loc[1]]
    number = row.get("number") if isinstance(row, dict) else None
    return " ".join(map(str, ("rule", number or f"{loc[1] + 1} of the file", *loc[2:])))


def load_origin_rules(path: Path | None, categories: Collection[str], species: Collection[str]) -> OriginRules:
    """The table of this file, or the one that comes with the code; `RulesUnreadable` with the file and what is wrong with it."""
    try:
        return read_origin_rules((path or TABLE).read_text(encoding="utf-8"), categories, species)
    except (OSError, ValueError) as error:
        raise RulesUnreadable(f"{path or TABLE}: {error}") from error
