"""A consignment of which less is sent than was booked: fewer packages, and the rides in proportion to the weight."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.database import Session, as_rows
from app.core.ids import new_id
from app.packaging.values import Package
from app.shipments.service import columns
from app.shipments.values import Journey, JourneyLeg, JourneyPackage

_HOLD: Final = text(
    "SELECT id FROM consignment WHERE id = :id AND status = 'booked' AND cancelled_at IS NULL FOR UPDATE"
)
_WRITE: Final = text(
    "WITH gone AS (DELETE FROM package WHERE consignment_id = :id), "
    "packed AS (INSERT INTO package SELECT row.* FROM jsonb_populate_recordset(CAST(NULL AS package), CAST(:packages AS jsonb)) AS row), "
    "ridden AS (UPDATE leg SET price_minor = part.price_minor, co2e_g = part.co2e_g, hub_co2e_g = part.hub_co2e_g "
    "FROM json_to_recordset(CAST(:legs AS json)) AS part (id text, price_minor bigint, co2e_g int, hub_co2e_g int) "
    "WHERE leg.consignment_id = :id AND leg.id = part.id) "
    "UPDATE consignment SET extra_carriage_minor = :extra WHERE id = :id"
)
_DROP: Final = text("UPDATE consignment SET cancelled_at = :now WHERE id = :id")


def in_proportion(amount: int, part: int, whole: int) -> int:
    """The amount for a part of the whole, rounded up: what is left of a ride never costs or emits less than its part."""
    assert 0 <= part <= whole
    return -(-amount * part // whole)


def lightened(journey: Journey, packages: Sequence[Package]) -> Journey:
    """The journey with these packages in place of its own: rides cost and emit in proportion to the weight. Pure but for fresh ids.

    What the platform bears of another way, or keeps of it, sinks in the same proportion. Packages never cost more than before, nor weigh more.
    """
    before_g, before_minor = weight_of(journey), packaging_of(journey)
    after_g = min(sum(package.weight_g for package in packages), before_g)
    dear = max(sum(package.price_minor for package in packages), before_minor, 1)

    def less(amount: int | None) -> int | None:
        return None if amount is None else in_proportion(amount, after_g, before_g)

    legs = [
        replace(
            leg,
            price_minor=in_proportion(leg.price_minor, after_g, before_g),
            co2e_g=less(leg.co2e_g),
            hub_co2e_g=less(leg.hub_co2e_g),
        )
        for leg in journey.legs
    ]
    cheaper = before_minor < dear
    return replace(
        journey,
        packages=tuple(
            _package(package, package.price_minor * before_minor // dear if cheaper else package.price_minor)
            for package in packages
        ),
        legs=tuple(legs),
        extra_carriage_minor=journey.extra_carriage_minor * after_g // before_g,
    )


def weight_of(journey: Journey) -> int:
    return sum(package.weight_g for package in journey.packages)


def volume_of(journey: Journey) -> int:
    return sum(package.length_mm * package.width_mm * package.height_mm for package in journey.packages)


def packaging_of(journey: Journey) -> int:
    return sum(package.price_minor for package in journey.packages)


def carriage_of(journey: Journey) -> int:
    """What the buyer pays for the rides: what a changed way costs more or less is the platform's."""
    return sum(leg.price_minor for leg in journey.legs) - journey.extra_carriage_minor


def _package(package: Package, price_minor: int) -> JourneyPackage:
    return JourneyPackage(
        id=new_id("pkg"),
        type=package.type,
        name=dict(package.name),
        units=package.units,
        weight_g=package.weight_g,
        length_mm=package.length_mm,
        width_mm=package.width_mm,
        height_mm=package.height_mm,
        own_mass_g=package.own_mass_g,
        price_minor=price_minor,
        co2e_g=package.co2e_g,
        reusable=package.reusable,
    )


async def hold_booked(session: Session, consignment_id: str) -> bool:
    """Lock a consignment that nobody has handed in yet; False when its goods have left, or it is not to be."""
    return (await session.execute(_HOLD, {"id": consignment_id})).first() is not None


async def write_lightened(session: Session, journey: Journey) -> None:
    """Keep what `lightened` made of a consignment that is held. One statement."""
    legs: list[JourneyLeg] = list(journey.legs)
    values = {
        "id": journey.id,
        "extra": journey.extra_carriage_minor,
        "packages": as_rows([columns(package) | {"consignment_id": journey.id} for package in journey.packages]),
        "legs": as_rows(
            [{name: getattr(leg, name) for name in ("id", "price_minor", "co2e_g", "hub_co2e_g")} for leg in legs]
        ),
    }
    await session.execute(_WRITE, values)


async def drop_consignment(session: Session, consignment_id: str, now: datetime) -> None:
    """A held consignment with nothing left in it is not to be; the rest of its order is."""
    await session.execute(_DROP, {"id": consignment_id, "now": now})
