"""Stripe's OpenAPI document as JSON Schema: what a request may say and what an answer must look like.

Every object is closed: a field that Stripe does not publish is a mistake of ours.
"""

import json
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.fakes.stripe.errors import Json
from tests.fakes.stripe.fetch_spec import SPEC

BASE = "mem:stripe"
PROSE = frozenset({"description", "title", "nullable", "deprecated"})
PROBLEMS_MAX = 5
# Nullable in the document, yet sent only when it is asked for by `expand`.
ONLY_EXPANDED = {"charge": frozenset({"refunds"})}


def json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: `nullable` becomes a null type, prose goes, objects are closed."""
    if isinstance(node, list):
        return [json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema: Json = {}
    for word, value in node.items():
        if word == "properties":
            schema[word] = {name: json_schema(each) for name, each in value.items()}
        elif word == "$ref":
            schema[word] = BASE + value
        elif word not in PROSE and not word.startswith("x-"):
            schema[word] = json_schema(value)
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema


class Operation:
    """One method of one path of the document; its validators are built when first needed (about 0.03 s each)."""

    def __init__(self, document: Json, registry: jsonschema_rs.Registry) -> None:
        self._document = document
        self._registry = registry

    @cached_property
    def request(self) -> Json:
        """The schema of the parameters, whether they travel in the query or in the body."""
        if "requestBody" in self._document and self._document["requestBody"]["content"]:
            (form,) = self._document["requestBody"]["content"].values()
            schema: Json = json_schema(form["schema"])
            if schema.get("properties"):
                return schema
        query = [each for each in self._document.get("parameters", []) if each["in"] == "query"]
        return {
            "type": "object",
            "properties": {each["name"]: json_schema(each["schema"]) for each in query},
            "additionalProperties": False,
        }

    @cached_property
    def request_validator(self) -> Any:
        return jsonschema_rs.validator_for(self.request, registry=self._registry)

    @cached_property
    def _validators(self) -> Mapping[str, Any]:
        return {
            status: jsonschema_rs.validator_for(
                json_schema(answer["content"]["application/json"]["schema"]), registry=self._registry
            )
            for status, answer in self._document["responses"].items()
        }

    def answer_problems(self, status: int, body: Json) -> list[str]:
        """Say where `body` departs from what Stripe publishes for `status`; empty when it does not."""
        return problems(self._validators[str(status) if str(status) in self._validators else "default"], body)


class Spec:
    """The whole document: operations by method and path template, and single objects by name."""

    def __init__(self, document: Json) -> None:
        self.version: str = document["info"]["version"]
        self._paths: Json = document["paths"]
        self._schemas: Json = {name: json_schema(each) for name, each in document["components"]["schemas"].items()}
        resource = {"$id": BASE, "components": {"schemas": self._schemas}}
        self._registry = jsonschema_rs.Registry([(BASE, resource)])
        self._operations: dict[tuple[str, str], Operation] = {}
        self._objects: dict[str, Any] = {}

    def operation(self, method: str, template: str) -> Operation:
        key = (method, template)
        if key not in self._operations:
            self._operations[key] = Operation(self._paths[template][method.lower()], self._registry)
        return self._operations[key]

    def publishes(self, method: str, path: str) -> bool:
        """Whether the document has an operation for this concrete path."""
        parts = path.split("/")
        return any(
            method.lower() in methods and _fits(template.split("/"), parts) for template, methods in self._paths.items()
        )

    def blank(self, kind: str) -> Json:
        """An object of this kind with null in every field that may be null, as Stripe sends them."""
        properties: Json = self._schemas[kind]["properties"]
        left_out = ONLY_EXPANDED.get(kind, frozenset())
        return {
            name: None
            for name, schema in properties.items()
            if {"type": "null"} in schema.get("anyOf", []) and name not in left_out
        }

    def known(self, kind: str, fields: Json) -> Json:
        """Those of `fields` that an object of this kind has."""
        return {name: value for name, value in fields.items() if name in self._schemas[kind]["properties"]}

    def object_problems(self, body: Json) -> list[str]:
        """Validate one object by its own `object` field, as events carry them."""
        kind = body["object"]
        if kind not in self._objects:
            schema = {"$ref": f"{BASE}#/components/schemas/{kind}"}
            self._objects[kind] = jsonschema_rs.validator_for(schema, registry=self._registry)
        return problems(self._objects[kind], body)


def _fits(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        a == b or a.startswith("{") for a, b in zip(template, parts, strict=True)
    )


def problems(validator: Any, body: Json) -> list[str]:
    found = []
    for each in validator.iter_errors(body):
        found.append(f"{'.'.join(map(str, each.instance_path)) or '(top)'}: {each.message[:300]}")
        if len(found) == PROBLEMS_MAX:
            break
    return found


@lru_cache(maxsize=1)
def load_spec(path: Path = SPEC) -> Spec:
    """Read the document once a process; without it the stand-in refuses to start."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `python -m tests.fakes.stripe.fetch_spec`")
    return Spec(json.loads(path.read_bytes()))
