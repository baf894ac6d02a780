"""Ways and quotes over HTTP: where goods may not go, in time or too late, and which animals they are."""

from dataclasses import replace
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import httpx
import pytest

from app.catalogue.values import Category, Species
from app.main import create_app
from app.network.origin_rules import OriginRules
from tests.api.asking import problem_of
from tests.conftest import NOW
from tests.factories.catalogue import a_listing
from tests.factories.identity import a_person, a_producer
from tests.factories.network import networked, planned
from tests.factories.orders import asked_for
from tests.factories.tables import changed, contents

template, ports = networked, planned
ASKED = {"from": "HOTAN", "to": "SHANGHAI", "weight_g": "15600"}
HERD = {"weight_g": "450000", "temperature": "live", "live_heads": "10"}
SVG = {"accept": "image/svg+xml"}
KEY = "idempotency-key"


async def see(client, headers=None, **asked):
    return await client.get("/v1/routes", params=ASKED | asked, headers=headers or {})


def at(text):
    return datetime.fromisoformat(text)


def door_under(ports, **rule):
    """The same service with one rule in force."""
    words = {
        "what": {"en": "fruit stays", "zh-Hans": "水果不外运"},
        "source": {"en": "notice 7", "zh-Hans": "第7号通告"},
    }
    row = {"number": "NOTICE-7", "origin": ["6532"], "to": ["31"]} | words | rule
    table = OriginRules.model_validate({"version": "t", "rule": [row]})
    service = create_app(ports=replace(ports, origin_rules=table))
    return httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://chama.test")


@pytest.mark.parametrize("headers", [{}, SVG])
async def test_forbidden_destination_is_told_with_rule_and_source_in_both_languages(client, headers):
    asked = {**HERD, "species": "pig"}
    problem = problem_of(await see(client, headers, **asked), 409, "route-unavailable")
    assert (problem["reason"], problem["rule"]["number"]) == ("forbidden", "PIG-NORTHWEST")
    assert problem["rule"]["source"]["en"].startswith("MARA 2021 No. 12")
    assert problem["detail"].startswith("From HOTAN to SHANGHAI: By rule PIG-NORTHWEST these goods may not go that way")
    assert problem["rule"]["source"]["en"] in problem["detail"]
    told = (await see(client, {**headers, "accept-language": "zh-Hans"}, **asked)).json()
    assert "按规则 PIG-NORTHWEST" in told["detail"]
    assert told["rule"]["source"]["zh-Hans"] in told["detail"]


async def test_goods_that_no_rule_names_are_not_held(client):
    assert (await see(client, **HERD, species="pig", to="KASHGAR")).status_code == 200
    problem = problem_of(await see(client, **HERD, species="sheep"), 409, "route-unavailable")
    assert problem["reason"] == "journey_limit"
    assert "rule" not in problem


async def test_rule_by_category_wants_the_category(ports, client):
    async with door_under(ports, categories=["produce"]) as door:
        assert (await see(door)).status_code == 200
        assert (await see(door, category="handicraft")).status_code == 200
        problem = problem_of(await see(door, category="produce"), 409, "route-unavailable")
        assert problem["rule"] == {
            "number": "NOTICE-7",
            "what": {"en": "fruit stays", "zh-Hans": "水果不外运"},
            "source": {"en": "notice 7", "zh-Hans": "第7号通告"},
        }


async def test_quote_of_goods_that_may_not_go_there_is_refused_and_keeps_nothing(ports):
    buyer, dates = await a_person(ports), await a_listing(ports, await a_producer(ports))
    before = await contents(ports)
    async with door_under(ports) as door:
        asked = await door.post("/v1/quotes", json=asked_for({dates: "1"}), headers=buyer.headers)
        problem = problem_of(asked, 409, "route-unavailable")
    assert (problem["reason"], problem["rule"]["number"]) == ("forbidden", "NOTICE-7")
    assert await changed(ports, before) == {}


async def test_species_decides_how_long_animals_may_travel(client):
    """To Kuqa sheep go in one journey; camels have to be unloaded and rested every eight hours. Without a species they are sheep."""
    there = {**HERD, "to": "KUQA"}
    sheep, nobody_said, camels = [
        (await see(client, **there, **asked)).json() for asked in ({"species": "sheep"}, {}, {"species": "camel"})
    ]
    assert sheep == nobody_said
    assert min(o["arrives_at"] for o in sheep["options"]) < min(o["arrives_at"] for o in camels["options"])
    for leg in (leg for option in camels["options"] for leg in option["legs"]):
        assert at(leg["arrives_at"]) - at(leg["departs_at"]) <= timedelta(hours=8)


@pytest.mark.parametrize("species", Species)
async def test_every_species_of_the_catalogue_is_one_that_may_be_asked_for(client, species):
    assert (await see(client, **HERD, species=species.value, to="KASHGAR")).status_code in {200, 409}


@pytest.mark.parametrize("category", Category)
async def test_every_category_of_the_catalogue_is_one_that_may_be_asked_for(client, category):
    assert (await see(client, category=category.value)).status_code == 200


