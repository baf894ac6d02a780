"""Verbs of shipments: write consignments when an order is placed, take them back when it is cancelled."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from app.core.database import Session, Sql, as_rows, inserting
from app.core.ids import GS1_EXAMPLE_PREFIX, new_id
from app.packaging.values import Package
from app.shipments.rules import TRACKING_DIGITS, sscc, tracking_number
from app.shipments.values import (
    CONSIGNMENTS_PER_ORDER_MAX,
    LEGS_PER_CONSIGNMENT_MAX,
    PACKAGES_PER_CONSIGNMENT_MAX,
    ConsignmentDraft,
    ConsignmentStatus,
    Journey,
    JourneyLeg,
    JourneyPackage,
)

_NUMBERS_TRIED_MAX: Final = 3
_ADD_CONSIGNMENTS: Final = Sql(
    inserting("consignment")
    + " ON CONFLICT (tracking_number) DO NOTHING RETURNING id, CASE WHEN id = ANY(CAST(:leaders AS text[])) THEN nextval('sscc_serial') END"
)
_ADD_PARTS: Final = Sql(f"WITH packed AS ({inserting('package', 'packages')}) {inserting('leg', 'legs')}")
_CANCEL: Final = text(
    "UPDATE consignment SET cancelled_at = :now WHERE order_id = ANY(:orders) AND status = 'booked' AND cancelled_at IS NULL "
    "RETURNING id"
)


async def create_consignments(
    session: Session, drafts: Sequence[ConsignmentDraft], now: datetime, *, company_prefix: str = GS1_EXAMPLE_PREFIX
) -> list[Journey]:
    """Write consignments with their packages and legs in two statements, however many there are.

    Each gets a tracking number that nobody can guess from another; each unit among them an SSCC of this GS1 company.
    """
    assert 0 < len(drafts) <= CONSIGNMENTS_PER_ORDER_MAX
    waiting = {draft.id: draft for draft in drafts}
    written: dict[str, Journey] = {}
    # The first member of a unit brings its serial number, so that units cost no statement of their own.
    leaders = {unit: draft.id for draft in reversed(drafts) for unit in draft.units if unit is not None}
    serials: dict[str, int] = {}
    for _ in range(_NUMBERS_TRIED_MAX):
        # A second round only when a number was taken already: one in a million at a million consignments.
        journeys = {draft.id: _journey(draft, now) for draft in waiting.values()}
        rows = [_consignment_row(journey) for journey in journeys.values()]
        values = {"rows": as_rows(rows), "leaders": list(leaders.values())}
        for consignment_id, serial in await _ADD_CONSIGNMENTS.all(session, values):
            written[consignment_id] = journeys[consignment_id]
            serials[consignment_id] = serial
            del waiting[consignment_id]
        if not waiting:
            break
    assert not waiting
    codes = {unit: sscc(company_prefix, serials[leader]) for unit, leader in leaders.items()}
    journeys_in_order = [_in_units(written[draft.id], draft.units, codes) for draft in drafts]
    packages = [
        columns(package) | {"consignment_id": journey.id}
        for journey in journeys_in_order
        for package in journey.packages
    ]
    legs = [
        columns(leg) | {"consignment_id": journey.id, "seq": seq}
        for journey in journeys_in_order
        for seq, leg in enumerate(journey.legs)
    ]
    await _ADD_PARTS.tell(session, {"packages": as_rows(packages), "legs": as_rows(legs)})
    return journeys_in_order


def _in_units(journey: Journey, units: Sequence[int | None], codes: Mapping[int, str]) -> Journey:
    """The journey with the SSCC of its unit on every leg that is ridden in one."""
    if not any(units):
        return journey
    legs = (
        replace(leg, sscc=codes[unit]) if unit is not None else leg
        for leg, unit in zip(journey.legs, units, strict=True)
    )
    return replace(journey, legs=tuple(legs))


async def cancel_consignments(session: Session, order_ids: Collection[str], now: datetime) -> list[str]:
    """Take back what has not been handed in yet; answers the ids. What moves already stays as it is."""
    return list((await session.execute(_CANCEL, {"orders": list(order_ids), "now": now})).scalars())


def _journey(draft: ConsignmentDraft, now: datetime) -> Journey:
    """A consignment that stays at its hub has no legs: it is there when it was promised from."""
    assert len(draft.legs) <= LEGS_PER_CONSIGNMENT_MAX
    assert len(draft.packages) <= PACKAGES_PER_CONSIGNMENT_MAX
    return Journey(
        id=draft.id,
        order_id=draft.order_id,
        producer_id=draft.producer_id,
        buyer_id=draft.buyer_id,
        tracking_number=tracking_number(f"{secrets.randbelow(10**TRACKING_DIGITS):0{TRACKING_DIGITS}d}"),
        currency=draft.currency,
        temperature=draft.temperature,
        hand_in_by=draft.hand_in_by or (draft.legs[0].departs_at if draft.legs else draft.promised_from),
        promised_from=draft.promised_from,
        promised_by=draft.promised_by,
        created_at=now,
        cancelled_at=None,
        status=ConsignmentStatus.BOOKED,
        hub=None,
        damaged=False,
        estimated_at=draft.legs[-1].arrives_at if draft.legs else draft.promised_from,
        last_event_at=None,
        ended_at=None,
        packages=tuple(sorted((_package(package) for package in draft.packages), key=lambda package: package.id)),
        legs=draft.legs,
        origin=draft.origin,
        categories=draft.categories,
        species=draft.species,
        return_id=draft.return_id,
        storage=draft.storage,
    )


def _package(package: Package) -> JourneyPackage:
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
        price_minor=package.price_minor,
        co2e_g=package.co2e_g,
        reusable=package.reusable,
        deposit_minor=package.deposit_minor or None,
        return_days=package.return_days or None,
    )


def columns(record: Journey | JourneyPackage | JourneyLeg) -> dict[str, Any]:
    """The fields as they are: `asdict` would copy every value deeply, on the path of each order."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _consignment_row(journey: Journey) -> dict[str, Any]:
    row = columns(journey)
    del row["packages"], row["legs"]
    return row
