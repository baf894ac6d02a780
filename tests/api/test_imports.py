"""Timetables, sheets and feeds over HTTP: what a carrier's client sees."""

import base64
from datetime import UTC, datetime

import pytest

from tests.api.asking import FEED, problem_of, town_clock, town_template
from tests.factories.feed import a_sheet, as_archive, village_feed
from tests.factories.tables import nothing_happens

template, clock = town_template, town_clock
SHEETS, FEEDS = "/v1/services/imports", "/v1/services/imports/gtfs"


def packed(tables):
    return base64.b64encode(as_archive(tables)).decode()


async def test_sheet_is_checked_then_taken_then_changed(door, town):
    carrier = town.headers["carrier"]
    body = {"csv": a_sheet("DATES"), "dry_run": True}
    told = await door.post(SHEETS, json=body, headers=carrier)
    assert told.json() == {
        "dry_run": True,
        "created": ["DATES"],
        "changed": [],
        "unchanged": 0,
        "withdrawn": [],
        "skipped_trips": [],
        "faults": [],
        "more_faults": 0,
    }
    assert (await door.get("/v1/services/DATES", headers=carrier)).status_code == 404
    taken = await door.post(SHEETS, json=body | {"dry_run": False}, headers=carrier)
    assert taken.json()["created"] == ["DATES"]
    again = await door.post(SHEETS, json={"csv": a_sheet("DATES").replace("43200", "39600")}, headers=carrier)
    assert (again.json()["changed"], again.json()["created"]) == (["DATES"], [])
    service = (await door.get("/v1/services/DATES", headers=carrier)).json()
    assert (service["departs_s"], service["version"], service["carrier"]) == ([39_600], 2, "KUNLUN")


async def test_every_fault_of_a_sheet_has_row_and_column_in_ones_own_language(door, town):
    wrong = a_sheet("DATES").replace("KASHGAR", "KASHGER").replace("road", "rode")
    carrier = town.headers["carrier"] | {"accept-language": "zh-Hans"}
    told = await door.post(SHEETS, json={"csv": wrong, "dry_run": True}, headers=carrier)
    assert [(fault["row"], fault["column"]) for fault in told.json()["faults"]] == [(2, "mode"), (3, "hub")]
    refused = await door.post(SHEETS, json={"csv": wrong.replace("rode", "road")}, headers=carrier)
    assert refused.status_code == 422
    problem = refused.json()
    assert (problem["type"], problem["more_faults"]) == ("/problems/import-refused", 0)
    assert problem["errors"] == [
        {"pointer": "/csv", "detail": "没有枢纽 KASHGER，请见 GET /v1/hubs", "file": None, "row": 3, "column": "hub"}
    ]


async def test_faults_of_a_sheet_come_row_by_row_in_words_of_its_rows(door, town):
    head, *calls = a_sheet("DATES").splitlines()
    lonely = [calls[0].replace("DATES", "LONELY"), ",KASHGAR,1,1,1"]
    wrong = "\n".join([head, calls[0], calls[1].replace("KASHGAR", "NOPE"), *lonely])
    body = {"csv": wrong.replace("road", "rode", 1), "dry_run": True, "carrier": "KUNLUN"}
    told = (await door.post(SHEETS, json=body, headers=town.headers["operator"])).json()
    assert [(fault["row"], fault["column"], fault["detail"]) for fault in told["faults"]] == [
        (2, "mode", "One of: road, rail, air, water, bus, courier"),
        (3, "hub", "There is no hub NOPE; see GET /v1/hubs"),
        (4, "service", "A service calls at two hubs at least: one row for each"),
        (5, "service", "Needed, and each service once: its rows together"),
    ]


async def test_feed_is_taken_and_its_buses_are_in_the_next_plan(door, town):
    carrier = town.headers["carrier"]
    told = await door.post(FEEDS, json={"feed": "BUS", "archive": FEED}, headers=carrier)
    assert told.status_code == 200, told.text
    assert len(told.json()["created"]) == 2
    # Dearer than nothing, but the only bus there is.
    cheap = {"currency": "CNY", "base_minor": 0}
    again = await door.post(FEEDS, json={"feed": "BUS", "archive": FEED, "tariff": cheap}, headers=carrier)
    assert sorted(again.json()["changed"]) == sorted(told.json()["created"])
    asked = {"from": "HOTAN", "to": "KASHGAR", "weight_g": 5_000}
    ways = (await door.post("/v1/routes", json=asked)).json()["options"]
    assert any(leg["service"] in told.json()["created"] for way in ways for leg in way["legs"])


