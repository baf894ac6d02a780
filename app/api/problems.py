"""Problem documents (RFC 9457): the one place where refusals, ours and the framework's, become HTTP answers."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.api.media_types import NotAcceptable
from app.core.errors import Broken, Invalid, Kind, Malformed, Problem, TooManyRequests
from app.core.log import request_id
from app.core.text import preferred_language
from app.core.validation import gaps_of
from app.epcis.errors import (
    AddressTooLong,
    CaptureTooLarge,
    MediaTypeUnsupported,
    NotInThatForm,
    QueryTooComplex,
    QueryTooLarge,
)

log = logging.getLogger(__name__)
MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[Kind, int]] = {
    Kind.INVALID: 422,
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.MISSING: 404,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.GONE: 410,
    Kind.LIMITED: 429,
    Kind.UPSTREAM: 502,
    Kind.BROKEN: 500,
}


class NoSuchAddress(Problem):
    slug = "no-such-address"
    kind = Kind.MISSING
    title = {"en": "There is nothing at this address", "zh-Hans": "该地址不存在"}
    detail = {"en": "See /docs for every address of this service.", "zh-Hans": "全部地址请见 /docs。"}


class MethodNotAllowed(Problem):
    slug = "method-not-allowed"
    kind = Kind.MALFORMED
    title = {"en": "This address does not take that method", "zh-Hans": "该地址不支持此方法"}
    detail = {"en": "The `Allow` header lists the methods that it takes.", "zh-Hans": "可用的方法见 `Allow` 响应头。"}


class TooLarge(Problem):
    slug = "request-too-large"
    kind = Kind.MALFORMED
    title = {"en": "The request is too large", "zh-Hans": "请求过大"}
    detail = {
        "en": "A body may have at most {bytes} bytes. Send less at once.",
        "zh-Hans": "请求体最多 {bytes} 字节，请分批发送。",
    }


class NotJson(Problem):
    """A body of another kind than the one that every address of ours reads, such as a file sent as it is."""

    slug = "not-json"
    kind = Kind.MALFORMED
    title = {"en": "The body has to be JSON", "zh-Hans": "请求体必须为 JSON"}
    detail = {
        "en": "Send a JSON object with `content-type: application/json`. Its fields here: {fields}. A file goes inside one of them.",
        "zh-Hans": "请发送 JSON 对象，并设置 content-type: application/json。此处的字段：{fields}。文件内容请放入相应字段。",
    }


class BodyTooLarge(HTTPException):
    """The body went over its bound while it was read: of a kind that the framework lets through."""

    def __init__(self, bound: int) -> None:
        super().__init__(413)
        self.bound = bound


class Overloaded(Problem):
    slug = "overloaded"
    kind = Kind.LIMITED
    title = {"en": "The service is busy", "zh-Hans": "服务繁忙"}
    detail = {"en": "Nothing was changed. Try again in a moment.", "zh-Hans": "未作任何更改，请稍后再试。"}


# The few whose status is finer than their kind's.
_OWN_STATUS: Final[Mapping[type[Problem], int]] = {
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    TooLarge: 413,
    NotJson: 415,
    Overloaded: 503,
    NotInThatForm: 406,
    CaptureTooLarge: 413,
    QueryTooLarge: 413,
    QueryTooComplex: 413,
    AddressTooLong: 414,
    MediaTypeUnsupported: 415,
}
EPCIS_DOOR: Final = "/epcis/v2"
# What EPCIS 2.0 calls a refusal, by the status that it is answered with, where the refusal has no name of its own there.
_EXCEPTIONS: Final[Mapping[int, str]] = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    406: "NotAcceptableException",
    409: "ResourceAlreadyExistsException",
    413: "CaptureLimitExceededException",
    414: "URITooLongException",
    415: "UnsupportedMediaTypeException",
}
_FRAMEWORK: Final[Mapping[int, type[Problem]]] = {404: NoSuchAddress, 405: MethodNotAllowed}
_BUSY_SQLSTATES: Final = ("55P03", "57014", "40P01", "40001", "53300")


def status_of(problem: type[Problem]) -> int:
    """The HTTP status of a refusal."""
    return _OWN_STATUS.get(problem, STATUS[problem.kind])


def document(problem: Problem, *, instance: str, language: str, status: int | None = None) -> dict[str, Any]:
    """The problem document of a refusal, in this language."""
    answered, named = status or status_of(type(problem)), f"/problems/{problem.slug}"
    if instance.startswith(EPCIS_DOOR):
        # There what is not valid is 400, and refusals have the standard's own names.
        answered = 400 if answered == 422 else answered
        named = exception_name(getattr(problem, "exception", None), answered)
    body: dict[str, Any] = {
        "type": named,
        "title": problem.title_in(language),
        "status": answered,
        "detail": problem.detail_in(language),
        "instance": instance,
    }
    if problem.gaps or isinstance(problem, Invalid):
        body["errors"] = [
            {"pointer": gap.pointer, "detail": gap.detail.get(language) or gap.detail["en"], **gap.at}
            for gap in problem.gaps
        ]
    body |= {name: problem.fields[name] for name in problem.members if name in problem.fields}
    if current := request_id.get():
        body["request_id"] = current
    return body


def exception_name(own: str | None, status: int) -> str:
    """The `type` of a refusal at the door of EPCIS."""
    return f"epcisException:{own or _EXCEPTIONS.get(status, 'ImplementationException')}"


def answer(
    request: Request, problem: Problem, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    language = preferred_language(request.headers.get("accept-language"))
    body = document(problem, instance=request.url.path, language=language, status=status)
    shown = dict(headers or {}) | {"content-language": language}
    if problem.retry_after_s is not None:
        shown["retry-after"] = str(problem.retry_after_s)
    if isinstance(problem, TooManyRequests):
        # draft-ietf-httpapi-ratelimit-headers
        shown["ratelimit"] = f'"{problem.policy}";r=0;t={problem.retry_after_s}'
        shown["ratelimit-policy"] = f'"{problem.policy}";q={problem.limit};w={problem.window_s}'
    if problem.kind is Kind.UNAUTHENTICATED:
        shown["www-authenticate"] = "Bearer"
    return Response(orjson.dumps(body, default=str), body["status"], shown, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every refusal of this app a problem document. What nobody foresaw is answered by `RequestFrame`."""
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _framework_refused)
    for refusal in (DBAPIError, psycopg.Error):
        app.add_exception_handler(refusal, _database_refused)
    app.add_exception_handler(PoolTimeout, _busy)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    if error.kind in (Kind.UPSTREAM, Kind.BROKEN):
        log.error("refused: %s", error.slug, exc_info=error)
    return answer(request, error)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults: Sequence[Any] = error.errors()
    if faults and faults[0]["type"] == "json_invalid":
        return answer(
            request, Malformed(what={"en": "The body is not valid JSON.", "zh-Hans": "请求体不是有效的 JSON。"})
        )
    if isinstance(error.body, bytes):
        # Only of another content type, or of none, does the framework leave a body as it came.
        return answer(request, NotJson(fields=_fields_at(request)))
    return answer(request, Invalid(gaps=gaps_of(faults, error.body)))


