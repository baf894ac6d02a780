"""Ways as an answer that may be kept, as a picture, and in words: why each label was won, and why there is no way."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import httpx
import pytest

from app.main import create_app
from app.network.errors import RouteUnavailable
from app.network.plan import FrontCache
from app.routing import NoPlan, Reason, SearchTooLarge
from tests.api.asking import problem_of
from tests.factories.network import networked, planned

template, ports = networked, planned
ASKED = {"from": "HOTAN", "to": "SHANGHAI", "weight_g": "15600"}
SVG = {"accept": "image/svg+xml"}
PICTURE_BYTES_MAX = 120_000


async def see(client, headers=None, **asked):
    return await client.get("/v1/routes", params=ASKED | asked, headers=headers or {})


async def test_get_answers_what_post_answers(client):
    seen = await see(client)
    assert seen.status_code == 200, seen.text
    posted = await client.post("/v1/routes", json=ASKED | {"weight_g": 15_600})
    assert seen.json() == posted.json()
    assert seen.headers["vary"] == "Accept, Accept-Language"
    assert seen.headers["content-language"] == "en"


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_each_label_says_what_it_was_won_by(client, language):
    options = (await see(client, {"accept-language": language})).json()["options"]
    for option in options:
        assert option["why"].keys() == set(option["labels"])
    by_label = {label: option for option in options for label in option["labels"]}
    cheapest, fastest = by_label["cheapest"], by_label["fastest"]
    saved = (fastest["price"]["amount"] - cheapest["price"]["amount"]) / 100
    first = {"en": f"¥{saved:,.2f} less than the fastest", "zh-Hans": f"比最快的方案便宜 ¥{saved:,.2f}"}[language]
    assert cheapest["why"]["cheapest"].startswith(first)


async def test_picture_is_svg_with_the_stops_and_figures_of_the_answer(client):
    options = (await see(client)).json()["options"]
    picture = await see(client, SVG)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert len(picture.content) <= PICTURE_BYTES_MAX
    assert "default-src 'none'" in picture.headers["content-security-policy"]
    texts = "\n".join(ET.fromstring(picture.content).itertext())
    for words in ("Hotan → Shanghai", "15.6 kg", "Cheapest", "Fastest", "Greenest", "CO₂e", "Natural Earth"):
        assert words in texts
    for option in options:
        assert f"¥{option['price']['amount'] / 100:,.2f}" in texts
    assert b"<script" not in picture.content
    assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|href|url\(", picture.content)


async def test_picture_speaks_the_readers_language_and_has_the_width_that_was_asked_for(client):
    picture = await see(client, SVG | {"accept-language": "zh-CN"}, width="390")
    root = ET.fromstring(picture.content)
    texts = "".join(root.itertext())
    assert root.get("width") == "390"
    for words in ("和田 → 上海", "最便宜", "最快", "千克 CO₂e"):
        assert words in texts
    assert not re.search("Cheapest|Truck|Hotan", texts)


@pytest.mark.parametrize("accept", ["application/json", "image/svg+xml"])
async def test_what_has_not_changed_is_not_sent_again(client, accept):
    first = await see(client, {"accept": accept})
    again = await see(client, {"accept": accept, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await see(client, {"accept": accept, "if-none-match": first.headers["etag"]}, weight_g="16900")
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("image/*", "image/svg+xml"),
        ("image/avif,image/webp,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "image/svg+xml"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("image/svg+xml;q=0.2, application/json;q=0.9", "application/json"),
        ("application/json;q=0, */*", "image/svg+xml"),
    ],
)
async def test_form_is_the_one_that_is_wanted_most(client, accept, media):
    assert (await see(client, {"accept": accept})).headers["content-type"] == media


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "image/svg+xml;q=nonsense"])
async def test_form_that_we_do_not_have_is_refused(client, accept):
    problem = problem_of(await see(client, {"accept": accept}), 406, "not-acceptable")
    assert problem["offered"] == "application/json, image/svg+xml"


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        ({"to": "NOWHERE"}, ["/query/to"]),
        ({"to": "HOTAN"}, ["/query/to"]),
        ({"weight_g": "0", "temperature": "warm"}, ["/query/weight_g", "/query/temperature"]),
        ({"live_heads": "3"}, ["/query/live_heads"]),
        ({"depart_after": "2027-03-01T00:00:00Z"}, ["/query/depart_after"]),
        ({"width": "100"}, ["/query/width"]),
        ({"colour": "red"}, ["/query/colour"]),
    ],
)
async def test_bad_question_names_what_is_wrong_whatever_form_was_asked_for(client, asked, pointers):
    for headers in ({}, SVG):
        problem = problem_of(await see(client, headers, **asked), 422, "invalid-request")
        assert [error["pointer"] for error in problem["errors"]] == pointers


class Answering(FrontCache):
    """A planner that has one answer."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def plan(self, timetable, query, load):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def door_with(ports, answer):
    service = create_app(ports=replace(ports, fronts=Answering(answer)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://chama.test")


@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_for_no_way_is_told_in_both_languages_with_what_to_do(ports, reason):
    async with door_with(ports, NoPlan(reason)) as door:
        told = {
            language: problem_of(
                await see(door, {"accept-language": language, **SVG}, temperature="chilled"), 409, "route-unavailable"
            )
            for language in ("en", "zh-Hans")
        }
    for problem in told.values():
        assert (problem["reason"], problem["from"], problem["to"]) == (reason.value, "HOTAN", "SHANGHAI")
        assert not re.search(r"[{}]|\.\.|。。", problem["detail"])
    # What stands against it, then what may be done.
    assert (
        re.fullmatch(r"From HOTAN to SHANGHAI: .+\. [A-Z].+\.", told["en"]["detail"]) or reason is Reason.UNKNOWN_PLACE
    )
    assert len(re.findall("。", told["zh-Hans"]["detail"])) == (1 if reason is Reason.UNKNOWN_PLACE else 2)
    assert not re.search("[a-z]{3,}", told["zh-Hans"]["detail"].replace("/v1/hubs", ""))


async def test_reasons_differ(ports):
    details = {
        RouteUnavailable(reason, "A", "B").detail_in(language) for reason in Reason for language in ("en", "zh-Hans")
    }
    assert len(details) == 2 * len(Reason)


async def test_too_large_a_search_is_told_as_one(ports):
    async with door_with(ports, SearchTooLarge("more labels")) as door:
        problem_of(await see(door), 409, "too-many-ways")
