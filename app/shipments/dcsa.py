"""The DCSA door: events of Track and Trace 3.0.0 (draft; DCSA Conformance Gateway, `TNT_v3.0.0.yaml`) as events of ours. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from app.core.clock import rfc3339
from app.core.ids import derived_id
from app.core.schema import digest
from app.shipments.dcsa_schemas import DcsaClassification, DcsaEvent, DcsaLocation, DcsaReefer
from app.shipments.rules import read_tracking_number
from app.shipments.told import ToldEvent
from app.shipments.values import DECLARED_ID_LENGTH_MAX, READING_RANGES, Door, EventType, ReadingKind

# Mutually defined: the code of one of our hubs.
OUR_LIST: Final = "ZZZ"
# The customer's own place: what arrives there has been delivered, what leaves it has been picked up.
CUSTOMER: Final = frozenset({"CLOC", "CUSTOMER_LOCATION"})
ACTUAL: Final = frozenset({"ACT", "ACTUAL"})
ESTIMATED: Final = frozenset({"EST", "ESTIMATED"})
PLANNED: Final = frozenset({"PLN", "PLANNED"})
# A document of customs, which alone says where its goods stand; that of any other says nothing of a place.
_CUSTOMS_DOCUMENT: Final = "CUC"
_PROOF_OF_DELIVERY: Final = "PFD"

_T = EventType
# (Kind of event, its type in either spelling) -> what it is to us; every other type of these kinds is an observation.
TYPES: Final[Mapping[tuple[str, str], EventType]] = {
    ("TRANSPORT", "ARRI"): _T.ARRIVED, ("TRANSPORT", "ARRIVED"): _T.ARRIVED,
    ("TRANSPORT", "DEPA"): _T.DEPARTED, ("TRANSPORT", "DEPARTED"): _T.DEPARTED,
    ("EQUIPMENT", "GTIN"): _T.RECEIVED, ("EQUIPMENT", "GATED_IN"): _T.RECEIVED,
    ("EQUIPMENT", "GTOT"): _T.DEPARTED, ("EQUIPMENT", "GATED_OUT"): _T.DEPARTED,
    ("EQUIPMENT", "LOAD"): _T.LOADED, ("EQUIPMENT", "LOADED"): _T.LOADED,
    ("EQUIPMENT", "DISC"): _T.UNLOADED, ("EQUIPMENT", "DISCHARGED"): _T.UNLOADED,
    ("EQUIPMENT", "PICK"): _T.PICKED_UP, ("EQUIPMENT", "PICK_UP"): _T.PICKED_UP, ("EQUIPMENT", "PICKED_UP"): _T.PICKED_UP,
    ("EQUIPMENT", "DROP"): _T.RECEIVED, ("EQUIPMENT", "DROP_OFF"): _T.RECEIVED, ("EQUIPMENT", "DROPPED_OFF"): _T.RECEIVED,
    ("EQUIPMENT", "CUSS"): _T.HELD, ("EQUIPMENT", "CUSTOMS_SELECTED_FOR_SCAN"): _T.HELD,
    ("EQUIPMENT", "CUSI"): _T.HELD, ("EQUIPMENT", "CUSTOMS_SELECTED_FOR_INSPECTION"): _T.HELD,
    ("EQUIPMENT", "CUSR"): _T.CUSTOMS_RELEASED, ("EQUIPMENT", "CUSTOMS_RELEASED"): _T.CUSTOMS_RELEASED,
}  # fmt: skip
_KINDS: Final = frozenset({"TRANSPORT", "EQUIPMENT", "SHIPMENT", "IOT", "REEFER"})
# (Document, what became of it) -> what it is to us.
DOCUMENTS: Final[Mapping[tuple[str, str], EventType]] = {
    (_CUSTOMS_DOCUMENT, "SUBM"): _T.CUSTOMS_SUBMITTED, (_CUSTOMS_DOCUMENT, "SUBMITTED"): _T.CUSTOMS_SUBMITTED,
    (_CUSTOMS_DOCUMENT, "HOLD"): _T.HELD, (_CUSTOMS_DOCUMENT, "ON_HOLD"): _T.HELD,
    (_CUSTOMS_DOCUMENT, "RELS"): _T.CUSTOMS_RELEASED, (_CUSTOMS_DOCUMENT, "RELEASED"): _T.CUSTOMS_RELEASED,
    (_PROOF_OF_DELIVERY, "ISSU"): _T.DELIVERED, (_PROOF_OF_DELIVERY, "ISSUED"): _T.DELIVERED,
}  # fmt: skip
_AT_THE_CUSTOMER: Final[Mapping[EventType, EventType]] = {
    _T.ARRIVED: _T.DELIVERED, _T.RECEIVED: _T.DELIVERED, _T.UNLOADED: _T.DELIVERED, _T.DEPARTED: _T.PICKED_UP,
    _T.LOADED: _T.PICKED_UP,
}  # fmt: skip
_ARRIVALS: Final = frozenset({_T.ARRIVED, _T.RECEIVED, _T.UNLOADED, _T.DELIVERED})


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an event cannot be read as one of ours: where in it (a JSONPath below the event), and what to do."""

    path: str
    words: Mapping[str, str]


