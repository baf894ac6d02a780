"""Producers and their money over HTTP."""

import pytest

from app.core.ids import new_id
from app.flows.install_network import install_network
from app.identity.rules import access_token
from app.identity.sign_in import open_sign_in
from app.ledger.rules import proceeds, sale_entries
from app.ledger.service import record
from app.ledger.values import PriceParts, State, Transfer, TransferKind

OWNER, STRANGER, OPERATOR = "+8610000000123", "+8610000000124", "+8610000000001"
GARDEN = {
    "name": {"zh-Hans": "枣园", "en": "Date garden"},
    "kind": "household",
    "county": "653201",
    "village": {"zh-Hans": "巴格其镇"},
    "hub": "HOTAN",
}


@pytest.fixture(autouse=True)
async def hubs(ports):
    """A producer hands its goods in at a hub that exists."""
    async with ports.begin() as session:
        await install_network(session, ports.clock.now())


@pytest.fixture
def bearer(ports):
    """The header of somebody who has just signed in."""

    async def sign_in(phone=OWNER):
        now = ports.clock.now()
        async with ports.begin() as session:
            opened = await open_sign_in(session, phone, language="en", now=now)
        token = access_token(opened.sign_in_id, now.replace(year=now.year + 1), ports.settings.key)
        return {"authorization": f"Bearer {token}"}

    return sign_in


async def created(client, headers, **changes):
    answer = await client.post("/v1/producers", json=GARDEN | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def sold(ports, producer_id, goods_minor):
    split = proceeds(PriceParts("CNY", {producer_id: goods_minor}, {"RAIL": 800}), 300)
    entries = sale_entries("per_1", split)
    transfer = Transfer(new_id("trf"), TransferKind.SALE, new_id("ord"), State.POSTED, entries)
    async with ports.begin() as session:
        await record(session, [transfer], ports.clock.now())


async def test_producer_is_shown_to_everybody_as_it_was_registered(client, bearer):
    made = await created(client, await bearer())
    shown = await client.get(f"/v1/producers/{made['id']}")
    assert shown.json() == made
    assert {name: made[name] for name in GARDEN} == GARDEN
    assert (await client.get("/v1/producers")).json() == {"items": [made], "next_cursor": None}
    again = await client.get(f"/v1/producers/{made['id']}", headers={"if-none-match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_registering_again_with_the_same_id_answers_the_first(client, bearer):
    headers, producer_id = await bearer(), new_id("prd")
    first = await created(client, headers, id=producer_id)
    assert await created(client, headers, id=producer_id) == first
    other = await client.post("/v1/producers", json=GARDEN | {"id": producer_id, "hub": "KASHGAR"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/id-taken")


async def test_change_needs_the_present_etag_when_one_is_sent(client, bearer):
    headers = await bearer()
    address = f"/v1/producers/{(await created(client, headers))['id']}"
    seen = (await client.get(address)).headers["etag"]
    change = {"name": {"en": "Old date garden"}}
    first = await client.patch(address, json=change, headers=headers | {"if-match": seen})
    assert (first.status_code, first.json()["name"]) == (200, change["name"])
    late = await client.patch(address, json={"hub": "KASHGAR"}, headers=headers | {"if-match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "/problems/changed-meanwhile")
    now = await client.patch(address, json={"hub": "KASHGAR"}, headers=headers | {"if-match": first.headers["etag"]})
    assert (now.status_code, now.json()["hub"]) == (200, "KASHGAR")
    assert (await client.get(address)).headers["etag"] == now.headers["etag"]


async def test_strangers_find_neither_the_change_nor_the_money(client, bearer):
    producer = (await created(client, await bearer()))["id"]
    stranger = await bearer(STRANGER)
    answers = [
        await client.patch(f"/v1/producers/{producer}", json={}, headers=stranger),
        await client.get(f"/v1/producers/{producer}/balances", headers=stranger),
        await client.get(f"/v1/producers/{producer}/entries", headers=stranger),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (await client.get(f"/v1/producers/{producer}/balances")).status_code == 401


async def test_member_and_operator_see_what_is_owed_and_why(client, ports, bearer):
    headers = await bearer()
    producer = (await created(client, headers))["id"]
    await sold(ports, producer, 10_000)
    await sold(ports, producer, 1_999)
    balances = await client.get(f"/v1/producers/{producer}/balances", headers=headers | {"accept-language": "zh-CN"})
    assert balances.json() == {
        "items": [
            {
                "account": "producer_pending",
                "account_name": "待结算货款",
                "posted": {"amount": 11_640, "currency": "CNY"},
                "pending": {"amount": 0, "currency": "CNY"},
            }
        ]
    }
    first = (await client.get(f"/v1/producers/{producer}/entries?limit=1", headers=await bearer(OPERATOR))).json()
    rest = await client.get(
        f"/v1/producers/{producer}/entries", params={"cursor": first["next_cursor"]}, headers=headers
    )
    assert [entry["amount"]["amount"] for entry in first["items"] + rest.json()["items"]] == [1_940, 9_700]
    available = await client.get(f"/v1/producers/{producer}/entries?account=producer_available", headers=headers)
    assert available.json() == {"items": [], "next_cursor": None}


async def test_operator_looking_at_no_producer_finds_nothing(client, bearer):
    answer = await client.get(f"/v1/producers/{new_id('prd')}/balances", headers=await bearer(OPERATOR))
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": {}}, "/name"),
        ({"name": {"zh-Hans": " "}}, "/name/zh-Hans"),
        ({"kind": "farm"}, "/kind"),
        ({"county": "65320"}, "/county"),
        ({"hub": "hotan"}, "/hub"),
        ({"village": {}}, "/village"),
        ({"owner": "me"}, "/owner"),
        ({"id": "lst_01jd3zq9k2e8gv5w7x4c6b8n1m"}, "/id"),
    ],
)
async def test_faults_are_pointed_at(client, bearer, change, pointer):
    answer = await client.post("/v1/producers", json=GARDEN | change, headers=await bearer())
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
