"""Partners and their API keys over HTTP."""

from datetime import timedelta

import pytest

from app.identity.rules import access_token
from app.identity.sign_in import open_sign_in

OPERATOR, SOMEBODY = "+8610000000001", "+8610000000123"
COLD = {"name": {"en": "Tarim Cold Chain"}, "carrier": "TARIM-COLD"}


async def bearer(ports, phone):
    now = ports.clock.now()
    async with ports.begin() as session:
        opened = await open_sign_in(session, phone, language="en", now=now)
    token = access_token(opened.sign_in_id, now + timedelta(minutes=30), ports.settings.key)
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def operator(ports):
    return await bearer(ports, OPERATOR)


@pytest.fixture
async def keys_address(client, operator):
    partner = await client.post("/v1/partners", json=COLD, headers=operator)
    assert partner.status_code == 201
    return f"/v1/partners/{partner.json()['id']}/keys"


async def made_key(client, address, operator, **headers):
    answer = await client.post(address, json={"scopes": ["tracking:write"]}, headers=operator | headers)
    assert answer.status_code == 201
    return answer.json()


async def test_secret_of_a_key_is_shown_once(client, operator, keys_address):
    key = await made_key(client, keys_address, operator)
    assert key["secret"].startswith("chk_live_")
    (listed,) = (await client.get(keys_address, headers=operator)).json()["items"]
    assert listed == {name: value for name, value in key.items() if name != "secret"}


async def test_lost_answer_holds_the_same_secret_when_asked_for_with_its_key(client, operator, keys_address):
    first = await made_key(client, keys_address, operator, **{"idempotency-key": "one"})
    assert await made_key(client, keys_address, operator, **{"idempotency-key": "one"}) == first
    assert len((await client.get(keys_address, headers=operator)).json()["items"]) == 1


async def test_key_is_a_partner_and_no_person_until_it_is_revoked(client, operator, keys_address):
    key = await made_key(client, keys_address, operator)
    partner = {"authorization": f"Bearer {key['secret']}"}
    assert (await client.get("/v1/me", headers=partner)).status_code == 403
    assert (await client.get("/v1/partners", headers=partner)).status_code == 403
    for _ in range(2):
        assert (await client.delete(f"{keys_address}/{key['id']}", headers=operator)).status_code == 204
    assert (await client.get("/v1/me", headers=partner)).status_code == 401
    (listed,) = (await client.get(keys_address, headers=operator)).json()["items"]
    assert listed["revoked_at"] == "2026-03-02T02:00:00Z"


async def test_partners_are_the_operators_alone(client, ports, operator, keys_address):
    somebody = await bearer(ports, SOMEBODY)
    for headers, status in ((somebody, 403), ({}, 401)):
        answers = [
            await client.post("/v1/partners", json=COLD, headers=headers),
            await client.get("/v1/partners", headers=headers),
            await client.post(keys_address, json={"scopes": ["tracking:write"]}, headers=headers),
            await client.get(keys_address, headers=headers),
            await client.delete(f"{keys_address}/key_01jd3zq9k2e8gv5w7x4c6b8n1m", headers=headers),
        ]
        assert {answer.status_code for answer in answers} == {status}


async def test_carrier_code_belongs_to_one_partner(client, operator, keys_address):
    answer = await client.post("/v1/partners", json=COLD, headers=operator)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/carrier-taken")


@pytest.mark.parametrize("scopes", [[], ["everything"], "tracking:write"])
async def test_key_needs_scopes_that_exist(client, operator, keys_address, scopes):
    assert (await client.post(keys_address, json={"scopes": scopes}, headers=operator)).status_code == 422
