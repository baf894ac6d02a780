"""The EPCIS door as a client sees it: the standard's names, headers, limits, refusals and forms."""

import asyncio
from urllib.parse import quote

import pytest

from app.core.limits import EPCIS_BYTES_MAX, EPCIS_EVENTS_MAX
from app.flows.capture_epcis import run_capture
from tests.api.asking import town_clock, town_template
from tests.factories.epcis import a_document, an_event
from tests.factories.tables import nothing_happens

template, clock = town_template, town_clock
V2 = "/epcis/v2"


@pytest.fixture
def number(town):
    return town.to_weigh["consignments"][0]["tracking_number"]


@pytest.fixture
def carrier(town):
    return town.headers["carrier"]


def refused(answer, status, name):
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["type"]) == (status, status, f"epcisException:{name}"), (
        problem
    )
    assert problem["title"]
    assert problem["detail"]
    return problem


async def captured(door, ports, headers, body, **further):
    """The finished job of a document."""
    answer = await door.post(f"{V2}/capture", json=body, headers=headers | further)
    assert answer.status_code == 202, answer.text
    await run_capture(ports, answer.json()["captureID"])
    return (await door.get(answer.headers["location"], headers=headers)).json()


async def test_document_is_captured_and_its_events_come_back_equal(door, ports, town, carrier, number):
    event = an_event(number, town.now, "urn:test:loaded", bizStep="loading", **{"own:seal": {"own:number": 7}})
    body = a_document(event)
    body["@context"] += [{"own": "https://own.example/"}]
    job = await captured(door, ports, carrier, body)
    assert (job["running"], job["success"], job["errors"], job["captureErrorBehaviour"]) == (
        False,
        True,
        [],
        "rollback",
    )
    answer = await door.get(f"{V2}/events/{quote('urn:test:loaded', safe='')}", headers=carrier)
    shown = answer.json()
    (got,) = shown["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert got.pop("recordTime")
    assert got == event
    assert {"own": "https://own.example/"} in shown["@context"]
    assert answer.headers["gs1-epcis-version"] == "2.0.0"


async def test_location_of_a_job_and_of_an_event_lead_there(door, ports, town, carrier, number):
    answer = await door.post(f"{V2}/events", json=an_event(number, town.now, None), headers=carrier)
    # An id that is null is none of the standard's.
    refused(answer, 400, "ValidationException")
    event = an_event(number, town.now)
    del event["eventID"]
    answer = await door.post(f"{V2}/events", json=event, headers=carrier)
    assert answer.status_code == 201, answer.text
    assert answer.json()["eventID"].startswith("ni:///sha-256;")
    there = await door.get(answer.headers["location"], headers=carrier)
    assert there.status_code == 200, there.text
    refused(await door.post(f"{V2}/events", json=event, headers=carrier), 409, "ResourceAlreadyExistsException")


async def test_refusals_have_the_names_of_the_standard(door, ports, town, carrier, number):
    good = an_event(number, town.now, "urn:test:x")
    async with nothing_happens(ports):
        refused(await door.get(f"{V2}/events"), 401, "SecurityException")
        refused(await door.post(f"{V2}/events", json=good, headers=town.headers["buyer"]), 403, "SecurityException")
        refused(await door.get(f"{V2}/events/urn:none", headers=carrier), 404, "NoSuchResourceException")
        refused(await door.get(f"{V2}/queries/none", headers=carrier), 404, "NoSuchNameException")
        bad = refused(
            await door.post(f"{V2}/capture", json=a_document(good | {"action": "SEEN"}), headers=carrier),
            400,
            "ValidationException",
        )
        assert [error["pointer"] for error in bad["errors"]] == ["/epcisBody/eventList/0/action"]
        refused(
            await door.post(f"{V2}/capture", content=b"{", headers=carrier | {"content-type": "application/json"}),
            400,
            "ValidationException",
        )
        refused(
            await door.post(f"{V2}/capture", content=b"<x/>", headers=carrier | {"content-type": "application/xml"}),
            415,
            "UnsupportedMediaTypeException",
        )
        refused(
            await door.get(f"{V2}/events", headers=carrier | {"accept": "application/xml"}),
            406,
            "NotAcceptableException",
        )
        refused(
            await door.get(f"{V2}/events", headers=carrier | {"gs1-epcis-version": "1.2"}),
            406,
            "NotAcceptableException",
        )
        refused(
            await door.get(f"{V2}/events", headers=carrier | {"gs1-epc-format": "Always_EPC_URN"}),
            406,
            "NotAcceptableException",
        )
        refused(await door.get(f"{V2}/events?EQ_x=1", headers=carrier), 400, "QueryParameterException")
        refused(await door.get(f"{V2}/events?perPage=0", headers=carrier), 400, "ValidationException")
        refused(await door.get(f"{V2}/events?nextPageToken=x", headers=carrier), 400, "QueryParameterException")
        long = "|".join(["urn:x:y"] * 1_000)
        refused(await door.get(f"{V2}/events?EQ_eventID={long}", headers=carrier), 414, "URITooLongException")


async def test_limits_are_advertised_and_held(door, ports, town, carrier, number):
    said = await door.options(f"{V2}/capture")
    assert said.status_code == 204
    assert said.headers["gs1-epcis-capture-limit"] == str(EPCIS_EVENTS_MAX)
    assert said.headers["gs1-epcis-capture-file-size-limit"] == str(EPCIS_BYTES_MAX)
    assert said.headers["gs1-capture-error-behaviour"] == "all"
    many = a_document(*[an_event(number, town.now, f"urn:test:{index}") for index in range(EPCIS_EVENTS_MAX + 1)])
    async with nothing_happens(ports):
        refused(await door.post(f"{V2}/capture", json=many, headers=carrier), 413, "CaptureLimitExceededException")
        huge = b" " * (EPCIS_BYTES_MAX + 1)
        answer = await door.post(f"{V2}/capture", content=huge, headers=carrier | {"content-type": "application/json"})
        refused(answer, 413, "CaptureLimitExceededException")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/events", "OPTIONS, GET, POST"),
        ("/eventTypes", "OPTIONS, GET"),
        ("/queries", "OPTIONS, GET, POST"),
        ("/queries/arrivals", "OPTIONS, GET, DELETE"),
        ("/queries/arrivals/events", "OPTIONS, GET"),
        ("/epcs/urn:x:y/events", "OPTIONS, GET"),
    ],
)
async def test_every_resource_says_what_it_takes(door, path, allowed):
    answer = await door.options(V2 + path)
    assert (answer.status_code, answer.headers["allow"]) == (204, allowed)
    assert answer.headers["gs1-epcis-min"] == answer.headers["gs1-epcis-max"] == "2.0.0"
    assert answer.headers["gs1-cbv-version"] == "2.0.0"


