"""Order cycles over HTTP: their terms change and they end, for members of their producer; and when a quote may start."""

from datetime import timedelta

import pytest

from tests.api.asking import problem_of, town_clock, town_template
from tests.factories.orders import asked_for
from tests.factories.tables import nothing_happens

template, clock = town_template, town_clock


@pytest.fixture
def address(town):
    return f"/v1/order-cycles/{town.cycles[0]}"


async def test_terms_change_with_the_tag_that_was_read_and_windows_follow(door, town, address):
    member = town.headers["member"]
    read = await door.get(address)
    terms = {"lead_time_h": read.json()["lead_time_h"] + 2, "open_h": 3, "name": {"en": "The lorry"}}
    changed = await door.patch(address, json=terms, headers=member | {"if-match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert terms.items() <= changed.json().items()
    assert changed.json()["windows"] != read.json()["windows"]
    again = await door.get(address)
    assert (again.json(), again.headers["etag"]) == (changed.json(), changed.headers["etag"])
    stale = await door.patch(address, json={"open_h": 4}, headers=member | {"if-match": read.headers["etag"]})
    problem_of(stale, 412, "changed-meanwhile")
    assert (await door.get(address)).json() == changed.json()


async def test_change_that_makes_no_sense_names_what_and_changes_nothing(door, town, address, ports):
    for body, pointer in [
        ({"service": "NOPE"}, "/service"),
        ({"open_h": 0}, "/open_h"),
        ({"hub": "AKSU"}, "/hub"),
        ({"name": {}}, "/name"),
    ]:
        async with nothing_happens(ports):
            answer = await door.patch(address, json=body, headers=town.headers["member"])
        assert [e["pointer"] for e in problem_of(answer, 422, "invalid-request")["errors"]] == [pointer]


async def test_cycle_without_a_name_is_refused(door, town, ports, address):
    """Its name is what buyers and members are shown; there is no later step that would ask for it."""
    read = (await door.get(address)).json()
    terms = {name: read[name] for name in ("producer", "service", "lead_time_h", "open_h")} | {"name": {}}
    async with nothing_happens(ports):
        answer = await door.post("/v1/order-cycles", json=terms, headers=town.headers["member"])
    assert [e["pointer"] for e in problem_of(answer, 422, "invalid-request")["errors"]] == ["/name"]


async def test_quote_on_the_old_terms_is_refused(door, town, address):
    dates, member, buyer = town.village.dates, town.headers["member"], town.headers["buyer"]
    # Open at any time, so that there is a quote.
    await door.patch(address, json={"lead_time_h": 0, "open_h": 744}, headers=member)
    await door.post(f"{address}/listings", json={"listings": [dates]}, headers=member)
    quote = (await door.post("/v1/quotes", json=asked_for({dates: "1"}), headers=buyer)).json()
    await door.patch(address, json={"open_h": 1}, headers=member)
    order = {"quote": quote["id"], "option": quote["options"][0]["id"], "payment": {"method": "cash_on_delivery"}}
    refused = await door.post("/v1/orders", json=order, headers=buyer | {"idempotency-key": "old terms"})
    assert refused.status_code == 409, refused.text


async def test_ended_cycle_is_gone_and_its_listings_are_ordered_at_any_time(door, town, address):
    member = town.headers["member"]
    listing = f"/v1/listings/{town.village.dates}"
    await door.post(f"{address}/listings", json={"listings": [town.village.dates]}, headers=member)
    assert (await door.get(listing)).json()["order_cycle"] == town.cycles[0]
    ended = await door.delete(address, headers=member)
    assert (ended.status_code, ended.content) == (204, b"")
    assert (await door.get(listing)).json()["order_cycle"] is None
    problem_of(await door.get(address), 404, "not-found")
    problem_of(await door.delete(address, headers=member), 404, "not-found")


async def test_quote_from_a_start_that_has_clearly_passed_is_refused(door, town, clock):
    basket = {town.village.dates: "1"}
    for minutes, refused in ((11, True), (9, False)):
        body = asked_for(basket) | {"depart_after": (clock.at - timedelta(minutes=minutes)).isoformat()}
        answer = await door.post("/v1/quotes", json=body, headers=town.headers["buyer"])
        if refused:
            errors = problem_of(answer, 422, "invalid-request")["errors"]
            assert [error["pointer"] for error in errors] == ["/depart_after"]
        else:
            assert answer.status_code == 201, answer.text
