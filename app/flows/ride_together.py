"""Chosen ways and units, told leg by leg: each member pays its share of a shared ride by weight, to the fen. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.core.money import Money
from app.flows.consolidate import Freight, Part, Unit, price_of_ride, price_of_transfer, price_to_door
from app.flows.plan_ways import Around, Cargo, courier_co2e_g, legs_of, ride_co2e_g
from app.network.values import CURRENCY
from app.orders.schemas import LegShape

FIRST_UNIT: Final = 1


@dataclass(frozen=True, slots=True)
class Shared:
    """One unit as it is shown: from which hub, who, and how much less its rides cost than they would one by one."""

    number: int
    hub: str
    members: tuple[int, ...]
    saved_minor: int


@dataclass(frozen=True, slots=True)
class Ridden:
    """How some consignments travel: the legs of each, and the units among them."""

    legs: tuple[list[LegShape], ...]
    shared: tuple[Shared, ...]


def ride(around: Around, freights: Sequence[Freight], parts: Sequence[Part]) -> Ridden:
    """The legs of each consignment, given the way that it takes or the unit that it rides in.

    The legs that a unit shares carry its number; their prices add up to what the unit is charged.
    """
    units = {part.members: part for part in parts if isinstance(part, Unit)}
    told: dict[int, list[LegShape]] = {
        member: legs_of(around, freights[member].cargo, part)
        for member, part in enumerate(parts)
        if not isinstance(part, Unit)
    }
    shared = []
    for number, unit in enumerate(units.values(), FIRST_UNIT):
        legs, saved_minor = _unit_legs(around, freights, unit, number)
        told |= legs
        hub = next(leg.from_ for leg in legs[unit.members[0]] if leg.unit == number)
        shared.append(Shared(number, hub, unit.members, saved_minor))
    return Ridden(tuple(told[member] for member in range(len(parts))), tuple(shared))


def _unit_legs(
    around: Around, freights: Sequence[Freight], unit: Unit, number: int
) -> tuple[dict[int, list[LegShape]], int]:
    """Each member's own legs and then the shared ones, and what the members save on these together."""
    own = {one.member: legs_of(around, freights[one.member].cargo, one.way)[: one.own_legs] for one in unit.coming}
    members = list(own)
    cargoes = [freights[member].cargo for member in members]
    weights = [cargo.weight_g for cargo in cargoes]
    saved_minor = 0
    for seq, leg in enumerate(legs_of(around, freights[unit.leader].cargo, unit.way)[unit.since :]):
        is_first = seq == 0
        together = _price(around, unit, seq, cargoes, is_first=is_first)
        saved_minor += sum(_price(around, unit, seq, [cargo], is_first=is_first) for cargo in cargoes) - together
        shares = Money(together, CURRENCY).split(weights)
        for member, share in zip(members, shares, strict=True):
            joins = Money(_transfer(around, freights, unit, member) if is_first else 0, CURRENCY)
            figures = {"price": share + joins, "co2e_g": _co2e_g(freights, unit, seq, member), "unit": number}
            own[member].append(leg.model_copy(update=figures))
    return own, saved_minor


def _price(around: Around, unit: Unit, seq: int, cargoes: Sequence[Cargo], *, is_first: bool) -> int:
    """What shared leg `seq` costs for these, with the transfer before it unless each member pays its own there."""
    rides = unit.way.journey.legs[unit.since :]
    weight_g = sum(cargo.weight_g for cargo in cargoes)
    if seq == len(rides):
        return price_to_door(around, cargoes[0].temperature, weight_g)
    transfer = 0 if is_first else price_of_transfer(around, rides[seq], weight_g)
    return price_of_ride(around, rides[seq], cargoes) + transfer


def _transfer(around: Around, freights: Sequence[Freight], unit: Unit, member: int) -> int:
    """What a member pays for being transferred into the unit: nothing where it is handed in, nor to the courier."""
    rides = unit.way.journey.legs[unit.since :]
    came = next(one.own_legs for one in unit.coming if one.member == member)
    return price_of_transfer(around, rides[0], freights[member].cargo.weight_g) if rides and came else 0


def _co2e_g(freights: Sequence[Freight], unit: Unit, seq: int, member: int) -> int | None:
    """What the member's own weight emits on a shared leg: mass times distance, as if it rode alone."""
    rides, cargo = unit.way.journey.legs[unit.since :], freights[member].cargo
    if seq < len(rides):
        return ride_co2e_g(rides[seq], freights[unit.leader].cargo.weight_g, cargo.weight_g)
    return courier_co2e_g(unit.way.courier, cargo) if unit.way.courier else None
