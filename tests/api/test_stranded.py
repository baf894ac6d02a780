"""Disruptions and what they leave without a way, over HTTP."""

from datetime import timedelta

import pytest

from app.routing import warm_up
from tests.factories.identity import a_partner, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import BECAUSE, a_journey, a_valley

RUN = "2026-03-03T00:00:00Z"


@pytest.fixture(scope="session")
def compiled():
    warm_up()


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
    assert (await client.post("/v1/disruptions", json=said, headers=other.headers)).status_code == 404


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


async def test_carrier_lifts_what_it_said_and_hears_clearly_what_cannot_be_lifted(client, ports, valley):
    haulier, other = await a_partner(ports, "XILU"), await a_partner(ports, "RIVAL")
    operator = (await an_operator(ports)).headers
    said = {"kind": "cancel", "service": "TRUNK", "run_at": RUN, "reason": BECAUSE}
    made = (await client.post("/v1/disruptions", json=said, headers=haulier.headers)).json()
    assert made["lifted_at"] is None
    address = f"/v1/disruptions/{made['id']}/lift"

    async def refused(headers, status, slug, body=None, at=address):
        chinese = headers | {"accept-language": "zh-CN"}
        english = await client.post(at, json=body or {}, headers=headers)
        answer = await client.post(at, json=body or {}, headers=chinese)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
        assert answer.json()["detail"] != english.json()["detail"]
        return answer.json()

    await refused(other.headers, 404, "not-found")
    problem = await refused(haulier.headers, 422, "invalid-request", {"until": "2026-03-04T00:00:00Z"})
    assert [error["pointer"] for error in problem["errors"]] == ["/until"]
    lifted = await client.post(address, json={}, headers=haulier.headers | {"idempotency-key": "back"})
    assert (lifted.status_code, lifted.json()) == (
        200,
        made | {"until": made["from"], "lifted_at": "2026-03-02T02:00:00Z"},
    )
    ports.clock.advance(timedelta(minutes=5))
    again = await client.post(address, json={}, headers=haulier.headers)
    assert (again.status_code, again.json()) == (200, lifted.json())
    listed = (await client.get("/v1/disruptions", headers=haulier.headers)).json()["items"]
    assert listed == [lifted.json()]
    asked = {"from": "KUQA", "to": "URUMQI", "weight_g": 1000}
    options = (await client.post("/v1/routes", json=asked)).json()["options"]
    assert RUN in {leg["departs_at"] for option in options for leg in option["legs"]}
    # A closed hub is everybody's: its carrier sees it, and an operator lifts it.
    closed = {"hub": "KORLA", "from": RUN, "until": "2026-03-04T00:00:00Z", "reason": BECAUSE}
    hub = (await client.post("/v1/disruptions", json=closed, headers=operator)).json()
    at = f"/v1/disruptions/{hub['id']}/lift"
    await refused(haulier.headers, 403, "forbidden", at=at)
    shorter = await client.post(at, json={"until": "2026-03-03T06:00:00Z"}, headers=operator)
    assert (shorter.status_code, shorter.json()["until"]) == (200, "2026-03-03T06:00:00Z")
    left = (await client.post("/v1/disruptions", json=closed, headers=operator)).json()
    ports.clock.advance(timedelta(days=5))
    await refused(operator, 409, "disruption-over", at=f"/v1/disruptions/{left['id']}/lift")
    extra = {"kind": "extra", "service": "TRUNK", "run_at": "2026-03-12T05:00:00Z", "reason": BECAUSE}
    added = (await client.post("/v1/disruptions", json=extra, headers=operator)).json()
    problem = await refused(operator, 409, "cannot-be-lifted", at=f"/v1/disruptions/{added['id']}/lift")
    assert "取消" in problem["detail"]
