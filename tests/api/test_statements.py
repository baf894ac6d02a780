"""A statement as JSON, as a sheet and on paper, as a client asks for it."""

import csv
import io

import pytest

from tests.api.asking import path_of, problem_of, town_clock, town_template

LINE = "GET /v1/accounts/{owner}/statement"
template, clock = town_template, town_clock


@pytest.fixture
def read(door, town):
    """What a producer's member is answered; `accept` and `language` as the client sends them."""

    async def asked(accept, language="en", **more):
        headers = town.headers["member"] | {"accept": accept, "accept-language": language} | more
        return await door.get(path_of(LINE, town, "member"), headers=headers)

    return asked


async def test_a_sheet_says_what_the_pages_say(read):
    told = (await read("application/json")).json()
    assert told["accounts"]
    assert told["items"]
    sheet = await read("text/csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.headers["content-disposition"].startswith('attachment; filename="statement-prd_')
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert len(rows) == 2 * len(told["accounts"]) + len(told["items"])
    booked = [row for row in rows if row["Transfer"]]
    assert sorted(row["Transfer"] for row in booked) == sorted(line["transfer"] for line in told["items"])
    assert {row["Amount"] for row in booked} == {f"{line['amount']['amount'] / 100:.2f}" for line in told["items"]}


async def test_paper_and_sheet_speak_the_language_of_their_reader(read):
    for language, head in (("en", "Date,Account"), ("zh-Hans", "日期,账户")):
        sheet = await read("text/csv", language)
        assert sheet.headers["content-language"] == language
        assert sheet.content.decode("utf-8-sig").startswith(head)
        paper = await read("application/pdf", language)
        assert (paper.headers["content-type"], paper.headers["content-language"]) == ("application/pdf", language)
        assert paper.content.startswith(b"%PDF-")
        assert paper.content.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.1, application/pdf", "application/pdf"),
        ("application/json;q=0, */*", "text/csv"),
    ],
)
async def test_the_form_that_weighs_most_is_given(read, accept, media):
    assert (await read(accept)).headers["content-type"].split(";")[0] == media


async def test_a_form_that_there_is_not_is_refused_with_those_there_are(read):
    problem = problem_of(await read("image/png"), 406, "not-acceptable")
    assert problem["offered"] == "application/json, text/csv, application/pdf"


async def test_whoever_has_the_sheet_already_gets_no_body(read):
    first = await read("text/csv")
    again = await read("text/csv", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await read("application/json", **{"if-none-match": first.headers["etag"]})).status_code == 200
