"""Listings over HTTP: who may do what, what is answered, tags, problems, pages."""

from datetime import date

import pytest

from app.catalogue.rules import spoils_at
from app.catalogue.schemas import ListingShape, LotShape
from app.core.clock import rfc3339
from app.core.ids import new_id
from tests.factories.catalogue import COTTON, HARVEST, JUJUBE, SHEEP, a_draft, a_listing, flock
from tests.factories.identity import a_partner, a_person, a_producer, an_operator
from tests.factories.network import networked

template = networked


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)


@pytest.fixture
async def on_sale(ports, seller):
    return await a_listing(ports, seller)


async def test_from_a_draft_to_the_public_list(client, seller):
    asked = JUJUBE | {"producer": seller.producer.id}
    made = await client.post("/v1/listings", json=asked, headers=seller.headers)
    assert made.status_code == 201
    draft = ListingShape.model_validate(made.json())
    assert (draft.status, draft.available) == ("draft", 0)
    address = f"/v1/listings/{draft.id}"
    lot = await client.post(f"{address}/lots", json={"quantity": "12"} | HARVEST, headers=seller.headers)
    assert (lot.status_code, LotShape.model_validate(lot.json()).available) == (201, 12)
    published = await client.post(f"{address}/publish", headers=seller.headers)
    assert (published.status_code, published.json()["available"]) == (200, "12")
    seen = await client.get(address)
    assert seen.json() == published.json()
    items = (await client.get("/v1/listings")).json()["items"]
    described = seen.json()
    described.pop("description")
    assert items == [described]


async def test_prices_by_weight_and_tiers_are_on_the_listing_and_in_the_list(client, seller):
    tier = {"from": "10", "price": {"amount": 7_800, "currency": "CNY"}}
    asked = JUJUBE | {"producer": seller.producer.id, "tiers": [tier], "net_weight_g": 5_000}
    draft = (await client.post("/v1/listings", json=asked, headers=seller.headers)).json()
    address = f"/v1/listings/{draft['id']}"
    await client.post(f"{address}/lots", json={"quantity": "12"} | HARVEST, headers=seller.headers)
    assert (await client.post(f"{address}/publish", headers=seller.headers)).status_code == 200
    seen = (await client.get(address)).json()
    (item,) = (await client.get("/v1/listings")).json()["items"]

    def by_weight(kg, jin):
        return [{"per": per, "price": {"amount": fen, "currency": "CNY"}} for per, fen in (("kg", kg), ("jin", jin))]

    for shown in (seen, item):
        assert shown["net_weight_g"] == 5_000
        assert shown["unit_prices"] == by_weight(1_760, 880)
        assert shown["tiers"] == [tier | {"unit_prices": by_weight(1_560, 780)}]
    # A price below a tier, and every other gap, at once; nothing has changed.
    wrong = {
        "price": {"amount": 7_800, "currency": "CNY"},
        "tiers": [tier, tier | {"from": "9.5"}],
        "net_weight_g": 5_301,
    }
    refused = await client.patch(address, json=wrong, headers=seller.headers)
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "/net_weight_g",
        "/tiers/0/price/amount",
        "/tiers/1/from",
        "/tiers/1/from",
        "/tiers/1/price/amount",
    ]
    assert (await client.get(address)).json() == seen
    plain = await client.patch(address, json={"tiers": []}, headers=seller.headers)
    assert (plain.json()["tiers"], plain.json()["version"]) == ([], seen["version"] + 1)


async def test_goods_of_unknown_net_weight_show_no_price_by_weight(client, on_sale):
    seen = (await client.get(f"/v1/listings/{on_sale}")).json()
    assert (seen["unit_prices"], seen["tiers"], seen["net_weight_g"]) == ([], [], None)


