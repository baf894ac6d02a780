"""Who may do what: every operation of the OpenAPI document, asked by everybody. A missing line fails."""

import pytest

from tests.api.asking import BODIES, QUERIES, ask, town_clock, town_template
from tests.api.rights import EXPECTED
from tests.factories.tables import nothing_happens
from tests.factories.town import ROLES

template, clock = town_template, town_clock
REFUSED = {401, 403, 404}


@pytest.mark.parametrize("line", EXPECTED)
async def test_everybody_gets_what_the_table_says(line, door, town, ports, document):
    expected = dict(zip(ROLES, EXPECTED[line], strict=True))
    method, path = line.partition("#")[0].split()
    # Whoever is refused goes first, so that it shows that nothing has changed by it.
    answers = {}
    async with nothing_happens(ports):
        for role in [role for role in ROLES if expected[role] in REFUSED]:
            answers[role] = await ask(door, line, town, role)
            require_problem(answers[role])
    for role in [role for role in ROLES if expected[role] not in REFUSED]:
        answers[role] = await ask(door, line, town, role)
    told = {role: answers[role].status_code for role in ROLES}
    assert told == expected, {
        role: answer.text[:300] for role, answer in answers.items() if told[role] != expected[role]
    }
    assert {str(status) for status in told.values()} <= document["paths"][path][method.lower()]["responses"].keys()


def require_problem(answer):
    """A refusal names itself, and says nothing of what it hides."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    at_epcis = problem["instance"].startswith("/epcis/")
    assert problem["type"].startswith("epcisException:" if at_epcis else "/problems/")
    assert {"title", "detail", "instance", "request_id"} <= problem.keys()
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


def test_every_operation_of_the_document_stands_in_the_table(document):
    operations = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert {line.partition("#")[0] for line in EXPECTED} == operations


async def test_what_is_not_there_and_what_is_anothers_look_alike(door, town):
    """Nobody learns from the answer whether an id exists."""
    others = {
        f"/v1/orders/{town.placed[0]['id']}": "/v1/orders/ord_01jd0000000000000000000000",
        f"/v1/quotes/{town.quote.id}": "/v1/quotes/quo_01jd0000000000000000000000",
        f"/v1/listings/{town.draft}": "/v1/listings/lst_01jd0000000000000000000000",
        f"/v1/media/{town.photo}": "/v1/media/med_01jd0000000000000000000000",
        f"/v1/producers/{town.village.garden.producer.id}/balances": "/v1/producers/prd_01jd0000000000000000000000/balances",
    }
    for theirs, nowhere in others.items():
        answers = [await door.get(path, headers=town.headers["stranger"]) for path in (theirs, nowhere)]
        shown = [{k: v for k, v in a.json().items() if k not in {"instance", "request_id"}} for a in answers]
        assert shown[0] == shown[1]
        assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize(
    "credentials",
    [
        "Bearer nonsense",
        "Bearer cha_bm9uc2Vuc2U",
        "Bearer chk_live_nonsense",
        "Basic dXNlcjpwYXNz",
        "Bearer",
        "",
        "Bearer é",
    ],
)
async def test_bad_credentials_are_refused_where_somebody_must_be_known(door, town, credentials):
    for path in ("/v1/me", f"/v1/orders/{town.placed[0]['id']}", "/v1/partners"):
        answer = await door.get(path, headers=[(b"authorization", credentials.encode("latin-1"))])
        assert answer.status_code == 401
        require_problem(answer)


async def test_partner_tells_only_of_what_it_carries(door, town):
    """The scope opens the door; what is told of others' consignments is refused one by one."""
    answer = await ask(door, "POST /v1/tracking/events", town, "rival")
    (result,) = answer.json()["results"]
    assert (result["status"], result["problem"]["type"]) == ("rejected", "/problems/not-found")


def test_bodies_are_for_operations_of_the_table():
    assert set(BODIES) <= {line.partition("#")[0] for line in EXPECTED}
    assert set(QUERIES) <= set(EXPECTED)
