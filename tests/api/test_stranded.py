"""Disruptions and what they leave without a way, over HTTP."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.main import create_app
from app.network.origin_rules import OriginRules
from tests.factories.identity import a_partner, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import BECAUSE, a_journey, a_valley

RUN = "2026-03-03T00:00:00Z"


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


async def test_carrier_says_that_a_run_is_late_and_tracking_shows_it(client, ports, valley):
    haulier = await a_partner(ports, "XILU")
    journey = await a_journey(ports)
    said = {"kind": "delay", "service": "TRUNK", "run_at": RUN, "delay_s": 7200, "reason": BECAUSE}
    key = {"idempotency-key": "late"}
    made = await client.post("/v1/disruptions", json=said, headers=haulier.headers | key)
    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in ("kind", "run_at", "delay_s", "from")} == {
        "kind": "delay",
        "run_at": RUN,
        "delay_s": 7200,
        "from": RUN,
    }
    again = await client.post("/v1/disruptions", json=said, headers=haulier.headers | key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (made.json(), "true")
    await work(ports)
    shown = (await client.get(f"/v1/tracking/{journey.tracking_number}", headers={"accept-language": "zh-Hans"})).json()
    assert (shown["replan_reason_text"], shown["stranded_at"]) == ("大雪封路", None)
    assert [leg["departs_at"] for leg in shown["legs"]][1] == "2026-03-03T02:00:00Z"
    page = await client.get(f"/track/{journey.tracking_number}", headers={"accept-language": "en"})
    assert "The way or its times have changed: Road closed by snow" in page.text
    other = await a_partner(ports, "RIVAL")
    assert (await client.post("/v1/disruptions", json=said, headers=other.headers)).status_code == 422


async def test_operator_sees_what_has_no_way_and_tries_again(client, ports, valley):
    operator = (await an_operator(ports)).headers
    journeys = [await a_journey(ports) for _ in range(2)]
    closed = {"hub": "URUMQI", "from": "2026-03-02T02:00:00Z", "until": "2026-05-02T00:00:00Z", "reason": BECAUSE}
    assert (await client.post("/v1/disruptions", json=closed, headers=operator)).status_code == 201
    await work(ports)
    first = (await client.get("/v1/stranded?limit=1", headers=operator)).json()
    second = (await client.get(f"/v1/stranded?limit=1&cursor={first['next_cursor']}", headers=operator)).json()
    items = [*first["items"], *second["items"]]
    assert [item["consignment"] for item in items] == [journey.id for journey in journeys]
    assert second["next_cursor"] is None
    assert (items[0]["hub"], items[0]["to"], items[0]["reason"]) == ("HOTAN", "URUMQI", "cut_off")
    assert items[0]["reason_text"].startswith("From HOTAN to URUMQI: The cut-off")
    assert items[0]["disruption_reason"] == BECAUSE
    address = f"/v1/stranded/{journeys[0].id}/retry"
    refused = await client.post(address, headers=operator)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/route-unavailable")
    ports.clock.advance(timedelta(days=50))
    found = await client.post(address, headers=operator)
    assert found.status_code == 200, found.text
    assert (found.json()["plan_version"], found.json()["stranded_at"]) == (2, None)
    assert found.json()["promised_by"] > "2026-05-02"
    assert (await client.post(address, headers=operator)).status_code == 404
    left = (await client.get("/v1/stranded", headers=operator)).json()["items"]
    assert [item["consignment"] for item in left] == [journeys[1].id]


async def test_operator_sees_by_which_rule_it_may_not_go_on(ports, valley):
    rule = {"number": "N-1", "origin": ["6532"], "to": ["6501"], "categories": ["produce"]}
    words = {
        "what": {"en": "fruit stays", "zh-Hans": "水果不外运"},
        "source": {"en": "notice 7", "zh-Hans": "第7号通告"},
    }
    table = OriginRules.model_validate({"version": "t", "rule": [rule | words]})
    strict = replace(ports, origin_rules=table)
    transport = httpx.ASGITransport(create_app(ports=strict))
    operator = (await an_operator(ports)).headers
    journey = await a_journey(ports, county="653221", categories=("produce",))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as door:
        closed = {"kind": "cancel", "service": "TRUNK", "run_at": RUN, "reason": BECAUSE}
        assert (await door.post("/v1/disruptions", json=closed, headers=operator)).status_code == 201
        await work(strict)
        (item,) = (await door.get("/v1/stranded", headers=operator)).json()["items"]
        assert (item["consignment"], item["reason"], item["rule"]) == (journey.id, "forbidden", "N-1")
        assert "rule N-1" in item["reason_text"]
        assert "fruit stays (notice 7)" in item["reason_text"]
        refused = await door.post(f"/v1/stranded/{journey.id}/retry", headers=operator | {"accept-language": "zh-Hans"})
        assert (refused.status_code, refused.json()["rule"]["number"]) == (409, "N-1")
        assert "水果不外运（第7号通告）" in refused.json()["detail"]
