"""Documents are read whole: what is good passes in every form of writing, what is not is named with its place."""

import pytest

from app.epcis.context import word_of
from app.epcis.documents import Document, read_document
from app.epcis.values import FIELDS, VOCABULARIES, EventKind, Word
from tests.unit.epcis.telling import SSCC, document, faults, good, told

NESTED = {"epcList": None, "parentID": SSCC, "childEPCs": ["urn:epc:id:sgtin:952000.0123456.1"]}
TRANSACTION = {"bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:952:1"}]}
MADE = {
    "action": None,
    "epcList": None,
    "inputEPCList": ["urn:epc:id:sgtin:952000.0123456.1"],
    "outputQuantityList": [{"epcClass": "urn:epc:class:lgtin:952000.0123456.L1", "quantity": 4.5, "uom": "KGM"}],
}
KINDS = {
    "ObjectEvent": {},
    "AggregationEvent": NESTED,
    "AssociationEvent": NESTED,
    "TransactionEvent": TRANSACTION,
    "TransformationEvent": MADE,
}


@pytest.mark.parametrize("kind", EventKind)
def test_each_of_the_five_types_is_read(kind):
    assert good(told(type=kind, **KINDS[kind])).kind is kind


@pytest.mark.parametrize("kind", EventKind)
def test_fields_of_other_types_are_refused(kind):
    event = told(type=kind, **KINDS[kind])
    for name in {name for fields in FIELDS.values() for name in fields} - FIELDS[kind].keys():
        assert f"/{name}" in faults(event | {name: "urn:x:y"})


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("ObjectEvent", ["eventTime", "eventTimeZoneOffset", "action", "epcList"]),
        ("AggregationEvent", ["eventTime", "eventTimeZoneOffset", "action", "childEPCs"]),
        ("AssociationEvent", ["eventTime", "eventTimeZoneOffset", "action", "parentID", "childEPCs"]),
        ("TransactionEvent", ["eventTime", "eventTimeZoneOffset", "action", "bizTransactionList", "epcList"]),
        ("TransformationEvent", ["eventTime", "eventTimeZoneOffset", "inputEPCList", "outputQuantityList"]),
    ],
)
def test_what_is_required_is_missed(kind, needed):
    event = told(type=kind, **KINDS[kind])
    for name in needed:
        place = "outputEPCList" if name == "outputQuantityList" else name
        assert f"/{place}" in faults({key: value for key, value in event.items() if key != name})


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"eventTime": "2026-03-02T22:20:00"}, "/eventTime"),
        ({"eventTime": "2026-02-30T22:20:00Z"}, "/eventTime"),
        ({"eventTime": 5}, "/eventTime"),
        ({"eventTimeZoneOffset": "+8:00"}, "/eventTimeZoneOffset"),
        ({"eventTimeZoneOffset": "Z"}, "/eventTimeZoneOffset"),
        ({"eventTimeZoneOffset": "+14:30"}, "/eventTimeZoneOffset"),
        ({"action": "SEEN"}, "/action"),
        ({"bizStep": "delivering"}, "/bizStep"),
        ({"bizStep": "urn:epcglobal:cbv:bizstep:delivering"}, "/bizStep"),
        ({"bizStep": "https://ref.gs1.org/cbv/Disp-in_transit"}, "/bizStep"),
        ({"disposition": "shipping"}, "/disposition"),
        ({"persistentDisposition": {}}, "/persistentDisposition"),
        ({"persistentDisposition": {"set": ["lost"]}}, "/persistentDisposition/set/0"),
        ({"epcList": ["0614141"]}, "/epcList/0"),
        ({"epcList": [SSCC, SSCC]}, "/epcList"),
        ({"epcList": SSCC}, "/epcList"),
        ({"readPoint": "urn:x:y"}, "/readPoint"),
        ({"readPoint": {}}, "/readPoint/id"),
        ({"ilmd": {}}, "/ilmd"),
        ({"quantityList": [{"quantity": 1}]}, "/quantityList/0/epcClass"),
        ({"quantityList": [{"epcClass": "urn:x:y", "quantity": "1"}]}, "/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": "urn:x:y", "uom": "KGM"}]}, "/quantityList/0/quantity"),
        ({"sourceList": [{"source": "urn:x:y"}]}, "/sourceList/0/type"),
        ({"sourceList": [{"type": "owner", "source": "urn:x:y"}]}, "/sourceList/0/type"),
        ({"sensorElementList": [{"sensorReport": []}]}, "/sensorElementList/0/sensorReport"),
        ({"sensorElementList": [{"sensorReport": [{"type": "Heat"}]}]}, "/sensorElementList/0/sensorReport/0/type"),
        (
            {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": "4", "uom": "°C"}]}]},
            "/sensorElementList/0/sensorReport/0/value",
        ),
        ({"errorDeclaration": {"reason": "did_not_occur"}}, "/errorDeclaration/declarationTime"),
        (
            {"errorDeclaration": {"declarationTime": "2026-03-03T00:00:00Z", "reason": "mistake"}},
            "/errorDeclaration/reason",
        ),
        ({"weather": "fine"}, "/weather"),
        ({"other:weather": "fine"}, "/other:weather"),
        ({"type": "SightingEvent"}, "/type"),
    ],
)
def test_fault_is_named_with_its_place(change, pointer):
    assert pointer in faults(told(**change))


