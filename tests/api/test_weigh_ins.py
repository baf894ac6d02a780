"""Weigh-ins as partners, buyers and producers send and see them: signed, with a photo, refused in plain words."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.ids import new_id
from app.core.sign import is_signed
from app.identity.partners import create_key
from app.identity.schemas import NewApiKey
from app.shipments.weigh_in_schemas import NewWeighIn
from app.shipments.weighing import payload_of
from tests.api.asking import ask, problem_of, town_clock, town_template
from tests.factories.catalogue import a_photo
from tests.factories.weighing import BULK, FLOCK

template, clock = town_template, town_clock
POST = "POST /v1/consignments/{consignment_id}/weigh-ins"
DECIDE = "POST /v1/weigh-ins/{weigh_in_id}/decision"


def as_text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
async def device(ports, town):
    """A scale of the carrier with a key of its own, registered with its API key."""
    private = Ed25519PrivateKey.generate()
    public = as_text(private.public_key().public_bytes_raw())
    wanted = NewApiKey.model_validate({"scopes": ["weigh_ins:write"], "public_key": public})
    async with ports.begin() as session:
        key = await create_key(session, town.carrier.id, wanted, ports.clock.now())
    return private, public, {"authorization": f"Bearer {key.secret}"}


def where(town):
    return f"/v1/consignments/{town.to_weigh['consignments'][0]['id']}/weigh-ins"


async def test_service_signs_what_it_took_in_and_anybody_can_check_it(door, town):
    answer = await ask(door, POST, town, "carrier")
    made = answer.json()
    assert (answer.status_code, made["status"], made["charged_g"], made["settled_g"]) == (201, "settled", 9_800, 9_800)
    assert made["cost"] is None
    signature = made["signature"]
    assert signature["by"] == "service"
    assert is_signed(signature["payload"], signature["value"], signature["public_key"])
    seen = await door.get(f"/v1/weigh-ins/{made['id']}", headers=town.headers["buyer"])
    assert (seen.json()["signature"], seen.json()["cost"]) == (signature, {"amount": 23_520, "currency": "CNY"})
    again = await ask(door, POST, town, "carrier", key="another key")
    assert (again.status_code, again.json()) == (201, made)
    photo = f"/v1/media/{made['photo']}"
    statuses = {role: (await door.get(photo, headers=town.headers[role])).status_code for role in town.headers}
    assert {role for role, status in statuses.items() if status == 200} == {"buyer", "member", "carrier", "operator"}


async def test_key_with_a_public_key_must_sign_and_its_signature_is_kept(door, town, device):
    private, public, headers = device
    body = town.scaled["carrier"] | {"id": new_id("wgh")}
    unsigned = await door.post(where(town), json=body, headers=headers)
    told = problem_of(unsigned, 422, "signature-wrong")
    consignment = town.to_weigh["consignments"][0]["id"]
    assert told["payload"] == payload_of(consignment, NewWeighIn.model_validate(body))
    forged = as_text(private.sign(told["payload"].replace("9800", "9900").encode()))
    problem_of(await door.post(where(town), json=body | {"signature": forged}, headers=headers), 422, "signature-wrong")
    signed = body | {"signature": as_text(private.sign(told["payload"].encode()))}
    answer = await door.post(where(town), json=signed, headers=headers)
    assert answer.status_code == 201, answer.text
    signature = answer.json()["signature"]
    assert (signature["by"], signature["public_key"]) == ("partner", public)
    assert is_signed(told["payload"], signature["value"], public)


async def test_line_may_be_left_out_where_only_one_is_weighed(door, town):
    body = {name: value for name, value in town.scaled["carrier"].items() if name != "line"}
    answer = await ask(door, POST, town, "carrier", json=body)
    assert (answer.status_code, answer.json()["line"]) == (201, town.to_weigh["lines"][0]["id"])


async def test_scope_and_carrier_decide_who_weighs(door, town):
    problem_of(await ask(door, POST, town, "bare"), 403, "forbidden")
    problem_of(await ask(door, POST, town, "rival"), 404, "not-found")
    problem_of(await ask(door, POST, town, "buyer"), 403, "forbidden")


async def test_refusals_point_at_what_is_wrong(door, town, ports):
    body = town.scaled["carrier"]
    wrong = await ask(door, POST, town, "carrier", json=body | {"net_g": body["gross_g"] + 1})
    assert [each["pointer"] for each in problem_of(wrong, 422, "invalid-request")["errors"]] == ["/net_g"]
    others = await a_photo(ports, town.village.garden, b"the member's own")
    strange = await ask(door, POST, town, "carrier", key="b", json=body | {"photo": others})
    assert [each["pointer"] for each in problem_of(strange, 422, "invalid-request")["errors"]] == ["/photo"]
    negative = await ask(door, POST, town, "carrier", key="c", json=body | {"tare_g": -1})
    assert [each["pointer"] for each in problem_of(negative, 422, "invalid-request")["errors"]] == ["/tare_g"]


async def test_buyer_sees_what_waits_for_him_and_decides_once(door, town):
    waiting = (await door.get("/v1/weigh-ins?status=waiting", headers=town.headers["buyer"])).json()["items"]
    assert [(each["id"], each["cost"]["amount"]) for each in waiting] == [(town.weigh_in, 19_200)]
    problem_of(await ask(door, DECIDE, town, "operator"), 409, "state-conflict")
    accepted = await ask(door, DECIDE, town, "buyer")
    assert (accepted.status_code, accepted.json()["settled_g"]) == (200, 8_000)
    replayed = await ask(door, DECIDE, town, "buyer")
    assert (replayed.headers["idempotent-replayed"], replayed.json()) == ("true", accepted.json())
    problem_of(await ask(door, DECIDE, town, "buyer", key="once more"), 409, "state-conflict")
    order = (await door.get(f"/v1/orders/{accepted.json()['order']}", headers=town.headers["buyer"])).json()
    assert order["lines"][0]["weighing"]["settled_g"] == 8_000
    consignment = (
        await door.get(f"/v1/consignments/{accepted.json()['consignment']}", headers=town.headers["member"])
    ).json()
    assert consignment["planned_weight_g"] - consignment["weight_g"] == 2_000


async def test_policies_tell_the_tolerances(door):
    told = (await door.get("/v1/policies")).json()["weighings"]
    assert {each["category"]: each["tolerance_bps"] for each in told} == {
        "produce": 500,
        "livestock": 800,
        "cotton": 500,
    }
    cotton = next(each for each in told if each["category"] == "cotton")
    assert (cotton["trash_pct"], cotton["regain_pct"]) == ("2.5", "8.5")


async def test_listing_says_for_which_weight_its_price_is(door, town):
    member = town.headers["member"]
    asked = FLOCK | {"producer": town.village.garden.producer.id}
    lacking = {name: value for name, value in asked.items() if name not in {"price_per", "net_weight_g"}}
    refused = problem_of(await door.post("/v1/listings", json=lacking, headers=member), 422, "invalid-request")
    assert [each["pointer"] for each in refused["errors"]] == ["/price_per", "/net_weight_g"]
    made = await door.post("/v1/listings", json=asked, headers=member)
    assert made.status_code == 201, made.text
    assert (made.json()["weighed"], made.json()["price_per"]) == (True, "kg")
    at = f"/v1/listings/{made.json()['id']}"
    # Counted again: the price is for a head, of which no net weight is told.
    counted = (await door.patch(at, json={"weighed": False}, headers=member)).json()
    assert (counted["weighed"], counted["price_per"], counted["net_weight_g"]) == (False, None, None)
    bulk = await door.post("/v1/listings", json=BULK | {"producer": asked["producer"]}, headers=member)
    changed = await door.patch(f"/v1/listings/{bulk.json()['id']}", json={"weighed": False}, headers=member)
    assert (bulk.json()["price_per"], changed.json()["weighed"], changed.json()["price_per"]) == ("kg", False, None)
