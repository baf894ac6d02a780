"""Keys in the database: held, answered, given up, forgotten; and rate limits that count what was refused too."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.errors import TooManyRequests
from app.core.idempotency import (
    Claim,
    Earlier,
    IdempotencyKeyReused,
    RequestInProgress,
    abandon,
    find_earlier,
    forget_old,
    lease,
    record,
    take,
)
from app.core.limits import IDEMPOTENCY_KEY_LIFETIME, IDEMPOTENCY_LEASE
from app.core.throttle import Allowance, spend
from app.core.throttle import forget_old as forget_counters
from tests.conftest import NOW

CLAIM = Claim("per_1", "monday", "the same request")
OTHER = replace(CLAIM, fingerprint="another request")
LIMIT = Allowance("codes", 3, timedelta(minutes=1))


async def took(database, claim=CLAIM, now=NOW, subject=None):
    async with database.begin() as session:
        return await take(session, claim, now, subject)


async def leased(database, claim=CLAIM, now=NOW):
    async with database.begin() as session:
        return await lease(session, claim, now)


async def answered(database, claim=CLAIM):
    async with database.begin() as session:
        await record(session, claim, 201, b"sealed")


async def test_first_one_gets_the_key_and_the_next_one_its_answer(database):
    assert await took(database, subject="ord_1") is None
    assert await took(database) == Earlier("ord_1", None, None)
    await answered(database)
    assert await took(database) == Earlier("ord_1", 201, b"sealed")


async def test_key_is_taken_with_the_work_or_not_at_all(database):
    async def fail():
        async with database.begin() as session:
            await take(session, CLAIM, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await took(database) is None


async def test_other_request_with_the_key_is_refused_by_every_verb(database):
    await took(database)
    for verb in (took, leased):
        with pytest.raises(IdempotencyKeyReused):
            await verb(database, OTHER)
    async with database.begin() as session:
        with pytest.raises(IdempotencyKeyReused):
            await find_earlier(session, OTHER)


async def test_same_key_of_somebody_else_is_another_key(database):
    assert await took(database) is None
    assert await took(database, replace(CLAIM, scope="per_2")) is None


async def test_second_one_does_not_wait_for_the_first_but_is_told_to_come_back(database):
    async with database.begin() as first:
        assert await take(first, CLAIM, NOW) is None
        with pytest.raises(RequestInProgress) as refused:
            await asyncio.wait_for(took(database), 5)
    assert refused.value.retry_after_s == 1
    assert await took(database) == Earlier(None, None, None)


async def test_of_many_at_once_one_gets_the_key(database):
    answers = await asyncio.gather(*(took(database) for _ in range(15)), return_exceptions=True)
    assert answers.count(None) == 1
    assert all(isinstance(a, RequestInProgress | Earlier) for a in answers if a is not None)


async def test_lease_keeps_others_out_until_it_is_over(database):
    assert await leased(database) is None
    with pytest.raises(RequestInProgress):
        await leased(database, now=NOW + IDEMPOTENCY_LEASE)
    later = NOW + IDEMPOTENCY_LEASE + timedelta(seconds=1)
    assert await leased(database, now=later) is None
    with pytest.raises(RequestInProgress):
        await leased(database, now=later + timedelta(seconds=1))


async def test_lease_that_ran_out_goes_to_one_of_many(database):
    await leased(database)
    later = NOW + 2 * IDEMPOTENCY_LEASE
    answers = await asyncio.gather(*(leased(database, now=later) for _ in range(10)), return_exceptions=True)
    assert answers.count(None) == 1
    assert sum(isinstance(answer, RequestInProgress) for answer in answers) == 9


async def test_answered_lease_is_answered_for_ever(database):
    await leased(database)
    await answered(database)
    assert (await leased(database, now=NOW + timedelta(days=3))).status == 201


async def test_abandoned_key_is_free_again_but_an_answered_one_stays(database):
    await leased(database)
    async with database.begin() as session:
        await abandon(session, CLAIM)
    assert await leased(database, OTHER) is None
    await answered(database, OTHER)
    async with database.begin() as session:
        await abandon(session, OTHER)
    assert (await leased(database, OTHER)).status == 201


async def test_keys_past_their_time_are_forgotten_and_no_others(database):
    await took(database)
    await took(database, replace(CLAIM, key="tuesday"), NOW + timedelta(days=1))
    async with database.begin() as session:
        assert await forget_old(session, NOW + IDEMPOTENCY_KEY_LIFETIME + timedelta(seconds=1)) == 1
    assert await took(database) is None
    assert await took(database, replace(CLAIM, key="tuesday")) is not None


# Rate limits.


async def test_allowance_is_spent_one_by_one_and_whole_again_after_its_window(database):
    left = [(await spend(database, LIMIT, "+861", NOW)).remaining for _ in range(3)]
    assert left == [2, 1, 0]
    with pytest.raises(TooManyRequests) as refused:
        await spend(database, LIMIT, "+861", NOW + timedelta(seconds=20))
    assert refused.value.retry_after_s == 40
    assert (await spend(database, LIMIT, "+861", NOW + timedelta(seconds=60))).remaining == 2


async def test_allowances_of_two_people_and_of_two_policies_are_apart(database):
    for _ in range(3):
        await spend(database, LIMIT, "+861", NOW)
    assert (await spend(database, LIMIT, "+862", NOW)).remaining == 2
    assert (await spend(database, replace(LIMIT, name="tries"), "+861", NOW)).remaining == 2


async def test_many_at_once_get_no_more_than_the_allowance(database):
    answers = await asyncio.gather(*(spend(database, LIMIT, "+861", NOW) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 9


async def test_counters_past_their_window_are_forgotten(database):
    await spend(database, LIMIT, "+861", NOW)
    async with database.begin() as session:
        await forget_counters(session, NOW + timedelta(minutes=2))
        assert (await session.execute(text("SELECT count(*) FROM throttle"))).scalar() == 0
