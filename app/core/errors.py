"""Refusals: one exception class for each fact that makes us say no, with what the user can do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What sort of refusal it is; `api/problems.py` maps each to a status, the worker to retry or stop."""

    INVALID = "invalid"
    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    CONFLICT = "conflict"
    STALE = "stale"
    GONE = "gone"
    LIMITED = "limited"
    UPSTREAM = "upstream"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Gap:
    """One fault in a request: where (a JSON pointer) and what, in each language. `at` says where inside a file that came with it."""

    pointer: str
    detail: Mapping[str, str]
    at: Mapping[str, Any] = field(default_factory=dict)


class Problem(Exception):
    """A refusal. Subclasses state `slug`, `kind`, `title` and `detail`, the last two by language.

    `detail` is a template: its fields are the keyword arguments of the constructor, and they are
    also put on the problem document as extension members when listed in `members`.
    """

    slug: ClassVar[str]
    kind: ClassVar[Kind]
    title: ClassVar[Mapping[str, str]]
    detail: ClassVar[Mapping[str, str]]
    members: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, gaps: Sequence[Gap] = (), retry_after_s: int | None = None, **fields: Any) -> None:
        self.gaps = tuple(gaps)
        self.retry_after_s = retry_after_s
        self.fields = fields
        super().__init__(self.detail_in("en"))

    def title_in(self, language: str) -> str:
        return self.title.get(language) or self.title["en"]

    def detail_in(self, language: str) -> str:
        template = self.detail.get(language) or self.detail["en"]
        shown = {
            name: value.get(language, value.get("en", "")) if isinstance(value, Mapping) else value
            for name, value in self.fields.items()
        }
        return template.format(**shown)


class Invalid(Problem):
    slug = "invalid-request"
    kind = Kind.INVALID
    title = {"en": "The request is not valid", "zh-Hans": "请求内容有误"}
    detail = {
        "en": "Correct the fields listed in `errors` and send it again.",
        "zh-Hans": "请按 errors 中列出的位置改正后重新提交。",
    }


class Malformed(Problem):
    slug = "malformed-request"
    kind = Kind.MALFORMED
    title = {"en": "The request cannot be read", "zh-Hans": "无法读取请求"}
    detail = {"en": "{what}", "zh-Hans": "{what}"}


class NotFound(Problem):
    slug = "not-found"
    kind = Kind.MISSING
    title = {"en": "Not found", "zh-Hans": "未找到"}
    detail = {
        "en": "There is no {what} here that you may see. Check the address and who you are signed in as.",
        "zh-Hans": "这里没有您可查看的{what}。请检查地址以及登录身份。",
    }


class Forbidden(Problem):
    slug = "forbidden"
    kind = Kind.FORBIDDEN
    title = {"en": "You may not do this", "zh-Hans": "无权执行此操作"}
    detail = {"en": "This needs {needs}.", "zh-Hans": "需要：{needs}。"}


class StateConflict(Problem):
    slug = "state-conflict"
    kind = Kind.CONFLICT
    title = {"en": "Not possible in its present state", "zh-Hans": "当前状态下无法执行"}
    detail = {"en": "It is {state} now, so it cannot be {verb}.", "zh-Hans": "当前状态为 {state}，无法执行 {verb}。"}


class IdTaken(Problem):
    slug = "id-taken"
    kind = Kind.CONFLICT
    title = {"en": "This id is already used", "zh-Hans": "该编号已被使用"}
    detail = {
        "en": "{id} was created before with another body. Make a new id for a new thing.",
        "zh-Hans": "{id} 已用于不同的内容。新内容请使用新的编号。",
    }


class Changed(Problem):
    slug = "changed-meanwhile"
    kind = Kind.STALE
    title = {"en": "It has changed since you read it", "zh-Hans": "内容已被更新"}
    detail = {
        "en": "Read it again, look at what changed, and repeat the change with the new ETag.",
        "zh-Hans": "请重新读取，确认变化后用新的 ETag 再次提交。",
    }


class TooManyRequests(Problem):
    slug = "too-many-requests"
    kind = Kind.LIMITED
    title = {"en": "Too many requests", "zh-Hans": "请求过于频繁"}
    detail = {"en": "Wait {retry_s} seconds and try again.", "zh-Hans": "请等待 {retry_s} 秒后再试。"}

    def __init__(self, retry_s: int, *, policy: str, limit: int, window_s: int) -> None:
        super().__init__(retry_after_s=retry_s, retry_s=retry_s)
        self.policy, self.limit, self.window_s = policy, limit, window_s


class UpstreamFailed(Problem):
    slug = "upstream-failed"
    kind = Kind.UPSTREAM
    title = {"en": "A service we depend on did not answer", "zh-Hans": "外部服务暂无响应"}
    detail = {
        "en": "{service} did not answer properly. Nothing is lost: try again with the same Idempotency-Key.",
        "zh-Hans": "{service} 未正常响应。数据未丢失，请用相同的 Idempotency-Key 重试。",
    }


class Broken(Problem):
    slug = "internal-error"
    kind = Kind.BROKEN
    title = {"en": "Our mistake", "zh-Hans": "系统内部错误"}
    detail = {
        "en": "Something failed on our side. Try again; if it stays, tell the operator the request id.",
        "zh-Hans": "系统出现故障。请重试；若仍失败，请将请求编号告知运营方。",
    }