@pytest.mark.parametrize(
    ("asked", "pointer", "words"),
    [
        ({"species": "sheep"}, "/query/species", "`live`"),
        ({**HERD, "species": "unicorn"}, "/query/species", "sheep, goat"),
        ({"category": "gold"}, "/query/category", "cotton, produce"),
        ({"arrive_by": "2026-03-02T02:00:00Z"}, "/query/arrive_by", "After the start"),
        ({"arrive_by": "2026-03-09T00:00:00Z", "depart_after": "2026-03-10T00:00:00Z"}, "/query/arrive_by", "After"),
        ({"arrive_by": "2026-03-24T02:00:00Z"}, "/query/arrive_by", "21 days"),
        ({"arrive_by": "soon"}, "/query/arrive_by", ""),
    ],
)
async def test_bad_question_names_what_is_wrong_in_both_languages(client, asked, pointer, words):
    problem = problem_of(await see(client, **asked), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]
    told = (await see(client, {"accept-language": "zh-Hans"}, **asked)).json()
    assert told["errors"][0]["detail"] != problem["errors"][0]["detail"]


async def test_only_ways_in_time_and_the_last_moment_to_hand_in(client):
    everything = (await see(client)).json()
    assert everything["hand_in_by"] is None
    arrivals = [option["arrives_at"] for option in everything["options"]]
    deadline = arrivals[len(arrivals) // 2]
    found = (await see(client, arrive_by=deadline)).json()
    assert found["options"]
    assert all(option["arrives_at"] <= deadline for option in found["options"])
    # Handed in then, it arrives in time; a quarter of an hour later, it does not.
    moment = at(found["hand_in_by"])
    assert moment >= NOW
    again = (await see(client, arrive_by=deadline, depart_after=found["hand_in_by"])).json()
    assert again["options"]
    assert again["hand_in_by"] == found["hand_in_by"]
    late = (moment + timedelta(minutes=15)).isoformat()
    problem = problem_of(await see(client, arrive_by=deadline, depart_after=late), 409, "route-unavailable")
    assert problem["reason"] == "cut_off"


async def test_post_answers_the_same(client):
    asked = {"arrive_by": "2026-03-09T00:00:00Z", "category": "produce"}
    posted = await client.post("/v1/routes", json=ASKED | asked | {"weight_g": 15_600})
    assert posted.status_code == 200, posted.text
    assert posted.json() == (await see(client, **asked)).json()
    assert posted.json()["hand_in_by"]


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_too_late_is_told_with_what_to_do(client, language):
    asked = await see(client, {"accept-language": language}, arrive_by="2026-03-02T03:00:00Z")
    problem = problem_of(asked, 409, "route-unavailable")
    assert problem["reason"] == "cut_off"
    assert {"en": "Ask for a later arrival", "zh-Hans": "请放宽到达时间"}[language] in problem["detail"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("hand in by", "there by")), ("zh-Hans", ("之前交货", "之前到达"))]
)
@pytest.mark.parametrize("width", ["320", "720"])
async def test_picture_tells_until_when_to_hand_in_above_the_map(client, language, words, width):
    headers = SVG | {"accept-language": language}
    picture = await see(client, headers, arrive_by="2026-03-09T00:00:00Z", width=width)
    assert picture.status_code == 200, picture.text
    plain = await see(client, headers, width=width)
    root, other = ET.fromstring(picture.content), ET.fromstring(plain.content)
    name = "{http://www.w3.org/2000/svg}"
    (ground,), (before,) = root.findall(f"{name}svg"), other.findall(f"{name}svg")
    lines = [line for line in root.findall(f"{name}text") if any(each in "".join(line.itertext()) for each in words)]
    assert all(each in "".join("".join(line.itertext()) for line in lines) for each in words)
    assert all(float(line.get("y")) < float(ground.get("y")) for line in lines)
    assert float(ground.get("y")) - float(before.get("y")) == 19 * len(lines)
    assert not any(each in "".join(other.itertext()) for each in words)
    assert words[0] in root.find(f"{name}desc").text


async def test_quote_brings_only_what_is_delivered_in_time(ports, client):
    buyer, dates = await a_person(ports), await a_listing(ports, await a_producer(ports))

    async def quote(**more):
        return await client.post("/v1/quotes", json=asked_for({dates: "1"}) | more, headers=buyer.headers)

    arrivals = [option["arrives_by"] for option in (await quote()).json()["options"]]
    assert len(set(arrivals)) > 2
    deadline = sorted(arrivals)[len(arrivals) // 2]
    found = await quote(deliver_by=deadline)
    assert found.status_code == 201, found.text
    assert all(option["arrives_by"] <= deadline for option in found.json()["options"])
    assert min(arrivals) in {option["arrives_by"] for option in found.json()["options"]}
    before = await contents(ports)
    problem = problem_of(await quote(deliver_by="2026-03-03T02:00:00Z"), 409, "route-unavailable")
    assert problem["reason"] == "cut_off"
    for asked in (
        {"deliver_by": "2026-03-02T02:00:00Z"},
        {"deliver_by": "2026-03-08T00:00:00Z", "depart_after": "2026-03-08T00:00:00Z"},
    ):
        problem = problem_of(await quote(**asked), 422, "invalid-request")
        assert [error["pointer"] for error in problem["errors"]] == ["/deliver_by"]
    assert await changed(ports, before) == {}
