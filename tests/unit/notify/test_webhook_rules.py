"""What follows from an answer, and what an endpoint asked for: pure."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.claims.values import ClaimStatus
from app.notify.webhook_rules import (
    after_go,
    after_try,
    body_of,
    is_pattern,
    names_meant,
    new_secret,
    read_retry_after,
)
from app.notify.webhook_values import (
    ATTEMPTS_MAX,
    EVERY_NAME,
    NAMES,
    NOT_FOR_CARRIERS,
    WAITS,
    DeliveryState,
    DisabledBecause,
    Due,
    Family,
    Held,
    Try,
)

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def due(attempts=0, first_at=None, **facts):
    return Due("wev_1", "shipment.advanced", "con_1", 1, NOW, facts, attempts, first_at, is_seen=True)


def held(failures=0, succeeded_at=None):
    return Held(
        "whe_1",
        "https://farm.example/",
        by_carrier=False,
        secrets=(),
        failures=failures,
        slow=False,
        succeeded_at=succeeded_at,
        person_id=None,
    )


def gone_by(status=None, attempts=0, first_at=None, **more):
    return after_try(due(attempts, first_at), Try(NOW, status, **more))


def test_waits_are_those_of_the_standard():
    assert [wait.total_seconds() for wait in WAITS] == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status):
    assert gone_by(status).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 304, 307, 400, 401, 404, 418, 500, 503, None])
def test_everything_else_is_tried_again(status):
    assert gone_by(status).state is DeliveryState.QUEUED


@given(attempts=st.integers(0, ATTEMPTS_MAX - 2), asked=st.integers(0, 10**6))
def test_next_attempt_is_never_before_the_schedule_nor_before_what_was_asked(attempts, asked):
    wait = read_retry_after(str(asked), NOW)
    after = gone_by(503, attempts, retry_after=wait)
    assert after.next_at == NOW + max(WAITS[attempts], min(timedelta(seconds=asked), timedelta(hours=24)))


def test_last_attempt_fails_for_good():
    assert gone_by(500, ATTEMPTS_MAX - 1).state is DeliveryState.FAILED


def test_gone_fails_at_once_and_disables():
    ended = gone_by(410)
    assert ended.state is DeliveryState.FAILED
    assert after_go(held(), [ended], NOW).disabled is DisabledBecause.GONE


def test_delivery_that_failed_disables_only_what_took_nothing_since():
    began = NOW - timedelta(days=3)
    ended = gone_by(500, ATTEMPTS_MAX - 1, began)
    assert after_go(held(), [ended], NOW).disabled is DisabledBecause.UNREACHABLE
    assert after_go(held(succeeded_at=began - timedelta(hours=1)), [ended], NOW).disabled is DisabledBecause.UNREACHABLE
    assert after_go(held(succeeded_at=began + timedelta(hours=1)), [ended], NOW).disabled is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("999999999", 86_400),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 86_400),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value, seconds):
    assert read_retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("failures", "rest_s"), [(0, None), (1, None), (2, 30), (3, 60), (5, 240), (9, 3_600), (40, 3_600)]
)
def test_endpoint_that_goes_on_failing_rests_longer_and_longer(failures, rest_s):
    rests = after_go(held(failures), [gone_by(500)], NOW).rests_until
    assert rests == (None if rest_s is None else NOW + timedelta(seconds=rest_s))


def test_endpoint_that_takes_anything_is_well_again():
    health = after_go(held(7), [gone_by(500), gone_by(200)], NOW)
    assert (health.failures, health.succeeded_at, health.rests_until, health.slow) == (0, NOW, None, False)


def test_endpoint_that_answers_after_six_seconds_is_slow_though_it_takes_everything():
    assert after_go(held(), [gone_by(200, duration_ms=6_000)], NOW).slow


def test_go_without_any_attempt_changes_nothing():
    before = held(4, NOW)
    health = after_go(before, [], NOW)
    assert (health.failures, health.succeeded_at, health.slow) == (4, NOW, False)


def test_patterns_mean_names_and_nothing_else_is_taken():
    assert set(names_meant(["*"])) == EVERY_NAME
    for family, names in NAMES.items():
        assert names_meant([f"{family}.*"]) == sorted(names)
    assert names_meant(["order.placed", "order.placed"]) == ["order.placed"]
    for text in ("shipment", "shipment.", "shipment.adv*", "*.delivered", "", "Order.*", "order.lost"):
        assert not is_pattern(text)


def test_names_begin_with_their_family():
    assert all(name.startswith(f"{family}.") for family, names in NAMES.items() for name in names)


def test_carrier_is_told_less():
    told = {"consignment": "con_1", "order": "ord_1", "status": "held"}
    for by_carrier in (False, True):
        seen = orjson.loads(body_of(due(**told), by_carrier=by_carrier))["data"]
        assert told.keys() - seen.keys() == (NOT_FOR_CARRIERS if by_carrier else set())


def test_secret_is_as_long_as_the_standard_asks():
    assert new_secret(b"x" * 32).startswith("whsec_")
    with pytest.raises(AssertionError):
        new_secret(b"x" * 23)


def test_every_state_of_a_claim_is_news() -> None:
    assert {f"claim.{status}" for status in ClaimStatus} == set(NAMES[Family.CLAIM])
