"""Partners who speak EPCIS: documents are captured whole or in part, once, in any order, and come back as they were."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.clock import rfc3339
from app.epcis.documents import read_document, read_event
from app.epcis.errors import DocumentInvalid, EventExists, EventNamesNothing
from app.epcis.matching import matches
from app.epcis.seen import seen
from app.flows.capture_epcis import accept_capture, capture_event, run_capture
from app.flows.query_epcis import find_event, find_events, understood, viewer_of
from app.flows.record_tracking import record_tracking
from app.flows.show_tracking import show_tracking
from app.identity.values import Caller, Role
from app.shipments.captures import find_capture
from app.shipments.epcis import STEP_OF_TYPE
from app.shipments.schemas import TrackingEventRequest
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentStatus, EventType
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_carrier, a_draft, an_operator, hours
from tests.unit.epcis.telling import document, told

template = networked


@pytest.fixture
async def on_the_way(ports, clock):
    clock.at = hours(200)
    return (await booked(ports))[0]


async def booked(ports, *drafts):
    async with ports.begin() as session:
        return await create_consignments(session, drafts or [a_draft()], BOOKED_AT)


def ginc(journey):
    return f"urn:epc:id:ginc:9520000.{journey.tracking_number}"


def seen_at(journey, step, at_h, hub=None, **more):
    """An event of EPCIS about this consignment."""
    fields = {
        "eventID": f"urn:test:{step}:{at_h}",
        "eventTime": rfc3339(hours(at_h)),
        "epcList": [ginc(journey)],
        "bizStep": step,
        "disposition": None,
        "readPoint": {"id": f"https://chama.example/v1/hubs/{hub}"} if hub else None,
    }
    return told(**fields | more)


def whole_journey(journey):
    return [
        seen_at(journey, "collecting", 1),
        seen_at(journey, "departing", 4, "HOTAN"),
        seen_at(journey, "arriving", 32, "URUMQI"),
        seen_at(journey, "shipping", 44, "URUMQI"),
        seen_at(journey, "arriving", 97, "XIAN"),
        seen_at(journey, "departing", 110, "XIAN"),
        seen_at(journey, "arriving", 135, "SHANGHAI"),
        seen_at(journey, "urn:chama:epcis:out_for_delivery", 140, "SHANGHAI"),
        seen_at(journey, "accepting", 146),
    ]


async def captured(ports, caller, *events, behaviour="rollback", **fields):
    """The capture job of these events, once the worker has done it."""
    capture = await accept_capture(ports, caller, read_document(document(*events, **fields)), behaviour)
    await run_capture(ports, capture)
    return await job_of(ports, caller, capture)


async def job_of(ports, caller, capture):
    async with ports.database.read() as reader:
        return await find_capture(reader, caller.id, capture)


async def journey_of(ports, journey):
    return (await show_tracking(ports, journey.tracking_number)).journey


async def events_of(ports, caller, **asked):
    found = await find_events(ports, viewer_of(caller), understood(asked), per_page=100)
    return [event for event, _ in found.events]


def without_record_time(event):
    return {name: value for name, value in event.items() if name != "recordTime"}


async def test_whole_journey_in_one_document_delivers(ports, on_the_way):
    job = await captured(ports, an_operator(), *whole_journey(on_the_way))
    assert (job.running, job.success, job.errors) == (False, True, [])
    journey = await journey_of(ports, on_the_way)
    assert (journey.status, journey.ended_at) == (ConsignmentStatus.DELIVERED, hours(146))
    assert [leg.status for leg in journey.legs] == ["done"] * 4


async def test_same_document_again_changes_nothing(ports, on_the_way):
    operator = an_operator()
    for _ in range(2):
        job = await captured(ports, operator, *whole_journey(on_the_way))
        assert job.success
    assert len(await events_of(ports, operator)) == 9


async def test_job_that_runs_twice_does_nothing_twice(ports, on_the_way):
    operator = an_operator()
    job = await captured(ports, operator, *whole_journey(on_the_way), behaviour="proceed")
    await run_capture(ports, job.id)
    assert await job_of(ports, operator, job.id) == job


async def test_states_of_a_job_before_and_after(ports, on_the_way):
    operator = an_operator()
    for behaviour in ("rollback", "proceed"):
        read = read_document(document(seen_at(on_the_way, "arriving", 32, "URUMQI", eventID=f"urn:x:{behaviour}")))
        capture = await accept_capture(ports, operator, read, behaviour)
        before = await job_of(ports, operator, capture)
        assert (before.running, before.success, before.finished_at) == (True, True, None)
        await run_capture(ports, capture)
        after = await job_of(ports, operator, capture)
        assert (after.running, after.success, after.finished_at) == (False, True, ports.clock.now())


async def test_rollback_takes_nothing_when_one_is_refused(ports, on_the_way):
    operator = an_operator()
    ahead = seen_at(on_the_way, "arriving", 400, "XIAN")
    job = await captured(ports, operator, *whole_journey(on_the_way), ahead)
    assert (job.running, job.success) == (False, False)
    assert [(error["slug"], error["at"]) for error in job.errors] == [("event-in-future", "/epcisBody/eventList/9")]
    assert (await journey_of(ports, on_the_way)).status is ConsignmentStatus.BOOKED
    assert await events_of(ports, operator) == []


async def test_proceed_takes_the_others(ports, on_the_way):
    operator = an_operator()
    bad = [
        seen_at(on_the_way, "arriving", 400, "XIAN"),
        seen_at(on_the_way, "arriving", 33, "URUMQI") | {"action": "SEEN"},
        told(eventID="urn:x:other", epcList=["urn:epc:id:sgtin:952000.0123456.1"]),
        seen_at(on_the_way, "arriving", 34, "NOWHERE"),
    ]
    job = await captured(ports, operator, *bad, *whole_journey(on_the_way), behaviour="proceed")
    assert (job.running, job.success) == (False, False)
    assert sorted(error["slug"] for error in job.errors) == [
        "epcis-document-invalid",
        "epcis-event-names-nothing",
        "event-in-future",
        "invalid-request",
    ]
    assert (await journey_of(ports, on_the_way)).status is ConsignmentStatus.DELIVERED


async def test_rollback_refuses_a_document_with_an_event_that_is_not_valid(ports, on_the_way):
    event = seen_at(on_the_way, "arriving", 33, "URUMQI") | {"action": "SEEN"}
    with pytest.raises(DocumentInvalid) as refused:
        await accept_capture(ports, an_operator(), read_document(document(event)), "rollback")
    assert [gap.pointer for gap in refused.value.gaps] == ["/epcisBody/eventList/0/action"]


async def test_carrier_tells_only_of_what_it_carries(ports, on_the_way):
    (other,) = await booked(ports)
    foreign = Caller(
        partner_id="ptn_foreign",
        carrier="NOBODY",
        roles=frozenset({Role.PARTNER}),
        scopes=frozenset({"tracking:write"}),
    )
    both = seen_at(on_the_way, "arriving", 32, "URUMQI", epcList=[ginc(on_the_way), ginc(other)])
    job = await captured(ports, foreign, both)
    assert [error["slug"] for error in job.errors] == ["not-found"]
    assert (await captured(ports, a_carrier(), both)).success
    assert await events_of(ports, replace(foreign, scopes=frozenset({"tracking:read"}))) == []


async def test_event_of_several_consignments_is_one_event(ports, on_the_way):
    (other,) = await booked(ports)
    both = seen_at(on_the_way, "arriving", 32, "URUMQI", epcList=[ginc(on_the_way), ginc(other)])
    operator = an_operator()
    assert (await captured(ports, operator, both)).success
    assert [without_record_time(event) for event in await events_of(ports, operator)] == [both]
    for each in (on_the_way, other):
        assert (await journey_of(ports, each)).hub == "URUMQI"


async def test_captured_event_comes_back_equal(ports, on_the_way):
    operator = an_operator()
    sent = seen_at(
        on_the_way,
        "https://ref.gs1.org/cbv/BizStep-arriving",
        32,
        "URUMQI",
        sensorElementList=[{"sensorReport": [{"type": "gs1:Temperature", "value": 4.50, "uom": "CEL"}]}],
        **{"own:weather": {"own:wind": ["strong", 7]}},
    )
    context = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"own": "https://own.example/"}]
    assert (await captured(ports, operator, sent, **{"@context": context})).success
    found = await find_event(ports, viewer_of(operator), sent["eventID"])
    ((event, prefixes),) = found.events
    assert without_record_time(event) == sent
    assert prefixes == {"own": "https://own.example/"}


async def test_event_without_an_id_gets_the_hash_of_its_content(ports, on_the_way):
    operator = an_operator()
    event = seen_at(on_the_way, "arriving", 32, "URUMQI", eventID=None)
    got = await capture_event(ports, operator, event)
    assert got["eventID"].startswith("ni:///sha-256;")
    again = event | {
        "bizStep": "urn:epcglobal:cbv:bizstep:arriving",
        "epcList": [f"https://x.example/401/9520000{on_the_way.tracking_number}"],
    }
    with pytest.raises(EventExists):
        await capture_event(ports, operator, again)


async def test_id_of_another_event_is_refused(ports, on_the_way):
    operator = an_operator()
    event = seen_at(on_the_way, "arriving", 32, "URUMQI")
    await capture_event(ports, operator, event)
    with pytest.raises(EventExists):
        await capture_event(ports, operator, event | {"bizStep": "departing"})
    job = await captured(ports, operator, event, event | {"bizStep": "departing"})
    assert [error["slug"] for error in job.errors] == ["epcis-event-exists"]


async def test_event_of_nothing_of_ours_is_refused(ports, on_the_way):
    with pytest.raises(EventNamesNothing):
        await capture_event(ports, an_operator(), told(epcList=["urn:epc:id:sgtin:952000.0123456.1"]))


async def test_declared_error_takes_back_and_the_correction_stands(ports, on_the_way):
    operator = an_operator()
    wrong = seen_at(on_the_way, "accepting", 40)
    right = seen_at(on_the_way, "arriving", 40, "URUMQI", eventID="urn:x:right")
    declared = wrong | {
        "errorDeclaration": {
            "declarationTime": rfc3339(hours(50)),
            "reason": "incorrect_data",
            "correctiveEventIDs": ["urn:x:right"],
        }
    }
    await capture_event(ports, operator, wrong)
    assert (await journey_of(ports, on_the_way)).status is ConsignmentStatus.DELIVERED
    assert (await captured(ports, operator, declared, right)).success
    journey = await journey_of(ports, on_the_way)
    assert (journey.status, journey.hub) == (ConsignmentStatus.AT_HUB, "URUMQI")
    found = await find_event(ports, viewer_of(operator), wrong["eventID"])
    assert [without_record_time(event) for event, _ in found.events] == [wrong, declared]
    assert len(await events_of(ports, operator, EXISTS_errorDeclaration="true")) == 1
    assert len(await events_of(ports, operator, EQ_correctiveEventID="urn:x:right")) == 1


async def test_consignments_are_named_by_unit_link_or_page(ports, on_the_way):
    operator = an_operator()
    async with ports.begin() as session:
        for change in (
            "UPDATE leg SET sscc = '195200000000000179' WHERE consignment_id = :id AND seq = 1",
            "UPDATE package SET sscc = '195200000000000186' WHERE id = (SELECT min(id) FROM package WHERE consignment_id = :id)",
        ):
            await session.execute(text(change), {"id": on_the_way.id})
    number = on_the_way.tracking_number
    for index, epcs in enumerate(
        (
            ["urn:epc:id:sscc:952000.10000000017"],
            ["https://any.example/00/195200000000000186"],
            [f"https://id.gs1.org/401/9520000{number}"],
            [f"https://chama.example/track/{number}"],
        )
    ):
        event = seen_at(on_the_way, "loading", 5 + index, "HOTAN", eventID=f"urn:x:{index}", epcList=epcs)
        assert await capture_event(ports, operator, event) == event


async def test_native_events_are_told_in_the_words_of_the_standard(ports, on_the_way):
    operator = an_operator()
    reading = {"kind": "temperature", "value": "4.5", "unit": "CEL", "at": rfc3339(hours(31))}
    event = {
        "id": "KL-1",
        "tracking_number": on_the_way.tracking_number,
        "type": "arrived",
        "occurred_at": rfc3339(hours(32)),
        "hub": "URUMQI",
        "readings": [reading],
    }
    await record_tracking(ports, operator, [TrackingEventRequest.model_validate(event)])
    (shown,) = await events_of(
        ports, operator, EQ_bizStep="arriving", GE_value_KEL="277.65", MATCH_epc=ginc(on_the_way)
    )
    assert shown["epcList"] == [ginc(on_the_way)]
    assert shown["readPoint"]["id"].endswith("/v1/hubs/URUMQI")
    assert await events_of(ports, operator, EQ_bizStep="departing") == []
    assert await events_of(ports, operator, GT_value_KEL="277.65") == []
    found = await find_event(ports, viewer_of(operator), shown["eventID"])
    assert [each for each, _ in found.events] == [shown]


async def test_who_may_see_what(ports, on_the_way):
    (other,) = await booked(ports)
    operator = an_operator()
    await captured(
        ports,
        operator,
        seen_at(on_the_way, "arriving", 32, "URUMQI", eventID="urn:x:one"),
        seen_at(on_the_way, "unloading", 33, "URUMQI", eventID="urn:x:both", epcList=[ginc(on_the_way), ginc(other)]),
    )
    async with ports.begin() as session:
        await session.execute(text("UPDATE consignment SET buyer_id = 'per_other' WHERE id = :id"), {"id": other.id})

    async def ids(caller):
        return {event["eventID"] for event in await events_of(ports, caller)}

    assert await ids(operator) == {"urn:x:one", "urn:x:both"}
    carrier = replace(a_carrier(), scopes=frozenset({"tracking:read"}))
    assert await ids(carrier) == {"urn:x:one", "urn:x:both"}
    # Of what concerns others too, a buyer sees nothing.
    assert await ids(Caller(person_id=on_the_way.buyer_id)) == {"urn:x:one"}
    assert await ids(Caller(person_id="per_nobody")) == set()
    stranger = Caller(partner_id="ptn_x", carrier="NOBODY", scopes=frozenset({"tracking:read"}))
    assert await ids(stranger) == set()


async def test_pages_lose_and_repeat_nothing(ports, on_the_way):
    operator = an_operator()
    await captured(ports, operator, *whole_journey(on_the_way))
    for asked in (
        {},
        {"orderBy": "eventTime", "orderDirection": "ASC"},
        {"orderBy": "eventTime", "eventCountLimit": "7"},
    ):
        query, got, token = understood(asked), [], None
        while True:
            page = await find_events(ports, viewer_of(operator), query, per_page=2, token=token)
            got += [event["eventID"] for event, _ in page.events]
            token = page.token
            if token is None:
                break
        whole = [event["eventID"] for event in await events_of(ports, operator, **asked)]
        assert got == whole
        assert len(got) == len(set(got)) == (7 if "eventCountLimit" in asked else 9)


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind is not EventType.CORRECTED])
def test_every_type_of_ours_has_a_step(kind):
    assert kind in STEP_OF_TYPE


# What can be told by both doors: the native type, its hub, and how EPCIS says it.
TWICE = [
    ("picked_up", None, {"bizStep": "collecting"}),
    ("received", "HOTAN", {"bizStep": "receiving"}),
    ("loaded", "HOTAN", {"bizStep": "loading", "type": "AggregationEvent"}),
    ("departed", "HOTAN", {"bizStep": "departing"}),
    ("arrived", "URUMQI", {"bizStep": "arriving", "disposition": "in_progress"}),
    ("unloaded", "URUMQI", {"bizStep": "unloading"}),
    ("held", "URUMQI", {"bizStep": "holding"}),
    ("departed", "URUMQI", {"bizStep": "shipping", "disposition": "in_transit"}),
    ("customs_released", "XIAN", {"bizStep": "urn:chama:epcis:customs_released"}),
    ("damaged", "XIAN", {"bizStep": "inspecting", "disposition": "damaged"}),
    ("out_for_delivery", "SHANGHAI", {"bizStep": "chama:out_for_delivery", "@context": {"chama": "urn:chama:epcis:"}}),
    ("returned", "HOTAN", {"bizStep": "shipping", "disposition": "returned"}),
    ("lost", None, {"disposition": "stolen"}),
    ("observed", "XIAN", {"bizStep": "sensor_reporting"}),
    ("delivered", None, {"bizStep": "accepting"}),
    ("delivered", None, {"bizStep": "receiving"}),
]
STORIES = st.lists(
    st.tuples(st.sampled_from(TWICE), st.integers(1, 150)), min_size=1, max_size=8, unique_by=lambda each: each[1]
)


@given(STORIES, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_same_truth_by_two_doors_gives_the_same_state(ports, clock, story, random):
    clock.at = hours(200)
    mine, yours = await booked(ports, a_draft()), await booked(ports, a_draft())
    operator = an_operator()
    natively, by_epcis = [], []
    for (kind, hub, words), at_h in story:
        body = {"id": f"n-{at_h}", "type": kind, "occurred_at": rfc3339(hours(at_h)), "hub": hub}
        natively.append(TrackingEventRequest.model_validate(body | {"tracking_number": mine[0].tracking_number}))
        event = seen_at(
            yours[0],
            "x",
            at_h,
            hub,
            eventID=f"urn:{yours[0].id}:{at_h}",
            bizStep=None,
            **{k: v for k, v in words.items() if k != "bizStep"},
        )
        event |= {"bizStep": words["bizStep"]} if "bizStep" in words else {}
        if words.get("type") == "AggregationEvent":
            event |= {"parentID": event["epcList"][0], "childEPCs": ["urn:epc:id:sgtin:952000.0123456.1"]}
            del event["epcList"]
        by_epcis.append(event)
    random.shuffle(by_epcis)
    await record_tracking(ports, operator, natively)
    assert (await captured(ports, operator, *by_epcis)).success
    here, there = await journey_of(ports, mine[0]), await journey_of(ports, yours[0])
    assert here.state == there.state


ASKED = [
    {},
    {"eventType": "ObjectEvent"},
    {"eventType": "AggregationEvent|TransformationEvent"},
    {"EQ_bizStep": "arriving|departing"},
    {"EQ_bizStep": "urn:chama:epcis:out_for_delivery"},
    {"EQ_disposition": "in_progress"},
    {"GE_eventTime": rfc3339(hours(32)), "LT_eventTime": rfc3339(hours(110))},
    {"GE_recordTime": rfc3339(hours(200))},
    {"LT_recordTime": rfc3339(hours(200))},
    {"MATCH_epc": "urn:epc:id:sgtin:952000.0123456.1"},
    {"MATCH_anyEPC": "urn:epc:idpat:sgtin:952000.0123456.*"},
    {"MATCH_epcClass": "urn:epc:class:lgtin:952000.0123456.L1"},
    {"GE_quantity_TNE": "0.1"},
    {"EXISTS_errorDeclaration": "true"},
    {"EQ_errorReason": "incorrect_data"},
    {"GE_errorDeclarationTime": rfc3339(hours(150))},
    {"EQ_eventID": "urn:test:arriving:32|urn:none"},
    {"EQ_type": "Temperature", "GE_value_KEL": "277.15"},
    {"EXISTS_sensorElementList": "true"},
    {"WD_readPoint": "https://chama.example/v1/hubs"},
    {"EQ_action": "ADD"},
    {"EQ_https://own.example/weather": "fine"},
    {"EQ_bizTransaction_po": "urn:epcglobal:cbv:bt:952:1"},
]


async def test_reading_by_sql_finds_what_the_pure_rule_finds(ports, on_the_way):
    operator = an_operator()
    reading = [{"sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}]}]
    packed = seen_at(
        on_the_way,
        "packing",
        2,
        eventID="urn:test:packed",
        type="AggregationEvent",
        epcList=None,
        action="ADD",
        parentID=ginc(on_the_way),
        childEPCs=["urn:epc:id:sgtin:952000.0123456.1"],
        childQuantityList=[{"epcClass": "urn:epc:class:lgtin:952000.0123456.L1", "quantity": 250, "uom": "KGM"}],
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:952:1"}],
    )
    wrong = seen_at(on_the_way, "holding", 60, "XIAN")
    declared = {"declarationTime": rfc3339(hours(160)), "reason": "incorrect_data"}
    special = seen_at(
        on_the_way, "sensor_reporting", 50, "XIAN", sensorElementList=reading, **{"https://own.example/weather": "fine"}
    )
    await captured(
        ports, operator, *whole_journey(on_the_way), packed, wrong, wrong | {"errorDeclaration": declared}, special
    )
    ports.clock.at = hours(201)
    for kind, hub, at_h in (("loaded", "HOTAN", 3), ("arrived", "URUMQI", 33), ("out_for_delivery", "SHANGHAI", 141)):
        event = {
            "id": kind,
            "tracking_number": on_the_way.tracking_number,
            "type": kind,
            "occurred_at": rfc3339(hours(at_h)),
            "hub": hub,
            "readings": [{"kind": "temperature", "value": "4.1", "unit": "CEL", "at": rfc3339(hours(at_h))}],
        }
        await record_tracking(ports, operator, [TrackingEventRequest.model_validate(event)])
    found = await find_events(ports, viewer_of(operator), understood({}), per_page=100)
    everything = [
        (row.id, seen(read_event(event, prefixes), row.recorded_at))
        for row, (event, prefixes) in zip(found.rows, found.events, strict=True)
    ]
    assert len(everything) == 16
    several = [*ASKED, {"MATCH_epc": ginc(on_the_way)}, {"MATCH_parentID": ginc(on_the_way)}]
    hits = 0
    for asked in [
        *several,
        *({**one, **other} for one in several for other in several if not one.keys() & other.keys()),
    ]:
        query = understood(asked)
        page = await find_events(ports, viewer_of(operator), query, per_page=100)
        expected = {key for key, event in everything if matches(query, event)}
        assert {row.id for row in page.rows} == expected, asked
        hits += bool(expected)
    assert hits > 100
