"""Units of UNECE Recommendation 20 as sensors and queries name them, and how one converts into another.

value in the unit of its quantity = factor x value + offset. Factors are exact where the unit is defined so (NIST SP 811, appendix B).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Unit:
    """`quantity` is what it measures; units of one quantity convert into one another."""

    quantity: str
    factor: Decimal
    offset: Decimal = Decimal(0)


def _table(quantity: str, factors: str) -> dict[str, Unit]:
    """`CODE=factor` or `CODE=factor+offset`, apart by spaces."""
    units = {}
    for each in factors.split():
        code, _, written = each.partition("=")
        factor, _, offset = written.partition("+")
        units[code] = Unit(quantity, _number(factor), _number(offset or "0"))
    return units


def _number(written: str) -> Decimal:
    above, _, below = written.partition("/")
    return Decimal(above) / Decimal(below or "1")


UNITS: Final[Mapping[str, Unit]] = (
    _table("temperature", "KEL=1 CEL=1+273.15 FAH=5/9+255.372222222222222222222222 A48=5/9")
    | _table("share", "P1=0.01 C62=1 59=0.000001 61=0.000000001")
    | _table("length", "MTR=1 KMT=1000 CMT=0.01 MMT=0.001 DMT=0.1 4H=0.000001 FOT=0.3048 INH=0.0254 SMI=1609.344")
    | _table("mass", "KGM=1 GRM=0.001 MGM=0.000001 TNE=1000 LBR=0.45359237 ONZ=0.028349523125 DTN=100")
    | _table("time", "SEC=1 MIN=60 HUR=3600 DAY=86400 C26=0.001 WEE=604800")
    | _table("pressure", "PAL=1 KPA=1000 MPA=1000000 BAR=100000 MBR=100 ATM=101325 A97=100")
    | _table("volume", "MTQ=1 LTR=0.001 MLT=0.000001 CMQ=0.000001 DMQ=0.001")
    | _table("area", "MTK=1 CMK=0.0001 MMK=0.000001 HAR=10000 KMK=1000000")
    | _table("speed", "MTS=1 KMH=1/3.6 2M=0.01 HM=0.44704 KNT=1852/3600")
    | _table("acceleration", "MSK=1 K40=9.80665 A76=0.01")
    | _table("mass concentration", "KMQ=1 A93=0.001 GP=0.000001 GQ=0.000000001 GL=1")
    | _table("illuminance", "LUX=1 KLX=1000 P25=10.7639104167097")
    | _table("energy", "JOU=1 KJO=1000 3B=1000000 KWH=3600000 WHR=3600")
    | _table("power", "WTT=1 KWT=1000 MAW=1000000 C31=0.001")
    | _table("voltage", "VLT=1 KVT=1000 2Z=0.001")
    | _table("current", "AMP=1 4K=0.001 B84=0.000001")
    | _table("frequency", "HTZ=1 KHZ=1000 MHZ=1000000")
    | _table("force", "NEW=1 B47=1000")
    | _table("angle", "C81=1 DD=0.017453292519943295769")
)


def converted(value: Decimal, unit: str, into: str) -> Decimal | None:
    """The value in another unit; None when they do not measure the same, or one of them is not in the table.

    A unit converts into itself whether or not it is known.
    """
    if unit == into:
        return value
    here, there = UNITS.get(unit), UNITS.get(into)
    if here is None or there is None or here.quantity != there.quantity:
        return None
    exact = (value * here.factor + here.offset - there.offset) / there.factor
    # Twelve places: what a division leaves behind would make 4 degrees differ from 4 degrees.
    return round(exact, 12)
