"""The words of packaging: what has to be packed, the kinds of package there are, and a package as chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

PACKAGES_MAX: Final = 1_000
PIECES_TOGETHER_MAX: Final = 60
AS_IT_IS: Final = "none"
# Frozen on every order with deposits for boxes: the version of the deposits and days in `catalogue.csv`.
BOX_POLICY: Final = "2026-1"

Size = tuple[int, int, int]


class PackagingKind(StrEnum):
    STANDARD = "standard"
    GREEN = "green"
    REUSABLE = "reusable"


DISPLAY: Final[Mapping[PackagingKind, Mapping[str, str]]] = {
    PackagingKind.STANDARD: {"en": "Standard", "zh-Hans": "普通包装"},
    PackagingKind.GREEN: {"en": "Green", "zh-Hans": "绿色包装"},
    PackagingKind.REUSABLE: {"en": "Reusable", "zh-Hans": "循环包装"},
}


@dataclass(frozen=True, slots=True)
class Goods:
    """One line of goods: what one unit measures and weighs, and how many units there are (a part counts as a piece).

    `already_packed` goods travel as they are: bales, live animals, and whatever the producer has boxed.
    """

    length_mm: int
    width_mm: int
    height_mm: int
    weight_g: int
    count: Decimal
    temperature: str
    already_packed: bool = False


@dataclass(frozen=True, slots=True)
class PackageType:
    """A package of the catalogue. `co2e_g` is what making it emits for each use; None without a sourced factor.

    One that comes back has a deposit, which is kept when it has not come back so many days after delivery.
    """

    code: str
    kind: PackagingKind
    name: Mapping[str, str]
    inner_mm: Size
    outer_mm: Size
    load_g_max: int
    temperatures: frozenset[str]
    own_mass_g: int
    price_minor: int
    co2e_g: int | None
    uses: int
    deposit_minor: int = 0
    return_days: int = 0


@dataclass(frozen=True, slots=True)
class Package:
    """One package ready to go: `weight_g` is gross, `co2e_g` None means that no sourced factor covers it."""

    type: str
    name: Mapping[str, str]
    units: int
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    own_mass_g: int
    price_minor: int
    co2e_g: int | None
    reusable: bool
    deposit_minor: int = 0
    return_days: int = 0

    @property
    def volume_mm3(self) -> int:
        return self.length_mm * self.width_mm * self.height_mm
