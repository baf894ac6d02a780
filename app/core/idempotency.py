"""Idempotency keys: the first answer is kept with its key in the transaction that did the work, and replayed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, delete, update
from sqlmodel import Field, SQLModel, col, select

from app.core.database import Reader, Session, Sql
from app.core.errors import Kind, Problem
from app.core.limits import IDEMPOTENCY_KEY_LENGTH_MAX, IDEMPOTENCY_KEY_LIFETIME, IDEMPOTENCY_LEASE


class IdempotencyKeyRequired(Problem):
    slug = "idempotency-key-required"
    kind = Kind.MALFORMED
    title = {"en": "An Idempotency-Key is needed", "zh-Hans": "缺少 Idempotency-Key"}
    detail = {
        "en": "Send an `Idempotency-Key` header (a fresh UUID for each thing you do) so that a repeat does nothing twice.",
        "zh-Hans": "请添加 `Idempotency-Key` 请求头（每次操作使用新的 UUID），以免重复执行。",
    }


class IdempotencyKeyUnusable(Problem):
    slug = "idempotency-key-unusable"
    kind = Kind.MALFORMED
    title = {"en": "This Idempotency-Key cannot be used", "zh-Hans": "该 Idempotency-Key 无法使用"}
    detail = {
        "en": "An `Idempotency-Key` has 1 to {length_max} visible ASCII characters. A fresh UUID is a good one.",
        "zh-Hans": "`Idempotency-Key` 须为 1 至 {length_max} 个可见 ASCII 字符，建议使用新的 UUID。",
    }


class IdempotencyKeyReused(Problem):
    slug = "idempotency-key-reused"
    kind = Kind.INVALID
    title = {"en": "This Idempotency-Key was used for something else", "zh-Hans": "该 Idempotency-Key 已用于其他请求"}
    detail = {
        "en": "The same key came before with another body or address. Use a new key for a new request.",
        "zh-Hans": "相同的键曾用于不同的内容或地址。新请求请使用新的键。",
    }


class RequestInProgress(Problem):
    slug = "request-in-progress"
    kind = Kind.CONFLICT
    title = {"en": "The first request with this key is still running", "zh-Hans": "使用该键的首个请求仍在处理"}
    detail = {"en": "Wait a second and send it again.", "zh-Hans": "请稍等一秒后重新发送。"}


class IdempotencyKey(SQLModel, table=True):
    """`subject` is what the work made, so that an interrupted story can be taken up again."""

    __tablename__ = "idempotency_key"

    scope: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True, max_length=IDEMPOTENCY_KEY_LENGTH_MAX)
    fingerprint: str = Field(max_length=64)
    subject: str | None = Field(default=None, max_length=40)
    status: int | None = None
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = Field(index=True)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who sent which key with which request. `scope` is the caller, so that keys of two callers never meet."""

    scope: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an earlier request with the same key; without a status it has not been answered yet."""

    subject: str | None
    status: int | None
    body: bytes | None


_FIND = Sql("SELECT fingerprint, subject, status, body FROM idempotency_key WHERE scope = :scope AND key = :key")
_RECORD = Sql("UPDATE idempotency_key SET status = :status, body = :body WHERE scope = :scope AND key = :key")
_TAKE = Sql(
    "INSERT INTO idempotency_key (scope, key, fingerprint, subject, created_at) "
    "SELECT CAST(:scope AS varchar), CAST(:key AS varchar), :fingerprint, :subject, :now "
    "WHERE pg_try_advisory_xact_lock(hashtextextended(CAST(:scope AS varchar) || ' ' || CAST(:key AS varchar), 0)) "
    "ON CONFLICT DO NOTHING RETURNING 1"
)


async def find_earlier(reader: Reader, claim: Claim) -> Earlier | None:
    """What an earlier request with this key left; raises `IdempotencyKeyReused` when that was another request."""
    row = await _FIND.first(reader, {"scope": claim.scope, "key": claim.key})
    if row is None:
        return None
    if row.fingerprint != claim.fingerprint:
        raise IdempotencyKeyReused
    return Earlier(row.subject, row.status, row.body)


async def take(session: Session, claim: Claim, now: datetime, subject: str | None = None) -> Earlier | None:
    """Hold the key until the transaction ends. Answers the earlier request when there was one.

    Raises `RequestInProgress` while another transaction holds it. One statement when the key is new.
    """
    values = {"scope": claim.scope, "key": claim.key, "fingerprint": claim.fingerprint, "subject": subject, "now": now}
    if await _TAKE.first(session, values):
        return None
    earlier = await find_earlier(session, claim)
    if earlier is None:
        raise RequestInProgress(retry_after_s=1)
    return earlier


async def record(session: Session, claim: Claim, status: int, body: bytes) -> None:
    """Keep the answer with the key, in the transaction that makes it true."""
    await _RECORD.tell(session, {"scope": claim.scope, "key": claim.key, "status": status, "body": body})


async def forget_old(session: Session, now: datetime) -> int:
    """Delete keys past their lifetime, at most 10,000 at a time."""
    old = (
        select(IdempotencyKey.scope, IdempotencyKey.key)
        .where(col(IdempotencyKey.created_at) < now - IDEMPOTENCY_KEY_LIFETIME)
        .limit(10_000)
    )
    rows = (await session.execute(old)).all()
    for scope, key in rows:
        await session.execute(
            delete(IdempotencyKey).where(col(IdempotencyKey.scope) == scope, col(IdempotencyKey.key) == key)
        )
    return len(rows)


async def lease(session: Session, claim: Claim, now: datetime) -> Earlier | None:
    """Hold the key for a story of several transactions: committed at once, free again after `IDEMPOTENCY_LEASE`.

    Answers the earlier request when it was answered; raises `RequestInProgress` while its lease lasts.
    """
    earlier = await take(session, claim, now)
    if earlier is None or earlier.status is not None:
        return earlier
    over = col(IdempotencyKey.created_at) < now - IDEMPOTENCY_LEASE
    mine = col(IdempotencyKey.scope) == claim.scope, col(IdempotencyKey.key) == claim.key
    renewed = await session.execute(
        update(IdempotencyKey).where(*mine, over).values(created_at=now).returning(col(IdempotencyKey.key))
    )
    if renewed.first() is None:
        raise RequestInProgress(retry_after_s=1)
    return None


async def abandon(session: Session, claim: Claim) -> None:
    """Free a key whose story was refused, so that a corrected try may use it."""
    mine = col(IdempotencyKey.scope) == claim.scope, col(IdempotencyKey.key) == claim.key
    await session.execute(delete(IdempotencyKey).where(*mine, col(IdempotencyKey.status).is_(None)))