async def test_an_incomplete_listing_is_told_every_gap_in_the_language_of_the_seller(client, seller):
    bare = {"producer": seller.producer.id, "category": "cotton", "unit": "bale"}
    draft = (await client.post("/v1/listings", json=bare, headers=seller.headers)).json()
    headers = seller.headers | {"accept-language": "zh-CN"}
    refused = await client.post(f"/v1/listings/{draft['id']}/publish", headers=headers)
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "/problems/listing-incomplete")
    assert [error["pointer"] for error in problem["errors"]] == [
        "/attributes/season",
        "/attributes/colour_grade",
        "/attributes/length_mm",
        "/attributes/micronaire",
        "/title",
        "/price",
        "/package",
        "/handling",
        "/lots",
    ]
    assert problem["errors"][2]["detail"] == "发布前请填写长度"


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"attributes": {"micronaire": 4.3, "colour": "red"}}, ["/attributes/colour", "/attributes/micronaire"]),
        ({"category": "fish"}, ["/category"]),
        ({"price": {"amount": -1, "currency": "CNY"}}, ["/price/amount"]),
        ({"price": {"amount": 1, "currency": "USD"}}, ["/price/currency"]),
        ({"quantity": "5"}, ["/quantity"]),
        ({"title": {"zh-Hans": " "}}, ["/title/zh-Hans"]),
        ({"photos": ["med_1"]}, ["/photos/0"]),
        ({"photos": [new_id("med")]}, ["/photos/0"]),
        ({"min_quantity": 1}, ["/min_quantity"]),
        ({"attributes": [1]}, ["/attributes"]),
        ({"package": {"weight_g": 0, "length_mm": 1, "width_mm": 1}}, ["/package/weight_g", "/package/height_mm"]),
    ],
)
async def test_wrong_fields_are_named_where_they_stand(client, seller, wrong, pointers):
    asked = COTTON | {"producer": seller.producer.id} | wrong
    refused = await client.post("/v1/listings", json=asked, headers=seller.headers)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")
    assert [error["pointer"] for error in refused.json()["errors"]] == pointers


