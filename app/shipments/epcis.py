"""How events of EPCIS map onto ours, and ours onto EPCIS: the published tables, and pure functions over them. No database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final
from urllib.parse import unquote

from app.core.schema import digest
from app.epcis.context import expanded
from app.epcis.epcs import ancestors, ginc_of, sscc_of
from app.epcis.hashes import hash_id
from app.epcis.seen import Seen, declaration_of, seen
from app.epcis.times import in_utc, read_time
from app.epcis.values import CONTEXT, Event, EventKind
from app.shipments.rules import read_tracking_number
from app.shipments.told import ToldEvent
from app.shipments.values import READING_RANGES, Condition, Door, EventType, ReadingKind

# Our own words: what we have a type for and CBV 2.0 has no business step, and fields that it has no place for.
NAMESPACE: Final = "urn:chama:epcis:"
PREFIXES: Final = {"chama": NAMESPACE}
READINGS_MAX: Final = 1_000
# A disposition that says what became of the goods goes before the business step.
TYPE_OF_DISPOSITION: Final[Mapping[str, EventType]] = {
    "damaged": EventType.DAMAGED,
    "returned": EventType.RETURNED,
    "destroyed": EventType.LOST,
    "stolen": EventType.LOST,
}
# Business step -> type; whatever is not here was seen or measured without a move. At the consignee's, that is at no hub,
# `receiving` is a delivery; `accepting` is one there and at the hub where the journey ends.
TYPE_OF_STEP: Final[Mapping[str, EventType]] = {
    "collecting": EventType.PICKED_UP,
    "receiving": EventType.RECEIVED,
    "accepting": EventType.DELIVERED,
    "storing": EventType.RECEIVED,
    "arriving": EventType.ARRIVED,
    "departing": EventType.DEPARTED,
    "shipping": EventType.DEPARTED,
    "consigning": EventType.DEPARTED,
    "transporting": EventType.DEPARTED,
    "loading": EventType.LOADED,
    "unloading": EventType.UNLOADED,
    "holding": EventType.HELD,
    "destroying": EventType.LOST,
} | {f"{NAMESPACE}{kind}": kind for kind in EventType}
# Type -> what an event of ours is told as.
STEP_OF_TYPE: Final[Mapping[EventType, tuple[str, str]]] = {
    EventType.PICKED_UP: ("collecting", "in_transit"),
    EventType.RECEIVED: ("receiving", "in_progress"),
    EventType.DEPARTED: ("departing", "in_transit"),
    EventType.ARRIVED: ("arriving", "in_progress"),
    EventType.LOADED: ("loading", "in_transit"),
    EventType.UNLOADED: ("unloading", "in_progress"),
    EventType.HELD: ("holding", "in_progress"),
    EventType.CUSTOMS_SUBMITTED: (f"{NAMESPACE}customs_submitted", "in_progress"),
    EventType.CUSTOMS_RELEASED: (f"{NAMESPACE}customs_released", "in_progress"),
    EventType.OUT_FOR_DELIVERY: (f"{NAMESPACE}out_for_delivery", "in_transit"),
    EventType.DELIVERY_ATTEMPTED: (f"{NAMESPACE}delivery_attempted", "in_transit"),
    EventType.DELIVERED: (f"{NAMESPACE}delivered", "in_progress"),
    EventType.RETURNED: ("shipping", "returned"),
    EventType.DAMAGED: ("inspecting", "damaged"),
    EventType.LOST: (f"{NAMESPACE}lost", "unknown"),
    EventType.ESTIMATED: (f"{NAMESPACE}estimated", "in_transit"),
    EventType.OBSERVED: ("sensor_reporting", "in_transit"),
    EventType.CORRECTED: (f"{NAMESPACE}corrected", "unknown"),
}
_MEASURED: Final[Mapping[str, ReadingKind]] = {
    "Temperature": ReadingKind.TEMPERATURE,
    "RelativeHumidity": ReadingKind.RELATIVE_HUMIDITY,
}
_MEASUREMENT_OF: Final = {kind: name for name, kind in _MEASURED.items()}
_HUB: Final = re.compile(r"https?://[^/]+/.*?hubs/([A-Za-z0-9][A-Za-z0-9_-]{1,39})/?", re.ASCII)
_TRACKED: Final = re.compile(r"https?://[^/]+/(?:.*/)?(?:track|tracking)/([^/?#]{1,40})/?", re.ASCII)
_GEO: Final = re.compile(r"geo:(-?[0-9]{1,2}(?:\.[0-9]+)?),(-?[0-9]{1,3}(?:\.[0-9]+)?)(?:[,;].*)?", re.ASCII)
_DIGITS: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Named:
    """What an event names: consignments of ours by their numbers, logistic units by their SSCCs."""

    numbers: frozenset[str]
    ssccs: frozenset[str]


def named_by(event: Event, company_prefix: str) -> Named:
    """The consignments and units that an event is about, by whatever name: SSCC, GINC (AI 401) of ours, or a tracking page.

    They may stand wherever it names things, and among its business transactions.
    """
    names = _names(event)
    numbers = {number for name in names if (number := tracking_number_in(name, company_prefix))}
    return Named(frozenset(numbers), frozenset(sscc for name in names if (sscc := sscc_of(name))))


@dataclass(frozen=True, slots=True)
class Packed:
    """What an AggregationEvent says of a unit. `children` are what it names that we know; None when it names none and means all that is in it."""

    action: str
    parent: str
    children: tuple[str, ...] | None


def packed_by(event: Event, company_prefix: str) -> Packed | None:
    """Units by their SSCCs, consignments of ours by their numbers; None for another event, or a parent that is no logistic unit."""
    facts = seen(event, event.at)
    parent = next((sscc for name in facts.epcs.get("parentID", ()) if (sscc := sscc_of(name))), None)
    if event.kind != EventKind.AGGREGATION or parent is None or facts.action is None:
        return None
    listed = facts.epcs.get("childEPCs", frozenset())
    children = {known for name in listed if (known := sscc_of(name) or tracking_number_in(name, company_prefix))}
    names_some = bool(listed or event.body.get("childQuantityList"))
    return Packed(facts.action, parent, tuple(sorted(children)) if names_some else None)


def tracking_number_in(name: str, company_prefix: str) -> str | None:
    """The tracking number in a GINC of ours or in the address of a tracking page; None when it names something else."""
    if ginc := ginc_of(name):
        return read_tracking_number(ginc.removeprefix(company_prefix)) if ginc.startswith(company_prefix) else None
    match = _TRACKED.fullmatch(name)
    return read_tracking_number(unquote(match[1])) if match else None


def _names(event: Event) -> set[str]:
    facts = seen(event, event.at)
    return {name for some in facts.epcs.values() for name in some} | {name for _, name in facts.transactions}


def event_id_of(event: Event) -> str:
    """The id that it came with, or the hash id of CBV 2.0 (8.9)."""
    return event.id or hash_id(event)


def told_by_epcis(event: Event, numbers: Sequence[str], ends: Mapping[str, str], group: str) -> list[ToldEvent]:
    """The event as our table has it, once for each consignment. `ends` is the last hub of those whose way ends at one."""
    facts = seen(event, event.at)
    place = facts.read_point or facts.biz_location
    hub = hub_in(place)
    latitude, longitude = _position(place)
    readings, read_at = _readings(facts, event)
    said = declaration_of(event)
    own = _own_fields(event)
    one = ToldEvent(
        id=event_id_of(event),
        tracking_number=None,
        type=EventType.OBSERVED,
        occurred_at=event.at,
        fingerprint=fingerprint_of(event),
        door=Door.EPCIS,
        hub=hub,
        latitude=latitude,
        longitude=longitude,
        readings=readings,
        read_at=read_at,
        note=own["note"],
        condition=own["condition"],
        declared_at=said.at if said else None,
        retracted=said is not None,
        declaration_reason=said.reason if said else None,
        corrective_ids=list(said.corrective_ids) if said else None,
        event_group=group,
        epcs=sorted(_indexed(facts)),
        biz_step=facts.biz_step,
        disposition=facts.disposition,
        document={
            "event": {**event.told, "eventID": event_id_of(event)},
            "prefixes": dict(event.prefixes),
            "numbers": sorted(numbers),
        },
    )
    told = []
    for number in sorted(numbers):
        kind = type_of(facts, hub, ends.get(number))
        estimated_at = own["estimated_at"] if kind is EventType.ESTIMATED else None
        if kind is EventType.ESTIMATED and estimated_at is None:
            kind = EventType.OBSERVED
        condition = one.condition if kind is EventType.DELIVERED else None
        told.append(replace(one, tracking_number=number, type=kind, estimated_at=estimated_at, condition=condition))
    return told


def type_of(facts: Seen, hub: str | None, end: str | None) -> EventType:
    """What the event means for a consignment whose way ends at the hub `end`, or at a door when that is None."""
    if kind := TYPE_OF_DISPOSITION.get(facts.disposition or ""):
        return kind
    step = facts.biz_step
    if step == "receiving":
        return EventType.RECEIVED if hub else EventType.DELIVERED
    if step == "accepting":
        return EventType.RECEIVED if hub and hub != end else EventType.DELIVERED
    return TYPE_OF_STEP.get(step or "", EventType.OBSERVED)


def hub_in(place: str | None) -> str | None:
    """The code of the hub that a location names: any web address that ends in `/hubs/{code}`."""
    match = _HUB.fullmatch(place) if place else None
    return match[1].upper() if match else None


def _position(place: str | None) -> tuple[float | None, float | None]:
    match = _GEO.fullmatch(place) if place else None
    if match is None or abs(float(match[1])) > 90 or abs(float(match[2])) > 180:
        return None, None
    return float(match[1]), float(match[2])


def fingerprint_of(event: Event) -> str:
    """Equal for the same event with the same declaration, however it is written down."""
    said = declaration_of(event)
    told = None if said is None else [in_utc(said.at), said.reason, list(said.corrective_ids)]
    return digest({"hash": hash_id(event), "declaration": told})


def _indexed(facts: Seen) -> set[str]:
    """The names by which a query may ask for the event: its own, and those of what they are part of."""
    names = {name for some in facts.epcs.values() for name in some}
    names |= {each.epc_class for some in facts.quantities.values() for each in some}
    return {each for name in names for each in ancestors(name)}


def _own_fields(event: Event) -> dict[str, Any]:
    own = {expanded(name, event.prefixes): value for name, value in event.body.items()}
    condition, note = own.get(f"{NAMESPACE}condition"), own.get(f"{NAMESPACE}note")
    return {
        "condition": Condition(condition) if condition in set(Condition) else None,
        "note": note[:500] if isinstance(note, str) else None,
        "estimated_at": read_time(own.get(f"{NAMESPACE}estimatedAt")),
    }


def _readings(facts: Seen, event: Event) -> tuple[list[dict[str, str]], list[datetime]]:
    """Temperatures and humidities as the native door has them: a value, or the least and the greatest of an interval.

    What no working instrument can show stays in the document alone.
    """
    readings, times = [], []
    for report in facts.reports:
        kind = _MEASURED.get(report.kind)
        ranges = READING_RANGES[kind] if kind else {}
        unit = report.unit
        if kind is None or unit is None or unit not in ranges:
            continue
        low, high = ranges[unit]
        at = report.times.get("time") or report.times.get("endTime") or event.at
        names = ("value",) if "value" in report.numbers else ("minValue", "maxValue")
        for value in (report.numbers[name] for name in names if name in report.numbers):
            if low <= value <= high:
                shown = format(value.quantize(_DIGITS, ROUND_HALF_EVEN).normalize(), "f")
                readings.append({"kind": kind.value, "value": shown, "unit": unit, "at": in_utc(at)})
                times.append(at)
    return readings, times


@dataclass(frozen=True, slots=True)
class Stored:
    """An event of ours as queries find it, whichever door it came by. `number` is its consignment's."""

    id: str
    door: Door
    party_event_id: str
    number: str
    type: EventType
    occurred_at: datetime
    recorded_at: datetime
    hub: str | None
    latitude: float | None
    longitude: float | None
    readings: Sequence[Mapping[str, Any]]
    note: str | None
    estimated_at: datetime | None
    condition: Condition | None
    document: Mapping[str, Any] | None
    corrects: str | None = None
    declared_at: datetime | None = None
    retracted: bool = False


