"""What a label says, and the number that it gives a package. Pure but for the verbs at the end."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from app.core.database import Reader, Session, Sql, as_rows
from app.network.values import Mode
from app.shipments.errors import NumbersUsedUp
from app.shipments.rules import SSCC_DIGITS, sscc
from app.shipments.values import Journey, LegStatus

LABELS_PER_REQUEST_MAX: Final = 500
SSCC_ROUNDS_MAX: Final = 5


class LabelSize(StrEnum):
    """Paper: A6 (105 × 148 mm), or a thermal roll of 203 dpi with labels of 100 × 150 mm or 60 × 40 mm."""

    A6 = "a6"
    THERMAL_100X150 = "thermal_100x150"
    THERMAL_60X40 = "thermal_60x40"


@dataclass(frozen=True, slots=True)
class Mark:
    """A hub as a label shows it: its code, large, and its name."""

    code: str
    name: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Label:
    """One package's label. `number` of `count` packages of the consignment. `next_hub` None: it goes from here to the door.

    Of the buyer it has the first letter of the name and the last four digits of the phone; the address only when a courier brings it.
    """

    sscc: str
    link: str
    tracking_number: str
    order_number: str
    number: int
    count: int
    weight_g: int
    temperature: str
    next_hub: Mark | None
    final_hub: Mark
    departs_at: datetime | None
    sender: Mapping[str, str]
    sent_from: Mark
    receiver: str
    phone_end: str
    address: str | None


def routing_marks(journey: Journey, fetched_at: str | None) -> tuple[str | None, str, datetime | None]:
    """The hub where the goods are going next, the one where their way through hubs ends, and when they depart to the next.

    None for the next: a courier takes them from where they are. `fetched_at` stands in for goods that ride nowhere.
    """
    rides = [leg for leg in journey.legs if leg.mode != Mode.COURIER]
    final = rides[-1].to_hub if rides else journey.legs[0].from_hub if journey.legs else fetched_at or ""
    ahead = next((leg for leg in rides if leg.status is not LegStatus.DONE), None)
    if ahead is None:
        return (None if journey.legs else final), final, None
    return ahead.to_hub, final, ahead.departs_at


def first_letter(name: str) -> str:
    """A name as strangers may read it: what it begins with."""
    return f"{name.strip()[:1]}**"


def package_serial(company_prefix: str) -> int:
    """A serial by chance for a package's SSCC, so that a number on one label says nothing of another's.

    Its first digit, the extension digit, is 1 to 9: 0 is kept for load units, which are counted from one.
    """
    tenth: int = 10 ** (SSCC_DIGITS - len(company_prefix) - 1)
    return tenth + secrets.randbelow(9 * tenth)


_UNNUMBERED: Final = Sql(
    "SELECT consignment_id, id FROM package WHERE consignment_id = ANY(:consignments) AND sscc IS NULL "
    "AND (CAST(:packages AS text[]) IS NULL OR id = ANY(CAST(:packages AS text[]))) ORDER BY consignment_id, id FOR UPDATE"
)
# A number that another package or a load unit has is not given; the next round draws another.
_GIVE: Final = Sql(
    "UPDATE package SET sscc = drawn.sscc FROM json_to_recordset(CAST(:rows AS json)) AS drawn (consignment_id text, id text, sscc text) "
    "WHERE package.consignment_id = drawn.consignment_id AND package.id = drawn.id AND package.sscc IS NULL "
    "AND NOT EXISTS (SELECT FROM leg WHERE leg.sscc = drawn.sscc) AND NOT EXISTS (SELECT FROM package AS other WHERE other.sscc = drawn.sscc) "
    "RETURNING package.id"
)
_PACKAGES: Final = Sql(
    "SELECT package.consignment_id, package.id, package.sscc, consignment.tracking_number FROM package "
    "JOIN consignment ON consignment.id = package.consignment_id WHERE package.id = ANY(:names) OR package.sscc = ANY(:names)"
)
_UNIT: Final = Sql(
    "SELECT leg.consignment_id, leg.order_id, leg.from_hub, leg.to_hub, leg.mode FROM ("
    "SELECT leg.*, consignment.order_id FROM leg JOIN consignment ON consignment.id = leg.consignment_id WHERE leg.sscc = :sscc) AS leg "
    "ORDER BY leg.consignment_id, leg.seq"
)
_TRACKED: Final = Sql("SELECT tracking_number FROM consignment WHERE tracking_number = :number")


async def give_ssccs(
    session: Session, consignments: Collection[str], packages: Collection[str] | None, company_prefix: str
) -> None:
    """Give an SSCC to each of these packages (None: all of these consignments) that has none. Locks them in one order.

    Whoever asks at the same moment waits here, and reads the same numbers afterwards. Raises `NumbersUsedUp`.
    """
    which = {"consignments": list(consignments), "packages": None if packages is None else list(packages)}
    waiting = [tuple(row) for row in await _UNNUMBERED.all(session, which)]
    for _ in range(SSCC_ROUNDS_MAX):
        if not waiting:
            return
        drawn = {sscc(company_prefix, package_serial(company_prefix)): each for each in waiting}
        rows = [{"consignment_id": each[0], "id": each[1], "sscc": code} for code, each in drawn.items()]
        given = {row.id for row in await _GIVE.all(session, {"rows": as_rows(rows)})}
        waiting = [each for each in waiting if each[1] not in given]
    if waiting:
        raise NumbersUsedUp


async def find_packages(reader: Reader, names: Collection[str]) -> list[Any]:
    """The packages with these ids or SSCCs, each with its consignment and the tracking number of that. One statement."""
    return await _PACKAGES.all(reader, {"names": list(names)})


async def find_unit(reader: Reader, code: str) -> list[Any]:
    """The rides of the load unit with this SSCC; none when there is no such unit."""
    return await _UNIT.all(reader, {"sscc": code})


async def has_number(reader: Reader, tracking_number: str) -> bool:
    """Whether there is a consignment with this tracking number."""
    return await _TRACKED.first(reader, {"number": tracking_number}) is not None
