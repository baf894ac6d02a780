"""The manner of the API, the same at every address: bodies, tags, pages, languages, shapes and problem documents."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.ids import new_id
from app.core.limits import BODY_BYTES_MAX, IDEMPOTENCY_KEY_LENGTH_MAX
from app.core.validation import meant_by
from tests.api.asking import BODIES, ask, body_of, one_database, path_of, problem_of, town_clock
from tests.api.rights import LISTS, in_our_manner, lines, may, reader_of
from tests.factories.orders import asked_for, ordering
from tests.factories.tables import nothing_happens

database_url, clock = one_database, town_clock
TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$")
QUANTITY = re.compile(r"^(0|[1-9]\d*)(\.\d{1,3})?$")
HUGE = "x" * (BODY_BYTES_MAX + 1)


WITH_BODY = in_our_manner([line for line in lines("POST", "PATCH") if line in BODIES])
SINGLES = [
    "GET /v1/webhook-endpoints/{endpoint_id}",
    "GET /v1/consignments/{consignment_id}/custody",
    "GET /v1/me",
    "GET /v1/producers/{producer_id}",
    "GET /v1/producers/{producer_id}/people/{person_id}",
    "GET /v1/memberships/{membership_id}",
    "GET /v1/listings/{listing_id}",
    "GET /v1/listings/{listing_id}/lots/{lot_id}",
    "GET /v1/order-cycles/{cycle_id}",
    "GET /v1/price-lists/{price_list_id}",
    "GET /v1/media/{media_id}",
    "GET /v1/quotes/{id}",
    "GET /v1/orders/{id}",
    "GET /v1/claims/{claim_id}",
    "GET /v1/weigh-ins/{weigh_in_id}",
    "GET /v1/offers/{offer_id}",
    "GET /v1/recourses/{recourse_id}",
    "GET /v1/returns/{return_id}",
    "GET /v1/disputes/{dispute_id}",
    "GET /v1/hubs/{code}",
    "GET /v1/services/{service_id}",
    "GET /v1/consignments/{consignment_id}",
    "GET /epcis/v2/capture/{capture_id}",
    "GET /epcis/v2/events/{event_id}",
    "GET /epcis/v2/queries/{query_name}",
    "GET /epcis/v2/queries/{query_name}/subscriptions/{subscription_id}",
    "GET /epcis/v2/{resource}",
    "GET /epcis/v2/{resource}/{name}",
    "GET /v1/tracking/{tracking_number}",
    "GET /v1/recalls/{recall_id}",
    "GET /v1/packages/{package}/trace",
    "GET /v1/payees/{payee_id}",
    "GET /v1/payout-runs/{run_id}",
    "GET /v1/payouts/{payout_id}",
    "GET /v1/carriers/{carrier}/freight",
    "GET /v1/producers/{producer_id}/settlement",
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


SAYS = {
    "en": [
        (
            "/deliver_to/phone",
            "A phone number begins with + and the code of its country, digits only, such as +8610000000123",
        ),
        ("/lines/0/listing", "An id that begins with lst_ and has 26 small letters and digits after it"),
    ],
    "zh-Hans": [
        ("/deliver_to/phone", "电话号码须以 + 和国家代码开头，只含数字，例如 +8610000000123"),
        ("/lines/0/listing", "应为以 lst_ 开头、其后 26 个小写字母和数字的编号"),
    ],
}


@pytest.mark.parametrize("language", SAYS)
async def test_what_a_pattern_means_is_said_in_words(door, town, language):
    body = asked_for({"lst_short": "1"})
    body["deliver_to"] = body["deliver_to"] | {"phone": "10000000123"}
    headers = town.headers["buyer"] | {"accept-language": language}
    answer = await door.post("/v1/quotes", json=body, headers=headers)
    errors = {error["pointer"]: error["detail"] for error in problem_of(answer, 422, "invalid-request")["errors"]}
    assert errors == dict(SAYS[language])


def test_every_pattern_of_the_document_has_words_of_its_own(document):
    def patterns(node):
        if isinstance(node, dict):
            yield from [node["pattern"]] if isinstance(node.get("pattern"), str) else []
        for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from patterns(part)

    found = set(patterns(document))
    assert len(found) > 20
    for pattern in found:
        words = meant_by(pattern)
        assert words is not None, pattern
        assert words.keys() == {"en", "zh-Hans"}
        assert all(words.values())


@pytest.mark.parametrize(("language", "detail"), [("en", "At most 200 characters"), ("zh-Hans", "最多 200 个字符")])
async def test_text_that_is_too_long_is_counted_in_characters(door, town, language, detail):
    body = body_of("POST /v1/listings", town, "member") | {"title": {"en": "x" * 201}}
    headers = town.headers["member"] | {"accept-language": language}
    answer = await door.post("/v1/listings", json=body, headers=headers)
    assert problem_of(answer, 422, "invalid-request")["errors"] == [{"pointer": "/title/en", "detail": detail}]


# Addresses and methods.


@pytest.mark.parametrize("line", [line for line in lines("GET", "POST", "PATCH", "DELETE") if "{" in line])
@pytest.mark.parametrize("odd", ["%00", "a%00b", "%F0%9F%90%8E", "x" * 300])
async def test_odd_address_is_not_there_or_refused(line, odd, door, town, ports):
    method, path = line.partition("#")[0].split()
    asked = re.sub(r"\{\w+\}", odd, path)
    async with nothing_happens(ports):
        answer = await door.request(
            method, asked, headers=town.headers[may(line)], json={} if method == "PATCH" else None
        )
    assert answer.status_code in {400, 403, 404, 422, 428}, answer.text


async def test_address_that_is_not_there_is_a_problem_document(door):
    problem_of(await door.get("/v1/nothing/here"), 404, "no-such-address")


async def test_bare_address_leads_to_the_docs(door, document):
    answer = await door.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")
    assert (await door.get("/docs")).status_code == 200
    assert "/" not in document["paths"]


@pytest.mark.parametrize(
    "path", ["/", "/health", "/docs", "/track", "/openapi.json", "/v1/listings", "/v1/nothing", "/track/x"]
)
async def test_head_is_answered_wherever_get_is_and_without_a_body(door, path):
    got, asked = await door.get(path), await door.head(path)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    same = got.headers.keys() - {"x-request-id"}
    assert {name: asked.headers.get(name) for name in same} == {name: got.headers[name] for name in same}


async def test_head_where_nothing_is_got_is_refused(door):
    answer = await door.head("/v1/quotes")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


WITHOUT_BODY = [
    "POST /v1/memberships/{membership_id}/accept",
    "POST /v1/memberships/{membership_id}/decline",
    "POST /v1/memberships/{membership_id}/withdraw",
    "POST /v1/memberships/{membership_id}/leave",
    "POST /v1/listings/{listing_id}/publish",
    "POST /v1/listings/{listing_id}/pause",
    "POST /v1/listings/{listing_id}/archive",
    "POST /v1/media/{media_id}/complete",
    "POST /v1/orders/{id}/confirm-receipt",
    "POST /v1/payments/{payment_id}/renewal",
    "POST /v1/returns/{return_id}/keep",
    "POST /v1/stranded/{consignment_id}/retry",
    "POST /v1/offers/{offer_id}/accept",
    "POST /v1/offers/{offer_id}/decline",
    "POST /v1/offers/{offer_id}/withdraw",
    "POST /v1/webhook-endpoints/{endpoint_id}/secret",
    "POST /v1/webhook-endpoints/{endpoint_id}/test",
    "POST /v1/webhook-endpoints/{endpoint_id}/deliveries/{event_id}/resend",
]


def test_every_post_without_a_body_is_listed_here(document):
    bare = [
        f"POST {path}"
        for path, item in document["paths"].items()
        if "post" in item and "requestBody" not in item["post"]
    ]
    assert sorted(bare) == sorted(WITHOUT_BODY)


@pytest.mark.parametrize("line", WITHOUT_BODY)
async def test_fields_are_refused_where_no_body_is_taken(door, town, ports, line):
    async with nothing_happens(ports):
        answer = await ask(door, line, town, "member", key="a", json={"zzz": 1, "a/b": 2})
        errors = problem_of(answer, 422, "invalid-request")["errors"]
        assert [error["pointer"] for error in errors] == ["/zzz", "/a~1b"]
        for body in ("[]", "null", "7"):
            answer = await ask(door, line, town, "member", key="b", content=body)
            assert problem_of(answer, 422, "invalid-request")["errors"][0]["pointer"] == ""
        problem_of(await ask(door, line, town, "member", key="c", content="{"), 400, "malformed-request")


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
    problem = problem_of(answer, 400, "idempotency-key-unusable")
    assert f"1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII" in problem["detail"]


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
    # A trace is one document; only of a lot that went to more than a thousand lines the rest is asked for (test_show_trace).
    assert set(pages) == {*LISTS, "GET /v1/lots/{lot_id}/trace"}


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


# No JSON, but events with JSON in them, which is what `GET /v1/tracking/{tracking_number}` answers: test_tracking_stream reads them.
STREAMS = {"GET /v1/tracking/{tracking_number}/stream"}


@pytest.mark.parametrize(
    "line",
    # Metrics are text, labels are paper.
    in_our_manner(
        [
            line
            for line in lines("GET")
            if "#" not in line and line not in STREAMS and not line.endswith(("/metrics", "/labels"))
        ]
    ),
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
