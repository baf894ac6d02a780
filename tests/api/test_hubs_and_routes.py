"""Hubs, ways, and what carriers may do with their services, over HTTP."""

from datetime import timedelta
from itertools import pairwise

import pytest

from app.core.paging import encode_cursor
from app.flows.install_network import install_network
from app.identity.rules import access_token
from app.identity.sign_in import open_sign_in
from app.network.capacity import book_capacity
from app.network.values import Want

OPERATOR, SOMEBODY = "+8610000000001", "+8610000000123"
SERVICE = {
    "id": "TARIM-HOTAN-URUMQI",
    "name": {"en": "Hotan – Urumqi", "zh-Hans": "和田—乌鲁木齐"},
    "mode": "road",
    "stops": [
        {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
        {"hub": "URUMQI", "arrive_offset_s": 72000, "depart_offset_s": 72000, "distance_m": 1380000},
    ],
    "weekdays": [0, 1, 2, 3, 4, 5, 6],
    "departs_s": [43200],
    "temperatures": ["chilled"],
    "tariff": {"currency": "CNY", "base_minor": 1},
    "capacity": {"weight_g": 15000000, "volume_mm3": 52000000000},
}
ALL_SCOPES = ["services:write", "bookings:read", "disruptions:write"]


@pytest.fixture
async def network(ports):
    async with ports.begin() as session:
        await install_network(session, ports.clock.now())


async def bearer(ports, phone):
    now = ports.clock.now()
    async with ports.begin() as session:
        opened = await open_sign_in(session, phone, language="en", now=now)
    token = access_token(opened.sign_in_id, now + timedelta(minutes=30), ports.settings.key)
    return {"authorization": f"Bearer {token}"}


async def partner(client, ports, carrier, scopes=ALL_SCOPES):
    operator = await bearer(ports, OPERATOR)
    made = await client.post("/v1/partners", json={"name": {"en": carrier}, "carrier": carrier}, headers=operator)
    key = await client.post(f"/v1/partners/{made.json()['id']}/keys", json={"scopes": scopes}, headers=operator)
    return {"authorization": f"Bearer {key.json()['secret']}"}


async def routes(client, **asked):
    return await client.post("/v1/routes", json={"from": "HOTAN", "to": "SHANGHAI", "weight_g": 15600} | asked)


def pointers(answer):
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]


async def test_hubs_are_public_and_found_by_kind_place_and_county(client, network):
    (nearest,) = (await client.get("/v1/hubs?near=37.1,79.9&limit=1&kind=city")).json()["items"]
    assert (nearest["code"], nearest["county"], nearest["kind_name"]) == ("HOTAN", "653201", "City")
    assert 3_000 < nearest["distance_m"] < 4_000
    serving = (await client.get("/v1/hubs?county=310115", headers={"accept-language": "zh-Hans"})).json()["items"]
    assert [hub["code"] for hub in serving] == ["SHANGHAI", "A-PVG"]
    assert serving[0]["kind_name"] == "消费城市"
    own = (await client.get("/v1/hubs?county=653221&limit=1")).json()["items"]
    assert [(hub["code"], hub["kind"], hub["county"]) for hub in own] == [("C-653221", "county", "653221")]
    first = (await client.get("/v1/hubs?kind=airport&limit=40")).json()
    rest = (await client.get("/v1/hubs", params={"kind": "airport", "cursor": first["next_cursor"]})).json()
    assert len(first["items"] + rest["items"]) == 43
    assert rest["next_cursor"] is None


async def test_one_hub_has_an_etag_and_an_unknown_one_is_not_found(client, network):
    hub = await client.get("/v1/hubs/R-QINGBAIJIANG")
    assert hub.json()["dwell_s"] == 43_200
    again = await client.get("/v1/hubs/R-QINGBAIJIANG", headers={"if-none-match": hub.headers["etag"]})
    assert again.status_code == 304
    assert (await client.get("/v1/hubs/NOWHERE")).status_code == 404


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("near=north", "/query/near"),
        ("near=95,20", "/query/near"),
        ("kind=village", "/query/kind"),
        ("county=31", "/query/county"),
        ("cursor=abc", "/query/cursor"),
        (f"near=37,80&cursor={encode_cursor([2**63, 'HOTAN'])}", "/query/cursor"),
        ("limit=101", "/query/limit"),
    ],
)
async def test_bad_question_about_hubs_names_what_is_wrong(client, network, query, pointer):
    assert pointers(await client.get(f"/v1/hubs?{query}")) == [pointer]


