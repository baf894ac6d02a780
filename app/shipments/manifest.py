"""The manifest of a departure: everything that is booked on one run from one hub, by where it is taken off and how it is kept."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.database import Reader, Sql
from app.core.schema import Shape, Time
from app.core.text import pick
from app.network.schemas import ServiceShape
from app.network.values import HubPoint, Mode, Temperature
from app.shipments.errors import ManifestTooLong

MANIFEST_CONSIGNMENTS_MAX: Final = 2_000
# In the order of the stops, so that what is taken off last may be put in first; cold goods stand together.
_LOADED: Final = Sql(
    "SELECT booking.consignment_id, booking.weight_g AS booked_g, goods.tracking_number, goods.temperature, leg.sscc AS unit, "
    "alight.hub AS to_hub, booking.alight, booking.run_at + board.depart_offset_s * interval '1 second' AS departs_at, "
    "(SELECT coalesce(jsonb_agg(jsonb_build_object('id', package.id, 'sscc', package.sscc, 'type', package.type, "
    "'weight_g', package.weight_g) ORDER BY package.id), '[]') FROM package WHERE package.consignment_id = goods.id) AS packages "
    "FROM booking JOIN service_stop AS board ON board.service_id = booking.service_id AND board.seq = booking.board "
    "JOIN service_stop AS alight ON alight.service_id = booking.service_id AND alight.seq = booking.alight "
    "JOIN consignment AS goods ON goods.id = booking.consignment_id "
    "LEFT JOIN leg ON leg.consignment_id = booking.consignment_id AND leg.id = booking.leg_id "
    "WHERE booking.service_id = :service AND booking.run_at = :run_at AND booking.state = 'booked' AND board.hub = :hub "
    "AND goods.cancelled_at IS NULL "
    # What is not paid, or not any more, is not handed over.
    'AND NOT EXISTS (SELECT FROM "order" WHERE "order".id = goods.order_id AND "order".status = \'awaiting_payment\') '
    "ORDER BY booking.alight, goods.temperature, goods.tracking_number LIMIT :most"
)
_PACKAGE: Final = {
    "id": "pkg_01jd0000000000000000000000",
    "sscc": "395200001234567897",
    "type": "carton-m",
    "weight_g": 16100,
}
_LOADED_GOODS: Final = {
    "consignment": "con_01jd0000000000000000000000",
    "tracking_number": "CM3141592653589",
    "unit": None,
    "weight_g": 16100,
    "packages": [_PACKAGE],
}
_GROUP: Final = {
    "to": "URUMQI",
    "to_name": "Urumqi",
    "temperature": "chilled",
    "packages": 1,
    "weight_g": 16100,
    "consignments": [_LOADED_GOODS],
}
_MANIFEST: Final = {
    "service": "TARIM-HOTAN-URUMQI",
    "service_name": "Hotan – Urumqi",
    "carrier": "TARIM-COLD",
    "mode": "road",
    "run_at": "2026-03-05T12:00:00Z",
    "hub": "HOTAN",
    "hub_name": "Hotan",
    "departs_at": "2026-03-05T12:00:00Z",
    "consignments": 1,
    "packages": 1,
    "unlabelled": 0,
    "weight_g": 16100,
    "groups": [_GROUP],
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


class LoadedPackage(Shape):
    model_config: ClassVar[ConfigDict] = _example(_PACKAGE)

    id: str
    sscc: Annotated[str | None, Field(description="Null until its label has been asked for")]
    type: str
    weight_g: int


class LoadedConsignment(Shape):
    """What goes with the run of one consignment. `unit` is the SSCC of the load unit that it rides in beside others."""

    model_config: ClassVar[ConfigDict] = _example(_LOADED_GOODS)

    consignment: str
    tracking_number: str
    unit: str | None
    weight_g: Annotated[int, Field(description="Gross, of its packages")]
    packages: list[LoadedPackage]


class LoadedGroup(Shape):
    """What is taken off at one hub and kept at one temperature."""

    model_config: ClassVar[ConfigDict] = _example(_GROUP)

    to: str
    to_name: str
    temperature: Temperature
    packages: int
    weight_g: int
    consignments: list[LoadedConsignment]


class ManifestShape(Shape):
    """Everything booked on one run from one hub, with its totals. Null `departs_at`: nothing is booked there."""

    model_config: ClassVar[ConfigDict] = _example(_MANIFEST)

    service: str
    service_name: str
    carrier: str
    mode: Mode
    run_at: Time
    hub: str
    hub_name: str
    departs_at: Time | None
    consignments: int
    packages: int
    unlabelled: Annotated[int, Field(description="Packages without an SSCC: their labels have not been asked for")]
    weight_g: int
    groups: list[LoadedGroup]


async def list_loaded(reader: Reader, service_id: str, run_at: datetime, hub: str) -> list[Any]:
    """What is booked from this hub on this run, in the order of the manifest. One statement. Raises `ManifestTooLong`."""
    asked = {"service": service_id, "run_at": run_at, "hub": hub, "most": MANIFEST_CONSIGNMENTS_MAX + 1}
    rows = await _LOADED.all(reader, asked)
    if len(rows) > MANIFEST_CONSIGNMENTS_MAX:
        raise ManifestTooLong(consignments_max=MANIFEST_CONSIGNMENTS_MAX)
    return rows


def manifest_shape(
    service: ServiceShape, run_at: datetime, hub: str, rows: list[Any], hubs: dict[str, HubPoint], language: str
) -> ManifestShape:
    """The manifest of these rows, which come in its order. Pure."""
    groups = [
        _group(to, Temperature(temperature), list(loaded), hubs, language)
        for (_, to, temperature), loaded in groupby(rows, key=attrgetter("alight", "to_hub", "temperature"))
    ]
    packages = [package for group in groups for goods in group.consignments for package in goods.packages]
    return ManifestShape(
        service=service.id,
        service_name=pick(service.name, language),
        carrier=service.carrier,
        mode=service.mode,
        run_at=run_at,
        hub=hub,
        hub_name=_named(hubs, hub, language),
        departs_at=rows[0].departs_at if rows else None,
        consignments=len(rows),
        packages=len(packages),
        unlabelled=sum(package.sscc is None for package in packages),
        weight_g=sum(group.weight_g for group in groups),
        groups=groups,
    )


def _group(
    to: str, temperature: Temperature, rows: Iterable[Any], hubs: dict[str, HubPoint], language: str
) -> LoadedGroup:
    goods = [
        LoadedConsignment(
            consignment=row.consignment_id,
            tracking_number=row.tracking_number,
            unit=row.unit,
            weight_g=sum(package["weight_g"] for package in row.packages),
            packages=[LoadedPackage(**package) for package in row.packages],
        )
        for row in rows
    ]
    return LoadedGroup(
        to=to,
        to_name=_named(hubs, to, language),
        temperature=temperature,
        packages=sum(len(each.packages) for each in goods),
        weight_g=sum(each.weight_g for each in goods),
        consignments=goods,
    )


def _named(hubs: dict[str, HubPoint], code: str, language: str) -> str:
    return pick(hubs[code].name, language) if code in hubs else code