def as_epcis(stored: Stored, base_url: str, company_prefix: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The event of EPCIS and the prefixes that hold in it: as it was captured, or one of ours told in the standard's words."""
    if stored.door is Door.EPCIS and stored.document is not None:
        told = dict(stored.document["event"]) | {"recordTime": in_utc(stored.recorded_at)}
        return told, dict(stored.document["prefixes"])
    step, disposition = STEP_OF_TYPE[stored.type]
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": native_event_id(stored.id),
        "eventTime": in_utc(stored.occurred_at),
        "eventTimeZoneOffset": "+00:00",
        "recordTime": in_utc(stored.recorded_at),
        "epcList": [ginc(stored.number, company_prefix)],
        "action": "OBSERVE",
        "bizStep": step,
        "disposition": disposition,
        "chama:eventID": stored.party_event_id,
    }
    if stored.hub:
        event["readPoint"] = {"id": hub_address(stored.hub, base_url)}
    elif stored.latitude is not None:
        event["readPoint"] = {"id": f"geo:{stored.latitude},{stored.longitude}"}
    if stored.readings:
        event["sensorElementList"] = [_sensor_element(reading) for reading in stored.readings]
    if stored.retracted and stored.declared_at:
        event["errorDeclaration"] = {"declarationTime": in_utc(stored.declared_at)}
    own = {
        "corrects": stored.corrects,
        "estimatedAt": in_utc(stored.estimated_at) if stored.estimated_at else None,
        "condition": stored.condition,
        "note": stored.note,
    }
    return event | {f"chama:{name}": value for name, value in own.items() if value}, dict(PREFIXES)


def ginc(number: str, company_prefix: str) -> str:
    """A consignment's GINC as an EPC URN."""
    return f"urn:epc:id:ginc:{company_prefix}.{number}"


def hub_address(code: str, base_url: str) -> str:
    return f"{base_url}/v1/hubs/{code}"


def native_event_id(stored_id: str) -> str:
    """The URI of an event of another door than EPCIS."""
    return f"{NAMESPACE}event:{stored_id}"


def stored_id_in(event_id: str) -> str | None:
    """The id of an event of another door, from the URI that we gave it."""
    start = f"{NAMESPACE}event:"
    return event_id.removeprefix(start) if event_id.startswith(start) else None


def _sensor_element(reading: Mapping[str, Any]) -> dict[str, Any]:
    value = Decimal(reading["value"])
    report = {
        "type": _MEASUREMENT_OF[ReadingKind(reading["kind"])],
        "value": int(value) if value == value.to_integral() else float(value),
        "uom": reading["unit"],
    }
    return {"sensorMetadata": {"time": reading["at"]}, "sensorReport": [report]}


def context_of(prefixes: Mapping[str, str]) -> list[Any]:
    return [CONTEXT, *([dict(prefixes)] if prefixes else [])]
