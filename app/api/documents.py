"""What the OpenAPI document says of refusals: one entry for each status, with an example for each problem."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from app.api.problems import MEDIA_TYPE, document
from app.core.errors import Problem
from app.core.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from app.core.schema import Shape

Responses = dict[int | str, dict[str, Any]]


class ErrorItem(Shape):
    """One fault: a JSON pointer into the body (or `/query/…`) and what is wrong there; in a sheet or a feed also at which row and column."""

    pointer: str
    detail: str
    file: str | None = None
    row: int | None = None
    column: str | None = None


class ProblemDocument(Shape):
    """RFC 9457 `application/problem+json`. `errors` comes with 422; some problems carry further members."""

    model_config = {**Shape.model_config, "extra": "allow"}

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ErrorItem] | None = None
    request_id: str | None = None


_SCHEMA = {"$ref": "#/components/schemas/ProblemDocument"}


def refuses(*problems: type[Problem], at: str = "/v1/…") -> Responses:
    """For `responses=`: the statuses of these problems with their examples, as they are at this address."""
    responses: Responses = {}
    for problem in problems:
        example = example_of(problem, at)
        entry = responses.setdefault(
            example["status"], {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA, "examples": {}}}}
        )
        entry["description"] = (entry["description"] + "; " if entry["description"] else "") + problem.title["en"]
        entry["content"][MEDIA_TYPE]["examples"][problem.slug] = {"value": example}
    return responses


def example_of(problem: type[Problem], at: str = "/v1/…") -> Mapping[str, Any]:
    """The problem document as a reader would meet it, with its fields named in braces."""
    shown = problem.__new__(problem)
    fields: Mapping[str, Any] = _Braces(problem)
    Problem.__init__(shown, **fields)
    return document(shown, instance=at, language="en")


class _Braces(dict[str, str]):
    """Every field of a template, shown as `{name}`."""

    def __init__(self, problem: type[Problem]) -> None:
        names = {name for text in problem.detail.values() for name in _fields(text)}
        super().__init__({name: "{" + name + "}" for name in sorted(names | set(problem.members))})


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


NOT_MODIFIED: Responses = {304: {"description": "You have it already (`If-None-Match`)"}}


_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A fresh UUID for each thing you do: a repeat with it does nothing twice and answers the first result",
    "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_LENGTH_MAX},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
# Where an order, a payment or a refund is made.
_KEY_NEEDED: Final = frozenset(
    {
        "create_order",
        "answer_claim",
        "reply_to_claim",
        "decide_claim",
        "decide_weigh_in",
        "accept_offer",
        "withdraw_offer",
        "pay_the_deposit",
        "receive_deposit",
        "send_deposit_back",
        "send_evidence",
        "create_payout_run",
        "send_payout_run",
        "mark",
        "create_cash_refund",
        "create_receipt",
        "renew_payment",
        "confirm_remittance_received",
    }
)


def complete(document: dict[str, Any]) -> None:
    """Put the shape of every refusal in place of the framework's own, and `Idempotency-Key` on every POST."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["ProblemDocument"] = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schemas["ProblemDocument"].pop("$defs", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for schema in schemas.values():
        if "examples" in schema:
            schema["examples"] = [_with_nulls(example, schema, schemas) for example in schema["examples"]]
    for path in document["paths"].values():
        for method, operation in path.items():
            _replace_validation(operation["responses"])
            if method == "post":
                _add_key(operation)


def _with_nulls(example: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """The framework drops every null, also from examples: what must be there and may be null gets it back."""
    schema = _one_of(schema, schemas)
    if isinstance(example, list):
        return [_with_nulls(item, schema.get("items", {}), schemas) for item in example]
    if not isinstance(example, dict) or "properties" not in schema:
        return example
    parts = schema["properties"]
    missing = {name: None for name in schema.get("required", ()) if name not in example and _may_be_null(parts[name])}
    return missing | {name: _with_nulls(part, parts.get(name, {}), schemas) for name, part in example.items()}


def _one_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Behind references and `or null`, the schema itself."""
    while "$ref" in schema or _may_be_null(schema):
        schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["anyOf"][0]
    return schema


def _may_be_null(schema: Mapping[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


def _replace_validation(responses: dict[str, Any]) -> None:
    entry = responses.get("422")
    if entry and "application/json" in entry.get("content", {}):
        responses["422"] = {
            "description": "The request is not valid",
            "content": {MEDIA_TYPE: {"schema": _SCHEMA}},
        }


def _add_key(operation: dict[str, Any]) -> None:
    others = [each for each in operation.get("parameters", []) if each["name"].lower() != "idempotency-key"]
    operation["parameters"] = [*others, {**_KEY, "required": operation["operationId"] in _KEY_NEEDED}]
