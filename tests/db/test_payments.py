"""The verbs of paying and the constraints below them, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app.core.database import Database, metadata
from app.core.errors import NotFound, StateConflict
from app.core.money import Money
from app.payments.models import Payment, ProviderEvent
from app.payments.service import (
    amount_of,
    get_payment_of,
    keep_event,
    lock_payment_of,
    note_intent,
    record_cancel,
    record_collection,
    record_refund,
    settle_event,
    start_payment,
)
from app.payments.values import Event, News, Outcome, PaymentEvent, PaymentMethod, PaymentStatus
from tests.factories.tables import statements_of

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=3)
PRICE = Money(7830, "CNY")
CASH, STRIPE = PaymentMethod.CASH_ON_DELIVERY, PaymentMethod.STRIPE


@pytest.fixture(autouse=True)
async def tables(database: Database) -> None:
    wanted = [metadata.tables["payment"], metadata.tables["provider_event"]]
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all, tables=wanted)


async def start(database: Database, number: int = 1, method: PaymentMethod = STRIPE, order: str | None = None) -> str:
    payment_id = f"pay_{number}"
    async with database.begin() as session:
        await start_payment(session, payment_id, order or f"ord_{number}", method, PRICE, NOW)
    return payment_id


async def tell(database: Database, event: PaymentEvent, event_id: str = "evt_1", **other) -> None:
    told = {"payment_id": "pay_1", "ref": "pi_1", "amount": PRICE} | other
    async with database.begin() as session:
        await keep_event(session, Event("stripe", event_id, f"told.{event}", News(event, **told)), NOW)


async def settle(database: Database, event_id: str = "evt_1"):
    async with database.begin() as session:
        return await settle_event(session, "stripe", event_id, LATER)


async def present(database: Database, order: str = "ord_1") -> Payment:
    async with database.begin() as session:
        return await get_payment_of(session, order)


async def kept(database: Database) -> list[ProviderEvent]:
    async with database.begin() as session:
        return list(await session.scalars(select(ProviderEvent).order_by(ProviderEvent.event_id)))


async def test_starting_a_payment_is_one_statement(database: Database) -> None:
    with statements_of(database) as sent:
        async with database.begin() as session:
            await start_payment(session, "pay_1", "ord_1", CASH, PRICE, NOW)
    assert len(sent) == 1
    payment = await present(database)
    assert (payment.status, payment.method, amount_of(payment)) == (PaymentStatus.PENDING_CASH, CASH, PRICE)
    assert payment.created_at == NOW


async def test_an_order_without_a_payment_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await present(database, "ord_unknown")


async def test_the_latest_payment_of_an_order_counts(database: Database) -> None:
    await start(database, 1, order="ord_1")
    await start(database, 2, CASH, order="ord_1")
    assert (await present(database)).id == "pay_2"


async def test_the_providers_name_is_kept_and_the_buyer_awaited(database: Database) -> None:
    await start(database)
    for _ in range(2):
        async with database.begin() as session:
            await note_intent(session, "pay_1", "pi_1", LATER)
    payment = await present(database)
    assert (payment.status, payment.provider_ref) == (PaymentStatus.AWAITING_CUSTOMER, "pi_1")
    assert payment.updated_at == LATER


async def test_cash_is_collected_once_and_only_where_it_is_due(database: Database) -> None:
    await start(database, 1, CASH)
    await start(database, 2, STRIPE)
    await start(database, 3, CASH)
    async with database.begin() as session:
        await record_cancel(session, "pay_3", NOW)
    for expected in (["ord_1"], []):
        async with database.begin() as session:
            assert await record_collection(session, ["ord_1", "ord_2", "ord_3"], "KUNLUN", LATER) == expected
    payment = await present(database)
    assert (payment.status, payment.collected_by) == (PaymentStatus.PAID, "KUNLUN")
    assert (await present(database, "ord_3")).status is PaymentStatus.CANCELLED


async def test_a_payment_is_cancelled_but_not_once_money_was_taken(database: Database) -> None:
    await start(database, 1, CASH)
    await start(database, 2, CASH)
    for _ in range(2):
        async with database.begin() as session:
            assert (await record_cancel(session, "pay_1", LATER)).status is PaymentStatus.CANCELLED
    async with database.begin() as session:
        await record_collection(session, ["ord_2"], "KUNLUN", NOW)
    with pytest.raises(StateConflict, match="It is Paid now, so it cannot be cancelled") as refused:
        async with database.begin() as session:
            await record_cancel(session, "pay_2", LATER)
    assert "已付款" in refused.value.detail_in("zh-Hans")


async def test_the_whole_amount_is_returned_once_and_only_when_it_was_paid(database: Database) -> None:
    await start(database, 1, CASH)
    with pytest.raises(StateConflict, match="refunded"):
        async with database.begin() as session:
            await record_refund(session, "pay_1", LATER)
    async with database.begin() as session:
        await record_collection(session, ["ord_1"], "KUNLUN", NOW)
    for _ in range(2):
        async with database.begin() as session:
            await record_refund(session, "pay_1", LATER)
    payment = await present(database)
    assert (payment.status, payment.refunded_minor) == (PaymentStatus.REFUNDED, PRICE.amount)


async def test_a_return_that_the_provider_made_counts_before_its_news_arrives(database: Database) -> None:
    await start(database)
    async with database.begin() as session:
        await record_refund(session, "pay_1", LATER)
    await tell(database, PaymentEvent.PAY)
    step = await settle(database)
    assert step is not None
    assert (step.outcome, step.job) == (Outcome.LATE, None)
    assert (await present(database)).status is PaymentStatus.REFUNDED


async def test_an_event_is_kept_once_even_when_it_comes_twice_at_the_same_moment(database: Database) -> None:
    async def keep() -> bool:
        async with database.begin() as session:
            return await keep_event(
                session, Event("stripe", "evt_1", "x", News(PaymentEvent.PAY, None, "pi_1", PRICE)), NOW
            )

    assert sorted(await asyncio.gather(*(keep() for _ in range(5)))) == [False] * 4 + [True]
    [event] = await kept(database)
    assert event.handled_at is None
    assert event.payload == {
        "event": "paid",
        "payment_id": None,
        "ref": "pi_1",
        "amount": {"amount": 7830, "currency": "CNY"},
    }


async def test_an_event_without_news_is_kept_as_ignored_and_nothing_is_to_do(database: Database) -> None:
    async with database.begin() as session:
        assert await keep_event(session, Event("stripe", "evt_1", "payment_intent.created", None), NOW) is False
    assert await settle(database) is None
    [event] = await kept(database)
    assert (event.outcome, event.handled_at, event.payload) == (Outcome.IGNORED, NOW, None)


async def test_news_moves_the_payment_and_is_handled_once(database: Database) -> None:
    await start(database)
    await tell(database, PaymentEvent.PAY)
    steps = await asyncio.gather(*(settle(database) for _ in range(4)))
    [step] = [step for step in steps if step is not None]
    assert (step.outcome, step.order_id, step.job) == (Outcome.APPLIED, "ord_1", "payment.paid")
    assert (await present(database)).status is PaymentStatus.PAID
    [event] = await kept(database)
    assert (event.handled_at, event.outcome) == (LATER, Outcome.APPLIED)


async def test_news_and_its_handling_are_undone_together(database: Database) -> None:
    await start(database)
    await tell(database, PaymentEvent.PAY)
    with pytest.raises(RuntimeError, match="stopped here"):
        await settle_and_stop(database)
    assert (await present(database)).status is PaymentStatus.STARTED
    assert [event.handled_at for event in await kept(database)] == [None]
    assert await settle(database) is not None


async def settle_and_stop(database: Database) -> None:
    async with database.begin() as session:
        await settle_event(session, "stripe", "evt_1", LATER)
        raise RuntimeError("stopped here")


async def test_news_that_overtakes_the_note_of_the_intent_is_not_lost(database: Database) -> None:
    await start(database)
    await tell(database, PaymentEvent.PAY)
    await settle(database)
    async with database.begin() as session:
        await note_intent(session, "pay_1", "pi_1", LATER)
    payment = await present(database)
    assert (payment.status, payment.provider_ref) == (PaymentStatus.PAID, "pi_1")


async def test_late_news_leaves_the_state_and_tells_nobody(database: Database) -> None:
    await start(database)
    await tell(database, PaymentEvent.PAY, "evt_2")
    await tell(database, PaymentEvent.DECLINE, "evt_1")
    await settle(database, "evt_2")
    step = await settle(database, "evt_1")
    assert step is not None
    assert (step.outcome, step.job) == (Outcome.LATE, None)
    assert (await present(database)).status is PaymentStatus.PAID


@pytest.mark.parametrize(
    "other", [{"amount": Money(1, "CNY")}, {"amount": Money(7830, "HKD")}, {"ref": "pi_of_another"}]
)
async def test_news_of_other_money_is_refused_and_logged(
    database: Database, other: dict, caplog: pytest.LogCaptureFixture
) -> None:
    await start(database)
    async with database.begin() as session:
        await note_intent(session, "pay_1", "pi_1", NOW)
    await tell(database, PaymentEvent.PAY, **other)
    step = await settle(database)
    assert step is not None
    assert (step.outcome, step.job) == (Outcome.REFUSED, None)
    assert (await present(database)).status is PaymentStatus.AWAITING_CUSTOMER
    assert "payment news refused" in caplog.text


@pytest.mark.parametrize("other", [{"payment_id": "pay_of_another_shop"}, {"payment_id": None, "ref": "pi_unknown"}])
async def test_news_of_somebody_elses_payment_is_ignored(database: Database, other: dict) -> None:
    await start(database)
    await tell(database, PaymentEvent.PAY, **other)
    step = await settle(database)
    assert step is not None
    assert (step.outcome, step.job) == (Outcome.IGNORED, None)


async def test_a_cash_payment_is_never_paid_by_card_news(database: Database) -> None:
    await start(database, 1, CASH)
    await tell(database, PaymentEvent.PAY)
    step = await settle(database)
    assert step is not None
    assert step.outcome is Outcome.IGNORED
    assert (await present(database)).status is PaymentStatus.PENDING_CASH


async def test_news_without_our_id_is_found_by_the_providers_name(database: Database) -> None:
    await start(database)
    async with database.begin() as session:
        await note_intent(session, "pay_1", "pi_1", NOW)
    await tell(database, PaymentEvent.PAY, payment_id=None)
    step = await settle(database)
    assert step is not None
    assert step.order_id == "ord_1"


async def test_a_locked_payment_makes_the_next_one_wait(database: Database) -> None:
    await start(database)
    async with database.begin() as session:
        await lock_payment_of(session, "ord_1")
        second = asyncio.create_task(settle_cancel(database))
        await asyncio.sleep(0.1)
        assert not second.done()
    assert (await second).status is PaymentStatus.CANCELLED


async def settle_cancel(database: Database) -> Payment:
    async with database.begin() as session:
        return await record_cancel(session, "pay_1", LATER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": -1},
        {"status": "started", "refunded_minor": 1},
        {"refunded_minor": 7831},
        {"status": "refunded", "refunded_minor": 7831},
        {"status": "pending_cash"},
        {"method": "cash_on_delivery", "status": "awaiting_customer"},
        {"status": "authorised"},
    ],
)
async def test_the_database_refuses_impossible_payments(database: Database, wrong: dict) -> None:
    row = {"id": "pay_1", "order_id": "ord_1", "method": "stripe", "status": "paid", "amount_minor": 7830}
    row |= {"refunded_minor": 0, "currency": "CNY", "created_at": NOW, "updated_at": NOW} | wrong
    plain = text(f"INSERT INTO payment ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})")
    with pytest.raises(IntegrityError, match="ck_payment_"):
        async with database.begin() as session:
            await session.execute(plain, row)


async def test_one_intent_belongs_to_one_payment(database: Database) -> None:
    for number in (1, 2):
        await start(database, number)
    async with database.begin() as session:
        await note_intent(session, "pay_1", "pi_1", NOW)
    with pytest.raises(IntegrityError, match="uq_payment_provider_ref"):
        async with database.begin() as session:
            await note_intent(session, "pay_2", "pi_1", NOW)