async def test_the_same_key_makes_one_listing(client, seller):
    asked, headers = JUJUBE | {"producer": seller.producer.id}, seller.headers | {"idempotency-key": "one"}
    first = await client.post("/v1/listings", json=asked, headers=headers)
    again = await client.post("/v1/listings", json=asked, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    published = [
        await client.post(f"/v1/listings/{first.json()['id']}/archive", headers=headers | {"idempotency-key": "two"})
        for _ in range(2)
    ]
    assert published[0].content == published[1].content


async def test_the_tag_is_the_version_and_the_stock(client, ports, seller, on_sale):
    address = f"/v1/listings/{on_sale}"
    seen = await client.get(address)
    assert seen.headers["etag"] == '"2-500"'
    known = await client.get(address, headers={"if-none-match": f'W/{seen.headers["etag"]}, "x"'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", seen.headers["etag"])
    await client.post(f"{address}/lots", json={"quantity": "1"} | HARVEST, headers=seller.headers)
    fresh = await client.get(address, headers={"if-none-match": seen.headers["etag"]})
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2-501"')


async def test_a_change_needs_the_version_that_was_read_but_not_its_stock(client, seller, on_sale):
    address, change = f"/v1/listings/{on_sale}", {"lead_time_h": 48}
    for tag in ('"1-500"', '"x"', ""):
        refused = await client.patch(address, json=change, headers=seller.headers | {"if-match": tag})
        assert (refused.status_code, refused.json()["type"]) == (412, "/problems/changed-meanwhile")
    changed = await client.patch(address, json=change, headers=seller.headers | {"if-match": '"1-9", "2-37"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["lead_time_h"]) == (200, '"3-500"', 48)
    for more in ({"if-match": "*"}, {}):
        assert (await client.patch(address, json=change, headers=seller.headers | more)).status_code == 200
    refused = await client.patch(address, json={"category": "cotton"}, headers=seller.headers)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/category"]


async def test_a_page_has_a_tag_and_a_cursor(client, ports, seller):
    made = [await a_listing(ports, seller) for _ in range(3)]
    first = await client.get("/v1/listings", params={"limit": 2})
    known = await client.get("/v1/listings", params={"limit": 2}, headers={"if-none-match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    rest = await client.get("/v1/listings", params={"limit": 2, "cursor": first.json()["next_cursor"]})
    assert rest.json()["next_cursor"] is None
    assert {item["id"] for page in (first, rest) for item in page.json()["items"]} == set(made)


async def test_the_list_is_filtered_and_searched_without_signing_in(client, ports, seller, on_sale):
    flocks = await a_listing(ports, seller, SHEEP)
    for query, expected in (
        ("category=livestock", [flocks]),
        ("q=骏枣", [on_sale]),
        ("q=绵羊 hotan", [flocks]),
        ("county=65&max_price=8800", [on_sale]),
        ("county=11", []),
        ("sort=price", [on_sale, flocks]),
        (f"producer={seller.producer.id}&sort=price", [on_sale, flocks]),
    ):
        items = (await client.get(f"/v1/listings?{query}")).json()["items"]
        assert [item["id"] for item in items] == expected, query


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=101", "/query/limit"),
        ("limit=0", "/query/limit"),
        ("category=fish", "/query/category"),
        ("county=6", "/query/county"),
        ("county=653", "/query/county"),
        ("max_price=-1", "/query/max_price"),
        ("max_price=99999999999999999999999", "/query/max_price"),
        ("sort=oldest", "/query/sort"),
        ("producer=x", "/query/producer"),
        ("cursor=nonsense", "/query/cursor"),
        (f"q={'x' * 101}", "/query/q"),
    ],
)
async def test_bad_questions_name_what_is_wrong(client, query, pointer):
    refused = await client.get(f"/v1/listings?{query}")
    assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (422, [pointer])


@pytest.mark.parametrize("typed", ["%00", "%F0%9F%90%91", "'", "\\\\", "%ED%A0%80", "🐑 羊"])
async def test_whatever_is_typed_into_the_search_is_answered(client, on_sale, typed):
    assert (await client.get(f"/v1/listings?q={typed}")).status_code == 200


async def test_drafts_are_their_sellers_own(client, ports, seller):
    draft, stranger, operator = await a_draft(ports, seller), await a_person(ports), await an_operator(ports)
    everybody = {"nobody": {}, "stranger": stranger.headers, "seller": seller.headers, "operator": operator.headers}
    seen = {
        who: (await client.get(f"/v1/listings/{draft}", headers=sent)).status_code for who, sent in everybody.items()
    }
    assert seen == {"nobody": 404, "stranger": 404, "seller": 200, "operator": 200}
    query = f"/v1/listings?producer={seller.producer.id}&status=draft"
    listed = {who: (await client.get(query, headers=sent)).status_code for who, sent in everybody.items()}
    assert listed == {"nobody": 401, "stranger": 404, "seller": 200, "operator": 200}
    mine = await client.get(query, headers=seller.headers)
    assert [item["id"] for item in mine.json()["items"]] == [draft]
    assert (await client.get("/v1/listings?status=draft", headers=seller.headers)).status_code == 404
    assert (await client.get(f"/v1/listings?producer={seller.producer.id}")).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"lead_time_h": 1}),
        ("POST", "/publish", None),
        ("POST", "/pause", None),
        ("POST", "/archive", None),
        ("POST", "/lots", {"quantity": "1"}),
    ],
)
async def test_only_sellers_change_their_goods(client, ports, seller, on_sale, method, path, body):
    draft, stranger, partner = await a_draft(ports, seller), await a_producer(ports), await a_partner(ports)
    for headers, of_draft, of_public in (({}, 401, 401), (stranger.headers, 404, 403), (partner.headers, 403, 403)):
        for listing_id, status in ((draft, of_draft), (on_sale, of_public), (new_id("lst"), of_draft)):
            answer = await client.request(method, f"/v1/listings/{listing_id}{path}", json=body, headers=headers)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"


async def test_operators_pause_and_archive_but_do_not_sell(client, ports, on_sale):
    operator = await an_operator(ports)
    answers = [
        await client.post(f"/v1/listings/{on_sale}/{verb}", headers=operator.headers)
        for verb in ("publish", "pause", "archive", "pause")
    ]
    assert [answer.status_code for answer in answers] == [403, 200, 200, 409]
    assert answers[3].json()["type"] == "/problems/state-conflict"


@pytest.mark.parametrize("content", ["", " ", "{}", " { } "])
async def test_an_empty_body_is_no_body(client, seller, on_sale, content):
    paused = await client.post(f"/v1/listings/{on_sale}/pause", content=content, headers=seller.headers)
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")


async def test_lots_over_http(client, ports, seller, on_sale):
    address = f"/v1/listings/{on_sale}/lots"
    listed = (await client.get(address, headers=seller.headers)).json()
    lot = listed["items"][0]
    spoils = spoils_at(date.fromisoformat(HARVEST["harvested_on"]), JUJUBE["handling"]["shelf_life_h"])
    assert (lot["quantity"], lot["certificates"][0]["kind"], lot["expires_at"]) == (
        "500",
        "produce_compliance",
        rfc3339(spoils),
    )
    corrected = await client.patch(f"{address}/{lot['id']}", json={"quantity": "480"}, headers=seller.headers)
    assert (corrected.status_code, corrected.json()["available"]) == (200, "480")
    for headers, status in (({}, 401), ((await a_person(ports)).headers, 404)):
        assert (await client.get(address, headers=headers)).status_code == status
    for quantity in ("0", "1.5", 3, "1000000000", "-1"):
        refused = await client.post(address, json={"quantity": quantity} | HARVEST, headers=seller.headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/quantity")


async def test_if_match_guards_a_lot_against_lost_changes(client, ports, seller, on_sale):
    address = f"/v1/listings/{on_sale}/lots"
    made = await client.post(address, json={"quantity": "7"} | HARVEST, headers=seller.headers)
    one = f"{address}/{made.json()['id']}"
    seen = await client.get(one, headers=seller.headers)
    assert (seen.headers["etag"], seen.json()) == (made.headers["etag"], made.json())
    again = await client.get(one, headers=seller.headers | {"if-none-match": seen.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    known = seller.headers | {"if-match": seen.headers["etag"]}
    changed = await client.patch(one, json={"quantity": "6"}, headers=known)
    assert (changed.status_code, changed.json()["quantity"]) == (200, "6")
    stale = await client.patch(one, json={"quantity": "9"}, headers=known)
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/changed-meanwhile")
    assert (await client.get(one, headers=seller.headers)).json() == changed.json()
    fresh = seller.headers | {"if-match": changed.headers["etag"]}
    assert (await client.patch(one, json={"quantity": "9"}, headers=fresh)).status_code == 200

    for headers, status in (({}, 401), ((await a_person(ports)).headers, 404)):
        assert (await client.get(one, headers=headers)).status_code == status
    assert (await client.get(f"{address}/{new_id('lot')}", headers=seller.headers)).status_code == 404


async def test_ear_tags_and_certificates_are_checked_at_the_door(client, ports, seller):
    draft = await a_draft(ports, seller, SHEEP)
    animals = flock()
    expired = [animals["certificates"][0] | {"issued_on": "2026-02-20", "expires_on": "2026-02-25"}]
    for wrong, pointer in (
        ({"ear_tags": ["12345"]}, "/ear_tags/0"),
        ({"ear_tags": animals["ear_tags"][:1]}, "/ear_tags"),
        ({"ear_tags": [tag.replace("3", "2", 1) for tag in animals["ear_tags"]]}, "/ear_tags/0"),
        ({"certificates": expired}, "/certificates/0/expires_on"),
        ({"certificates": [{"kind": "licence"}]}, "/certificates/0/kind"),
    ):
        lot = {"quantity": "2"} | animals | wrong
        refused = await client.post(f"/v1/listings/{draft}/lots", json=lot, headers=seller.headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_forecast_is_sold_ahead_and_its_harvest_confirmed_over_http(client, ports, seller, on_sale):
    address = f"/v1/listings/{on_sale}/lots"
    asked = {"quantity": "200", "forecast": True, "available_from": "2026-03-20T08:00:00Z"}
    made = (await client.post(address, json=asked, headers=seller.headers)).json()
    assert (made["forecast"], made["presold_max"], made["available"], made["presale_policy"]) == (
        True,
        "140",
        "140",
        "2026-1",
    )
    assert (await client.get(f"/v1/listings/{on_sale}")).json()["available"] == "640"
    refused = await client.post(
        address, json=asked | {"available_from": "2026-03-01T08:00:00Z"}, headers=seller.headers
    )
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/available_from")
    confirm = f"{address}/{made['id']}/confirm-harvest"
    for wrong, pointer in (({"quantity": "-1"}, "/quantity"), ({"harvested_on": "2026-03-19"}, "/harvested_on")):
        harvest = {"quantity": "150", "harvested_on": "2026-03-01"} | wrong
        refused = await client.post(confirm, json=harvest, headers=seller.headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    harvest = {"quantity": "150.5", "harvested_on": "2026-03-01"}
    assert (await client.post(confirm, json=harvest, headers=seller.headers)).status_code == 422
    harvest["quantity"] = "150"
    lot = (await client.post(confirm, json=harvest, headers=seller.headers)).json()
    assert (lot["forecast"], lot["presold_max"], lot["available"], lot["harvested"]) == (False, None, "150", None)
    again = await client.post(confirm, json=harvest, headers=seller.headers)
    assert (again.status_code, again.json()) == (200, lot)
    other = await client.post(confirm, json=harvest | {"quantity": "90"}, headers=seller.headers)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/state-conflict")


async def test_categories_are_data_that_anybody_may_read(client):
    answer = await client.get("/v1/categories")
    cotton = answer.json()["items"][0]
    assert cotton["code"] == "cotton"
    assert cotton["attributes"][2] == {
        "name": "length_mm",
        "form": "integer",
        "label": {"en": "Length", "zh-Hans": "长度"},
        "needed_to_publish": True,
        "unit": "mm",
        "minimum": 25,
        "maximum": 32,
        "decimals": 0,
        "choices": [],
    }
    again = await client.get("/v1/categories", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
