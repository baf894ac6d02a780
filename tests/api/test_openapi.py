"""The OpenAPI document: what it promises changes only on purpose, and it is complete and true to its own schemas."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.rights import EXPECTED

SNAPSHOT = Path(__file__).parents[1] / "samples/openapi.json"
# Where an order, an agreement, a payment or a refund is made.
MAKES_MONEY_MOVE = {
    "POST /v1/orders",
    "POST /v1/claims/{claim_id}/answer",
    "POST /v1/claims/{claim_id}/reply",
    "POST /v1/weigh-ins/{weigh_in_id}/decision",
    "POST /v1/claims/{claim_id}/decision",
    "POST /v1/offers/{offer_id}/accept",
    "POST /v1/offers/{offer_id}/withdraw",
    "POST /v1/offers/{offer_id}/deposit",
    "POST /v1/offers/{offer_id}/deposit/receipt",
    "POST /v1/offers/{offer_id}/deposit/refund",
    "POST /v1/disputes/{dispute_id}/evidence",
    "POST /v1/payments/{payment_id}/receipts",
    "POST /v1/payments/{payment_id}/renewal",
    "POST /v1/payout-runs",
    "POST /v1/payout-runs/{run_id}/send",
    "POST /v1/payouts/{payout_id}/mark",
    "POST /v1/cash-refunds",
    "POST /v1/remittances/{remittance_id}/confirm",
}
RENEW = "The OpenAPI document has changed. When that is meant: make openapi > tests/samples/openapi.json"
ANSWERS_WITHOUT_BODY = {"204", "304", "307"}
# One line for each operation; the document itself is read by a fixture.
LINES = sorted({line.partition("#")[0] for line in EXPECTED})


def operation_of(document, line):
    method, path = line.split()
    return document["paths"][path][method.lower()]


def test_document_is_the_one_that_clients_know(document):
    known = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert document == known, RENEW


def test_document_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_operation_ids_are_the_names_of_functions_and_differ(document):
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ids)


@pytest.mark.parametrize("line", LINES)
def test_operation_says_what_it_is_for(document, line):
    operation = operation_of(document, line)
    assert operation["tags"]
    assert re.match(r"[A-Z]", operation["summary"])
    assert len(operation["summary"]) <= 60
    assert operation["description"].rstrip().endswith((".", "?", "!"))


@pytest.mark.parametrize("line", LINES)
def test_operation_names_its_refusals_and_has_a_default_problem(document, line):
    responses = operation_of(document, line)["responses"]
    assert "default" in responses
    for status, response in responses.items():
        assert response["description"]
        if status == "default" or int(status) >= 400:
            content = response["content"]
            if line == "GET /ready" and status == "503":
                assert content.keys() == {"application/json"}
                continue
            assert content.keys() == {"application/problem+json"}, (status, content.keys())
            schema = content["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ProblemDocument"}


@pytest.mark.parametrize("line", LINES)
def test_operation_that_needs_somebody_says_so(document, line):
    operation = operation_of(document, line)
    needs = EXPECTED[line][0] == 401
    assert (operation.get("security") == [{"bearer": []}]) == needs
    assert ("401" in operation["responses"]) >= needs


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("POST")])
def test_every_post_takes_an_idempotency_key(document, line):
    (key,) = [p for p in operation_of(document, line)["parameters"] if p["name"] == "Idempotency-Key"]
    assert key["required"] == (line in MAKES_MONEY_MOVE)


@pytest.mark.parametrize("line", LINES)
def test_parameters_are_described_by_a_schema(document, line):
    for parameter in operation_of(document, line).get("parameters", []):
        schema = resolved(document, parameter["schema"])
        assert {"type", "enum", "anyOf", "allOf", "const", "$ref"} & schema.keys(), parameter


# Examples.


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def examples_of(document: dict[str, Any], media: dict[str, Any]) -> list[Any]:
    """The examples of a body: its own, its schema's, or those of a list's items."""
    if "example" in media:
        return [media["example"]]
    if "examples" in media:
        return [each["value"] for each in media["examples"].values()]
    schema = resolved(document, media["schema"])
    if "examples" in schema:
        return list(schema["examples"])
    choices = schema.get("oneOf", schema.get("anyOf", []))
    if choices:
        return [example for choice in choices for example in resolved(document, choice).get("examples", [])]
    made = made_of_parts(document, schema)
    return [made] if made else []


def made_of_parts(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What the examples of its members make, as a reader of the document would put them together; `{}` when one lacks."""
    made = {}
    for name, member in schema.get("properties", {}).items():
        part = resolved(document, member)
        if "examples" in part:
            made[name] = part["examples"][0]
        elif part.get("type") == "array" and (items := resolved(document, part["items"]).get("examples")):
            made[name] = items[:1]
        elif {"type": "null"} in part.get("anyOf", []):
            made[name] = None
        else:
            return {}
    return made


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON body of the document, of requests and of good answers, with a name."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = f"{method.upper()} {path}"
            if "requestBody" in operation:
                yield f"{name} request", operation["requestBody"]["content"]["application/json"]
            for status, response in operation["responses"].items():
                if status.startswith("2") and "application/json" in response.get("content", {}):
                    yield f"{name} {status}", response["content"]["application/json"]


def validator_of(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]}, format_checker=FormatChecker())


def test_every_request_and_answer_has_an_example(document):
    lacking = [name for name, media in bodies(document) if not examples_of(document, media)]
    assert lacking == []


def test_every_example_is_what_its_schema_says(document):
    faults = [
        f"{name}: {error.json_path} {error.message}"[:300]
        for name, media in bodies(document)
        for example in examples_of(document, media)
        for error in validator_of(document, media["schema"]).iter_errors(example)
    ]
    assert faults == []


def test_every_example_of_a_schema_is_what_the_schema_says(document):
    faults = [
        f"{name}: {error.json_path} {error.message}"[:300]
        for name, schema in document["components"]["schemas"].items()
        for example in schema.get("examples", [])
        for error in validator_of(document, {"$ref": f"#/components/schemas/{name}"}).iter_errors(example)
    ]
    assert faults == []


def test_good_answers_without_a_body_are_known(document):
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status.startswith(("2", "3")) and not response.get("content"):
                    assert status in ANSWERS_WITHOUT_BODY, (path, status)


def test_problem_examples_are_problem_documents(document):
    for item in document["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                media = response.get("content", {}).get("application/problem+json", {})
                for slug, example in media.get("examples", {}).items():
                    assert example["value"]["type"] == f"/problems/{slug}" or (
                        example["value"]["type"].startswith("epcisException:")
                        and example["value"]["instance"].startswith("/epcis/v2")
                    )
                    assert list(validator_of(document, media["schema"]).iter_errors(example["value"])) == []