async def test_ways_are_a_front_with_labels_legs_and_what_the_co2e_covers(client, network):
    answer = await routes(client)
    assert answer.status_code == 200, answer.text
    options = answer.json()["options"]
    assert 3 <= len(options) <= 6
    assert sorted(label for option in options for label in option["labels"]) == ["cheapest", "fastest", "greenest"]
    assert [option["arrives_at"] for option in options] == sorted(option["arrives_at"] for option in options)
    for option in options:
        legs = option["legs"]
        assert (legs[0]["from"], legs[-1]["to"]) == ("HOTAN", "SHANGHAI")
        assert all(before["to"] == after["from"] for before, after in pairwise(legs))
        assert sum(leg["price"]["amount"] for leg in legs) == option["price"]["amount"]
        assert option["co2e_g"]["covers"] == ["transport"]
        by_air = any(leg["mode"] == "air" for leg in legs)
        assert option["co2e_g"]["missing"] == ["hubs", "radiative_forcing"] if by_air else ["hubs"]
    cheapest = min(option["price"]["amount"] for option in options)
    assert 1_000 < cheapest < 10_000


async def test_live_animals_go_by_road_within_their_hours(client, network):
    answer = await routes(client, to="KASHGAR", weight_g=450_000, temperature="live", live_heads=10)
    assert answer.status_code == 200, answer.text
    assert {leg["mode"] for option in answer.json()["options"] for leg in option["legs"]} == {"road"}


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [
        ({"to": "A-PVG", "temperature": "live"}, "temperature", "live animals"),
        ({"to": "SHANGHAI", "temperature": "live"}, "journey_limit", "longer than"),
        ({"weight_g": 10**9}, "too_heavy", "too heavy"),
    ],
)
async def test_no_way_says_why(client, network, asked, reason, words):
    answer = await routes(client, **asked)
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    assert (problem["type"], problem["reason"]) == ("/problems/route-unavailable", reason)
    assert words in problem["detail"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"from": "NOWHERE", "to": "ELSEWHERE"}, ["/from", "/to"]),
        ({"to": "HOTAN"}, ["/to"]),
        ({"weight_g": 0}, ["/weight_g"]),
        ({"temperature": "warm"}, ["/temperature"]),
        ({"live_heads": 3}, ["/live_heads"]),
        ({"depart_after": "2027-03-01T00:00:00Z"}, ["/depart_after"]),
        ({"colour": "red"}, ["/colour"]),
    ],
)
async def test_bad_question_about_ways_names_what_is_wrong(client, network, asked, expected):
    assert pointers(await routes(client, **asked)) == expected


async def test_start_that_a_slow_clock_names_means_now_and_a_later_start_is_kept(client, network, clock):
    now = (await routes(client)).json()
    assert (await routes(client, depart_after=(clock.at - timedelta(minutes=9)).isoformat())).json() == now
    later = (await routes(client, depart_after="2026-03-20T00:00:00Z")).json()
    assert min(leg["departs_at"] for option in later["options"] for leg in option["legs"]) > "2026-03-20"


async def test_start_that_has_clearly_passed_is_refused(client, network, clock):
    passed = (clock.at - timedelta(minutes=11)).isoformat()
    refused = await routes(client, depart_after=passed)
    assert pointers(refused) == ["/depart_after"]
    assert refused.json()["errors"][0]["detail"] == "It has passed; leave it out to leave from now on"
    query = {"from": "HOTAN", "to": "SHANGHAI", "weight_g": "5000", "depart_after": passed}
    assert pointers(await client.get("/v1/routes", params=query)) == ["/query/depart_after"]


async def test_carrier_puts_a_service_on_the_network_changes_and_closes_it(client, ports, network):
    tarim = await partner(client, ports, "TARIM-COLD")
    made = await client.post("/v1/services", json=SERVICE, headers=tarim)
    assert made.status_code == 201, made.text
    assert (made.json()["carrier"], made.json()["status_name"]) == ("TARIM-COLD", "Running")
    address = f"/v1/services/{SERVICE['id']}"
    assert (await client.get(address, headers=tarim)).headers["etag"] == made.headers["etag"]

    async def used():
        answer = await routes(client, to="URUMQI", temperature="chilled")
        return {leg["service"] for option in answer.json()["options"] for leg in option["legs"]}

    assert SERVICE["id"] in await used()
    if_match = tarim | {"if-match": made.headers["etag"]}
    changed = await client.patch(address, json={"cutoff_s": 7200}, headers=if_match)
    assert (changed.json()["cutoff_s"], changed.json()["version"]) == (7200, 2)
    assert (await client.patch(address, json={"cutoff_s": 60}, headers=if_match)).status_code == 412
    closed = {"service": SERVICE["id"], "from": "2026-03-01T00:00:00Z", "until": "2026-04-20T00:00:00Z"}
    disruption = await client.post("/v1/disruptions", json=closed | {"reason": {"en": "Sandstorm"}}, headers=tarim)
    assert disruption.status_code == 201, disruption.text
    assert disruption.json()["from"] == "2026-03-01T00:00:00Z"
    assert SERVICE["id"] not in await used()
    listed = (await client.get("/v1/disruptions", headers=tarim)).json()["items"]
    assert listed == [disruption.json()]


