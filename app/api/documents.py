"""What the OpenAPI document says of refusals: one entry for each status, with an example for each problem."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from app.api.problems import MEDIA_TYPE, document, status_of
from app.core.errors import Problem
from app.core.schema import Shape

Responses = dict[int | str, dict[str, Any]]


class ErrorItem(Shape):
    """One fault: a JSON pointer into the body (or `/query/…`) and what is wrong there."""

    pointer: str
    detail: str


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


def refuses(*problems: type[Problem]) -> Responses:
    """For `responses=`: the statuses of these problems with their examples."""
    responses: Responses = {}
    for problem in problems:
        entry = responses.setdefault(
            status_of(problem), {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA, "examples": {}}}}
        )
        entry["description"] = (entry["description"] + "; " if entry["description"] else "") + problem.title["en"]
        entry["content"][MEDIA_TYPE]["examples"][problem.slug] = {"value": example_of(problem)}
    return responses


def example_of(problem: type[Problem]) -> Mapping[str, Any]:
    """The problem document as a reader would meet it, with its fields named in braces."""
    shown = problem.__new__(problem)
    fields: Mapping[str, Any] = _Braces(problem)
    Problem.__init__(shown, **fields)
    return document(shown, instance="/v1/…", language="en")


class _Braces(dict[str, str]):
    """Every field of a template, shown as `{name}`."""

    def __init__(self, problem: type[Problem]) -> None:
        names = {name for text in problem.detail.values() for name in _fields(text)}
        super().__init__({name: "{" + name + "}" for name in sorted(names | set(problem.members))})


def _fields(template: str) -> set[str]:

    return {name for _, name, _, _ in Formatter().parse(template) if name}


NOT_MODIFIED: Responses = {304: {"description": "You have it already (`If-None-Match`)"}}
