"""Payouts and sheets as a client asks for them: what is masked, what the bank gets, and languages."""

import csv
import io
import logging

import pytest

from tests.api.asking import ask, path_of, problem_of, town_clock, town_template
from tests.factories.payouts import NUMBER, paid_at

template, clock = town_template, town_clock
PLAIN = "".join(NUMBER.split())


async def read(door, town, line, role, accept="application/json", language="en"):
    headers = town.headers[role] | {"accept": accept, "accept-language": language}
    return await door.get(path_of(line, town, role), headers=headers)


def table(answer):
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_number_of_an_account_is_in_no_answer_and_no_log(door, town, caplog):
    with caplog.at_level(logging.DEBUG):
        made = await ask(door, "POST /v1/payees", town, "member")
        answers = [
            made,
            await ask(door, "POST /v1/payees/{payee_id}/verdict", town, "operator"),
            *[await read(door, town, f"GET /v1/{name}", "operator") for name in ("payees", "payouts", "payout-runs")],
            await read(door, town, "GET /v1/payees/{payee_id}", "member"),
            await read(door, town, "GET /v1/payouts/{payout_id}", "member"),
            await read(door, town, "GET /v1/payout-runs/{run_id}", "operator"),
        ]
        wrong = paid_at(town.village.garden.producer.id) | {"channel": "cash"}
        answers.append(await ask(door, "POST /v1/payees", town, "member", json=wrong, key="wrong"))
    assert made.json()["account"] == "···4321"
    problem_of(answers[-1], 422, "invalid-request")
    for answer in answers:
        assert PLAIN not in answer.text.replace(" ", "")
    assert PLAIN not in caplog.text.replace(" ", "")


@pytest.mark.parametrize(("language", "number"), [("en", "Account number"), ("zh-Hans", "账号")])
async def test_bank_gets_a_sheet_with_accounts_that_is_kept_nowhere(door, town, language, number):
    line = "GET /v1/payout-runs/{run_id}"
    answer = await read(door, town, line, "operator", "text/csv", language)
    rows = table(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert {row[number] for row in rows} == {NUMBER}
    shown = (await read(door, town, line, "operator")).json()
    assert len(rows) == len(shown["items"]) == 2
    amounts = [row["Amount" if language == "en" else "金额"] for row in rows]
    assert amounts == [f"{item['amount']['amount'] / 100:.2f}" for item in shown["items"]]


async def test_bank_takes_no_message_before_it_is_said_where_the_money_comes_from(door, town):
    line = "GET /v1/payout-runs/{run_id}"
    problem_of(await read(door, town, line, "operator", "application/xml"), 409, "debtor-not-set")
    problem_of(await read(door, town, line, "member", "application/xml"), 403, "forbidden")


async def test_sheets_say_what_the_answers_say(door, town):
    freight = f"/v1/carriers/{town.money.carrier}/freight"
    sales = f"/v1/producers/{town.village.loom.producer.id}/settlement"
    asked = {"from": f"{town.now:%Y-%m-%d}"[:8] + "01"}
    for path, column, field in ((freight, "Earned", "earned"), (sales, "Net", "net")):
        headers = town.headers["operator"]
        told = (await door.get(path, headers=headers, params=asked)).json()
        sheet = table(await door.get(path, headers=headers | {"accept": "text/csv"}, params=asked))
        assert told["items"]
        assert [row[column] for row in sheet] == [f"{item[field]['amount'] / 100:.2f}" for item in told["items"]]
        paper = await door.get(path, headers=headers | {"accept": "application/pdf"}, params=asked)
        assert paper.headers["content-type"] == "application/pdf"
        assert paper.content.startswith(b"%PDF")


async def test_what_is_no_sheet_is_refused(door, town):
    answer = await read(door, town, "GET /v1/payout-runs/{run_id}", "operator", "application/pdf")
    problem_of(answer, 406 if answer.status_code == 406 else 400, "not-acceptable")


async def test_statement_tells_payouts_in_words(door, town):
    headers = town.headers["operator"]
    mark = f"/v1/payouts/{town.money.payouts[0]}/mark"
    for event in ("sent", "paid"):
        body = {"event": event, "reference": "B1"}
        answer = await door.post(mark, json=body, headers=headers | {"idempotency-key": event})
        assert answer.status_code == 200, answer.text
    told = {}
    for language in ("en", "zh-Hans"):
        path = f"/v1/accounts/{town.village.garden.producer.id}/statement"
        page = await door.get(
            path, headers=town.headers["member"] | {"accept-language": language}, params={"limit": 100}
        )
        told[language] = {item["kind"]: item["kind_name"] for item in page.json()["items"]}
    assert told["en"]["payout"] == "Paid out"
    assert told["zh-Hans"]["payout"] == "付款"
