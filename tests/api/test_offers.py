"""Offers over HTTP: a step is guarded by the tag that was read, a deposit and an order follow, and refusals say what to do."""

from app.offers.values import OfferStatus
from app.orders.schemas import QuoteShape
from tests.api.asking import SEEN_ON_THE_ACCOUNT, problem_of, town_clock, town_template
from tests.factories.orders import asked_for, best
from tests.factories.tables import nothing_happens

template, clock = town_template, town_clock


def keyed(town, role, key):
    return town.headers[role] | {"idempotency-key": key}


async def test_agreement_is_made_of_what_was_seen_paid_for_and_ordered(door, town, ports):
    address = f"/v1/offers/{town.offers['open']}"
    seen = (await door.get(address, headers=town.headers["member"])).headers["etag"]
    dearer = {"price": {"amount": 8_500, "currency": "CNY"}}
    guarded = town.headers["member"] | {"if-match": seen}
    assert (await door.post(f"{address}/counter", json=dearer, headers=guarded)).status_code == 200
    async with nothing_happens(ports):
        stale = await door.post(f"{address}/accept", headers=keyed(town, "buyer", "a") | {"if-match": seen})
        problem_of(stale, 412, "changed-meanwhile")
        early = await door.post(
            f"{address}/deposit", json={"method": "bank_transfer"}, headers=keyed(town, "buyer", "b")
        )
        problem_of(early, 409, "state-conflict")
    agreed = await door.post(f"{address}/accept", headers=keyed(town, "buyer", "c"))
    assert (agreed.json()["status"], agreed.json()["deposit"]["status"]) == (OfferStatus.ACCEPTED, "due")
    goods = asked_for({town.village.dates: "50"})
    goods["lines"][0]["offer"] = town.offers["open"]
    async with nothing_happens(ports):
        unpaid = await door.post("/v1/quotes", json=goods, headers=town.headers["buyer"])
        assert "Due" in problem_of(unpaid, 409, "offer-not-orderable")["detail"]
    asked = await door.post(f"{address}/deposit", json={"method": "bank_transfer"}, headers=keyed(town, "buyer", "d"))
    assert asked.json()["deposit"]["reference"] == asked.json()["number"]
    note = SEEN_ON_THE_ACCOUNT | {"amount": asked.json()["deposit"]["amount"]}
    got = await door.post(f"{address}/deposit/receipt", json=note, headers=keyed(town, "operator", "e"))
    assert got.json()["deposit"]["status"] == "held"
    quote = (await door.post("/v1/quotes", json=goods, headers=town.headers["buyer"])).json()
    assert (quote["lines"][0]["price"]["amount"], quote["deposit"]["amount"]) == (8_500, 42_500)
    order = {
        "quote": quote["id"],
        "option": best(QuoteShape.model_validate(quote)).id,
        "payment": {"method": "cash_on_delivery"},
    }
    placed = await door.post("/v1/orders", json=order, headers=keyed(town, "buyer", "f"))
    assert (placed.status_code, placed.json()["deposit"]["amount"]) == (201, 42_500), placed.text
    used = (await door.get(address, headers=town.headers["buyer"])).json()
    assert (used["status"], used["order"], used["due_at"]) == ("used", placed.json()["id"], None)


async def test_terms_are_public_and_name_every_category(door):
    told = (await door.get("/v1/offer-terms")).json()
    assert {row["category"] for row in told["items"]} == {"cotton", "produce", "livestock", "handicraft"}
    assert told["items"][0]["min_quantity"]["bale"] == "10"


async def test_box_is_scanned_back_at_a_hub_that_there_is(door, town, ports):
    address = f"/v1/packages/{town.box}/returns"
    async with nothing_happens(ports):
        nowhere = await door.post(address, json={"hub": "NOWHERE"}, headers=town.headers["carrier"])
        assert [error["pointer"] for error in problem_of(nowhere, 422, "invalid-request")["errors"]] == ["/hub"]
    first = await door.post(address, json={"hub": "URUMQI"}, headers=town.headers["carrier"])
    again = await door.post(address, json={"hub": "HOTAN"}, headers=town.headers["operator"])
    assert (first.status_code, first.json()) == (200, again.json())
