"""The event hash id of CBV 2.0: values that GS1 published, and that the way of writing does not matter."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.epcis.hashes import hash_id, pre_hash
from tests.unit.epcis.telling import good, told

OWN = {"example": "https://ns.example.com/epcis/"}
# The three examples of the algorithm's reference (GS1 Germany, 2023; CBV 2.0, 8.9), whose values are published.
FIRST = {
    "type": "ObjectEvent",
    "eventTime": "2020-03-04T11:00:30.000+01:00",
    "eventTimeZoneOffset": "+01:00",
    "recordTime": "2020-03-04T11:00:30.999+01:00",
    "epcList": [f"urn:epc:id:sscc:4012345.0000000{n}" for n in (333, 111, 222)],
    "action": "OBSERVE",
    "bizStep": "departing",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.987"},
    "example:myField1": {"example:mySubField1": "2", "example:mySubField2": "5"},
    "example:myField2": "0",
    "example:myField3": {"example:mySubField3": ["3", "1"]},
}
SECOND = {
    "type": "ObjectEvent",
    "eventTime": "2020-04-01T15:00:00+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "action": "OBSERVE",
    "bizStep": "inspecting",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
    "sensorElementList": [
        {
            "sensorMetadata": {
                "deviceID": "urn:epc:id:giai:4000001.111",
                "deviceMetadata": "https://id.gs1.org/8004/4000001111",
            },
            "sensorReport": [
                {"type": "Temperature", "value": 26, "sDev": 0.1, "uom": "CEL"},
                {"type": "AbsoluteHumidity", "value": 12.1, "uom": "A93"},
                {
                    "type": "Dimensionless",
                    "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                    "value": 0.05,
                    "uom": "C35",
                },
                {
                    "type": "Dimensionless",
                    "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                    "value": 0.18,
                    "uom": "C35",
                },
            ],
        }
    ],
}
THIRD = {
    "type": "ObjectEvent",
    "eventTime": "2020-03-04T11:00:30+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:0614141.011111.987"],
    "action": "OBSERVE",
    "bizStep": "departing",
    "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0", "example:myField1": "AB-12"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00000"}],
    "example:userExt": "CD-34",
}
PUBLISHED = [
    (FIRST, "6ae96341e0acc6d7a261364751f60e68278a81cdf51da0abb6b4e617014e39d7"),
    (SECOND, "49b13037c36e84ad9307c531671b00e901318c3957e4b1151f816ec49eb668da"),
    (THIRD, "a13cbe6c8bb6df3710b3edaeff760a1365ec8fd69ca1f4d7e0c10eb5189a883a"),
]


def test_published_values_are_met():
    for event, digest in PUBLISHED:
        assert hash_id(good(event, **OWN)) == f"ni:///sha-256;{digest}?ver=CBV2.0"


def test_form_of_writing_does_not_matter():
    plain = told(eventID=None)
    others = [
        plain | {"bizStep": "https://ref.gs1.org/cbv/BizStep-arriving"},
        plain | {"bizStep": "urn:epcglobal:cbv:bizstep:arriving"},
        plain | {"eventTime": "2026-03-02T14:20:00.0000Z"},
        plain | {"epcList": ["https://any.example/00/195200000000000179"]},
        plain | {"eventID": "urn:x:1", "recordTime": "2026-03-03T00:00:00Z"},
        plain | {"errorDeclaration": {"declarationTime": "2026-03-03T00:00:00Z"}},
    ]
    assert {hash_id(good(each)) for each in others} == {hash_id(good(plain))}


def test_content_matters():
    plain = told()
    changed = [
        plain | {"bizStep": "departing"},
        plain | {"eventTime": "2026-03-02T22:20:00.001+08:00"},
        plain | {"eventTimeZoneOffset": "+07:00"},
        plain | {"epcList": []},
        plain | {"action": "ADD"},
        plain | {"https://own.example/weather": "fine"},
    ]
    assert len({hash_id(good(each)) for each in [plain, *changed]}) == 1 + len(changed)


def test_times_are_rounded_to_the_millisecond_the_half_up():
    event = good(told(eventTime="2023-01-18T11:04:03.1415Z"))
    assert "eventTime=2023-01-18T11:04:03.142Z" in pre_hash(event)


@given(st.randoms(use_true_random=False))
def test_order_of_fields_and_lists_does_not_matter(random: Random):
    def shuffled(value):
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in random.sample(list(value), len(value))}
        return random.sample([shuffled(each) for each in value], len(value)) if isinstance(value, list) else value

    for event, _ in PUBLISHED:
        assert hash_id(good(shuffled(event), **OWN)) == hash_id(good(event, **OWN))
