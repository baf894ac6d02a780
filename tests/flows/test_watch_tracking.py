"""Who keeps looking is told of every change, once; however many look, the database is asked once."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.core.errors import NotFound
from app.flows.watch_tracking import watch_tracking
from app.shipments.errors import TrackingNumberMistyped
from app.shipments.rules import tracking_number
from app.shipments.watch import TooManyStreams, TrackingWatch, versions_of
from tests.factories.shipments import an_operator, hours
from tests.factories.tables import statements_of
from tests.flows.test_record_tracking import booked, told, words

SOON_S = 0.02
PATIENCE_S = 20


@pytest.fixture
async def ports(ports):
    watch = TrackingWatch(ports.database, look_every_s=SOON_S, most=6, most_of_one=4)
    yield replace(ports, watch=watch)
    await watch.close()


@pytest.fixture
async def journey(ports, clock):
    clock.at = hours(200)
    return (await booked(ports))[0]


def looking(ports, journey, address="192.0.2.1", *, known=None, lasts_s=60.0, bare=False):
    number = getattr(journey, "tracking_number", journey)
    return aclosing(watch_tracking(ports, number, address, known=known, lasts_s=lasts_s, bare=bare))


async def following(sights):
    """The next that is not only a sign of life."""
    async with asyncio.timeout(PATIENCE_S):
        while (sight := await anext(sights)) is None:
            pass
    return sight


async def version(ports, journey):
    async with ports.database.read() as connection:
        return (await versions_of(connection, [journey.tracking_number]))[journey.tracking_number]


async def test_the_state_comes_at_once_and_again_with_every_change(ports, journey):
    async with looking(ports, journey) as sights:
        first = await anext(sights)
        assert (first.shown.journey.status, first.version) == ("booked", await version(ports, journey))
        for kind, status in (("picked_up", "picked_up"), ("departed", "in_transit"), ("delivered", "delivered")):
            await words(ports, an_operator(), told(journey, kind, 5))
            sight = await following(sights)
            assert sight.shown.journey.status == status
            assert sight.version == sight.shown.version == await version(ports, journey)


async def test_event_that_moves_nothing_is_news_too_and_a_repeated_one_is_not(ports, journey):
    operator = an_operator()
    await words(ports, operator, told(journey, "departed", 30))
    async with looking(ports, journey, bare=True) as sights:
        seen = [(await anext(sights)).version]
        late = told(journey, "observed", 20)
        await words(ports, operator, late)
        seen.append((await following(sights)).version)
        before = await version(ports, journey)
        assert await words(ports, operator, late) == ["duplicate"]
        assert await version(ports, journey) == before == seen[-1]
        async with ports.begin() as session:
            await session.execute(text("UPDATE consignment SET replanned_at = now()"))
        seen.append((await following(sights)).version)
        assert len(set(seen)) == 3


async def test_whoever_comes_back_hears_only_what_is_new(ports, journey):
    async with looking(ports, journey, bare=True) as sights:
        known = (await anext(sights)).version
    async with looking(ports, journey, known=known, lasts_s=0) as sights:
        assert [sight async for sight in sights] == [None]
    await words(ports, an_operator(), told(journey, "departed", 5))
    async with looking(ports, journey, known=known, lasts_s=0) as sights:
        (sight,) = [sight async for sight in sights]
        assert sight.shown.journey.status == "in_transit"


async def test_numbers_that_are_mistyped_or_of_nothing_are_refused_before_anything_is_sent(ports):
    for number, refusal in (("CM1", TrackingNumberMistyped), (tracking_number("123456789012"), NotFound)):
        async with looking(ports, number) as sights:
            with pytest.raises(refusal):
                await anext(sights)
    assert ports.watch.viewers == 0


async def test_only_so_many_may_look_from_one_address_and_in_all_and_places_become_free(ports, journey):
    async def enter(address):
        sights = watch_tracking(ports, journey.tracking_number, address, known=None, lasts_s=60, bare=True)
        await anext(sights)
        return sights

    opened = [await enter("192.0.2.1") for _ in range(4)]
    with pytest.raises(TooManyStreams) as refused:
        await enter("192.0.2.1")
    assert refused.value.retry_after_s == 60
    opened += [await enter("192.0.2.2"), await enter("192.0.2.3")]
    with pytest.raises(TooManyStreams):
        await enter("192.0.2.4")
    assert ports.watch.viewers == 6
    await opened.pop().aclose()
    opened.append(await enter("192.0.2.4"))
    for sights in opened:
        await sights.aclose()
    assert ports.watch.viewers == 0


async def test_however_many_look_at_however_many_the_database_is_asked_once(ports, clock):
    clock.at = hours(200)
    journeys = [(await booked(ports))[0] for _ in range(3)]
    with statements_of(ports.database) as statements:
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(_stay(ports, journeys[number % 3], f"192.0.2.{number}"))
    entries = 6
    looked = [one for one in statements if "xmin" in one]
    assert entries < len(looked) < entries + 1.5 * 0.5 / SOON_S


async def _stay(ports, journey, address):
    async with looking(ports, journey, address, lasts_s=0.5, bare=True) as sights:
        assert [sight.version for sight in [sight async for sight in sights] if sight] != []


async def test_nobody_asks_while_nobody_looks(ports, journey):
    async with looking(ports, journey, bare=True) as sights:
        await anext(sights)
    await asyncio.sleep(5 * SOON_S)
    with statements_of(ports.database) as statements:
        await asyncio.sleep(5 * SOON_S)
    assert list(statements) == []


async def test_at_the_end_everybody_goes_and_nobody_comes(ports, journey):
    async with looking(ports, journey, bare=True) as sights:
        await anext(sights)
        waiting = asyncio.create_task(anext(sights))
        await asyncio.sleep(SOON_S)
        ports.watch.end()
        async with asyncio.timeout(PATIENCE_S):
            assert await waiting is None
        with pytest.raises(StopAsyncIteration):
            await anext(sights)
    async with looking(ports, journey) as sights:
        with pytest.raises(TooManyStreams):
            await anext(sights)


async def test_database_that_is_away_for_a_while_is_asked_again(ports, journey):
    async with looking(ports, journey, bare=True) as sights:
        await anext(sights)
        async with ports.begin() as session:
            await session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            )  # fmt: skip
        await asyncio.sleep(3 * SOON_S)
        for _ in range(20):
            try:
                await words(ports, an_operator(), told(journey, "departed", 5))
            except Exception:  # noqa: BLE001 - a connection of the pool that is gone too
                continue
            break
        assert (await following(sights)).version == await version(ports, journey)
