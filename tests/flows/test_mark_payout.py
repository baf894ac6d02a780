"""Payouts that a machine makes: it is told once, asked later, and nobody marks them by hand; and a night that finds what does not agree."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.errors import UpstreamFailed
from app.flows.follow_shipment import confirm_receipt
from app.flows.keep_books import close_books
from app.flows.mark_payout import look_after_payouts, send_payout, send_run
from app.flows.pay_out import make_payouts
from app.flows.show_payouts import sheet_of_run, show_run
from app.ledger.balance import balances
from app.ledger.values import AccountKind
from app.payouts.errors import PaidByMachine
from app.payouts.payees import add_payee
from app.payouts.schemas import RunSent
from app.payouts.values import Channel, Party, PayeeStatus, PayoutEvent, Sent
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.payouts import NUMBER, a_payee, a_run, mark, payouts
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
NET = 162_960


class Machine:
    """A channel at the edge: it remembers what it was told by our ids, and answers as the test says."""

    def __init__(self, *news):
        self.news, self.told, self.fails = list(news), {}, 0

    async def send(self, payout):
        self.told[payout.payout_id] = payout
        if self.fails:
            self.fails -= 1
            raise UpstreamFailed(service="machine")
        return Sent(f"po_{payout.payout_id}", self.news.pop(0))

    async def look(self, ref):
        return self.news.pop(0)


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
async def order(ports, village, operator):
    made = await an_order(ports, village.buyer, village.basket)
    for consignment in made["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    await confirm_receipt(ports, village.buyer.caller, made["id"], "en")
    return made


@pytest.fixture
async def connected(ports, village, order):
    """The weavers are paid by the card provider."""
    async with ports.begin() as session:
        await add_payee(
            session,
            party=Party.COOPERATIVE,
            party_id=village.loom.producer.id,
            channel=Channel.STRIPE,
            currency="CNY",
            created_by=village.loom.person.id,
            now=ports.clock.now(),
            ref="acct_tests",
            status=PayeeStatus.VERIFIED,
        )


async def held(ports, owner, kind):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}.get(kind, 0)


def with_machine(ports, *news):
    machine = Machine(*news)
    return replace(ports, channels={Channel.STRIPE: machine}), machine


async def test_machine_pays_and_the_money_leaves_by_the_provider(ports, village, operator, connected):
    shop, machine = with_machine(ports, PayoutEvent.PAY)
    await a_run(shop, operator)
    (payout,) = await payouts(shop)
    assert (payout.status, payout.channel_ref) == ("paid", f"po_{payout.id}")
    (told,) = machine.told.values()
    assert (told.payee_ref, told.amount.amount) == ("acct_tests", NET)
    assert await held(shop, "stripe", AccountKind.GATEWAY) == NET
    # The job again, as after a crash: nothing more is asked.
    await send_payout(shop, payout.id)
    assert len(machine.told) == 1


async def test_machine_that_does_not_answer_is_told_the_same_again(ports, operator, connected):
    shop, machine = with_machine(ports, PayoutEvent.SEND, PayoutEvent.SEND, PayoutEvent.PAY)
    async with shop.begin() as session:
        await session.execute(text("SELECT 1"))
    await a_run(ports, operator)
    (payout,) = await payouts(shop)
    machine.fails = 1
    with pytest.raises(UpstreamFailed):
        await send_payout(shop, payout.id)
    assert (await payouts(shop))[0].status == "prepared"
    await send_payout(shop, payout.id)
    assert (await payouts(shop))[0].status == "sent"
    async with nothing_happens(shop):
        await look_after_payouts(shop)
    await look_after_payouts(shop)
    assert (await payouts(shop))[0].status == "paid"
    async with nothing_happens(shop):
        await look_after_payouts(shop)
        await look_after_payouts(ports)


async def test_machine_that_cannot_pay_leaves_the_money_available(ports, village, operator, connected):
    shop, _ = with_machine(ports, PayoutEvent.FAIL)
    await a_run(shop, operator)
    (payout,) = await payouts(shop)
    assert payout.status == "failed"
    assert await held(shop, village.loom.producer.id, AccountKind.PRODUCER_AVAILABLE) == NET


async def test_payouts_of_a_machine_are_not_marked_by_hand(ports, operator, connected):
    shop, _ = with_machine(ports, PayoutEvent.SEND)
    await a_run(shop, operator)
    (payout,) = await payouts(shop)
    async with nothing_happens(shop):
        with pytest.raises(PaidByMachine):
            await mark(shop, payout.id, "paid")


async def test_whole_run_is_sent_at_once_and_its_sheet_tells_accounts_only_while_it_is_under_way(
    ports, village, operator, order
):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_payee(ports, village.garden.caller, village.garden.producer.id)
    run = await a_run(ports, operator)
    async with ports.begin() as session:
        assert await send_run(ports, session, run, RunSent(reference="BATCH-1")) == 2
    async with ports.begin() as session:
        assert await send_run(ports, session, run, RunSent(reference="BATCH-2")) == 0
    one, other = await payouts(ports)
    assert {one.reference, other.reference} == {"BATCH-1"}
    await mark(ports, one.id, "paid")
    async with ports.database.read() as connection:
        sheet = {row.payout.id: row for row in await sheet_of_run(ports, connection, run, "en")}
        shown = await show_run(connection, run, None, 10, "en")
    assert sheet[other.id].number == NUMBER
    assert sheet[one.id].number == "···4321"
    # A line that is logged by mistake does not tell it either.
    assert NUMBER not in repr(sheet[other.id])
    assert {(s.status, s.payouts, s.amount.amount) for s in shown.sums} == {
        ("paid", 1, one.amount_minor),
        ("sent", 1, other.amount_minor),
    }


async def test_books_agree_with_payouts_in_every_state(ports, village, operator, order, clock):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_payee(ports, village.garden.caller, village.garden.producer.id)
    for steps in (
        ["cancelled"],
        ["sent", "failed"],
        ["sent", "returned"],
        ["sent", "paid", "returned"],
        ["sent", "paid"],
    ):
        await a_run(ports, operator)
        for payout in await payouts(ports, status="prepared"):
            await mark(ports, payout.id, *steps)
        for seller in (village.loom, village.garden):
            await a_payee(ports, seller.caller, seller.producer.id)
    await a_run(ports, operator)
    assert {row.status for row in await payouts(ports)} == {"cancelled", "failed", "returned", "paid"}
    clock.advance(timedelta(days=1))
    await close_books(ports)
    assert await value(ports, "SELECT findings FROM reconciliation") == []


async def test_payout_that_says_something_else_than_the_ledger_is_found(ports, village, operator, order, clock):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_run(ports, operator)
    (payout,) = await payouts(ports)
    await mark(ports, payout.id, "sent", "paid")
    async with ports.begin() as session:
        await session.execute(text("UPDATE payout SET amount_minor = amount_minor - 1"))
    clock.advance(timedelta(days=1))
    await close_books(ports)
    found = await value(ports, "SELECT findings FROM reconciliation")
    assert [(f["what"], f["subject"], f["expected_minor"], f["found_minor"]) for f in found] == [
        ("payout", payout.id, NET - 1, NET),
        ("bank", "bank", 1 - NET, -NET),
    ]


async def test_run_that_stopped_half_way_goes_on(ports, village, operator, order):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_payee(ports, village.garden.caller, village.garden.producer.id)
    run = await a_run(ports, operator)
    async with ports.begin() as session:
        await session.execute(text("UPDATE payout_run SET done_at = NULL"))
    await make_payouts(ports, run)
    assert len(await payouts(ports)) == 2
    assert await rows(ports, "SELECT 1 FROM payout_run WHERE done_at IS NULL") == []
