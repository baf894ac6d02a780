"""The night asks the card provider: what it took is what we recorded and what the ledger holds, or it is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.clock import FixedClock
from app.core.ids import new_id
from app.core.money import Money
from app.flows.keep_books import close_books
from app.ledger.rules import collection_entries
from app.ledger.service import record
from app.ledger.values import AccountKind, AccountRef, State, Transfer, TransferKind
from app.payments.providers import StripeProvider
from app.payments.service import apply, lock_payment, note_intent, record_refund, start_payment
from app.payments.values import PaymentEvent, PaymentMethod
from tests.factories.tables import rows

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
PRICE = Money(7830, "CNY")
GATEWAY = AccountRef(AccountKind.GATEWAY, "stripe", "CNY")


@pytest.fixture
async def shop(ports, fake):
    """The stand-in goes by the real time, and so does this shop."""
    cards = StripeProvider(fake.key, "whsec_unused", api_base=fake.url, timeout_s=5)
    yield replace(ports, cards=cards, clock=FixedClock(datetime.now(UTC)))
    await cards.close()


async def asked(shop, number):
    """A payment that the buyer is asked for."""
    payment_id, order_id, now = f"pay_{number}", f"ord_{number}", shop.clock.now()
    async with shop.begin() as session:
        await start_payment(session, payment_id, order_id, PaymentMethod.STRIPE, PRICE, now)
    intent = await shop.cards.create_intent(payment_id, order_id, PRICE)
    async with shop.begin() as session:
        await note_intent(session, payment_id, intent.ref, now)
    return intent.ref


async def heard(shop, number):
    async with shop.begin() as session:
        await apply(session, await lock_payment(session, f"pay_{number}"), PaymentEvent.PAY, shop.clock.now())


async def booked(shop, number, amount=PRICE.amount):
    kind = TransferKind.COLLECTION
    entries = collection_entries("per_1", "CNY", {GATEWAY: amount})
    async with shop.begin() as session:
        await record(session, [Transfer(new_id("trf"), kind, f"ord_{number}", State.POSTED, entries)], shop.clock.now())


async def paid(shop, fake, number):
    ref = await asked(shop, number)
    await fake.confirm(ref)
    await heard(shop, number)
    await booked(shop, number)
    return ref


async def returned(shop, number, ref):
    await shop.cards.refund(f"pay_{number}", f"pay_{number}:refund", ref, PRICE)
    async with shop.begin() as session:
        await record_refund(session, f"pay_{number}", shop.clock.now())
    await booked(shop, number, -PRICE.amount)


async def night(shop):
    """What the next night finds, and how many payments it asked about."""
    await close_books(replace(shop, clock=FixedClock(shop.clock.now() + timedelta(days=1))))
    (told,) = await rows(shop, "SELECT payments, findings FROM reconciliation ORDER BY id DESC LIMIT 1")
    found = {(each["what"], each["subject"]): (each["expected_minor"], each["found_minor"]) for each in told.findings}
    return told.payments, found


async def test_a_day_of_payments_that_agree_is_clean(shop, fake):
    await paid(shop, fake, 1)
    await returned(shop, 2, await paid(shop, fake, 2))
    await asked(shop, 3)
    assert await night(shop) == (3, {})


async def test_more_payments_than_a_page_are_all_asked_about(shop, fake, monkeypatch):
    monkeypatch.setattr("app.payments.providers.PAGE_MAX", 2)
    for number in range(5):
        await paid(shop, fake, number)
    assert await night(shop) == (5, {})


async def test_what_we_never_heard_of_is_found(shop, fake):
    ref = await asked(shop, 1)
    await fake.confirm(ref)
    assert await night(shop) == (
        1,
        {("payment_amount", ref): (0, 7830), ("payment_ledger", "ord_1"): (7830, 0)},
    )


async def test_what_was_returned_by_hand_is_found(shop, fake):
    ref = await paid(shop, fake, 1)
    await shop.cards.refund("pay_1", "by hand", ref, Money(1_000, "CNY"))
    assert await night(shop) == (
        1,
        {("payment_amount", ref): (7830, 6830), ("payment_ledger", "ord_1"): (6830, 7830)},
    )


async def test_money_of_nobody_is_found(shop, fake):
    intent = await shop.cards.create_intent("pay_elsewhere", "ord_elsewhere", PRICE)
    await fake.confirm(intent.ref)
    assert await night(shop) == (1, {("payment_unknown", intent.ref): (0, 7830)})


async def test_a_payment_that_the_provider_does_not_know_is_found(shop, fake):
    ref = await paid(shop, fake, 1)
    await fake.reset()
    assert await night(shop) == (0, {("payment_missing", ref): (7830, 0)})


async def test_money_that_was_never_booked_is_found(shop, fake):
    ref = await asked(shop, 1)
    await fake.confirm(ref)
    await heard(shop, 1)
    assert await night(shop) == (1, {("payment_ledger", "ord_1"): (7830, 0)})


async def test_a_provider_that_is_silent_is_said_to_be(shop, fake):
    await paid(shop, fake, 1)
    await fake.fault("unavailable", method="GET", times=9)
    payments, found = await night(shop)
    assert (payments, list(found)) == (None, [("provider_silent", "stripe")])


async def test_the_night_is_told_in_the_log(shop, fake, caplog):
    with caplog.at_level("INFO", "app.flows.keep_books"):
        await paid(shop, fake, 1)
        await night(shop)
        assert [each.getMessage() for each in caplog.records] == ["the books agree"]
        await asked(shop, 2)
        await heard(shop, 2)
        shop = replace(shop, clock=FixedClock(shop.clock.now() + timedelta(days=1)))
        await night(shop)
    assert caplog.records[-1].getMessage() == "the books do not agree"
    assert caplog.records[-1].levelname == "ERROR"