async def test_feed_with_faults_is_refused(door, town):
    tables = village_feed()
    tables["stop_times.txt"][0]["arrival_time"] = "soon"
    refused = await door.post(FEEDS, json={"feed": "BUS", "archive": packed(tables)}, headers=town.headers["carrier"])
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["file"], error["row"], error["column"]) == (
        "/archive",
        "stop_times.txt",
        2,
        "arrival_time",
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"feed": "BUS", "archive": "not base 64"}, "/archive"),
        ({"feed": "A BUS", "archive": FEED}, "/feed"),
        ({"feed": "BUS", "archive": FEED, "nearest_m": 6_000}, "/nearest_m"),
        ({"feed": "BUS", "archive": FEED, "stops": {"S1": "no hub"}}, "/stops/S1"),
        ({"feed": "BUS", "archive": FEED, "stops": {"S9": "HOTAN"}}, "/stops/S9"),
        ({"feed": "BUS", "archive": FEED, "carrier": "LONGHAI"}, "/carrier"),
    ],
)
async def test_request_for_a_feed_that_is_wrong_names_what(door, town, body, pointer):
    answer = await door.post(FEEDS, json=body, headers=town.headers["carrier"])
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_import_may_be_larger_than_other_requests_but_is_bounded(door, town):
    carrier = town.headers["carrier"]
    long = a_sheet("DATES") + "\n" * 1_200_000
    assert (await door.post(SHEETS, json={"csv": long, "dry_run": True}, headers=carrier)).status_code == 200
    assert (await door.post("/v1/services", json={"name": {"en": long}}, headers=carrier)).status_code == 413
    huge = {"csv": "x" * 4_600_000}
    assert (await door.post(SHEETS, json=huge, headers=carrier)).status_code == 413


@pytest.mark.parametrize(
    ("path", "media", "content", "field"),
    [
        (SHEETS, "text/csv", a_sheet("DATES").encode(), "`csv`"),
        (SHEETS, "application/x-www-form-urlencoded", b"csv=1", "`dry_run`"),
        (FEEDS, "application/zip", as_archive(village_feed()), "`archive`"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_file_that_is_sent_as_it_is_is_told_where_it_goes(
    door, town, ports, path, media, content, field, language
):
    headers = town.headers["carrier"] | {"content-type": media, "accept-language": language}
    async with nothing_happens(ports):
        answer = await door.post(path, content=content, headers=headers)
    problem = problem_of(answer, 415, "not-json")
    assert "application/json" in problem["detail"]
    assert field in problem["detail"]


async def test_dry_run_that_is_asked_for_in_the_address_does_not_become_a_real_one(door, town, ports):
    async with nothing_happens(ports):
        answer = await door.post(
            SHEETS, params={"dry_run": "true"}, json={"csv": a_sheet("DATES")}, headers=town.headers["carrier"]
        )
    (error,) = problem_of(answer, 422, "invalid-request")["errors"]
    assert error["pointer"] == "/query/dry_run"
    assert "fields of the body" in error["detail"]


async def test_repeated_import_with_its_key_is_replayed(door, town):
    headers = town.headers["carrier"] | {"idempotency-key": "import-1"}
    first = await door.post(SHEETS, json={"csv": a_sheet("DATES")}, headers=headers)
    again = await door.post(SHEETS, json={"csv": a_sheet("DATES")}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_timetable_is_made_listed_and_changed_like_a_service(door, town, clock):
    carrier = town.headers["carrier"]
    body = {
        "id": "WINTER",
        "valid_from": "2026-12-01",
        "departs_s": [36_000],
        "tariff": {"currency": "CNY", "base_minor": 9},
    }
    made = await door.post(f"/v1/services/{town.line}/timetables", json=body, headers=carrier)
    assert made.status_code == 201, made.text
    assert (made.json()["timetable_of"], made.json()["tariff"]["base_minor"]) == (town.line, 9)
    listed = (await door.get(f"/v1/services?timetable_of={town.line}", headers=carrier)).json()["items"]
    assert [service["id"] for service in listed] == ["WINTER"]
    old = (await door.get(f"/v1/services/{town.line}", headers=carrier)).json()
    for named in (town.line, "WINTER"):
        family = (await door.get(f"/v1/services/{named}/timetables", headers=carrier)).json()["items"]
        known = {each["id"]: (each["is_live"], each["timetable_of"]) for each in family}
        assert known == {town.line: (True, None), "WINTER": (False, town.line)}
    assert {each["id"]: each["departures"][0]["valid_until"] for each in family} == {
        town.line: "2026-11-30",
        "WINTER": None,
    }
    clock.at = datetime(2026, 12, 1, tzinfo=UTC)
    later = (await door.get(f"/v1/services/{town.line}/timetables", headers=carrier)).json()["items"]
    assert {each["id"]: each["is_live"] for each in later} == {town.line: False, "WINTER": True}
    page = (await door.get(f"/v1/services/{town.line}/timetables", headers=carrier, params={"limit": 1})).json()
    rest = await door.get(
        f"/v1/services/{town.line}/timetables", headers=carrier, params={"cursor": page["next_cursor"]}
    )
    assert page["items"] + rest.json()["items"] == later
    assert (old["valid_until"], old["timetable_of"]) == ("2026-11-30", None)
    more = [{"weekdays": [6], "departs_s": [3_600], "valid_from": "2027-02-01", "valid_until": "2027-02-28"}]
    changed = await door.patch("/v1/services/WINTER", json={"more_departures": more}, headers=carrier)
    assert changed.json()["more_departures"] == more


async def test_hub_shows_its_hours_pens_and_cold_store(door, town):
    county = (await door.get("/v1/hubs/C-653221")).json()
    # 05:30 to 22:00 in China.
    assert county["opening"][0] == {"from_s": 77_400, "until_s": 77_400 + 59_400}
    assert len(county["opening"]) == 7
    assert (county["can_rest"], county["is_cooled"]) == (True, True)
    city = (await door.get("/v1/hubs/HOTAN")).json()
    assert (city["opening"], city["can_rest"], city["is_cooled"]) == ([], True, True)
