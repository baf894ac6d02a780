"""Disruptions that are lifted, over HTTP."""

from datetime import timedelta

import pytest

from tests.factories.identity import a_partner, an_operator
from tests.factories.journeys import BECAUSE, a_valley

RUN = "2026-03-03T00:00:00Z"


@pytest.fixture
async def valley(ports):
    await a_valley(ports)


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


async def test_carrier_cuts_chilled_slots_and_hears_what_cannot_be_cut(client, ports):
    room = {"weight_g": 161_000, "volume_mm3": 10**12, "live_places": 10, "chilled_slots": 9}
    await a_valley(ports, TRUNK={"capacity": room}, FEEDER={"temperatures": ["ambient", "live"]})
    haulier = await a_partner(ports, "XILU")
    said = {"kind": "capacity", "service": "TRUNK", "run_at": RUN, "reason": BECAUSE, "capacity": {"chilled_slots": 4}}
    feeder = {"service": "FEEDER", "run_at": "2026-03-03T12:00:00Z"}
    for wrong in ({"capacity": {"chilled_slots": 10}}, feeder, {"capacity": {"chilled_slots": -1}}):
        english = await client.post("/v1/disruptions", json=said | wrong, headers=haulier.headers)
        chinese = await client.post(
            "/v1/disruptions", json=said | wrong, headers=haulier.headers | {"accept-language": "zh-CN"}
        )
        assert (english.status_code, chinese.status_code) == (422, 422), english.text
        told = [answer.json()["errors"] for answer in (english, chinese)]
        assert [[error["pointer"] for error in errors] for errors in told] == [["/capacity/chilled_slots"]] * 2
        assert told[0] != told[1]
    assert (await client.get("/v1/disruptions", headers=haulier.headers)).json()["items"] == []
    made = await client.post("/v1/disruptions", json=said, headers=haulier.headers)
    assert made.status_code == 201, made.text
    assert made.json()["capacity"]["chilled_slots"] == 4
    lifted = await client.post(f"/v1/disruptions/{made.json()['id']}/lift", json={}, headers=haulier.headers)
    assert (lifted.status_code, lifted.json()["capacity"]["chilled_slots"]) == (200, 4)