async def test_proceed_takes_what_is_good_and_names_what_is_not(door, ports, town, carrier, number):
    body = a_document(
        an_event(number, town.now, "urn:test:good"), an_event("CM3141592653589", town.now, "urn:test:bad")
    )
    job = await captured(door, ports, carrier, body, **{"gs1-capture-error-behaviour": "proceed"})
    assert (job["running"], job["success"]) == (False, False)
    assert [(error["type"], error["instance"]) for error in job["errors"]] == [
        ("epcisException:NoSuchResourceException", "#/epcisBody/eventList/1")
    ]
    listed = (await door.get(f"{V2}/capture", headers=carrier)).json()
    assert listed[0] == job


async def test_pages_are_linked_and_a_token_can_be_ended(door, ports, town, carrier, number):
    events = [an_event(number, town.now, f"urn:test:{index}") for index in range(5)]
    assert (await captured(door, ports, carrier, a_document(*events)))["success"]
    url, got, links = f"{V2}/events?perPage=2&EQ_bizStep=inspecting", [], []
    while url:
        answer = await door.get(url, headers=carrier)
        got += answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        link = answer.headers.get("link")
        url = link.partition("<")[2].partition(">")[0] if link else None
        links += [url] if url else []
    ids = [event["eventID"] for event in got]
    assert len(ids) == len(set(ids)) == 6
    token = links[0].rpartition("nextPageToken=")[2].partition("&")[0]
    assert (await door.delete(f"{V2}/nextPageToken/{token}", headers=carrier)).status_code == 204
    refused(await door.get(links[0], headers=carrier), 400, "QueryParameterException")


async def test_too_many_events_are_refused_when_asked_so(door, ports, town, carrier, number):
    events = [an_event(number, town.now, f"urn:test:{index}") for index in range(3)]
    await captured(door, ports, carrier, a_document(*events))
    refused(await door.get(f"{V2}/events?maxEventCount=2", headers=carrier), 413, "QueryTooLargeException")
    assert (await door.get(f"{V2}/events?maxEventCount=100", headers=carrier)).status_code == 200
    both = f"{V2}/events?maxEventCount=2&eventCountLimit=2&orderBy=eventTime"
    refused(await door.get(both, headers=carrier), 400, "QueryParameterException")


