"""What carriage took, as an operator asks for it: pages and sheet, and who may not."""

import csv
import io
from datetime import timedelta

import pytest

from app.flows.keep_books import close_books
from tests.api.asking import problem_of, town_clock, town_template

PATH = "/v1/reports/carriage"
template, clock = town_template, town_clock


@pytest.fixture
async def read(ports, door, town, clock):
    clock.advance(timedelta(days=1))
    await close_books(ports)

    async def asked(accept="application/json", role="operator", **query):
        return await door.get(PATH, headers=town.headers[role] | {"accept": accept}, params=query)

    return asked


async def test_sheet_says_what_the_pages_say(read):
    told = (await read()).json()
    assert told["items"]
    assert told["next_cursor"] is None
    sheet = await read("text/csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.headers["content-disposition"].startswith('attachment; filename="carriage-')
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert [(row["Month"], row["County"], int(row["Carriage bps"])) for row in rows] == [
        (item["month"], item["county"], item["carriage_bps"]) for item in told["items"]
    ]
    assert [row["Carriage"] for row in rows] == [f"{item['carriage']['amount'] / 100:.2f}" for item in told["items"]]
    for item in told["items"]:
        assert item["carriage_bps"] == round(10_000 * item["carriage"]["amount"] / item["paid"]["amount"])


async def test_other_months_are_empty_and_wrong_ones_refused(read):
    assert (await read(**{"from": "2020-01-01", "until": "2020-12-31"})).json()["items"] == []
    problem = problem_of(await read(**{"from": "2026-03-02", "until": "2026-03-01"}), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == ["/query/until"]
    problem_of(await read(by="village"), 422, "invalid-request")
    problem_of(await read("application/pdf"), 406, "not-acceptable")


async def test_only_operators_read_it(read):
    for role in ("buyer", "member", "carrier"):
        problem_of(await read(role=role), 403, "forbidden")