_NO_CONSIGNMENT: Final = Unfit(
    ".shipmentDetails.shipmentReferences",
    {
        "en": "No reference is one of our tracking numbers; give it as a shipment reference, of a retracted event too",
        "zh-Hans": "未包含本平台运单号，请在 shipmentReferences 中填写（撤回事件同样需要）",
    },
)
_NO_TIME: Final = Unfit(
    ".eventDateTime", {"en": "Say when it happened or will happen", "zh-Hans": "请填写事件发生或预计发生的时间"}
)
_NO_KIND: Final = Unfit(
    ".eventClassification",
    {
        "en": "Say which of TRANSPORT, EQUIPMENT, SHIPMENT, IOT and REEFER it is, and its type",
        "zh-Hans": "请填写事件大类（TRANSPORT、EQUIPMENT、SHIPMENT、IOT 或 REEFER）及其类型",
    },
)
_NO_CLASSIFIER: Final = Unfit(
    ".eventClassification",
    {"en": "The classifier is planned, estimated or actual", "zh-Hans": "时间类别须为计划、预计或实际"},
)


def told_by_dcsa(event: DcsaEvent, document: Mapping[str, Any]) -> list[ToldEvent] | Unfit:
    """The event for each consignment that it refers to; `document` is the event as it was sent.

    A version of it is told apart by its time of update. Planned times say nothing new: what was planned is what was booked.
    """
    numbers = sorted(set(_numbers(event)))
    if not numbers:
        return _NO_CONSIGNMENT
    told = _retraction(event, document) if event.isRetracted else _told(event, document)
    if isinstance(told, Unfit):
        return told
    group = derived_id("egr", f"{told.id}\n{rfc3339(event.eventUpdatedDateTime)}") if len(numbers) > 1 else None
    return [replace(told, tracking_number=number, event_group=group) for number in numbers]


def _numbers(event: DcsaEvent) -> Iterator[str]:
    shipment = event.shipmentDetails
    if shipment is None:
        return
    first = [shipment.documentReference] if shipment.documentReference else []
    for each in (*shipment.shipmentReferences, *first, *shipment.additionalDocumentReferences):
        if number := read_tracking_number(each.reference or ""):
            yield number


def event_id(event: DcsaEvent) -> str:
    """Ours for it: the originating party's codes and its id, as the standard tells events apart; a hash where that is too long."""
    party = event.eventRouting and event.eventRouting.originatingParty
    codes = (party.codeListProvider, party.codeListName, party.partyCode) if party else ()
    whole = ":".join([*(code or "" for code in codes), event.eventID])
    return whole if len(whole) <= DECLARED_ID_LENGTH_MAX else f"sha256:{sha256(whole.encode()).hexdigest()}"


