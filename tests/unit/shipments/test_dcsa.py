"""The DCSA door is a rename: both spellings, versions and retractions, and the same truth as through the native door."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import rfc3339
from app.shipments.dcsa import DOCUMENTS, TYPES, Unfit, told_by_dcsa
from app.shipments.dcsa_schemas import DcsaEvent
from app.shipments.rules import recompute, tracking_number
from app.shipments.schemas import Reading, TrackingEventRequest
from app.shipments.told import told_natively
from app.shipments.values import Door, EventType, JourneyLeg

T = EventType
MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
NUMBER, OTHER = tracking_number("314159265358"), tracking_number("271828182845")
HUBS = ("HOTAN", "URUMQI", "XIAN", "ELSEWHERE")


def hour(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def ride(at: int, from_hub: str, to_hub: str) -> JourneyLeg:
    departs_at, arrives_at = hour(at), hour(at + 20)
    return JourneyLeg(
        from_hub, to_hub, "road", "S", departs_at, 0, 1, "KUNLUN", departs_at, arrives_at, distance_m=1, price_minor=1
    )


LEGS = (ride(4, "HOTAN", "URUMQI"), ride(40, "URUMQI", "XIAN"))
# What a carrier means -> how each standard's spellings say it: kind of event, its type, and the place it says it of.
SAID: dict[EventType, list[tuple[str, str, str]]] = {
    T.PICKED_UP: [("EQUIPMENT", "PICK", ""), ("EQUIPMENT", "PICK_UP", ""), ("TRANSPORT", "DEPA", "CLOC")],
    T.ARRIVED: [("TRANSPORT", "ARRI", ""), ("TRANSPORT", "ARRIVED", "RAMP")],
    T.DEPARTED: [("TRANSPORT", "DEPA", "INTE"), ("TRANSPORT", "DEPARTED", ""), ("EQUIPMENT", "GTOT", "")],
    T.RECEIVED: [("EQUIPMENT", "GTIN", "DEPO"), ("EQUIPMENT", "GATED_IN", "")],
    T.LOADED: [("EQUIPMENT", "LOAD", ""), ("EQUIPMENT", "LOADED", "")],
    T.UNLOADED: [("EQUIPMENT", "DISC", ""), ("EQUIPMENT", "DISCHARGED", "")],
    T.HELD: [("EQUIPMENT", "CUSI", ""), ("EQUIPMENT", "CUSTOMS_SELECTED_FOR_SCAN", "")],
    T.CUSTOMS_RELEASED: [("EQUIPMENT", "CUSR", ""), ("EQUIPMENT", "CUSTOMS_RELEASED", "")],
    T.DELIVERED: [("TRANSPORT", "ARRI", "CLOC"), ("EQUIPMENT", "GATED_IN", "CUSTOMER_LOCATION")],
    T.OBSERVED: [("IOT", "DETC", ""), ("IOT", "GEOFENCE_ENTERED", ""), ("REEFER", "MEAS", ""), ("TRANSPORT", "APPROACHING", "")],
}  # fmt: skip
SPELLINGS = {"ACT": "ACTUAL", "EST": "ESTIMATED", "PLN": "PLANNED"}


def dcsa(
    event_id: str, said: tuple[str, str, str], at: datetime, hub: str | None = None, **more: Any
) -> dict[str, Any]:
    """One event as DCSA has it, in the spelling of its type: codes of four letters, or words."""
    kind, word, place = said
    coded = len(word) == 4
    classifier, suffix = more.pop("classifier", "ACT"), "Code" if coded else ""
    location: dict[str, Any] = {"facility": {"facilityCode": hub, "facilityCodeListProvider": "ZZZ"}} if hub else {}
    if place:
        location[f"facilityType{suffix}"] = place
    return {
        "eventID": event_id,
        "eventDateTime": rfc3339(at),
        "eventUpdatedDateTime": rfc3339(more.pop("updated", at)),
        "eventClassification": {
            f"eventType{suffix}": kind,
            f"eventClassifier{suffix}": classifier if coded else SPELLINGS[classifier],
            f"{kind.lower()}EventType{suffix}": word,
        },
        "eventLocation": location,
        "shipmentDetails": {"shipmentReferences": [{"typeCode": "FF", "reference": NUMBER}]},
    } | more


def read(document: dict[str, Any]):
    return told_by_dcsa(DcsaEvent.model_validate(document), document)


def one(document: dict[str, Any]):
    (told,) = read(document)
    return told


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, ways in SAID.items() for said in ways])
def test_each_type_in_each_spelling_is_what_it_means(kind, said):
    told = one(dcsa("e", said, hour(1), "URUMQI"))
    assert (told.type, told.hub, told.occurred_at, told.door) == (kind, "URUMQI", hour(1), Door.DCSA)
    assert told.tracking_number == NUMBER


def test_every_word_of_the_tables_is_spelt_in_code_and_in_full():
    for table in (TYPES, DOCUMENTS):
        by_type: dict[Any, set[bool]] = {}
        for (kind, word), meant in table.items():
            by_type.setdefault((kind, meant), set()).add(len(word) == 4)
        assert all(spellings == {True, False} for spellings in by_type.values())


@pytest.mark.parametrize(
    ("document", "word", "kind"),
    [("CUC", "SUBM", T.CUSTOMS_SUBMITTED), ("CUC", "RELEASED", T.CUSTOMS_RELEASED), ("CUC", "HOLD", T.HELD),
     ("PFD", "ISSUED", T.DELIVERED), ("BKG", "CONF", T.OBSERVED), ("TRD", "HOLD", T.OBSERVED)],
)  # fmt: skip
def test_documents_speak_of_places_only_where_they_are_customs_or_a_proof_of_delivery(document, word, kind):
    sent = dcsa("e", ("SHIPMENT", word, ""), hour(1))
    sent["shipmentDetails"]["documentReference"] = {"typeCode": document, "reference": "1"}
    assert one(sent).type is kind


def test_estimates_are_of_arrivals_and_plans_say_nothing_new():
    arrives = ("TRANSPORT", "ARRI", "")
    told = one(dcsa("e", arrives, hour(90), "XIAN", classifier="EST", updated=hour(30)))
    assert (told.type, told.occurred_at, told.estimated_at) == (T.ESTIMATED, hour(30), hour(90))
    for classifier, said in (("PLN", arrives), ("EST", ("TRANSPORT", "DEPA", ""))):
        told = one(dcsa("e", said, hour(90), "XIAN", classifier=classifier, updated=hour(30)))
        assert (told.type, told.estimated_at) == (T.ESTIMATED, None)


def test_event_of_two_consignments_is_one_for_each_and_they_are_one_event():
    sent = dcsa("e", ("TRANSPORT", "ARRI", ""), hour(1))
    sent["shipmentDetails"]["additionalDocumentReferences"] = [{"typeCode": "TRO", "reference": OTHER.lower()}]
    first, second = read(sent)
    assert {first.tracking_number, second.tracking_number} == {NUMBER, OTHER}
    assert first.event_group == second.event_group is not None
    assert first.id == second.id


def test_events_of_two_originating_parties_never_meet_and_long_ids_are_hashed():
    sent = dcsa("e", ("TRANSPORT", "ARRI", ""), hour(1))
    routed = [
        sent
        | {"eventRouting": {"originatingParty": {"codeListProvider": "SMDG", "codeListName": "LCL", "partyCode": code}}}
        for code in ("EXCO", "OTHR")
    ]
    ids = [one(document).id for document in (sent, *routed, sent | {"eventID": "x" * 500})]
    assert ids[:3] == ["e", "SMDG:LCL:EXCO:e", "SMDG:LCL:OTHR:e"]
    assert ids[3].startswith("sha256:")
    assert len(ids[3]) == 71


def test_probes_and_humidity_become_readings_and_what_cannot_be_stays_in_the_document():
    reefer = {
        "temperatureUnit": "CEL",
        "ambientMeasuredTemperature": 22.3,
        "temperatureProbeMeasurements": [{"measuredTemperatureValue": -18.2}, {"measuredTemperatureValue": 900}],
        "measuredParameters": {"humidityPercentage": 75.0},
    }
    told = one(dcsa("e", ("REEFER", "MEAS", ""), hour(1), reeferDetails=reefer))
    assert [(each["kind"], each["value"], each["unit"]) for each in told.readings] == [
        ("temperature", "-18.2", "CEL"),
        ("relative_humidity", "75", "P1"),
    ]
    assert all(Reading.model_validate(reading) for reading in told.readings)
    assert told.document["reeferDetails"] == reefer


@given(st.decimals(-100, 150, allow_nan=False, allow_infinity=False, places=7))
def test_every_temperature_that_can_be_is_a_reading_of_ours(value: Decimal):
    reefer = {"temperatureUnit": "CEL", "temperatureProbeMeasurements": [{"measuredTemperatureValue": float(value)}]}
    (reading,) = one(dcsa("e", ("REEFER", "MEAS", ""), hour(1), reeferDetails=reefer)).readings
    assert abs(Decimal(Reading.model_validate(reading).value) - value) < Decimal("0.0001")


@pytest.mark.parametrize(
    ("change", "path"),
    [({"shipmentDetails": {}}, ".shipmentDetails.shipmentReferences"), ({"eventDateTime": None}, ".eventDateTime"),
     ({"eventClassification": {"eventTypeCode": "TRANSPORT", "eventClassifierCode": "ACT"}}, ".eventClassification"),
     ({"eventClassification": {"eventTypeCode": "IOT", "iotEventTypeCode": "DETC"}}, ".eventClassification")],
)  # fmt: skip
def test_what_cannot_be_one_of_ours_says_where(change, path):
    unfit = read(dcsa("e", ("TRANSPORT", "ARRI", ""), hour(1)) | change)
    assert isinstance(unfit, Unfit)
    assert unfit.path == path
    assert set(unfit.words) == {"en", "zh-Hans"}


def test_of_a_retracted_event_only_its_identity_counts():
    bare = {"eventID": "e", "isRetracted": True, "eventUpdatedDateTime": rfc3339(hour(3)), "shipmentDetails": {
        "shipmentReferences": [{"reference": NUMBER}]}}  # fmt: skip
    full = dcsa("e", ("TRANSPORT", "ARRI", ""), hour(1), isRetracted=True, updated=hour(3))
    first, second = one(bare), one(full)
    assert first.retracted
    assert (first.id, first.declared_at, first.fingerprint) == (second.id, second.declared_at, second.fingerprint)


@st.composite
def truths(draw):
    """What happened, each thing at a second of its own: told once, told better later, or taken back."""
    moments = draw(st.lists(st.integers(0, 90), unique=True, max_size=7))
    facts = []
    for i, at in enumerate(moments):
        kind = draw(st.sampled_from([*SAID, T.ESTIMATED]))
        hub = draw(st.sampled_from([None, *HUBS]))
        fate = draw(st.sampled_from(["stands", "stands", "replaced", "retracted", "revived"]))
        facts.append(
            (f"e{i}", kind, hour(at), hub, fate, hour(at) + timedelta(minutes=30), draw(st.sampled_from(HUBS)))
        )
    return facts


def natively(facts):
    """Each thing under an id of its own; what replaces or withdraws it names it."""
    for name, kind, at, hub, fate, later, better in facts:
        yield _native(name, kind, at, hub)
        if fate in ("replaced", "revived"):
            yield _native(f"{name}'", kind, later, better, corrects=name)
        if fate == "retracted":
            yield _native(f"{name}'", T.CORRECTED, later, None, corrects=name)


def _native(name, kind, at, hub, **more):
    body = {"id": name, "tracking_number": NUMBER, "type": kind, "occurred_at": rfc3339(at), "hub": hub} | more
    if kind is T.ESTIMATED:
        body["estimated_at"] = rfc3339(at + timedelta(hours=70))
    return told_natively(TrackingEventRequest.model_validate(body), MONDAY)


def in_dcsa(facts, chance: random.Random):
    """Each thing under one id, its versions told apart by their time of update."""
    for name, kind, at, hub, fate, later, better in facts:
        yield _dcsa(name, kind, at, hub, at, chance)
        if fate in ("retracted", "revived"):
            gone = dcsa(name, ("TRANSPORT", "ARRI", ""), at, updated=at + timedelta(minutes=1), isRetracted=True)
            yield one(gone)
        if fate in ("replaced", "revived"):
            yield _dcsa(name, kind, later, better, later, chance)


def _dcsa(name, kind, at, hub, updated, chance: random.Random):
    if kind is T.ESTIMATED:
        said = chance.choice(SAID[T.ARRIVED])
        return one(dcsa(name, said, at + timedelta(hours=70), hub, classifier="EST", updated=at))
    return one(dcsa(name, chance.choice(SAID[kind]), at, hub, updated=updated))


@given(truths(), st.randoms(use_true_random=False))
def test_same_truth_told_through_either_door_in_any_order_is_the_same_state(facts, chance: random.Random):
    states = []
    for told in (list(natively(facts)), list(in_dcsa(facts, chance))):
        chance.shuffle(told)
        states.append(recompute([event.scan("ptn", goes_back=False) for event in told], LEGS, MONDAY))
    assert states[0] == states[1]
