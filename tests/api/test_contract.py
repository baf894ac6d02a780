"""The manner of the API, the same at every address: bodies, tags, pages, languages, shapes and problem documents."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.ids import new_id
from app.core.limits import BODY_BYTES_MAX, IDEMPOTENCY_KEY_LENGTH_MAX
from tests.api.asking import BODIES, ask, body_of, one_database, path_of, problem_of, town_clock
from tests.api.rights import LISTS, lines, may, reader_of
from tests.factories.orders import asked_for, ordering
from tests.factories.tables import nothing_happens

database_url, clock = one_database, town_clock
TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$")
QUANTITY = re.compile(r"^(0|[1-9]\d*)(\.\d{1,3})?$")
HUGE = "x" * (BODY_BYTES_MAX + 1)


WITH_BODY = [line for line in lines("POST", "PATCH") if line in BODIES]
SINGLES = [
    "GET /v1/me",
    "GET /v1/producers/{producer_id}",
    "GET /v1/listings/{listing_id}",
    "GET /v1/order-cycles/{cycle_id}",
    "GET /v1/media/{media_id}",
    "GET /v1/quotes/{id}",
    "GET /v1/orders/{id}",
    "GET /v1/hubs/{code}",
    "GET /v1/services/{service_id}",
    "GET /v1/consignments/{consignment_id}",
    "GET /v1/tracking/{tracking_number}",
]

# Bodies.


@pytest.mark.parametrize("line", WITH_BODY)
async def test_field_that_nobody_knows_is_refused_with_its_place(line, door, town, ports):
    role = may(line)
    async with nothing_happens(ports):
        answer = await ask(door, line, town, role, json=body_of(line, town, role) | {"surprise": 1})
    errors = problem_of(answer, 422, "invalid-request")["errors"]
    assert [error["pointer"] for error in errors] == ["/surprise"]
    assert errors[0]["detail"]


@pytest.mark.parametrize("line", WITH_BODY)
async def test_body_that_is_no_object_or_not_even_json_is_refused(line, door, town, ports):
    role = may(line)
    async with nothing_happens(ports):
        problem_of(await ask(door, line, town, role, content=b'{"half'), 400, "malformed-request")
        problem_of(await ask(door, line, town, role, content=b"\xff\xfe"), 400, "malformed-request")
        for odd in ([], "text", None, 3):
            problem_of(await ask(door, line, town, role, json=odd), 422, "invalid-request")


async def test_fault_deep_in_a_body_is_pointed_at(door, town):
    body = asked_for({town.village.dates: "1"})
    body["lines"].append({"listing": "nonsense", "quantity": 2.5})
    body["deliver_to"] = body["deliver_to"] | {"phone": "12", "extra": True}
    answer = await door.post("/v1/quotes", json=body, headers=town.headers["buyer"])
    pointers = {error["pointer"] for error in problem_of(answer, 422, "invalid-request")["errors"]}
    assert pointers == {"/lines/1/listing", "/lines/1/quantity", "/deliver_to/phone", "/deliver_to/extra"}


@pytest.mark.parametrize("headers", [{"content-length": str(BODY_BYTES_MAX + 1)}, {}])
async def test_body_beyond_the_bound_is_refused_whatever_it_says_of_its_length(door, town, headers):
    async def drops():
        for _ in range(BODY_BYTES_MAX // 65_536 + 2):
            yield b" " * 65_536

    content = HUGE.encode() if headers else drops()
    answer = await door.post("/v1/quotes", content=content, headers=town.headers["buyer"])
    problem_of(answer, 413, "request-too-large")


# Addresses and methods.


async def test_address_that_is_not_there_is_a_problem_document(door):
    problem_of(await door.get("/v1/nothing/here"), 404, "no-such-address")
    problem_of(await door.get("/"), 404, "no-such-address")


async def test_method_that_is_not_taken_names_those_that_are(door):
    answer = await door.put("/v1/listings")
    problem_of(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


async def test_id_of_the_wrong_kind_is_refused_before_anything_is_looked_up(door):
    answer = await door.get("/v1/listings/ord_01jd0000000000000000000000")
    errors = problem_of(answer, 422, "invalid-request")["errors"]
    assert [error["pointer"] for error in errors] == ["/path/listing_id"]


# Keys.


async def test_order_without_a_key_is_refused(door, town, ports):
    async with nothing_happens(ports):
        answer = await door.post("/v1/orders", json=ordering(town.quote), headers=town.headers["buyer"])
    problem_of(answer, 400, "idempotency-key-required")


@pytest.mark.parametrize("key", ["", "x" * (IDEMPOTENCY_KEY_LENGTH_MAX + 1), "Schlüssel", "tab\there"])
async def test_key_that_cannot_be_kept_is_refused(door, town, ports, key):
    headers = [*town.headers["buyer"].items(), ("idempotency-key", key.encode("latin-1"))]
    async with nothing_happens(ports):
        answer = await door.post("/v1/orders", json=ordering(town.quote), headers=headers)
    problem_of(answer, 400, "idempotency-key-required")


async def test_id_of_another_kind_is_refused(door, town):
    body = body_of("POST /v1/listings", town, "member") | {"id": new_id("prd")}
    answer = await ask(door, "POST /v1/listings", town, "member", json=body)
    assert [e["pointer"] for e in problem_of(answer, 422, "invalid-request")["errors"]] == ["/id"]


# Tags.


@pytest.mark.parametrize("line", SINGLES)
async def test_whoever_has_it_already_gets_304_and_no_body(line, door, town):
    role = may(line)
    first = await ask(door, line, town, role)
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[!-~]+"', tag)
    headers = town.headers[role]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await door.get(path_of(line, town, role), headers=headers | {"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await door.get(path_of(line, town, role), headers=headers | {"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_every_single_resource_is_among_those(document):
    with_path = [
        f"GET {path}"
        for path, item in document["paths"].items()
        if "get" in item and path.endswith("}") and "200" in item["get"]["responses"]
    ]
    assert set(with_path) <= set(SINGLES)
    for line in SINGLES:
        assert "304" in document["paths"][line.split()[1]]["get"]["responses"]


# Pages.


@pytest.mark.parametrize("line", LISTS)
async def test_page_that_cannot_be_is_refused_with_the_reason(line, door, town):
    role = reader_of(line)
    headers, path = town.headers[role], path_of(line, town, role)
    wrong = {"limit": ["0", "101", "-1", "many"], "cursor": ["nonsense", "WzFd", "bnVsbA", "W10", "x" * 500]}
    for name, tries in wrong.items():
        for tried in tries:
            answer = await door.get(path, headers=headers, params={name: tried})
            errors = problem_of(answer, 422, "invalid-request")["errors"]
            assert [error["pointer"] for error in errors] == [f"/query/{name}"]


def test_every_list_is_among_those(document):
    pages = [
        f"GET {path}"
        for path, item in document["paths"].items()
        if "get" in item and any(p["name"] == "cursor" for p in item["get"].get("parameters", []))
    ]
    assert set(pages) == set(LISTS)


# Languages.


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("zh-Hans", "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en-GB", "en"),
        ("ug, zh;q=0.5, en;q=0.4", "zh-Hans"),
        ("fr", "en"),
        ("zh;q=0, en", "en"),
        ("", "en"),
        ("*;q=;;,,", "en"),
    ],
)
async def test_messages_come_in_the_language_that_is_asked_for(door, town, asked, answered):
    headers = town.headers["buyer"] | {"accept-language": asked}
    refused = await door.get("/v1/orders/ord_01jd0000000000000000000000", headers=headers)
    title = {"en": "Not found", "zh-Hans": "未找到"}[answered]
    assert (problem_of(refused, 404, "not-found")["title"], refused.headers["content-language"]) == (title, answered)
    order = await door.get(f"/v1/orders/{town.placed[0]['id']}", headers=headers)
    assert order.json()["status_text"] == {"en": "Placed", "zh-Hans": "已下单"}[answered]


async def test_text_that_people_wrote_comes_in_all_its_languages(door, town):
    listing = (await door.get(f"/v1/listings/{town.village.dates}", headers={"accept-language": "en"})).json()
    assert set(listing["title"]) == {"zh-Hans", "en"}


# Shapes of answers.


def every(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every member of a document, with its name."""
    if isinstance(node, dict):
        for key, inner in node.items():
            yield key, inner
            yield from every(inner, key)
    elif isinstance(node, list):
        for inner in node:
            yield name, inner
            yield from every(inner, name)


@pytest.mark.parametrize(
    "line", [line for line in lines("GET") if "#" not in line and not line.startswith("GET /metrics")]
)
async def test_times_money_and_measures_have_one_shape_everywhere(line, door, town):
    role = reader_of(line)
    answer = await ask(door, line, town, role)
    assert answer.headers["content-type"] == "application/json"
    for name, member in every(answer.json()):
        if isinstance(member, str) and re.match(r"\d{4}-\d{2}-\d{2}T", member):
            assert TIME.match(member), (name, member)
        if name.endswith("_at") and member is not None:
            assert TIME.match(member), (name, member)
        if isinstance(member, dict) and member.keys() >= {"amount", "currency"}:
            assert member.keys() == {"amount", "currency"}, (name, member)
            assert type(member["amount"]) is int
        if name in {"quantity", "available", "reserved", "consumed", "min_quantity", "step"}:
            assert QUANTITY.match(member), (name, member)
        if re.search(r"_(g|m|s|mm|mm3|h|minor)$", name) and not isinstance(member, dict | list):
            assert member is None or type(member) is int, (name, member)
        assert not re.search(r"[A-Z]", name) or name == "zh-Hans", name
