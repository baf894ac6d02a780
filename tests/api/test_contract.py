"""The manner of the API, the same at every address: bodies, ids, keys, tags, pages, languages and problem documents."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from app.core.idempotency import Claim, lease, take
from app.core.ids import new_id
from app.core.limits import BODY_BYTES_MAX, IDEMPOTENCY_KEY_LENGTH_MAX
from tests.api.asking import BODIES, ask, body_of, path_of, town_clock, town_template
from tests.api.test_rights import EXPECTED
from tests.factories.catalogue import a_listing
from tests.factories.orders import asked_for, ordering
from tests.factories.tables import nothing_happens, value
from tests.factories.town import ROLES

template, clock = town_template, town_clock
TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$")
QUANTITY = re.compile(r"^(0|[1-9]\d*)(\.\d{1,3})?$")
HUGE = "x" * (BODY_BYTES_MAX + 1)


def may(line: str) -> str:
    """Somebody who may do this."""
    return next(role for role, status in zip(ROLES, EXPECTED[line], strict=True) if status < 300)


def lines(*methods: str) -> list[str]:
    """The operations of these methods that somebody may do."""
    return [line for line in EXPECTED if line.split()[0] in methods and any(s < 300 for s in EXPECTED[line])]


WITH_BODY = [line for line in lines("POST", "PATCH") if line in BODIES]
POSTS = lines("POST")
LISTS = [
    "GET /v1/producers",
    "GET /v1/listings",
    "GET /v1/listings/{listing_id}/lots",
    "GET /v1/orders",
    "GET /v1/hubs",
    "GET /v1/services",
    "GET /v1/disruptions",
    "GET /v1/bookings",
    "GET /v1/consignments",
    "GET /v1/partners",
    "GET /v1/partners/{partner_id}/keys",
    "GET /v1/producers/{producer_id}/entries",
]
SINGLES = [
    "GET /v1/me",
    "GET /v1/producers/{producer_id}",
    "GET /v1/listings/{listing_id}",
    "GET /v1/media/{media_id}",
    "GET /v1/quotes/{id}",
    "GET /v1/orders/{id}",
    "GET /v1/hubs/{code}",
    "GET /v1/services/{service_id}",
    "GET /v1/consignments/{consignment_id}",
    "GET /v1/tracking/{tracking_number}",
]
# The reader who sees the most of each list.
READER = {"GET /v1/listings/{listing_id}/lots": "member", "GET /v1/consignments": "member", "GET /v1/orders": "buyer"}


def problem_of(answer, status, slug):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"/problems/{slug}"), problem
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


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


@pytest.mark.parametrize("line", POSTS)
async def test_same_key_answers_the_same_and_does_it_once(line, door, town, ports):
    role = may(line)
    first = await ask(door, line, town, role)
    assert first.status_code < 300, first.text
    assert "idempotent-replayed" not in first.headers
    async with nothing_happens(ports):
        again = await ask(door, line, town, role)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]


@pytest.mark.parametrize("line", [line for line in POSTS if line in BODIES])
async def test_same_key_with_another_body_is_refused(line, door, town, ports):
    role = may(line)
    assert (await ask(door, line, town, role)).status_code < 300
    # The body of an order is read before its key, so it has to be one that could be meant.
    change = {"payment": {"method": "stripe"}} if line == "POST /v1/orders" else {"surprise": 1}
    async with nothing_happens(ports):
        other = await ask(door, line, town, role, json=body_of(line, town, role) | change)
    problem_of(other, 422, "idempotency-key-reused")


async def test_same_key_at_another_address_is_refused(door, town):
    headers = town.headers["buyer"] | {"idempotency-key": "monday"}
    first, second = (f"/v1/orders/{order['id']}/cancel" for order in town.placed)
    assert (await door.post(first, headers=headers)).status_code == 200
    problem_of(await door.post(second, headers=headers), 422, "idempotency-key-reused")


async def test_keys_of_two_callers_never_meet(door, town):
    for role in ("buyer", "stranger"):
        headers = town.headers[role] | {"idempotency-key": "monday"}
        answer = await door.post("/v1/quotes", json=asked_for({town.village.dates: "1"}), headers=headers)
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)


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


async def test_refused_request_leaves_its_key_for_a_corrected_one(door, town):
    headers = town.headers["buyer"] | {"idempotency-key": "monday"}
    wrong = asked_for({town.village.dates: "100000"})
    problem_of(await door.post("/v1/quotes", json=wrong, headers=headers), 409, "out-of-stock")
    right = await door.post("/v1/quotes", json=asked_for({town.village.dates: "1"}), headers=headers)
    assert right.status_code == 201


def claim_of(caller, method, path, key, body=b""):
    return Claim(caller, key, hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest())


@pytest.mark.parametrize("hold", [take, lease])
async def test_second_request_while_the_first_is_at_work_is_told_when_to_come_back(door, town, ports, hold):
    path = f"/v1/listings/{town.village.dates}/pause" if hold is take else f"/v1/orders/{town.placed[0]['id']}/cancel"
    role = "member" if hold is take else "buyer"
    someone = town.village.garden.person if hold is take else town.village.buyer
    headers = town.headers[role] | {"idempotency-key": "monday"}
    async with ports.begin() as session:
        await hold(session, claim_of(someone.id, "POST", path, "monday"), ports.clock.now())
        if hold is lease:
            await session.commit()
        answer = await asyncio.wait_for(door.post(path, headers=headers), 10)
    problem_of(answer, 409, "request-in-progress")
    assert int(answer.headers["retry-after"]) >= 1


async def test_answer_that_is_kept_for_a_key_cannot_be_read_in_the_database(door, town, ports):
    line = "POST /v1/partners/{partner_id}/keys"
    secret = (await ask(door, line, town, "operator")).json()["secret"]
    kept = await value(ports, "SELECT body FROM idempotency_key WHERE key = 'key of operator'")
    assert secret.encode() not in bytes(kept)


# Ids that clients make.


OWN_IDS = {
    "POST /v1/producers": "prd",
    "POST /v1/listings": "lst",
    "POST /v1/listings/{listing_id}/lots": "lot",
    "POST /v1/media": "med",
    "POST /v1/quotes": "quo",
    "POST /v1/orders": "ord",
    "POST /v1/disruptions": "dis",
    "POST /v1/partners": "ptn",
}
ANOTHER: dict[str, dict[str, Any]] = {
    "POST /v1/producers": {"county": "650102"},
    "POST /v1/listings": {"lead_time_h": 99},
    "POST /v1/listings/{listing_id}/lots": {"quantity": "7"},
    "POST /v1/media": {"bytes": 10},
    "POST /v1/quotes": {"packaging": "reusable"},
    "POST /v1/disruptions": {"reason": {"en": "Flood"}},
    "POST /v1/partners": {"name": {"en": "Other"}},
    "POST /v1/services": {"cutoff_s": 1},
}


def with_id(line, town, role):
    return body_of(line, town, role) | {"id": new_id(OWN_IDS[line]) if line in OWN_IDS else "KUNLUN-NEW-1"}


@pytest.mark.parametrize("line", [*OWN_IDS, "POST /v1/services"])
async def test_creating_again_with_the_same_id_and_body_answers_the_first(line, door, town, ports):
    role = may(line)
    body = with_id(line, town, role)
    first = await ask(door, line, town, role, json=body, key="one")
    assert (first.status_code, first.json()["id"]) == (201, body["id"]), first.text
    counted = "SELECT count(*) FROM idempotency_key"
    keys = await value(ports, counted)
    again = await ask(door, line, town, role, json=body, key="two")
    assert again.status_code == 201, again.text
    if line != "POST /v1/media":  # the address for the upload is a fresh one
        assert again.json() == first.json()
    assert await value(ports, counted) <= keys + 1


@pytest.mark.parametrize("line", ANOTHER)
async def test_creating_something_else_with_the_same_id_is_refused(line, door, town, ports):
    role = may(line)
    body = with_id(line, town, role)
    assert (await ask(door, line, town, role, json=body, key="one")).status_code == 201
    async with nothing_happens(ports):
        other = await ask(door, line, town, role, json=body | ANOTHER[line], key="two")
    assert problem_of(other, 409, "id-taken")["detail"].startswith(body["id"])


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


@pytest.mark.parametrize(
    "line", ["PATCH /v1/producers/{producer_id}", "PATCH /v1/listings/{listing_id}", "PATCH /v1/services/{service_id}"]
)
async def test_change_is_guarded_by_the_tag_that_was_read(line, door, town, ports):
    role, path = may(line), path_of(line, town, may(line))
    headers = town.headers[role]
    seen = (await door.get(path, headers=headers)).headers["etag"]
    changed = await door.patch(path, json=body_of(line, town, role), headers=headers | {"if-match": seen})
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == (await door.get(path, headers=headers)).headers["etag"] != seen
    async with nothing_happens(ports):
        late = await door.patch(path, json=body_of(line, town, role), headers=headers | {"if-match": seen})
        problem_of(late, 412, "changed-meanwhile")


# Pages.


@pytest.mark.parametrize("line", LISTS)
async def test_pages_one_by_one_are_the_whole_list(line, door, town, ports):
    role = READER.get(line, "operator" if EXPECTED[line][-1] == 200 else may(line))
    headers, path = town.headers[role], path_of(line, town, role)
    if line == "GET /v1/listings":
        for _ in range(3):
            await a_listing(ports, town.village.garden)
    limit = {"GET /v1/hubs": 60, "GET /v1/services": 100, "GET /v1/bookings": 5}.get(line, 1)
    whole = await every_page(door, path, headers, 100)
    assert len(whole) >= 2
    assert await every_page(door, path, headers, limit) == whole
    assert len({str(item) for item in whole}) == len(whole)


async def every_page(door, path, headers, limit):
    items, cursor = [], None
    while True:
        answer = await door.get(path, headers=headers, params={"limit": limit} | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page.keys() == {"items", "next_cursor"}
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        assert len(items) < 5_000


@pytest.mark.parametrize("line", LISTS)
async def test_page_that_cannot_be_is_refused_with_the_reason(line, door, town):
    role = READER.get(line, may(line))
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
    role = READER.get(line, may(line))
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


async def test_limits_are_told_before_and_when_they_are_reached(door):
    first = await door.post("/v1/auth/codes", json={"phone": "+8610000000777"})
    assert "codes-minute" in first.headers["ratelimit"]
    second = await door.post("/v1/auth/codes", json={"phone": "+8610000000777"})
    problem_of(second, 429, "too-many-requests")
    assert int(second.headers["retry-after"]) >= 1
    assert second.headers["ratelimit"].startswith('"codes-minute";r=0')


async def test_database_that_is_busy_is_told_with_a_time_to_come_back(door, town, ports):
    """A row that somebody else holds for too long: the request gives up, and nothing has happened."""
    path = f"/v1/orders/{town.placed[0]['id']}/cancel"
    async with ports.begin() as holder:
        await holder.execute(text('SELECT 1 FROM "order" WHERE id = :id FOR UPDATE'), {"id": town.placed[0]["id"]})
        answer = await door.post(path, headers=town.headers["buyer"])
    problem_of(answer, 503, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await door.post(path, headers=town.headers["buyer"])).status_code == 200
