"""Signing in over HTTP: a code comes by message, opens a family of tokens, and every way to cheat is closed."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from app.core.settings import Settings
from app.flows.install_network import install_network
from app.main import create_app

PHONE, OTHER_PHONE, OPERATOR_PHONE = "+8610000000123", "+8610000000124", "+8610000000001"
GARDEN = {"name": {"zh-Hans": "枣园"}, "kind": "household", "county": "653201", "hub": "HOTAN"}


async def ask(client, phone=PHONE, **headers):
    return await client.post("/v1/auth/codes", json={"phone": phone}, headers=headers)


async def messages(client, phone=PHONE):
    answer = await client.get("/v1/dev/messages", params={"to": phone})
    assert answer.status_code == 200
    return answer.json()["items"]


async def code_for(client, phone=PHONE):
    assert (await ask(client, phone)).status_code == 202
    return (await messages(client, phone))[0]["code"]


async def give(client, code, phone=PHONE, **headers):
    return await client.post("/v1/auth/tokens", json={"grant": "code", "phone": phone, "code": code}, headers=headers)


async def refresh(client, token, **headers):
    return await client.post("/v1/auth/tokens", json={"grant": "refresh", "refresh_token": token}, headers=headers)


async def signed_in(client, phone=PHONE):
    answer = await give(client, await code_for(client, phone), phone)
    assert answer.status_code == 201
    return answer.json()


async def me(client, tokens, **headers):
    return await client.get("/v1/me", headers={"authorization": f"Bearer {tokens['access_token']}", **headers})


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def assert_problem(answer, status, slug):
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_whole_story(client):
    asked = await ask(client)
    assert (asked.status_code, asked.json()) == (202, {"expires_in_s": 600})
    (message,) = await messages(client)
    assert set(message) == {"to", "text", "code", "sent_at"}
    assert message["to"] == PHONE
    assert message["code"] in message["text"]

    answer = await give(client, message["code"])
    tokens = answer.json()
    assert answer.status_code == 201
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in_s", "person"}
    assert (tokens["token_type"], tokens["expires_in_s"]) == ("bearer", 1_800)
    assert (tokens["person"]["phone"], tokens["person"]["roles"]) == (PHONE, ["buyer"])

    who = await me(client, tokens)
    assert who.status_code == 200
    assert who.json()["id"] == tokens["person"]["id"]

    renewed = (await refresh(client, tokens["refresh_token"])).json()
    assert renewed["person"] == tokens["person"]
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert (await me(client, renewed)).status_code == 200

    bearer = {"authorization": f"Bearer {renewed['access_token']}"}
    assert (await client.delete("/v1/auth/tokens", headers=bearer)).status_code == 204
    assert_problem(await me(client, renewed), 401, "not-signed-in")
    assert_problem(await refresh(client, renewed["refresh_token"]), 401, "refresh-token-refused")


async def test_code_comes_in_the_callers_language(client):
    await ask(client, **{"accept-language": "zh-CN,zh;q=0.9"})
    assert (await messages(client))[0]["text"].startswith("【茶马】")


async def test_plus_sign_may_stand_bare_in_the_mailbox_address(client):
    await ask(client)
    answer = await client.get(f"/v1/dev/messages?to={PHONE}")
    assert len(answer.json()["items"]) == 1


async def test_answer_does_not_tell_whether_the_phone_is_known(client):
    await signed_in(client)
    known, unknown = await ask(client, OTHER_PHONE), await ask(client, "+8610000000125")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


async def test_person_signs_in_again_as_the_same_person(client, clock):
    first = await signed_in(client)
    clock.advance(timedelta(minutes=2))
    again = await signed_in(client)
    assert again["person"]["id"] == first["person"]["id"]
    assert (await me(client, first)).status_code == 200


async def test_operator_is_known_by_phone(client):
    tokens = await signed_in(client, OPERATOR_PHONE)
    assert tokens["person"]["roles"] == ["buyer", "operator"]


async def test_reused_refresh_token_ends_the_family(client):
    stolen = await signed_in(client)
    renewed = (await refresh(client, stolen["refresh_token"])).json()
    assert_problem(await refresh(client, stolen["refresh_token"]), 401, "refresh-token-refused")
    assert_problem(await refresh(client, renewed["refresh_token"]), 401, "refresh-token-refused")
    assert_problem(await me(client, renewed), 401, "not-signed-in")
    assert_problem(await me(client, stolen), 401, "not-signed-in")


async def test_lost_answer_to_a_refresh_is_asked_for_again_with_its_key(client):
    tokens = await signed_in(client)
    key = {"idempotency-key": "b2d4c9d2-refresh"}
    first = await refresh(client, tokens["refresh_token"], **key)
    again = await refresh(client, tokens["refresh_token"], **key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert (await me(client, first.json())).status_code == 200


async def test_five_wrong_codes_end_the_code(client):
    code = await code_for(client)
    for _ in range(5):
        assert_problem(await give(client, wrong(code)), 401, "sign-in-code-refused")
    assert_problem(await give(client, code), 401, "sign-in-code-refused")


async def test_four_wrong_codes_leave_one_try(client):
    code = await code_for(client)
    for _ in range(4):
        await give(client, wrong(code))
    assert (await give(client, code)).status_code == 201


async def test_refused_try_with_a_key_still_counts(client):
    code = await code_for(client)
    for n in range(5):
        assert (await give(client, wrong(code), **{"idempotency-key": f"try-{n}"})).status_code == 401
    assert (await give(client, code)).status_code == 401


async def test_code_expires(client, clock):
    code = await code_for(client)
    clock.advance(timedelta(minutes=10))
    assert_problem(await give(client, code), 401, "sign-in-code-refused")


async def test_access_token_expires_and_the_refresh_token_renews_it(client, clock):
    tokens = await signed_in(client)
    clock.advance(timedelta(minutes=30))
    assert_problem(await me(client, tokens), 401, "not-signed-in")
    assert (await me(client, (await refresh(client, tokens["refresh_token"])).json())).status_code == 200


async def test_unused_refresh_token_expires(client, clock):
    tokens = await signed_in(client)
    clock.advance(timedelta(days=60))
    assert_problem(await refresh(client, tokens["refresh_token"]), 401, "refresh-token-refused")


async def test_code_is_used_once_even_by_two_at_once(client):
    code = await code_for(client)
    answers = await asyncio.gather(*(give(client, code) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 401]


async def test_code_of_one_phone_signs_in_no_other(client):
    code = await code_for(client)
    assert_problem(await give(client, code, OTHER_PHONE), 401, "sign-in-code-refused")


async def test_one_phone_gets_one_code_a_minute(client, clock):
    first = await ask(client)
    assert '"codes-minute";r=0;t=60' in first.headers["ratelimit"]
    assert '"codes-hour";r=4;t=3600' in first.headers["ratelimit"]
    assert '"codes-minute";q=1;w=60' in first.headers["ratelimit-policy"]
    clock.advance(timedelta(seconds=20))
    refused = await ask(client)
    assert_problem(refused, 429, "too-many-requests")
    assert refused.headers["retry-after"] == "40"
    assert refused.headers["ratelimit"] == '"codes-minute";r=0;t=40'
    assert refused.headers["ratelimit-policy"] == '"codes-minute";q=1;w=60'
    assert (await ask(client, OTHER_PHONE)).status_code == 202
    clock.advance(timedelta(seconds=40))
    assert (await ask(client)).status_code == 202
    assert len(await messages(client)) == 2


async def test_one_phone_gets_five_codes_an_hour(client, clock):
    for _ in range(5):
        assert (await ask(client)).status_code == 202
        clock.advance(timedelta(minutes=1))
    refused = await ask(client)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == str(55 * 60)
    clock.advance(timedelta(minutes=55))
    assert (await ask(client)).status_code == 202


@asynccontextmanager
async def from_address(ports, address):
    """The service as somebody at this address reaches it."""
    transport = httpx.ASGITransport(create_app(ports=ports), client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        yield client


async def test_one_address_gets_thirty_codes_an_hour(ports, clock):
    async with from_address(ports, "203.0.113.7") as client:
        for n in range(30):
            assert (await ask(client, f"+8610000001{n:03}")).status_code == 202
        assert_problem(await ask(client), 429, "too-many-requests")
        clock.advance(timedelta(hours=1))
        assert (await ask(client)).status_code == 202


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_developers_own_machine_is_limited_by_phone_only(ports, clock, address):
    async with from_address(ports, address) as client:
        for n in range(31):
            asked = await ask(client, f"+8610000001{n:03}")
            assert asked.status_code == 202
            assert "codes-address" not in asked.headers["ratelimit"]
        assert_problem(await ask(client, "+8610000001000"), 429, "too-many-requests")


async def test_loopback_is_an_address_like_any_other_in_production(ports):
    production = Settings.model_construct(**ports.settings.model_dump() | {"environment": "production"})
    async with from_address(replace(ports, settings=production), "127.0.0.1") as client:
        for n in range(30):
            assert (await ask(client, f"+8610000001{n:03}")).status_code == 202
        assert_problem(await ask(client), 429, "too-many-requests")


async def test_tries_of_one_phone_are_limited_over_all_its_codes(client, clock):
    for _ in range(2):
        code = await code_for(client)
        for _ in range(5):
            assert (await give(client, wrong(code))).status_code == 401
        clock.advance(timedelta(minutes=1))
    code = await code_for(client)
    refused = await give(client, code)
    assert_problem(refused, 429, "too-many-requests")
    assert int(refused.headers["retry-after"]) == 8 * 60


async def test_tokens_come_with_what_is_left_of_their_allowance(client):
    answer = await give(client, await code_for(client))
    assert '"tries-phone";r=9;t=600' in answer.headers["ratelimit"]
    renewed = await refresh(client, answer.json()["refresh_token"])
    assert renewed.headers["ratelimit-policy"].startswith('"refreshes-address";q=')


@pytest.mark.parametrize("phone", ["8610000000123", "+0610000000123", "+86 100", "", "+8610000000123456"])
async def test_phone_that_is_none_is_pointed_at(client, phone):
    answer = await ask(client, phone)
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == "/phone"


@pytest.mark.parametrize(
    "body",
    [
        {"grant": "password", "phone": PHONE},
        {"phone": PHONE, "code": "314159"},
        {"grant": "code", "phone": PHONE, "code": "31415"},
        {"grant": "code", "phone": PHONE, "code": "３１４１５９"},
        {"grant": "code", "phone": PHONE, "code": "314159", "extra": 1},
        {"grant": "refresh", "refresh_token": ""},
        {},
    ],
)
async def test_malformed_grants_are_refused(client, body):
    assert_problem(await client.post("/v1/auth/tokens", json=body), 422, "invalid-request")


@pytest.mark.parametrize("header", ["Bearer cha_forged", "Bearer chk_live_forged", "Bearer chr_x", "Basic eA==", ""])
async def test_bad_credentials_are_refused_with_a_challenge(client, header):
    answer = await client.get("/v1/me", headers={"authorization": header})
    assert_problem(answer, 401, "not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_me_is_not_sent_again_while_it_is_the_same(client):
    tokens = await signed_in(client)
    first = await me(client, tokens)
    assert (await me(client, tokens, **{"if-none-match": first.headers["etag"]})).status_code == 304


async def test_person_becomes_a_producer_by_registering_one(client, ports):
    async with ports.begin() as session:
        await install_network(session, ports.clock.now())
    tokens = await signed_in(client)
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    made = await client.post("/v1/producers", json=GARDEN, headers=bearer)
    assert made.status_code == 201
    who = (await me(client, tokens)).json()
    assert who["roles"] == ["buyer", "producer"]
    grants = ["list", "price", "see", "ship"]
    assert who["producers"] == [{"id": made.json()["id"], "name": GARDEN["name"], "role": "owner", "grants": grants}]


async def test_no_code_and_no_token_is_kept_readable(client, database):
    code = await code_for(client)
    tokens = (await give(client, code, **{"idempotency-key": "kept"})).json()
    async with database.read() as connection:
        tables = (
            await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars()
        kept = {
            table: str((await connection.execute(text(f'SELECT "{table}"::text FROM "{table}"'))).all())
            for table in tables
        }
    for secret in (tokens["access_token"], tokens["refresh_token"]):
        assert not [table for table, content in kept.items() if secret in content or secret.encode().hex() in content]
    assert [table for table, content in kept.items() if code in content] == ["message"]
