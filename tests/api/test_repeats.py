"""Repeats, own ids, changes and pages: what must happen once happens once, on a town of each test's own."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.core.idempotency import Claim, lease, take
from app.core.ids import new_id
from app.core.limits import IDEMPOTENCY_LEASE
from app.core.seal import Seal
from app.flows.keep_books import close_books
from app.flows.keep_history import add_up_hubs
from app.flows.watch_shipments import watch_shipments
from app.main import create_app
from app.network.capacity import book_capacity
from app.network.values import Want
from tests.api.asking import BODIES, ask, body_of, path_of, problem_of, town_clock, town_template
from tests.api.rights import LISTS, in_our_manner, lines, may, reader_of
from tests.factories.catalogue import a_listing
from tests.factories.claims import a_return
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.orders import an_order, asked_for
from tests.factories.payments import a_dispute
from tests.factories.tables import nothing_happens, value
from tests.factories.tracking import events_of, tell

template, clock = town_template, town_clock
POSTS = lines("POST")


@pytest.mark.parametrize("line", POSTS)
async def test_same_key_answers_the_same_and_does_it_once(line, door, town, ports):
    role = may(line)
    first = await ask(door, line, town, role)
    assert first.status_code < 300, first.text
    assert "idempotent-replayed" not in first.headers
    async with nothing_happens(ports):
        again = await ask(door, line, town, role)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]


@pytest.mark.parametrize("line", in_our_manner([line for line in POSTS if line in BODIES]))
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
    path = f"/v1/listings/{town.village.dates}/pause" if hold is take else "/v1/tracking/events"
    role = "member" if hold is take else "carrier"
    someone = town.village.garden.person if hold is take else town.carrier
    headers = town.headers[role] | {"idempotency-key": "monday"}
    async with ports.begin() as session:
        await hold(session, claim_of(someone.id, "POST", path, "monday"), ports.clock.now())
        if hold is lease:
            await session.commit()
        answer = await asyncio.wait_for(door.post(path, headers=headers), 10)
    problem_of(answer, 409, "request-in-progress")
    assert int(answer.headers["retry-after"]) >= 1


class Dying(Seal):
    """The process is killed when its answer is about to be kept."""

    def close(self, content):
        raise ConnectionResetError


@pytest.mark.parametrize("verb", ["cancel", "confirm-receipt"])
async def test_what_happens_once_is_not_too_late_for_the_client_who_never_heard_of_it(town, ports, verb):
    order = town.placed[0] if verb == "cancel" else town.delivered
    path = f"/v1/orders/{order['id']}/{verb}"
    headers = town.headers["buyer"] | {"idempotency-key": "monday"}
    dying = create_app(ports=replace(ports, seal=Dying(ports.settings.key)))
    transport = httpx.ASGITransport(dying, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        assert (await client.post(path, headers=headers)).status_code == 500
    ports.clock.advance(IDEMPOTENCY_LEASE * 2)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(ports=ports)), base_url="http://chama.test"
    ) as client:
        answer = await client.post(path, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == {"cancel": "cancelled", "confirm-receipt": "completed"}[verb]
        again = await client.post(path, headers=headers)
    assert (again.status_code, again.json()) == (200, answer.json())


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
    "POST /v1/listings/{listing_id}/offers": "off",
    "POST /v1/remittances": "rmt",
    "POST /v1/freight-remarks": "rmk",
}
ANOTHER: dict[str, dict[str, Any]] = {
    "POST /v1/producers": {"county": "650102"},
    "POST /v1/listings": {"lead_time_h": 99},
    "POST /v1/listings/{listing_id}/lots": {"quantity": "7"},
    "POST /v1/media": {"bytes": 10},
    "POST /v1/quotes": {"packaging": "reusable"},
    "POST /v1/disruptions": {"reason": {"en": "Flood"}},
    "POST /v1/partners": {"name": {"en": "Other"}},
    "POST /v1/remittances": {"amount": {"amount": 101, "currency": "CNY"}},
    "POST /v1/freight-remarks": {"words": "Three were carried"},
    "POST /v1/services": {"cutoff_s": 1},
    "POST /v1/listings/{listing_id}/offers": {"quantity": "60"},
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


# Changes.


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


async def one_more_return(ports, town):
    order = await an_order(ports, town.village.buyer, {town.village.carpets: "1"})
    await tell(ports, (await an_operator(ports)).caller, events_of(order["consignments"][0]))
    await work(ports)
    await a_return(ports, town.village, order)


@pytest.mark.parametrize("line", LISTS)
async def test_pages_one_by_one_are_the_whole_list(line, door, town, ports):
    role = reader_of(line)
    headers, path = town.headers[role], path_of(line, town, role)
    if line == "GET /v1/listings":
        for _ in range(3):
            await a_listing(ports, town.village.garden)
    limit = {"GET /v1/hubs": 60, "GET /v1/services": 100, "GET /v1/bookings": 5}.get(line, 1)
    asked = {}
    if line.endswith("/timetables"):
        for month in ("2026-12", "2027-01"):
            made = await door.post(path, json={"valid_from": f"{month}-01", "departs_s": [36_000]}, headers=headers)
            assert made.status_code == 201, made.text
    if line.endswith("/statement"):  # a list with a head: its pages hold more than items
        path = path_of(f"{line}#ours", town, role)
    if line == "GET /v1/reconciliations":
        for _ in range(3):
            await close_books(ports)
    if line == "GET /v1/recourses":
        claim, key = f"/v1/claims/{town.settled}/recourse", {"idempotency-key": new_id("idk")}
        passed_on = await door.post(claim, json=town.recoursing, headers=town.headers["operator"] | key)
        assert passed_on.status_code == 201, passed_on.text
    if line == "GET /v1/disputes":
        await a_dispute(ports, await an_order(ports, town.village.buyer, {town.village.dates: "1"}))
    if line == "GET /v1/returns":
        await one_more_return(ports, town)
    if line == "GET /v1/uncollected":
        await two_lost_holds(ports, town)
    if line == "GET /v1/exceptions":
        ports.clock.advance(timedelta(days=20))
        await watch_shipments(ports)
    if line == "GET /v1/reports/bottlenecks":
        await add_up_hubs(ports)
    if line == "GET /v1/reports/carriage":
        ports.clock.advance(timedelta(days=1))
        await close_books(ports)
    if line == "GET /v1/departures":
        asked = await three_departures(ports, town)
    whole = await every_page(door, path, headers, 100, asked)
    assert len(whole) >= 2
    assert await every_page(door, path, headers, limit, asked) == whole
    assert len({str(item) for item in whole}) == len(whole)


async def two_lost_holds(ports, town):
    """Two orders that arrived, by cards whose banks had given up the money before it was taken."""
    lost = text(
        "UPDATE payment SET method = 'stripe', status = 'cancelled', hold = true, held_until = :now, refunded_minor = 0 "
        "WHERE order_id = ANY(:orders)"
    )
    async with ports.begin() as session:
        orders = [town.delivered["id"], town.claimable["id"]]
        await session.execute(lost, {"now": ports.clock.now(), "orders": orders})


async def three_departures(ports, town):
    """Something on three runs of one day, and how to ask for that day."""
    noon = (town.now + timedelta(days=30)).replace(hour=4, minute=0, second=0)
    wants = [Want(f"leg_{h}", "con_1", town.line, noon + timedelta(hours=h), 0, 1, 1_000 * h, 1_000) for h in (1, 2, 3)]
    async with ports.begin() as session:
        await book_capacity(session, wants, town.now)
    return {"on": noon.date().isoformat()}


async def every_page(door, path, headers, limit, asked):
    items, cursor = [], None
    while True:
        wanted = asked | {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await door.get(path, headers=headers, params=wanted)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page.keys() == {"items", "next_cursor"} | _head(path)
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        assert len(items) < 5_000


def _head(path):
    """What a list with a head has beside its items."""
    if path.endswith("/statement"):
        return {"owner", "name", "names", "from", "until", "accounts"}
    if path.startswith("/v1/payout-runs/"):
        return {"id", "parties", "net_cash", "terms", "by_clock", "created_at", "done_at", "sums"}
    return set()


# Waits.


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
