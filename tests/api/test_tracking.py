"""Tracking and consignments over HTTP."""

import json
from datetime import timedelta

import pytest

from app.core.clock import rfc3339
from app.core.ids import new_id
from app.core.limits import TRACKING_EVENTS_PER_BATCH_MAX
from app.identity.partners import create_key, create_partner
from app.identity.rules import access_token
from app.identity.schemas import NewApiKey, NewPartner
from app.identity.sign_in import open_sign_in
from app.shipments.rules import tracking_number
from app.shipments.service import create_consignments
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_draft, hours

OPERATOR, SOMEBODY, BUYER = "+8610000000001", "+8610000000123", "+8610000000124"
EVENTS = "/v1/tracking/events"
template = networked


async def person(ports, phone):
    now = ports.clock.now()
    async with ports.begin() as session:
        opened = await open_sign_in(session, phone, language="en", now=now)
    token = access_token(opened.sign_in_id, now + timedelta(minutes=30), ports.settings.key)
    return opened.person_id, {"authorization": f"Bearer {token}"}


async def partner(ports, carrier="KUNLUN", scope="tracking:write"):
    async with ports.begin() as session:
        made = await create_partner(session, NewPartner(name={"en": carrier}, carrier=carrier), ports.clock.now())
        key = await create_key(session, made.id, NewApiKey(scopes=[scope]), ports.clock.now())
    return {"authorization": f"Bearer {key.secret}"}


@pytest.fixture
async def consignment(ports, clock):
    clock.at = hours(50)
    return await booked(ports)


async def booked(ports, **more):
    async with ports.begin() as session:
        return (await create_consignments(session, [a_draft(**more)], BOOKED_AT))[0]


def told(consignment, kind, at_h, **more):
    number = getattr(consignment, "tracking_number", consignment)
    return {"id": kind, "tracking_number": number, "type": kind, "occurred_at": rfc3339(hours(at_h))} | more


async def test_good_events_are_taken_and_each_bad_one_is_refused_with_its_problem(client, ports, consignment):
    carrier = await partner(ports)
    events = [
        told(consignment, "departed", 4, hub="HOTAN"),
        {"id": "no-type", "tracking_number": consignment.tracking_number, "body": 1},
        "not an event",
        told(consignment, "arrived", 32, hub="ATLANTIS"),
        told(
            consignment,
            "held",
            33,
            readings=[{"kind": "temperature", "value": "999", "unit": "CEL", "at": rfc3339(hours(33))}],
        ),
        told(tracking_number("123456789012"), "held", 33),
        told(consignment, "departed", 4, hub="HOTAN"),
    ]
    answer = await client.post(EVENTS, json={"events": events}, headers=carrier)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["duplicates"], body["rejected"]) == (1, 1, 5)
    results = body["results"]
    assert results[0] == {"id": "departed", "status": "accepted"}
    assert results[6] == {"id": "departed", "status": "duplicate"}
    assert [result["id"] for result in results[1:6]] == ["no-type", None, "arrived", "held", "held"]
    problems = [result["problem"] for result in results[1:6]]
    assert [problem["type"] for problem in problems] == ["/problems/invalid-request"] * 4 + ["/problems/not-found"]
    pointers = [[error["pointer"] for error in problem.get("errors") or []] for problem in problems]
    assert pointers == [
        ["/events/1/type", "/events/1/occurred_at", "/events/1/body"],
        ["/events/2"],
        ["/events/3/hub"],
        ["/events/4/readings/0"],
        [],
    ]
    assert problems[4]["instance"] == "/v1/tracking/events#/events/5"


SPOILED = (
    {"id": "\ud800"},
    {"\ud800": 1},
    {"note": "a\u0000b"},
    {"id": "with space"},
    {"id": "x" * 101},
    {"tracking_number": "CM\u0000"},
    {"occurred_at": 1772416800},
    {"occurred_at": "2026-03-02T10:00:00"},
    {"type": "teleported"},
    {"type": "corrected"},
    {"corrects": "departed"},
    {"estimated_at": "2026-03-05T00:00:00Z"},
    {"condition": "refused", "note": "One sheep is lame"},
    {"type": "delivered", "condition": "refused"},
    {"type": "delivered", "condition": "accepted_with_remarks", "note": " "},
    {"type": "delivered", "condition": "broken", "note": "One sheep is lame"},
    {"position": {"lat": 91, "lon": 0}},
    {"readings": [{"kind": "relative_humidity", "value": "50", "unit": "CEL", "at": "2026-03-02T10:00:00Z"}]},
    {"readings": [{"kind": "temperature", "value": "1e3", "unit": "CEL", "at": "2026-03-02T10:00:00Z"}]},
    {"readings": {}},
)


