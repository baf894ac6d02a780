"""Packages in pallets in containers: what lies inside what, at each moment. Pure.

GS1 EPCIS 2.0, 7.4.3 (AggregationEvent): a child follows its parent from the ADD until the DELETE, and no longer.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

# A package in a crate on a pallet in a container on a vessel.
DEPTH_MAX: Final = 8
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class Action(IntEnum):
    """At the same moment what is taken out goes before what is put in: a child moves from one parent to another at once."""

    DELETE = 0
    ADD = 1


@dataclass(frozen=True, slots=True, order=True)
class Packing:
    """Something was put into, or taken out of, a unit. `key` is who said it and under which id: the same said twice is one."""

    at: datetime
    action: Action
    key: str
    parent: str
    child: str | None
    """None, with DELETE: everything that is in the parent at that moment is taken out."""


Contents = Mapping[str, str]
"""By child, the unit that it lies in."""


def contents_at(packings: Iterable[Packing], at: datetime) -> dict[str, str]:
    """What lies in what at this moment, in whatever order, and however often, it was told.

    A child lies in one parent: put into another, it has left the first. What would lie in itself stays where it is. An ADD counts from its
    moment on, a DELETE from its own.
    """
    inside: dict[str, str] = {}
    for packing in sorted(set(packings), key=_in_time):
        if packing.at > at:
            break
        _apply(inside, packing)
    return inside


def _in_time(packing: Packing) -> tuple[datetime, int, str, str, str]:
    return packing.at, packing.action, packing.key, packing.parent, packing.child or ""


def _apply(inside: dict[str, str], packing: Packing) -> None:
    if packing.action is Action.DELETE:
        leaving = [packing.child] if packing.child is not None else list(inside)
        for child in leaving:
            if inside.get(child) == packing.parent:
                del inside[child]
    elif packing.child is not None and not _holds(inside, packing.child, packing.parent):
        inside[packing.child] = packing.parent


def _holds(inside: Contents, unit: str, sought: str) -> bool:
    """Whether `sought` is this unit, or lies in it."""
    at: str | None = sought
    for _ in range(DEPTH_MAX + 1):
        if at == unit:
            return True
        if at is None:
            return False
        at = inside.get(at)
    # Deeper than anything is packed: it is not put in.
    return True


def concerned(packings: Iterable[Packing], unit: str, at: datetime) -> set[str]:
    """Everything that an event told of this unit at this moment is told of: the unit, and what lies in it then, however deep."""
    inside = contents_at(packings, at)
    found = {unit}
    for _ in range(DEPTH_MAX):
        deeper = {child for child, parent in inside.items() if parent in found} - found
        if not deeper:
            break
        found |= deeper
    return found


@dataclass(frozen=True, slots=True)
class Goods:
    """A consignment as packers name it: by its number all of it, by its packages some. `units` are those that its legs were given to ride in."""

    number: str
    packages: frozenset[str]
    units: frozenset[str] = frozenset()


def are_concerned(goods: Goods, told_of: Collection[str], packings: Iterable[Packing], at: datetime) -> bool:
    """Whether an event told of these units at this moment is one of the goods: when any package of theirs lies in one of them then.

    In the unit of a leg they lie without anybody's word, until somebody takes them out of it.
    """
    told = [one for packing in packings for one in _by_package(packing, goods)]
    reached = {name for unit in told_of for name in concerned(told, unit, at)}
    return bool(reached & goods.packages) or any(_ride_in(unit, goods, told, at) for unit in reached & goods.units)


def _by_package(packing: Packing, goods: Goods) -> list[Packing]:
    """What is said of the whole consignment is said of each of its packages."""
    if packing.child != goods.number:
        return [packing]
    return [replace(packing, child=package) for package in goods.packages]


def _ride_in(unit: str, goods: Goods, packings: Iterable[Packing], at: datetime) -> bool:
    from_the_start = [Packing(_EVER, Action.ADD, "", unit, package) for package in goods.packages]
    of_it = [packing for packing in packings if packing.parent == unit]
    return bool(goods.packages & contents_at([*from_the_start, *of_it], at).keys())
