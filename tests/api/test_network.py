"""The network at once, and departures by fill, for operators."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.core.paging import encode_cursor
from app.network.capacity import book_capacity
from app.network.values import Want
from tests.api.test_hubs_and_routes import OPERATOR, bearer, partner, pointers
from tests.factories.network import networked, planned
from tests.factories.tables import statements_of

template, ports = networked, planned
HOTAN_KASHGAR = "RAILB-HOTAN-KASHGAR"


@pytest.fixture
async def operator(ports):
    return await bearer(ports, OPERATOR)


@pytest.fixture
async def seen(client, operator):
    answer = await client.get("/v1/network", headers=operator)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def close(client, operator, **what):
    closed = {"from": "2026-03-01T00:00:00Z", "until": "2026-03-20T00:00:00Z", "reason": {"en": "Flood"}}
    answer = await client.post("/v1/disruptions", json=closed | what, headers=operator)
    assert answer.status_code == 201, answer.text


async def test_every_hub_and_every_running_service_is_there_once(ports, seen):
    async with ports.database.read() as connection:
        hubs = set((await connection.execute(text("SELECT code FROM hub"))).scalars())
        services = set((await connection.execute(text("SELECT id FROM service WHERE status <> 'withdrawn'"))).scalars())
    assert {hub["code"] for hub in seen["hubs"]} == hubs
    assert len(seen["hubs"]) == len(hubs)
    assert {service for link in seen["links"] for service in link["services"]} == services
    keys = [(link["from"], link["to"], link["mode"], link["planned"]) for link in seen["links"]]
    assert len(keys) == len(set(keys))
    assert {code for link in seen["links"] for code in (link["from"], link["to"])} <= hubs
    assert seen["kinds"]["rail_terminal"] == "Rail terminal"


async def test_what_is_planned_is_told_apart(seen):
    (canal,) = [link for link in seen["links"] if link["planned"]]
    assert (canal["from"], canal["to"], canal["mode"]) == ("P-GUIGANG", "P-QINZHOU", "water")


async def test_season_that_rests_ends_when_its_last_month_is_over(seen):
    """The Duku road is shut from November to May."""
    until = {one["service"]: one["until"] for one in seen["closed"]}
    assert until["CALL-KUQA-KUYTUN"] == "2026-06-01T00:00:00Z"


async def test_closed_hub_closes_its_services_and_the_answer_changes(client, operator, seen):
    before = await client.get("/v1/network", headers=operator)
    headers = operator | {"if-none-match": before.headers["etag"]}
    assert (await client.get("/v1/network", headers=headers)).status_code == 304
    await close(client, operator, hub="LANZHOU")
    after = await client.get("/v1/network", headers=headers)
    assert after.status_code == 200
    fresh = {one["service"] for one in after.json()["closed"]} - {one["service"] for one in seen["closed"]}
    of_lanzhou = {s for link in seen["links"] if "LANZHOU" in (link["from"], link["to"]) for s in link["services"]}
    assert fresh == of_lanzhou


async def test_network_takes_few_statements(client, operator, ports):
    with statements_of(ports.database) as statements:
        await client.get("/v1/network", headers=operator)
    # Who asks, the version of the timetable, what is planned.
    assert len(statements) <= 3, statements


async def book(ports, *wants):
    async with ports.begin() as session:
        await book_capacity(session, list(wants), ports.clock.now())


def want(name, run_at, weight_g, service=HOTAN_KASHGAR, board=0, alight=1):
    return Want(f"leg_{name}", f"con_{name}", service, run_at, board, alight, weight_g, 1_000)


async def runs_of(ports, service, count):
    """The first runs of a service after now."""
    async with ports.database.read() as connection:
        row = (await connection.execute(text("SELECT * FROM service WHERE id = :id"), {"id": service})).one()
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    days = (midnight + timedelta(days=n) for n in range(60))
    runs = [day + timedelta(seconds=s) for day in days if day.weekday() in row.weekdays for s in row.departs_s]
    return row, runs[:count]


def day_of(at):
    return (at + timedelta(hours=8)).date().isoformat()


async def test_departures_are_told_by_their_fullest_stretch_the_fullest_first(client, ports, operator):
    row, (run_at,) = await runs_of(ports, HOTAN_KASHGAR, 1)
    other, (again,) = await runs_of(ports, "TRUCK-HOTAN-AKSU", 1)
    same_day = datetime.combine(run_at.date(), again.time(), UTC)
    half = row.capacity_weight_g // 2
    await book(ports, want("a", run_at, half), want("b", run_at, 1))
    await book(ports, want("c", same_day, other.capacity_weight_g, "TRUCK-HOTAN-AKSU"))
    both = {}
    for day in {day_of(run_at), day_of(same_day)}:
        answer = await client.get("/v1/departures", params={"on": day}, headers=operator)
        assert answer.status_code == 200, answer.text
        fills = [item["fill_permille"] for item in answer.json()["items"]]
        assert fills == sorted(fills, reverse=True)
        both |= {item["service"]: item for item in answer.json()["items"]}
    assert both["TRUCK-HOTAN-AKSU"]["fill_permille"] == 1_000
    train = both[HOTAN_KASHGAR]
    # A thousandth more than half: a gram more is told as more.
    assert (train["fill_permille"], train["mode"], train["carrier"]) == (501, "rail", row.carrier)
    (stretch,) = train["stretches"]
    assert (stretch["from"], stretch["to"], stretch["weight_g"]) == ("HOTAN", "SHACHE", half + 1)
    assert stretch["capacity_weight_g"] == row.capacity_weight_g


async def test_day_is_one_of_beijing_and_empty_departures_are_left_out(client, ports, operator):
    _, (run_at,) = await runs_of(ports, HOTAN_KASHGAR, 1)
    assert run_at.time().hour == 21, "at five in the morning of the next day there"
    await book(ports, want("a", run_at, 10))
    counts = {}
    for day in (run_at.date(), run_at.date() + timedelta(days=1)):
        answer = await client.get("/v1/departures", params={"on": day.isoformat()}, headers=operator)
        counts[day] = len(answer.json()["items"])
    assert list(counts.values()) == [0, 1]
    async with ports.begin() as session:
        await session.execute(text("UPDATE departure_load SET used_weight_g = 0, used_volume_mm3 = 0"))
    answer = await client.get("/v1/departures", params={"on": day_of(run_at)}, headers=operator)
    assert answer.json() == {"items": [], "next_cursor": None}


async def test_day_is_today_when_none_is_named(client, ports, operator, clock):
    _, (run_at,) = await runs_of(ports, HOTAN_KASHGAR, 1)
    await book(ports, want("a", run_at, 10))
    assert (await client.get("/v1/departures", headers=operator)).json()["items"] == []
    clock.at = run_at - timedelta(hours=1)
    operator = await bearer(ports, OPERATOR)
    (train,) = (await client.get("/v1/departures", headers=operator)).json()["items"]
    assert train["service"] == HOTAN_KASHGAR


async def test_pages_give_each_departure_once(client, ports, operator):
    async with ports.begin() as session:
        await session.execute(
            text(
                "INSERT INTO departure_load SELECT id, timestamptz '2026-03-05 02:00Z', 0, capacity_weight_g / (1 + n % 4), 0, 0, "
                "capacity_weight_g, capacity_volume_mm3, live_places FROM (SELECT *, row_number() OVER (ORDER BY id) AS n "
                "FROM service WHERE NOT on_demand ORDER BY id LIMIT 37) AS few"
            )
        )
    found, cursor = [], None
    for _ in range(5):
        asked = {"on": "2026-03-05", "limit": "10"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/departures", params=asked, headers=operator)).json()
        found += [(-item["fill_permille"], item["run_at"], item["service"]) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 37
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("on=someday", "/query/on"),
        ("on=1900-01-01", "/query/on"),
        ("on=2026-03-05&cursor=abc", "/query/cursor"),
        (f"on=2026-03-05&cursor={encode_cursor([2**63, 0, 'X'])}", "/query/cursor"),
        ("on=2026-03-05&limit=101", "/query/limit"),
    ],
)
async def test_bad_question_names_what_is_wrong(client, operator, query, pointer):
    assert pointers(await client.get(f"/v1/departures?{query}", headers=operator)) == [pointer]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "There is no hub NOPE; see GET /v1/hubs"), ("zh-Hans", "没有枢纽 NOPE，请见 GET /v1/hubs")],
)
async def test_disruption_of_an_unknown_hub_says_so_as_the_question_for_ways_does(client, operator, language, words):
    headers = operator | {"accept-language": language}
    period = {"from": "2026-03-05T00:00:00Z", "until": "2026-03-06T00:00:00Z", "reason": {"en": "Flood"}}
    hub = await client.post("/v1/disruptions", json=period | {"hub": "NOPE"}, headers=headers)
    link = await client.post("/v1/disruptions", json=period | {"hub": "HOTAN", "to_hub": "NOPE"}, headers=headers)
    asked = {"from": "NOPE", "to": "HOTAN", "weight_g": "5"}
    way = await client.get("/v1/routes", params=asked, headers={"accept-language": language})
    assert [pointers(answer) for answer in (hub, link, way)] == [["/hub"], ["/to_hub"], ["/query/from"]]
    assert {answer.json()["errors"][0]["detail"] for answer in (hub, link, way)} == {words}


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_disruption_of_anothers_service_and_of_none_look_alike(client, ports, language):
    headers = await partner(client, ports, "OTHER") | {"accept-language": language}
    period = {"from": "2026-03-05T00:00:00Z", "until": "2026-03-06T00:00:00Z", "reason": {"en": "Envy"}}
    told = []
    for service in (HOTAN_KASHGAR, "NOPE"):
        answer = await client.post("/v1/disruptions", json=period | {"service": service}, headers=headers)
        assert pointers(answer) == ["/service"]
        told.append(answer.json()["errors"][0]["detail"].replace(service, "…"))
    assert told[0] == told[1]