async def test_spoiled_events_never_spoil_the_batch(client, ports, consignment):
    carrier = await partner(ports)
    good = told(consignment, "departed", 4, hub="HOTAN")
    # Escaped, as an odd client may send it: half a surrogate pair is valid JSON and no text at all.
    body = json.dumps({"events": [*(good | spoiled for spoiled in SPOILED), good]})
    answer = await client.post(EVENTS, content=body, headers=carrier | {"content-type": "application/json"})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["rejected"] * len(SPOILED) + ["accepted"]
    assert all(result["problem"]["errors"] for result in results[:-1])


async def test_what_the_receiver_said_is_told_to_the_people_of_a_consignment_and_its_words_to_nobody_else(
    client, ports
):
    ports.clock.at = hours(150)
    buyer_id, buyer = await person(ports, BUYER)
    mine = await booked(ports, buyer_id=buyer_id)
    carrier = await partner(ports)
    said = told(mine, "delivered", 146, condition="refused", note="One sheep is lame")
    answer = await client.post(EVENTS, json={"events": [said, said]}, headers=carrier)
    assert [result["status"] for result in answer.json()["results"]] == ["accepted", "duplicate"]
    shown = (await client.get(f"/v1/consignments/{mine.id}", headers=buyer)).json()
    assert (shown["status"], shown["condition"]) == ("delivered", "refused")
    public = await client.get(f"/v1/tracking/{mine.tracking_number}")
    assert public.json()["status_text"] == "Refused at the door"
    assert "lame" not in public.text


async def test_batch_is_bounded_and_must_be_a_list(client, ports, consignment):
    carrier = await partner(ports)
    many = [told(consignment, "held", 33, id=str(i)) for i in range(TRACKING_EVENTS_PER_BATCH_MAX + 1)]
    for body, pointer in (({"events": many}, "/events"), ({"events": {}}, "/events"), ({"events": []}, "/events")):
        answer = await client.post(EVENTS, json=body, headers=carrier)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    whole = await client.post(EVENTS, json={"events": many[:-1]}, headers=carrier)
    assert whole.json()["accepted"] == TRACKING_EVENTS_PER_BATCH_MAX


async def test_only_partners_with_the_scope_and_operators_may_tell(client, ports, consignment):
    body = {"events": [told(consignment, "departed", 4)]}
    _, somebody = await person(ports, SOMEBODY)
    _, operator = await person(ports, OPERATOR)
    reader = await partner(ports, "READER", "tracking:read")
    wanted = [({}, 401), (somebody, 403), (reader, 403), (operator, 200)]
    assert [(await client.post(EVENTS, json=body, headers=headers)).status_code for headers, _ in wanted] == [
        status for _, status in wanted
    ]


async def test_same_idempotency_key_replays_the_first_answer(client, ports, consignment):
    headers = await partner(ports) | {"idempotency-key": "batch-1"}
    body = {"events": [told(consignment, "departed", 4)]}
    first = await client.post(EVENTS, json=body, headers=headers)
    again = await client.post(EVENTS, json=body, headers=headers)
    assert again.json() == first.json()
    assert again.json()["accepted"] == 1
    assert again.headers["idempotent-replayed"] == "true"


async def test_problems_of_events_come_in_the_language_asked_for(client, ports, consignment):
    headers = await partner(ports) | {"accept-language": "zh-CN"}
    answer = await client.post(EVENTS, json={"events": [told(consignment, "departed", 51)]}, headers=headers)
    assert answer.json()["results"][0]["problem"]["title"] == "事件时间晚于当前时间"


