"""The query language: what is asked is understood or refused, and finds what it should."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.epcis.matching import matches
from app.epcis.query import Query, read_query
from app.epcis.seen import seen
from app.epcis.units import UNITS, converted
from tests.unit.epcis.telling import SSCC, good, told

RECORDED = datetime(2026, 3, 3, tzinfo=UTC)
SENSED = told(
    sensorElementList=[
        {
            "sensorMetadata": {"time": "2026-03-02T14:00:00Z", "deviceID": "urn:epc:id:giai:952000.7"},
            "sensorReport": [
                {"type": "gs1:Temperature", "value": 4.5, "minValue": 3.0, "maxValue": 6, "uom": "CEL"},
                {"type": "RelativeHumidity", "value": 61, "uom": "P1", "own:probe": "left"},
            ],
        }
    ],
    **{"own:load": {"own:bales": 12}, "own:weather": "fine"},
)
PACKED = told(
    type="AggregationEvent",
    action="ADD",
    bizStep="packing",
    epcList=None,
    parentID=SSCC,
    childEPCs=["urn:epc:id:sgtin:952000.0123456.1"],
    childQuantityList=[{"epcClass": "urn:epc:class:lgtin:952000.0123456.L1", "quantity": 250, "uom": "KGM"}],
    bizLocation={"id": "urn:epc:id:sgln:952000.000001.7"},
    bizTransactionList=[{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9520000000004:77"}],
    persistentDisposition=None,
)
WRONG = told(
    errorDeclaration={
        "declarationTime": "2026-03-03T01:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:0190a1b2-0000-7000-8000-000000000002"],
    }
)


def finds(event, **asked):
    query = read_query(asked)
    assert isinstance(query, Query), query
    return matches(query, seen(good(event, own="https://own.example/"), RECORDED))


@pytest.mark.parametrize(
    ("event", "asked", "found"),
    [
        (SENSED, {"eventType": "ObjectEvent|AggregationEvent"}, True),
        (SENSED, {"eventType": "AggregationEvent"}, False),
        (SENSED, {"GE_eventTime": "2026-03-02T14:20:00Z"}, True),
        (SENSED, {"LT_eventTime": "2026-03-02T14:20:00Z"}, False),
        (SENSED, {"GE_recordTime": "2026-03-03T00:00:00Z"}, True),
        (SENSED, {"LT_recordTime": "2026-03-03T00:00:00Z"}, False),
        (SENSED, {"EQ_action": "OBSERVE"}, True),
        (SENSED, {"EQ_action": ["ADD", "DELETE"]}, False),
        (SENSED, {"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-arriving"}, True),
        (SENSED, {"EQ_bizStep": ["departing"]}, False),
        (SENSED, {"EQ_disposition": "urn:epcglobal:cbv:disp:in_progress"}, True),
        (SENSED, {"EQ_readPoint": "https://chama.example/v1/hubs/URUMQI"}, True),
        (SENSED, {"EQ_readPoint": "https://chama.example/v1/hubs"}, False),
        (SENSED, {"WD_readPoint": "https://chama.example/v1/hubs"}, True),
        (SENSED, {"MATCH_epc": "https://any.example/00/195200000000000179"}, True),
        (SENSED, {"MATCH_anyEPC": SSCC}, True),
        (SENSED, {"MATCH_parentID": SSCC}, False),
        (SENSED, {"EQ_eventID": SENSED["eventID"]}, True),
        (SENSED, {"EXISTS_errorDeclaration": "true"}, False),
        (SENSED, {"EXISTS_errorDeclaration": "false"}, True),
        (SENSED, {"EXISTS_sensorElementList": True}, True),
        (SENSED, {"EQ_type": "Temperature"}, True),
        (SENSED, {"EQ_type": "gs1:Speed"}, False),
        (SENSED, {"EQ_deviceID": "https://any.example/8004/9520007"}, True),
        (SENSED, {"GE_time": "2026-03-02T14:00:00Z", "LT_time": "2026-03-02T14:00:01Z"}, True),
        (SENSED, {"GE_value_KEL": "277.65"}, True),
        (SENSED, {"GE_value_KEL": "277.66"}, False),
        (SENSED, {"EQ_value_FAH": "40.1"}, True),
        (SENSED, {"LT_value_CEL": "4.5"}, False),
        (SENSED, {"LE_value_CEL": 4.5}, True),
        (SENSED, {"GE_value_PAL": "1"}, False),
        (SENSED, {"GE_maxValue_KEL": "279.15", "LT_minValue_CEL": "3.1"}, True),
        (SENSED, {"EQ_https://own.example/weather": "fine"}, True),
        (SENSED, {"EQ_https://own.example/#weather": "foul"}, False),
        (SENSED, {"EXISTS_own:load": 1, "@context": {"own": "https://own.example/"}}, True),
        (SENSED, {"GE_INNER_own:bales": 12, "@context": {"own": "https://own.example/"}}, True),
        (SENSED, {"GT_INNER_own:bales": 12, "@context": {"own": "https://own.example/"}}, False),
        (SENSED, {"EQ_SENSORREPORT_own:probe": "left", "@context": {"own": "https://own.example/"}}, True),
        (PACKED, {"MATCH_parentID": "https://any.example/00/195200000000000179"}, True),
        (PACKED, {"MATCH_epc": "https://any.example/01/09520001234569"}, True),
        (PACKED, {"MATCH_epc": SSCC}, False),
        (PACKED, {"MATCH_epcClass": "https://any.example/01/09520001234569/10/L1"}, True),
        (PACKED, {"MATCH_epcClass": "urn:epc:idpat:sgtin:952000.0123456.*"}, True),
        (PACKED, {"GE_quantity_TNE": "0.25"}, True),
        (PACKED, {"GT_quantity": 250}, False),
        (PACKED, {"WD_bizLocation": "urn:epc:id:sgln:952000.000001.0"}, True),
        (PACKED, {"EQ_bizLocation": "urn:epc:id:sgln:952000.000001.0"}, False),
        (PACKED, {"EQ_bizTransaction_po": "urn:epcglobal:cbv:bt:9520000000004:77"}, True),
        (PACKED, {"EQ_bizTransaction_inv": "urn:epcglobal:cbv:bt:9520000000004:77"}, False),
        (WRONG, {"EXISTS_errorDeclaration": "true", "EQ_errorReason": "incorrect_data"}, True),
        (WRONG, {"GE_errorDeclarationTime": "2026-03-03T01:00:00Z"}, True),
        (WRONG, {"LT_errorDeclarationTime": "2026-03-03T01:00:00Z"}, False),
        (WRONG, {"EQ_correctiveEventID": "urn:uuid:0190a1b2-0000-7000-8000-000000000002"}, True),
    ],
)
def test_query_finds_what_it_should(event, asked, found):
    assert finds(event, **asked) is found


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"EQ_weather": "fine"}, "/EQ_weather"),
        ({"GE_eventTime": "yesterday"}, "/GE_eventTime"),
        ({"GE_eventTime": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]}, "/GE_eventTime"),
        ({"EQ_bizStep": "delivering"}, "/EQ_bizStep"),
        ({"EQ_action": ""}, "/EQ_action"),
        ({"eventType": "Sighting"}, "/eventType"),
        ({"GE_value_CEL": "warm"}, "/GE_value_CEL"),
        ({"GE_value_CEL": "NaN"}, "/GE_value_CEL"),
        ({"MATCH_epc": "0614141"}, "/MATCH_epc"),
        ({"EXISTS_errorDeclaration": "maybe"}, "/EXISTS_errorDeclaration"),
        ({"orderBy": "bizStep"}, "/orderBy"),
        ({"orderDirection": "UP"}, "/orderDirection"),
        ({"maxEventCount": "0"}, "/maxEventCount"),
        ({"eventCountLimit": "5"}, "/orderBy"),
        ({"eventCountLimit": "5", "orderBy": "eventTime", "maxEventCount": "5"}, "/maxEventCount"),
        ({"EQ_bizTransaction_bill": "urn:x:y"}, "/EQ_bizTransaction_bill"),
    ],
)
def test_question_that_is_not_understood_is_refused(asked, pointer):
    read = read_query(asked)
    assert isinstance(read, list)
    assert pointer in [fault.pointer for fault in read]


VALUES = st.decimals(-1_000, 1_000, places=3, allow_nan=False)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), VALUES)
def test_units_convert_there_and_back_or_not_at_all(unit, into, value):
    there = converted(value, unit, into)
    if UNITS[unit].quantity != UNITS[into].quantity:
        assert there is None
    else:
        # Back again through a unit a million million times as large leaves less than what is asked for.
        assert there is not None
        back = converted(there, into, unit)
        assert back is not None
        step = UNITS[into].factor / UNITS[unit].factor
        assert abs(back - value) <= max(step, Decimal(1)) * Decimal("1e-9")


@given(VALUES)
def test_degrees_convert_by_definition(value):
    assert converted(value, "CEL", "KEL") == value + Decimal("273.15")
    assert converted(value, "CEL", "FAH") == round(value * 9 / 5 + 32, 12)
    assert converted(value, "XXX", "XXX") == value
    assert converted(value, "XXX", "CEL") is None


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=20) | st.lists(st.text(max_size=9), max_size=3), max_size=4)
)
def test_any_question_is_understood_or_refused(asked):
    assert isinstance(read_query(asked), Query | list)
