"""Pure rules of webhooks: which news an endpoint asked for, what is sent and how it is signed, and what follows from an answer."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson
from standardwebhooks import Webhook

from app.core.clock import rfc3339
from app.notify.webhook_values import (
    ATTEMPTS_MAX,
    EVERY_NAME,
    GONE,
    NAMES,
    NOT_FOR_CARRIERS,
    RETRY_AFTER_MAX,
    SLOW_S,
    THROTTLE_MIN,
    THROTTLED,
    WAITS,
    DeliveryState,
    DisabledBecause,
    Due,
    Ended,
    Health,
    Held,
    Try,
)

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what secrets begin with
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_FIRST_RESTS: Final = 3
_REST: Final = timedelta(seconds=30)
_REST_MAX: Final = timedelta(hours=1)


def is_pattern(text: str) -> bool:
    """`*`, a family such as `shipment.*`, or the whole name of some news."""
    return text == "*" or text in EVERY_NAME or text in {f"{family}.*" for family in NAMES}


def names_meant(patterns: Iterable[str]) -> list[str]:
    """Every name of news that these patterns ask for, sorted."""
    wanted = set(patterns)
    return sorted(
        name
        for family, names in NAMES.items()
        for name in names
        if "*" in wanted or f"{family}.*" in wanted or name in wanted
    )


def new_secret(noise: bytes) -> str:
    """A secret as Standard Webhooks writes it."""
    assert 24 <= len(noise) <= 64
    return SECRET_PREFIX + base64.b64encode(noise).decode()


def body_of(due: Due, *, by_carrier: bool) -> bytes:
    """What is sent: ids and states, no person. `sequence` orders the news of one subject; a carrier is told less."""
    facts: Mapping[str, Any] = due.facts
    if by_carrier:
        facts = {name: fact for name, fact in facts.items() if name not in NOT_FOR_CARRIERS}
    return orjson.dumps(
        {
            "id": due.event_id,
            "type": due.name,
            "timestamp": rfc3339(due.occurred_at),
            "subject": due.subject,
            "sequence": due.sequence,
            "data": facts,
        }
    )


def headers_of(event_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0: a signature by each secret, so that either verifies while one takes the other's place."""
    # To the second, as the header says it: the signature is over the header.
    at = now.astimezone(UTC).replace(microsecond=0)
    signatures = [Webhook(secret).sign(event_id, at, body.decode()) for secret in secrets]
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """RFC 9110, 10.2.3: seconds or a date; never more than a day, None for what is neither."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return min(timedelta(seconds=int(value)), RETRY_AFTER_MAX)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), RETRY_AFTER_MAX)


def after_try(due: Due, attempt: Try) -> Ended:
    """What becomes of a delivery: delivered by any 2xx, tried again after the next wait or what was asked for, failed after the last."""
    if attempt.is_good:
        return Ended(DeliveryState.DELIVERED, None, attempt, due)
    made = due.attempts + 1
    if made >= ATTEMPTS_MAX or attempt.status == GONE:
        return Ended(DeliveryState.FAILED, None, attempt, due)
    wait = max(WAITS[made - 1], attempt.retry_after or timedelta())
    return Ended(DeliveryState.QUEUED, attempt.at + wait, attempt, due)


def after_go(held: Held, ended: Sequence[Ended], now: datetime) -> Health:
    """What becomes of an endpoint: it rests when it asks for it or fails again and again, and ends when it is gone or dead for days."""
    tries = [each.attempt for each in ended]
    if not tries:
        return Health(held.failures, held.succeeded_at, None, held.slow)
    good = [attempt for attempt in tries if attempt.is_good]
    bad = [attempt for attempt in tries if not attempt.is_good]
    failures = 0 if good else held.failures + 1
    succeeded_at = max((attempt.at for attempt in good), default=held.succeeded_at)
    rests = [
        now + max(attempt.retry_after or timedelta(), THROTTLE_MIN) for attempt in bad if attempt.status in THROTTLED
    ]
    rests += [now + attempt.retry_after for attempt in bad if attempt.retry_after]
    if failures >= _FIRST_RESTS:
        rests.append(now + min(_REST * 2 ** min(failures - _FIRST_RESTS, 10), _REST_MAX))
    disabled = None
    if any(attempt.status == GONE for attempt in bad):
        disabled = DisabledBecause.GONE
    elif any(_is_dead(each, succeeded_at) for each in ended):
        disabled = DisabledBecause.UNREACHABLE
    slow = bool(failures) or any(attempt.duration_ms > SLOW_S * 1_000 for attempt in tries)
    return Health(failures, succeeded_at, max(rests, default=None), slow, disabled)


def _is_dead(ended: Ended, succeeded_at: datetime | None) -> bool:
    """Whether a delivery was given up, and since its first attempt nothing else came through either."""
    began_at = ended.due.first_at or ended.attempt.at
    return ended.state is DeliveryState.FAILED and (succeeded_at is None or succeeded_at < began_at)
