"""Exceptions, the cold chain and bottlenecks, over HTTP."""

from datetime import timedelta

import pytest

from app.core.clock import rfc3339
from app.flows.keep_history import add_up_hubs
from app.flows.watch_shipments import watch_shipments
from app.identity.values import Scope
from tests.conftest import NOW
from tests.factories.identity import a_partner, a_person, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import a_journey, a_valley


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


def departed(journey, *readings):
    told = [
        {"kind": "temperature", "value": value, "unit": "CEL", "at": rfc3339(NOW + timedelta(hours=10, minutes=minute))}
        for minute, value in readings
    ]
    return {
        "id": f"d-{journey.id[-6:]}",
        "tracking_number": journey.tracking_number,
        "type": "departed",
        "occurred_at": rfc3339(NOW + timedelta(hours=10)),
        "hub": "HOTAN",
        "readings": told,
    }


async def test_from_a_reading_to_the_curve_the_list_and_the_public_page(client, ports, valley):
    haulier = await a_partner(ports, "XILU")
    buyer = await a_person(ports, language="en")
    cold, other = await a_journey(ports, buyer, temperature="chilled"), await a_journey(ports)
    ports.clock.at = NOW + timedelta(hours=11)
    sent = {"events": [departed(cold, (0, "4"), (10, "12.5"), (40, "8")), departed(other)]}
    answer = await client.post("/v1/tracking/events", json=sent, headers=haulier.headers)
    assert answer.json()["accepted"] == 2
    assert await work(ports) == [
        *["shipment.advanced"] * 2,
        "shipment.measured",
        *["order.shipped"] * 2,
        *["message.send"] * 3,
    ]
    shown = (await client.get(f"/v1/consignments/{cold.id}/cold-chain", headers=buyer.headers)).json()
    assert shown["bands"] == [{"kind": "temperature", "unit": "CEL", "low": "-1", "high": "10", "source": "class"}]
    (excursion,) = shown["excursions"]
    assert (excursion["kind"], excursion["duration_s"], excursion["worst"], excursion["carrier"]) == (
        "temperature_above",
        1_800,
        "12.5",
        "XILU",
    )
    public = (await client.get(f"/v1/tracking/{cold.tracking_number}")).json()
    assert public["cold_chain"]["excursions"] == shown["excursions"]
    assert public["estimated_from"] <= public["estimated_at"] <= public["estimated_to"]
    listed = (await client.get("/v1/exceptions", headers=haulier.headers)).json()["items"]
    assert [(item["consignment"], item["kind"], item["worst"], item["limit"]) for item in listed] == [
        (cold.id, "temperature_above", "12.5", "10")
    ]
    rival = await a_partner(ports, "RIVAL")
    assert (await client.get("/v1/exceptions", headers=rival.headers)).json()["items"] == []
    assert (await client.get(f"/v1/consignments/{cold.id}/cold-chain", headers=rival.headers)).status_code == 404


async def test_list_goes_page_by_page_and_by_what_is_open(client, ports, valley):
    operator = await an_operator(ports)
    haulier = await a_partner(ports, "XILU", Scope.TRACKING_READ)
    journeys = [await a_journey(ports) for _ in range(3)]
    ports.clock.at = NOW + timedelta(hours=11)
    await client.post(
        "/v1/tracking/events", json={"events": [departed(each) for each in journeys]}, headers=operator.headers
    )
    ports.clock.at = NOW + timedelta(hours=23)
    await watch_shipments(ports)
    seen = {
        "id": "seen",
        "tracking_number": journeys[0].tracking_number,
        "type": "observed",
        "occurred_at": rfc3339(ports.clock.now()),
    }
    await client.post("/v1/tracking/events", json={"events": [seen]}, headers=operator.headers)
    for headers in (operator.headers, haulier.headers):
        first = (await client.get("/v1/exceptions?limit=2", headers=headers)).json()
        rest = (await client.get(f"/v1/exceptions?limit=2&cursor={first['next_cursor']}", headers=headers)).json()
        assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
        for asked, count in (("open=true", 2), ("open=false", 1), ("kind=silent", 3), ("kind=late", 0)):
            assert len((await client.get(f"/v1/exceptions?{asked}", headers=headers)).json()["items"]) == count
    assert {item["carrier"] for item in first["items"]} == {"XILU"}
    assert (await client.get("/v1/exceptions?kind=lost", headers=operator.headers)).status_code == 422


async def test_where_goods_wait(client, ports, valley):
    operator = await an_operator(ports)
    journey = await a_journey(ports)
    ports.clock.at = NOW + timedelta(hours=17)
    arrived = departed(journey) | {
        "id": "a",
        "type": "arrived",
        "hub": "KUQA",
        "occurred_at": rfc3339(NOW + timedelta(hours=16)),
    }
    await client.post("/v1/tracking/events", json={"events": [departed(journey), arrived]}, headers=operator.headers)
    await add_up_hubs(ports)
    page = (await client.get("/v1/reports/bottlenecks", headers=operator.headers)).json()
    assert [(item["hub"], item["arrivals"], item["departures"]) for item in page["items"]] == [
        ("HOTAN", 0, 1),
        ("KUQA", 1, 0),
    ]
    waiting = (await client.get("/v1/reports/waiting?hub=KUQA", headers=operator.headers)).json()
    assert [(item["hub"], item["waiting"], item["over_plan"]) for item in waiting["items"]] == [("KUQA", 1, 0)]
    early = (await client.get(f"/v1/reports/bottlenecks?to={rfc3339(NOW)}", headers=operator.headers)).json()
    assert early["items"] == []