def _fields_at(request: Request) -> str:
    """The fields of the object that this address takes."""
    body = getattr(request.scope.get("route"), "body_field", None)
    shape = body.field_info.annotation if body else None
    names = [part.alias or name for name, part in getattr(shape, "model_fields", {}).items()]
    return ", ".join(f"`{name}`" for name in names)


async def _framework_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem_class = _FRAMEWORK.get(error.status_code)
    problem = problem_class() if problem_class else Malformed(what=str(error.detail))
    if isinstance(error, BodyTooLarge):
        problem = TooLarge(bytes=error.bound)
    headers = {"allow": _methods_at(request)} if error.status_code == 405 else error.headers
    return answer(request, problem, status=error.status_code, headers=headers)


def _methods_at(request: Request) -> str:
    """Every method that this address takes: the framework itself names those of the first route that fits."""
    contexts = iter_route_contexts(request.app.routes)
    fitting = [context for context in contexts if context.path_regex.match(request.url.path)]
    taken = {method for context in fitting for method in context.methods or ()}
    return ", ".join(sorted(taken | ({"HEAD"} if "GET" in taken else set())))


async def _database_refused(request: Request, error: Exception) -> Response:
    """Waits that ran out mean that we are busy; anything else is our mistake."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(cause, "sqlstate", None)
    if sqlstate in _BUSY_SQLSTATES or isinstance(cause, psycopg.OperationalError):
        log.warning("database busy: %s", sqlstate)
        return await _busy(request, error)
    log.error("failed: %s %s", request.method, request.url.path, exc_info=error)
    return answer(request, Broken())


async def _busy(request: Request, _error: Exception) -> Response:
    return answer(request, Overloaded(retry_after_s=1))
