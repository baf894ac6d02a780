"""How EPCIS maps onto ours: the published page says what the tables say, and every word of ours comes back as itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.epcis.documents import read_event
from app.epcis.values import Event
from app.shipments.epcis import (
    NAMESPACE,
    STEP_OF_TYPE,
    TYPE_OF_DISPOSITION,
    TYPE_OF_STEP,
    Stored,
    as_epcis,
    hub_in,
    named_by,
    told_by_epcis,
    tracking_number_in,
)
from app.shipments.values import Condition, Door, EventType
from tests.unit.epcis.telling import good, told

PAGE = (Path(__file__).parents[3] / "docs/epcis.md").read_text(encoding="utf-8")
NUMBER, PREFIX = "CM3141592653589", "9520000"
AT = datetime(2026, 3, 2, 14, 20, tzinfo=UTC)


def rows_of(columns):
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    return {tuple(cell.strip("`") for cell in cells) for cells in lines if len(cells) == columns}


def test_published_tables_are_the_ones_that_are_used():
    steps = {(step, kind.value) for step, kind in TYPE_OF_STEP.items() if not step.startswith(NAMESPACE)}
    assert rows_of(2) == steps | {(word, kind.value) for word, kind in TYPE_OF_DISPOSITION.items()}
    assert rows_of(3) == {(kind.value, *words) for kind, words in STEP_OF_TYPE.items()}


def stored(kind, **fields):
    row = {
        "id": "evt_01jd0000000000000000000000",
        "door": Door.NATIVE,
        "party_event_id": "KL-1",
        "number": NUMBER,
        "type": kind,
        "occurred_at": AT,
        "recorded_at": AT,
        "hub": "URUMQI",
        "latitude": None,
        "longitude": None,
        "readings": [{"kind": "temperature", "value": "4.1", "unit": "CEL", "at": "2026-03-02T14:00:00Z"}],
        "note": "by the gate",
        "estimated_at": AT if kind is EventType.ESTIMATED else None,
        "condition": Condition.REFUSED if kind is EventType.DELIVERED else None,
        "document": None,
    }
    return Stored(**row | fields)


@pytest.mark.parametrize("kind", EventType)
def test_what_we_tell_is_valid_and_means_the_same_when_it_is_told_back(kind):
    before = stored(kind)
    event, prefixes = as_epcis(before, "https://chama.example", PREFIX)
    read = read_event(event, prefixes)
    assert isinstance(read, Event), read
    assert named_by(read, PREFIX).numbers == {NUMBER}
    (after,) = told_by_epcis(read, [NUMBER], {}, "egr_1")
    assert (after.type, after.occurred_at, after.hub, after.note) == (kind, AT, "URUMQI", "by the gate")
    assert (after.estimated_at, after.condition) == (before.estimated_at, before.condition)
    assert [(each["value"], each["unit"]) for each in after.readings] == [("4.1", "CEL")]


@pytest.mark.parametrize(
    ("step", "hub", "end", "kind"),
    [
        ("receiving", "XIAN", None, "received"),
        ("receiving", None, None, "delivered"),
        ("accepting", "XIAN", None, "received"),
        ("accepting", "XIAN", "XIAN", "delivered"),
        ("accepting", None, "XIAN", "delivered"),
        ("inspecting", "XIAN", None, "observed"),
        (None, "XIAN", None, "observed"),
    ],
)
def test_delivery_is_where_the_journey_ends(step, hub, end, kind):
    place = {"id": f"https://any.example/x/hubs/{hub}"} if hub else None
    event = good(told(bizStep=step, disposition=None, readPoint=place))
    ends = {NUMBER: end} if end else {}
    assert told_by_epcis(event, [NUMBER], ends, "egr_1")[0].type == kind


def test_interval_is_its_least_and_its_greatest_at_its_end():
    element = {
        "sensorMetadata": {"startTime": "2026-03-02T12:00:00Z", "endTime": "2026-03-02T13:00:00Z"},
        "sensorReport": [
            {"type": "Temperature", "minValue": 2.25, "maxValue": 7, "meanValue": 4, "uom": "CEL"},
            {"type": "Temperature", "value": 900, "uom": "CEL"},
            {"type": "Speed", "value": 60, "uom": "KMH"},
        ],
    }
    (one,) = told_by_epcis(good(told(sensorElementList=[element])), [NUMBER], {}, "egr_1")
    assert [(each["value"], each["at"]) for each in one.readings] == [
        ("2.25", "2026-03-02T13:00:00.000Z"),
        ("7", "2026-03-02T13:00:00.000Z"),
    ]


def test_declaration_takes_back_and_has_a_print_of_its_own():
    declared = {"declarationTime": "2026-03-03T01:00:00Z", "reason": "urn:epcglobal:cbv:er:did_not_occur"}
    (first,) = told_by_epcis(good(told()), [NUMBER], {}, "egr_1")
    (later,) = told_by_epcis(good(told(errorDeclaration=declared)), [NUMBER], {}, "egr_1")
    assert (first.retracted, first.declared_at) == (False, None)
    assert (later.retracted, later.declaration_reason) == (True, "did_not_occur")
    assert (later.id, later.fingerprint == first.fingerprint) == (first.id, False)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (f"https://id.gs1.org/401/{PREFIX}{NUMBER}", NUMBER),
        (f"https://id.gs1.org/401/1234567{NUMBER}", None),
        (f"https://chama.example/track/{NUMBER}", NUMBER),
        ("https://chama.example/track/CM3141592653580", None),
        ("https://id.gs1.org/00/195200000000000179", None),
    ],
)
def test_only_our_own_numbers_are_ours(name, number):
    assert tracking_number_in(name, PREFIX) == number


@given(st.text(max_size=80))
def test_any_place_is_a_hub_or_none(text):
    assert hub_in(text) is None or "/hubs/" in text