def test_field_of_ones_own_needs_a_prefix_that_somebody_declares():
    own = {"own:weather": {"own:wind": [1, 2]}}
    assert faults(told(**own), own="https://own.example/") == []
    assert faults(told(**own, **{"@context": [{"own": "https://own.example/"}]})) == []
    assert faults(told(**{"https://own.example/weather": 1})) == []


@pytest.mark.parametrize(
    "written",
    [
        "arriving",
        "urn:epcglobal:cbv:bizstep:arriving",
        "https://ref.gs1.org/cbv/BizStep-arriving",
        "cbv:BizStep-arriving",
    ],
)
def test_word_is_the_same_word_in_every_form(written):
    assert faults(told(bizStep=written)) == []
    assert word_of(Word.BIZ_STEP, written, {}) == "arriving"


def test_word_of_ones_own_stays_as_it_is():
    assert word_of(Word.BIZ_STEP, "own:baling", {"own": "https://own.example/"}) == "https://own.example/baling"
    assert word_of(Word.BIZ_STEP, "baling", {}) is None


def test_vocabularies_have_as_many_words_as_the_standard():
    counts = {kind: len(words) for kind, words in VOCABULARIES.items()}
    assert (counts[Word.BIZ_STEP], counts[Word.DISPOSITION], counts[Word.ERROR_REASON]) == (41, 33, 2)
    assert (counts[Word.MEASUREMENT], counts[Word.TRANSACTION], counts[Word.SOURCE_DEST]) == (72, 13, 3)


def test_keys_of_json_ld_are_read_like_plain_ones():
    event = told(type=None, bizStep=None) | {"@type": "epcis:ObjectEvent", "epcis:bizStep": "cbv:BizStep-arriving"}
    assert good(event).body["bizStep"] == "cbv:BizStep-arriving"
    assert good(event).told == event


def test_document_gives_its_events_and_prefixes():
    sent = document(told(), told(), **{"@context": ["https://x.example/c", {"own": "https://own.example/"}]})
    read = read_document(sent)
    assert isinstance(read, Document)
    assert (len(read.events), read.prefixes) == (2, {"own": "https://own.example/"})


def test_query_document_is_read_too():
    body = {"queryResults": {"queryName": "q", "resultsBody": {"eventList": [told()]}}}
    sent = {"@context": "https://x.example/c", "type": "EPCISQueryDocument", "epcisBody": body}
    read = read_document(sent)
    assert isinstance(read, Document)
    assert len(read.events) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"type": "Document"}, "/type"),
        ({"schemaVersion": "1.2"}, "/schemaVersion"),
        ({"creationDate": "yesterday"}, "/creationDate"),
        ({"epcisBody": {}}, "/epcisBody/eventList"),
        ({"epcisBody": {"eventList": {}}}, "/epcisBody/eventList"),
        ({"weather": 1}, "/weather"),
        ({"@context": 5}, "/@context"),
    ],
)
def test_fault_of_the_envelope_is_named(change, pointer):
    read = read_document(document(told(), **change))
    assert isinstance(read, list)
    assert pointer in [fault.pointer for fault in read]


@pytest.mark.parametrize("sent", [None, [], "x", 5, {}])
def test_what_is_no_document_is_refused(sent):
    assert isinstance(read_document(sent), list)
    assert faults(sent)