async def test_change_that_changes_nothing_raises_no_version(client, ports, network):
    tarim = await partner(client, ports, "TARIM-COLD")
    made = await client.post("/v1/services", json=SERVICE, headers=tarim)
    address = f"/v1/services/{SERVICE['id']}"
    async with ports.database.read() as connection:
        before = (await ports.timetable.current(connection)).version
    for nothing in ({}, {"weekdays": SERVICE["weekdays"], "status": "active"}):
        same = await client.patch(address, json=nothing, headers=tarim | {"if-match": made.headers["etag"]})
        assert (same.status_code, same.json(), same.headers["etag"]) == (200, made.json(), made.headers["etag"])
    async with ports.database.read() as connection:
        assert (await ports.timetable.current(connection)).version == before
    assert (await client.patch(address, json={}, headers=tarim | {"if-match": '"old"'})).status_code == 412


async def test_bad_service_names_every_fault(client, ports, network):
    tarim = await partner(client, ports, "TARIM-COLD")
    stops = [SERVICE["stops"][0], SERVICE["stops"][1] | {"hub": "NOWHERE", "arrive_offset_s": 0}]
    bad = SERVICE | {"stops": stops, "departs_s": []}
    assert pointers(await client.post("/v1/services", json=bad, headers=tarim)) == [
        "/stops/1/hub",
        "/stops/1/arrive_offset_s",
        "/departs_s",
    ]


async def test_services_of_others_are_not_found(client, ports, network):
    tarim, other = await partner(client, ports, "TARIM-COLD"), await partner(client, ports, "OTHER")
    await client.post("/v1/services", json=SERVICE, headers=tarim)
    address = f"/v1/services/{SERVICE['id']}"
    assert (await client.get(address, headers=other)).status_code == 404
    assert (await client.patch(address, json={}, headers=other)).status_code == 404
    assert (await client.get("/v1/services", headers=other)).json() == {"items": [], "next_cursor": None}
    assert (await client.post("/v1/services", json=SERVICE, headers=other)).status_code == 409
    closed = {"service": SERVICE["id"], "from": "2026-03-01T00:00:00Z", "until": "2026-04-20T00:00:00Z"}
    answer = await client.post("/v1/disruptions", json=closed | {"reason": {"en": "Envy"}}, headers=other)
    assert pointers(answer) == ["/service"]


async def test_scope_of_a_key_and_role_of_a_person_decide(client, ports, network):
    narrow = await partner(client, ports, "NARROW", ["tracking:write"])
    somebody, operator = await bearer(ports, SOMEBODY), await bearer(ports, OPERATOR)
    for address in ("/v1/services", "/v1/disruptions", "/v1/bookings"):
        statuses = [
            (await client.get(address, headers=headers)).status_code for headers in ({}, narrow, somebody, operator)
        ]
        assert statuses == [401, 403, 403, 200], address
    hub = {"hub": "KUQA", "from": "2026-03-01T00:00:00Z", "until": "2026-04-20T00:00:00Z", "reason": {"en": "Flood"}}
    wide = await partner(client, ports, "WIDE")
    assert (await client.post("/v1/disruptions", json=hub, headers=wide)).status_code == 403
    assert (await client.post("/v1/disruptions", json=hub, headers=operator)).status_code == 201


async def test_bookings_show_a_carrier_its_own(client, ports, network):
    tarim, other = await partner(client, ports, "TARIM-COLD"), await partner(client, ports, "OTHER")
    await client.post("/v1/services", json=SERVICE, headers=tarim)
    run_at = ports.clock.now() + timedelta(hours=10)
    want = Want("leg_1", "con_1", SERVICE["id"], run_at, 0, 1, 5_000, 1_000)
    async with ports.begin() as session:
        await book_capacity(session, [want], ports.clock.now())
    (booking,) = (await client.get("/v1/bookings", headers=tarim)).json()["items"]
    assert (booking["from"], booking["to"], booking["departs_at"], booking["arrives_at"]) == (
        "HOTAN",
        "URUMQI",
        "2026-03-02T12:00:00Z",
        "2026-03-03T08:00:00Z",
    )
    assert (await client.get("/v1/bookings", headers=other)).json()["items"] == []
    window = {"from": "2026-03-02T12:00:01Z", "until": "2026-03-09T00:00:00Z"}
    assert booking["tracking_number"] is None  # no consignment has made this booking
    assert (await client.get("/v1/bookings", params=window, headers=tarim)).json()["items"] == []
    assert pointers(await client.get("/v1/bookings?from=yesterday", headers=tarim)) == ["/query/from"]