async def test_anyone_with_the_number_sees_the_journey_in_their_language(client, ports, consignment):
    carrier = await partner(ports)
    note = {"note": "left with the neighbour, +86 100 0000 0123", "position": {"lat": 37.1, "lon": 79.9}}
    await client.post(EVENTS, json={"events": [told(consignment, "departed", 4, hub="HOTAN", **note)]}, headers=carrier)
    address = f"/v1/tracking/{consignment.tracking_number}"
    english = await client.get(address, headers={"accept-language": "en"})
    body = english.json()
    assert (body["status"], body["status_text"], body["hub_name"]) == ("in_transit", "On the way", "Hotan")
    assert [leg["status"] for leg in body["legs"]] == ["under_way", "planned", "planned", "planned"]
    assert (body["legs"][3]["to_name"], body["legs"][0]["from"]) == ("the door", "HOTAN")
    assert body["legs"][0]["departed_at"] == rfc3339(hours(4))
    assert body["events"][0]["type_text"] == "Departed"
    assert body["co2e_g"]["missing"] == ["transport", "hubs"]
    for private in (consignment.buyer_id, consignment.producer_id, consignment.order_id, "neighbour", "79.9"):
        assert private not in english.text
    chinese = await client.get(address, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert (chinese.json()["status_text"], chinese.json()["legs"][0]["to_name"]) == ("运输中", "乌鲁木齐")
    assert chinese.headers["vary"].startswith("Accept-Language")


async def test_journey_that_has_not_changed_is_not_sent_again(client, ports, consignment):
    address = f"/v1/tracking/{consignment.tracking_number}"
    first = await client.get(address)
    tag = {"if-none-match": first.headers["etag"]}
    assert (await client.get(address, headers=tag)).status_code == 304
    carrier = await partner(ports)
    await client.post(EVENTS, json={"events": [told(consignment, "departed", 4)]}, headers=carrier)
    assert (await client.get(address, headers=tag)).status_code == 200


async def test_mistyped_number_says_so_and_an_unknown_one_does_not(client, ports, consignment):
    number = consignment.tracking_number
    mistyped = await client.get(f"/v1/tracking/{number[:-1]}{(int(number[-1]) + 1) % 10}")
    assert (mistyped.status_code, mistyped.json()["type"]) == (404, "/problems/tracking-number-mistyped")
    assert "mistyped" in mistyped.json()["detail"]
    unknown = await client.get(f"/v1/tracking/{tracking_number('123456789012')}")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")


async def test_consignment_is_for_its_buyer_its_producers_members_and_operators(client, ports, consignment):
    buyer_id, buyer = await person(ports, BUYER)
    _, somebody = await person(ports, SOMEBODY)
    _, operator = await person(ports, OPERATOR)
    mine = await booked(ports, buyer_id=buyer_id)
    address = f"/v1/consignments/{mine.id}"
    wanted = [({}, 401), (somebody, 404), (await partner(ports), 404), (buyer, 200), (operator, 200)]
    assert [(await client.get(address, headers=headers)).status_code for headers, _ in wanted] == [
        status for _, status in wanted
    ]
    first = await client.get(address, headers=buyer)
    assert (await client.get(address, headers=buyer | {"if-none-match": first.headers["etag"]})).status_code == 304
    assert first.json()["legs"][0]["from"] == "HOTAN"
    assert first.json()["packages"][0]["count"] == 2
    assert (await client.get("/v1/consignments/nonsense", headers=buyer)).status_code == 422
    assert (await client.get(f"/v1/consignments/{new_id('con')}", headers=buyer)).status_code == 404


async def test_producers_see_what_to_hand_in(client, ports, consignment):
    _, member = await person(ports, SOMEBODY)
    _, stranger = await person(ports, BUYER)
    producer = {"name": {"en": "Keriya valley"}, "kind": "household", "county": "653226", "hub": "HOTAN"}
    made = (await client.post("/v1/producers", json=producer, headers=member)).json()
    own = [await booked(ports, producer_id=made["id"]) for _ in range(2)]
    first = await client.get("/v1/consignments?status=booked&limit=1", headers=member)
    assert first.status_code == 200
    second = await client.get(f"/v1/consignments?limit=1&cursor={first.json()['next_cursor']}", headers=member)
    items = first.json()["items"] + second.json()["items"]
    assert [item["id"] for item in items] == sorted(journey.id for journey in own)
    assert second.json()["next_cursor"] is None
    assert items[0]["hand_in_hub"] == "HOTAN"
    assert (await client.get("/v1/consignments", headers=stranger)).json() == {"items": [], "next_cursor": None}
    assert (await client.get("/v1/consignments")).status_code == 401
    assert (await client.get("/v1/consignments", headers=await partner(ports))).status_code == 403
    assert (await client.get("/v1/consignments?status=lost_in_space", headers=member)).status_code == 422


async def test_openapi_describes_an_event_and_takes_anything(client):
    document = (await client.get("/openapi.json")).json()
    items = document["components"]["schemas"]["TrackingEventsRequest"]["properties"]["events"]["items"]
    assert items["anyOf"][0]["$ref"].endswith("/TrackingEventRequest")
