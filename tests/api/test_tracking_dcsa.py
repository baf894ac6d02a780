"""The DCSA door over HTTP: feedback as that standard gives it, versions, retraction and revival."""

from copy import deepcopy

import pytest

from app.core.clock import rfc3339
from app.shipments.dcsa_schemas import DcsaEvents
from tests.api.test_tracking import EVENTS, booked, partner, told
from tests.factories.network import networked
from tests.factories.shipments import hours
from tests.factories.tables import nothing_happens, rows

DCSA = "/v1/tracking/dcsa/events"
EXAMPLE = DcsaEvents.model_config["json_schema_extra"]["examples"][0]["events"][0]
template = networked


@pytest.fixture
async def consignment(ports, clock):
    clock.at = hours(200)
    return await booked(ports)


def said(consignment, word="ARRI", at_h=30.0, hub="URUMQI", updated_h=None, **more):
    event = deepcopy(EXAMPLE)
    event |= {
        "eventDateTime": rfc3339(hours(at_h)),
        "eventUpdatedDateTime": rfc3339(hours(at_h if updated_h is None else updated_h)),
        "eventLocation": {"facility": {"facilityCode": hub, "facilityCodeListProvider": "ZZZ"}},
    }
    event["eventClassification"]["transportEventTypeCode"] = word
    event["shipmentDetails"]["shipmentReferences"][0]["reference"] = getattr(
        consignment, "tracking_number", consignment
    )
    return event | more


async def tell(client, key, *events):
    answer = await client.post(DCSA, json={"events": list(events)}, headers=key)
    return answer.status_code, answer.json()


async def seen(client, consignment):
    tracking = (await client.get(f"/v1/tracking/{consignment.tracking_number}")).json()
    return tracking["status"], tracking["hub"]


async def test_what_is_taken_moves_the_goods_and_is_not_mentioned(client, ports, consignment):
    key = await partner(ports)
    answer = await client.post(DCSA, json={"events": [said(consignment)]}, headers=key)
    assert (answer.status_code, answer.json()) == (200, {"feedbackElements": []})
    assert answer.headers["api-version"] == "3.0.0"
    assert await seen(client, consignment) == ("at_hub", "URUMQI")
    assert await rows(ports, "SELECT door, document ->> 'eventID' FROM tracking_event") == [
        ("dcsa", EXAMPLE["eventID"])
    ]


async def test_one_bad_event_is_told_of_where_it_is_and_spoils_nothing(client, ports, consignment):
    key = await partner(ports)
    status, body = await tell(
        client,
        key,
        said(consignment, eventID="a"),
        said("CM0000000000019", eventID="b"),
        said(consignment, eventID="c", hub="ATLANTIS"),
        said(consignment, eventID="d", at_h=300),
        {"eventID": "e"},
        said(consignment, eventID="f", eventLocation={"UNLocationCode": "CNURC"}),
        said(consignment, eventID="a"),
    )
    assert status == 200
    found = [(each["severity"], each["propertyPath"]) for each in body["feedbackElements"]]
    assert found == [
        ("ERROR", "$.events[1].shipmentDetails.shipmentReferences"),
        ("ERROR", "$.events[4].eventUpdatedDateTime"),
        ("WARN", "$.events[5].eventLocation"),
        ("ERROR", "$.events[2].eventLocation.facility.facilityCode"),
        ("ERROR", "$.events[3].eventDateTime"),
        ("INFO", "$.events[6]"),
    ]
    assert await rows(ports, "SELECT count(*) FROM tracking_event") == [(2,)]


async def test_when_nothing_is_taken_the_answer_is_a_problem_with_the_same_feedback(client, ports, consignment):
    stranger = await partner(ports, carrier="NOBODY")
    async with nothing_happens(ports):
        status, body = await tell(client, stranger, said(consignment), {"eventID": "e"})
    assert status == 422
    assert body["type"] == "/problems/no-event-recorded"
    assert [each["severity"] for each in body["feedbackElements"]] == ["ERROR", "ERROR"]


async def test_events_known_already_are_no_error(client, ports, consignment):
    key = await partner(ports)
    await tell(client, key, said(consignment))
    async with nothing_happens(ports):
        status, body = await tell(client, key, said(consignment))
    assert (status, [each["severity"] for each in body["feedbackElements"]]) == (200, ["INFO"])


async def test_later_versions_count_retraction_discards_and_a_full_telling_revives(client, ports, consignment):
    key = await partner(ports)
    first, better = said(consignment), said(consignment, hub="XIAN", updated_h=31)
    await tell(client, key, better)
    await tell(client, key, first)
    assert await seen(client, consignment) == ("at_hub", "XIAN")
    gone = said(consignment, updated_h=32, isRetracted=True)
    assert await tell(client, key, gone) == (200, {"feedbackElements": []})
    assert await seen(client, consignment) == ("booked", None)
    await tell(client, key, said(consignment, updated_h=33))
    assert await seen(client, consignment) == ("at_hub", "URUMQI")
    assert await rows(ports, "SELECT count(*), count(*) FILTER (WHERE retracted) FROM tracking_event") == [(4, 1)]


async def test_same_version_with_other_content_is_refused(client, ports, consignment):
    key = await partner(ports)
    await tell(client, key, said(consignment))
    status, body = await tell(client, key, said(consignment, hub="XIAN"))
    assert status == 422
    assert "later eventUpdatedDateTime" in body["feedbackElements"][0]["message"]
    assert await seen(client, consignment) == ("at_hub", "URUMQI")


async def test_two_doors_tell_of_one_journey(client, ports, consignment):
    key = await partner(ports)
    native = {"events": [told(consignment, "departed", 4, hub="HOTAN")]}
    assert (await client.post(EVENTS, json=native, headers=key)).json()["accepted"] == 1
    await tell(client, key, said(consignment))
    tracking = (await client.get(f"/v1/tracking/{consignment.tracking_number}")).json()
    assert [(event["type"], event["hub"]) for event in tracking["events"]] == [
        ("departed", "HOTAN"),
        ("arrived", "URUMQI"),
    ]
    assert tracking["legs"][0]["departed_at"] == rfc3339(hours(4))
    assert tracking["legs"][0]["arrived_at"] == rfc3339(hours(30))