@pytest.mark.parametrize("resource", ["eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"])
async def test_sub_resources_lead_to_events(door, ports, town, number, carrier, resource):
    place = {"id": "https://chama.example/v1/hubs/URUMQI"}
    event = an_event(number, town.now, "urn:test:place", disposition="in_transit", readPoint=place, bizLocation=place)
    assert (await captured(door, ports, carrier, a_document(event)))["success"]
    members = (await door.get(f"{V2}/{resource}?perPage=100", headers=carrier)).json()["member"]
    wanted = {
        "eventTypes": "ObjectEvent",
        "epcs": f"https://id.gs1.org/401/9520000{number}",
        "bizSteps": "inspecting",
        "bizLocations": place["id"],
        "readPoints": place["id"],
        "dispositions": "in_transit",
    }[resource]
    assert wanted in members
    assert (await door.get(f"{V2}/{resource}/{quote(wanted, safe='')}", headers=carrier)).json()["member"] == ["events"]
    found = (await door.get(f"{V2}/{resource}/{quote(wanted, safe='')}/events", headers=carrier)).json()
    ids = [each["eventID"] for each in found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
    assert "urn:test:place" in ids


async def test_names_are_given_as_links_to_those_who_want_them(door, town, carrier, number):
    answer = await door.get(f"{V2}/events", headers=carrier | {"gs1-epc-format": "Always_GS1_Digital_Link"})
    assert answer.headers["gs1-epc-format"] == "Always_GS1_Digital_Link"
    (event,) = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert event["epcList"] == [f"https://id.gs1.org/401/9520000{number}"]


async def test_json_ld_is_answered_to_those_who_ask_for_it(door, carrier):
    answer = await door.get(f"{V2}/events", headers=carrier | {"accept": "application/ld+json"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/ld+json")


async def test_named_query_is_kept_once_and_found(door, town, carrier):
    body = {"name": "inspected", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["inspecting"]}}
    answer = await door.post(f"{V2}/queries", json=body, headers=carrier)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{V2}/queries/inspected")
    refused(await door.post(f"{V2}/queries", json=body, headers=carrier), 409, "ResourceAlreadyExistsException")
    wrong = body | {"name": "wrong", "query": {"EQ_bizStep": ["flying"]}}
    refused(await door.post(f"{V2}/queries", json=wrong, headers=carrier), 400, "QueryParameterException")
    assert (await door.get(f"{V2}/queries/inspected", headers=carrier)).json() == body
    assert body in (await door.get(f"{V2}/queries", headers=carrier)).json()
    found = (await door.get(f"{V2}/queries/inspected/events", headers=carrier)).json()["epcisBody"]["queryResults"]
    assert found["queryName"] == "inspected"
    assert [event["eventID"] for event in found["resultsBody"]["eventList"]] == [town.spoken.event_id]
    assert (await door.delete(f"{V2}/queries/inspected", headers=carrier)).status_code == 204
    refused(await door.get(f"{V2}/queries/inspected", headers=carrier), 404, "NoSuchNameException")


async def test_name_as_long_as_a_body_is_pointed_at_in_short(door, ports, carrier):
    long = "a" * 200_000
    async with nothing_happens(ports):
        for body in ({"name": "x", "query": {long: 1}}, {"name": "x", "query": {}, long: 1}):
            answer = await door.post(f"{V2}/queries", json=body, headers=carrier)
            assert answer.status_code == 400
            assert all(len(error["pointer"]) <= 1_000 for error in answer.json()["errors"])


async def test_subscription_says_when_to_report_and_where(door, ports, carrier):
    path = f"{V2}/queries/arrivals/subscriptions"
    dest = {"dest": "https://partner.example/epcis"}
    async with nothing_happens(ports):
        for unclear in (
            {},
            {"stream": True, "schedule": {"hour": "1"}},
            {"schedule": {"hour": "25"}},
            {"schedule": {"month": "2", "dayOfMonth": "30"}},
        ):
            refused(await door.post(path, json=dest | unclear, headers=carrier), 400, "SubscriptionControlsException")
        for inside in ("http://127.0.0.1:9/x", "https://10.0.0.1/x"):
            refused(
                await door.post(path, json={"dest": inside, "stream": True}, headers=carrier),
                400,
                "ValidationException",
            )
    answer = await door.post(
        path,
        json=dest | {"schedule": {"hour": "1", "minute": "5"}, "signatureToken": "a token of mine"},
        headers=carrier,
    )
    assert answer.status_code == 201, answer.text
    assert "a token of mine" not in answer.text
    shown = (await door.get(answer.headers["location"], headers=carrier)).json()
    assert shown == answer.json()
    assert (await door.delete(answer.headers["location"], headers=carrier)).status_code == 204
    refused(await door.get(answer.headers["location"], headers=carrier), 404, "NoSuchResourceException")


async def test_captures_of_the_same_event_at_once_store_it_once(door, ports, town, carrier, number):
    body = a_document(an_event(number, town.now, "urn:test:once"))
    jobs = await asyncio.gather(*(captured(door, ports, carrier, body) for _ in range(4)))
    assert all(job["success"] for job in jobs)
    found = (await door.get(f"{V2}/events?EQ_eventID=urn:test:once", headers=carrier)).json()
    assert len(found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1