def _retraction(event: DcsaEvent, document: Mapping[str, Any]) -> ToldEvent:
    return ToldEvent(
        id=event_id(event),
        tracking_number=None,
        type=EventType.OBSERVED,
        occurred_at=event.eventUpdatedDateTime,
        fingerprint=digest({"retracted": True}),
        door=Door.DCSA,
        declared_at=event.eventUpdatedDateTime,
        retracted=True,
        document=document,
    )


def _told(event: DcsaEvent, document: Mapping[str, Any]) -> ToldEvent | Unfit:
    at, classes, place = event.eventDateTime, event.eventClassification, event.eventLocation
    if at is None:
        return _NO_TIME
    kind = type_of(event)
    if kind is None or classes is None:
        return _NO_KIND
    actual, estimated = classes.classifier in ACTUAL, classes.classifier in ESTIMATED
    if not actual and not estimated and classes.classifier not in PLANNED:
        return _NO_CLASSIFIER
    return ToldEvent(
        id=event_id(event),
        tracking_number=None,
        type=kind if actual else EventType.ESTIMATED,
        occurred_at=at if actual else event.eventUpdatedDateTime,
        fingerprint=digest(document),
        door=Door.DCSA,
        hub=hub_of(place),
        latitude=float(place.geoCoordinate.latitude) if place and place.geoCoordinate else None,
        longitude=float(place.geoCoordinate.longitude) if place and place.geoCoordinate else None,
        **_readings(event.reeferDetails if actual else None, at),
        estimated_at=at if estimated and kind in _ARRIVALS else None,
        declared_at=event.eventUpdatedDateTime,
        document=document,
    )


def type_of(event: DcsaEvent) -> EventType | None:
    """What it says happened, or will; None when it does not say."""
    classes = event.eventClassification or DcsaClassification()
    kind = classes.kind or ""
    word = {"TRANSPORT": classes.transport, "EQUIPMENT": classes.equipment, "SHIPMENT": classes.shipment,
            "IOT": classes.iot, "REEFER": classes.reefer}.get(kind)  # fmt: skip
    if kind not in _KINDS or word is None:
        return None
    if kind == "SHIPMENT":
        about = event.shipmentDetails and event.shipmentDetails.documentReference
        return DOCUMENTS.get(((about and about.kind) or "", word), EventType.OBSERVED)
    found = TYPES.get((kind, word), EventType.OBSERVED)
    place = event.eventLocation
    return _AT_THE_CUSTOMER.get(found, found) if place and place.facility_type in CUSTOMER else found


def hub_of(place: DcsaLocation | None) -> str | None:
    """The hub whose code both sides use; None when it is named by somebody else's list."""
    facility = place.facility if place else None
    return facility.facilityCode if facility and facility.facilityCodeListProvider == OUR_LIST else None


def _readings(reefer: DcsaReefer | None, at: datetime) -> dict[str, Any]:
    """What its probes and its hygrometer showed, as far as a working instrument can; the rest stays in the document."""
    if reefer is None:
        return {}
    unit = reefer.temperatureUnit or ""
    shown = [
        (ReadingKind.TEMPERATURE, unit, probe.measuredTemperatureValue) for probe in reefer.temperatureProbeMeasurements
    ]
    if reefer.measuredParameters:
        shown.append((ReadingKind.RELATIVE_HUMIDITY, "P1", reefer.measuredParameters.humidityPercentage))
    readings = [
        {"kind": kind.value, "value": _plain(value), "unit": unit, "at": rfc3339(at)}
        for kind, unit, value in shown
        if value is not None and unit in READING_RANGES[kind] and _within(value, *READING_RANGES[kind][unit])
    ]
    return {"readings": readings, "read_at": [at] * len(readings)}


def _within(value: Decimal, least: Decimal, most: Decimal) -> bool:
    return least <= value <= most


def _plain(value: Decimal) -> str:
    """At most four places, no exponent, no idle noughts."""
    text = f"{round(value, 4):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
