"""Which packages goods travel in: every piece has a place of its own inside, and nothing is boxed twice."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import ceil, prod
from pathlib import Path
from typing import Final

from app.core.quantity import times
from app.packaging.errors import TooManyPackages
from app.packaging.values import (
    AS_IT_IS,
    PACKAGES_MAX,
    PIECES_TOGETHER_MAX,
    Goods,
    Package,
    PackageType,
    PackagingKind,
    Size,
)

# A package up to this mass is never too much of one.
LIGHT_G: Final = 3_000
_HERE: Final = Path(__file__).parent
_UNPACKED: Final = {"en": "As it is", "zh-Hans": "原装直发"}


@dataclass(frozen=True, slots=True)
class Lot:
    """Pieces of one line that go into one package together."""

    size: Size
    pieces: int
    weight_g: int


@dataclass(frozen=True, slots=True)
class Box:
    type: PackageType
    lots: tuple[Lot, ...]


def choose_packages(
    kind: PackagingKind, goods: Sequence[Goods], catalogue: Sequence[PackageType] | None = None
) -> tuple[Package, ...]:
    """Pack the goods in packages of this kind: full ones line by line, then the rests together where that saves.

    Standard and reusable packages are chosen by price, green ones by mass of material. Goods that fit no package
    of the kind travel as they are. Raises `TooManyPackages` beyond PACKAGES_MAX.
    """
    count = sum(ceil(line.count) for line in goods if line.already_packed)
    if count > PACKAGES_MAX:
        raise TooManyPackages(count)
    types = load_catalogue() if catalogue is None else catalogue
    packages: list[Package] = []
    rests: dict[str, list[Box]] = {}
    for line in goods:
        fitting = () if line.already_packed else _fitting(types, kind, line)
        if not fitting:
            packages += _as_they_are(line, PACKAGES_MAX - len(packages))
            continue
        full, rest = _fill(line, kind, fitting, PACKAGES_MAX - len(packages))
        packages += map(_package, full)
        rests.setdefault(line.temperature, []).append(rest)
    for temperature, boxes in rests.items():
        packages += map(_package, _together(boxes, kind, _taking(types, kind, temperature)))
    if len(packages) > PACKAGES_MAX:
        raise TooManyPackages(len(packages))
    return tuple(packages)


@lru_cache(maxsize=4_096)
def pieces_in(inner: Size, size: Size) -> int:
    """How many equal pieces stand in rows, columns and layers in the best of their orientations."""
    return max(prod(room // side for room, side in zip(inner, turned, strict=True)) for turned in _turns(size))


def fit_together(inner: Size, sizes: Sequence[Size]) -> bool:
    """Whether these pieces were given a place each: the largest first, the room left is cut in three (guillotine).

    True is certain; False may be a packing that this rule does not find.
    """
    rooms = [inner]
    for size in sorted(sizes, key=prod, reverse=True):
        found = next(
            (
                (number, turned)
                for number, room in enumerate(rooms)
                for turned in _turns(size)
                if all(side <= space for side, space in zip(turned, room, strict=True))
            ),
            None,
        )
        if found is None:
            return False
        number, turned = found
        rooms[number : number + 1] = _cut(rooms[number], turned)
        rooms.sort(key=prod)
    return True


def _turns(size: Size) -> list[Size]:
    length, width, height = size
    turned = {
        (length, width, height),
        (length, height, width),
        (width, length, height),
        (width, height, length),
        (height, length, width),
        (height, width, length),
    }
    return sorted(turned, reverse=True)


def _cut(room: Size, piece: Size) -> list[Size]:
    left = [
        (room[0] - piece[0], room[1], room[2]),
        (piece[0], room[1] - piece[1], room[2]),
        (piece[0], piece[1], room[2] - piece[2]),
    ]
    return [part for part in left if min(part) > 0]


def _cost(package: PackageType, kind: PackagingKind) -> int:
    return package.own_mass_g if kind is PackagingKind.GREEN else package.price_minor


def _taking(types: Sequence[PackageType], kind: PackagingKind, temperature: str) -> list[PackageType]:
    return [package for package in types if package.kind is kind and temperature in package.temperatures]


def _fitting(types: Sequence[PackageType], kind: PackagingKind, line: Goods) -> list[tuple[PackageType, int]]:
    """Each package that takes at least one piece, with how many pieces it takes.

    Nothing is packed in something heavier than itself: a rug does not travel in a pallet box.
    """
    size = (line.length_mm, line.width_mm, line.height_mm)
    sensible_g = max(LIGHT_G, int(line.weight_g * line.count))
    taking = [package for package in _taking(types, kind, line.temperature) if package.own_mass_g <= sensible_g]
    counted = [(t, min(pieces_in(t.inner_mm, size), t.load_g_max // line.weight_g)) for t in taking]
    return [(package, pieces) for package, pieces in counted if pieces > 0]


def _fill(
    line: Goods, kind: PackagingKind, fitting: Sequence[tuple[PackageType, int]], room: int
) -> tuple[list[Box], Box]:
    """Full packages, and the one for the rest (1 piece up to a full package), at the least cost."""
    size = (line.length_mm, line.width_mm, line.height_mm)
    pieces = ceil(line.count)

    def plan(candidate: tuple[PackageType, int]) -> tuple[int, int, str, int, PackageType]:
        package, capacity = candidate
        full = (pieces - 1) // capacity
        rest = pieces - full * capacity
        last = min(
            (other for other, others in fitting if others >= rest), key=lambda other: (_cost(other, kind), other.code)
        )
        return full * _cost(package, kind) + _cost(last, kind), full, package.code, capacity, last

    _, full, code, capacity, last = min((plan(candidate) for candidate in fitting), key=lambda planned: planned[:3])
    if full >= room:
        raise TooManyPackages(full + PACKAGES_MAX - room)
    package = next(package for package, _ in fitting if package.code == code)
    boxes = [Box(package, (Lot(size, capacity, capacity * line.weight_g),))] * full
    rest_g = times(line.count, line.weight_g) - full * capacity * line.weight_g
    return boxes, Box(last, (Lot(size, pieces - full * capacity, rest_g),))


def _together(boxes: list[Box], kind: PackagingKind, types: Sequence[PackageType]) -> list[Box]:
    """One package for the rests of all lines when one holds them at a lower cost; else the rests as they were."""
    lots = tuple(lot for box in boxes for lot in box.lots)
    apart = sum(_cost(box.type, kind) for box in boxes)
    if len(boxes) < 2 or sum(lot.pieces for lot in lots) > PIECES_TOGETHER_MAX:
        return boxes
    sizes = [lot.size for lot in lots for _ in range(lot.pieces)]
    weight_g = sum(lot.weight_g for lot in lots)
    for package in sorted(types, key=lambda package: (_cost(package, kind), package.code)):
        if _cost(package, kind) >= apart:
            break
        roomy = weight_g <= package.load_g_max and sum(map(prod, sizes)) <= prod(package.inner_mm)
        if roomy and fit_together(package.inner_mm, sizes):
            return [Box(package, lots)]
    return boxes


def _package(box: Box) -> Package:
    length, width, height = box.type.outer_mm
    return Package(
        type=box.type.code,
        name=box.type.name,
        units=sum(lot.pieces for lot in box.lots),
        weight_g=sum(lot.weight_g for lot in box.lots) + box.type.own_mass_g,
        length_mm=length,
        width_mm=width,
        height_mm=height,
        own_mass_g=box.type.own_mass_g,
        price_minor=box.type.price_minor,
        co2e_g=box.type.co2e_g,
        reusable=box.type.kind is PackagingKind.REUSABLE,
        deposit_minor=box.type.deposit_minor,
        return_days=box.type.return_days,
    )


def _as_they_are(line: Goods, room: int) -> Iterator[Package]:
    pieces = ceil(line.count)
    if pieces > room:
        raise TooManyPackages(pieces + PACKAGES_MAX - room)
    left_g = times(line.count, line.weight_g)
    for _ in range(pieces):
        weight_g = min(line.weight_g, left_g)
        left_g -= weight_g
        yield Package(
            AS_IT_IS, _UNPACKED, 1, weight_g, line.length_mm, line.width_mm, line.height_mm, 0, 0, 0, reusable=False
        )


@lru_cache(maxsize=1)
def load_catalogue() -> tuple[PackageType, ...]:
    """The packages of `catalogue.csv`, with what making each emits by the factors of `materials.csv`."""
    with (_HERE / "materials.csv").open(encoding="utf-8", newline="") as file:
        factors = {row["material"]: row["g_co2e_per_kg"] for row in csv.DictReader(file)}
    with (_HERE / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_package_type(row, factors) for row in csv.DictReader(file))


def _package_type(row: Mapping[str, str], factors: Mapping[str, str]) -> PackageType:
    masses = {material: int(mass) for material, mass in (part.split(":") for part in row["materials_g"].split("|"))}
    inner = (int(row["inner_length_mm"]), int(row["inner_width_mm"]), int(row["inner_height_mm"]))
    wall = 2 * int(row["wall_mm"])
    return PackageType(
        code=row["code"],
        kind=PackagingKind(row["kind"]),
        name={"en": row["name_en"], "zh-Hans": row["name_zh"]},
        inner_mm=inner,
        outer_mm=(inner[0] + wall, inner[1] + wall, inner[2] + wall),
        load_g_max=int(row["load_g_max"]),
        temperatures=frozenset(row["temperatures"].split("|")),
        own_mass_g=sum(masses.values()),
        price_minor=int(row["price_minor"]),
        co2e_g=making_co2e_g(masses, factors, int(row["uses"])),
        uses=int(row["uses"]),
        deposit_minor=int(row["deposit_minor"] or 0),
        return_days=int(row["return_days"] or 0),
    )


def making_co2e_g(masses_g: Mapping[str, int], factors_g_per_kg: Mapping[str, str], uses: int) -> int | None:
    """Mass of each material times its factor, shared over the expected uses; None when a factor has no source."""
    if not all(factors_g_per_kg[material] for material in masses_g):
        return None
    making_mg = sum(mass * int(factors_g_per_kg[material]) for material, mass in masses_g.items())
    return int((Decimal(making_mg) / (1_000 * uses)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
