"""Paying what is owed: once, to checked accounts, net of what is owed back; and money that does not arrive is available again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.clock import LEGAL_TIME
from app.core.errors import Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.give_payee import give_payee
from app.flows.pay_out import ask_for_run, make_payouts, pay_back_in_cash, pay_on_their_days
from app.flows.show_payouts import bank_message_of_run
from app.ledger.balance import balances
from app.ledger.service import record
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from app.payouts.errors import CarrierHoldsLess, DebtorNotSet, NothingForTheBank, NothingToPayBack
from app.payouts.schemas import NewCashRefund, NewPayee, NewPayoutRun
from app.payouts.terms import DebtorTerms, read_terms
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import a_partner, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.payouts import NUMBER, a_payee, a_run, mark, paid_at, payouts
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
CARPET = 1
AVAILABLE, FREIGHT, CASH, BANK = (
    AccountKind.PRODUCER_AVAILABLE,
    AccountKind.CARRIER_FREIGHT,
    AccountKind.CARRIER_CASH,
    AccountKind.BANK,
)
# A carpet for 1680 yuan less 3 %.
NET = 162_960


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


async def delivered(ports, village, operator, goods=None):
    order = await an_order(ports, village.buyer, goods or village.basket)
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    return order


@pytest.fixture
async def order(ports, village, operator):
    """Delivered and confirmed, so that the producers' money is available: dates for 264 yuan, a carpet for 1680."""
    made = await delivered(ports, village, operator)
    await confirm_receipt(ports, village.buyer.caller, made["id"], "en")
    return made


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}


async def granted(ports, village, order, amount):
    """The buyer claims for the carpet, and the weavers accept."""
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, CARPET, amount))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")


async def all_is_zero(ports):
    sums = "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    assert await rows(ports, sums) == []


async def test_checked_account_is_paid_what_is_available_and_the_bank_holds_so_much_less(
    ports, village, operator, order
):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    run = await a_run(ports, operator)
    (payout,) = await payouts(ports)
    assert (payout.run_id, payout.party, payout.amount_minor, payout.status) == (run, "cooperative", NET, "prepared")
    # On its way it is pending: a statement still shows it as available, and another run finds nothing.
    assert (await held(ports, village.loom.producer.id))[AVAILABLE] == NET
    await a_run(ports, operator)
    assert len(await payouts(ports)) == 1
    await mark(ports, payout.id, "sent", "paid")
    assert (await held(ports, village.loom.producer.id))[AVAILABLE] == 0
    assert (await held(ports, PLATFORM))[BANK] == NET
    (told,) = await rows(ports, "SELECT text FROM message WHERE template = 'payout_paid'")
    assert "¥1,629.60" in told.text
    assert "···4321" in told.text
    assert await value(ports, "SELECT done_at IS NOT NULL FROM payout_run WHERE id = :run", run=run)
    await all_is_zero(ports)


async def test_nothing_is_paid_to_an_account_that_nobody_checked_or_that_was_replaced(ports, village, operator, order):
    async with ports.begin() as session:
        command = NewPayee.model_validate(paid_at(village.loom.producer.id))
        await give_payee(ports, session, village.loom.caller, command, "en")
    await a_run(ports, operator)
    assert await payouts(ports) == []
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    async with ports.begin() as session:
        await give_payee(ports, session, village.loom.caller, command, "en")
    await a_run(ports, operator)
    assert await payouts(ports) == []
    statuses = "SELECT status, count(*) AS n FROM payee GROUP BY status ORDER BY status"
    assert [tuple(row) for row in await rows(ports, statuses)] == [("replaced", 2), ("unverified", 1)]


async def test_number_of_an_account_is_nowhere_in_the_clear(ports, village, operator, order):
    payee = await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_run(ports, operator)
    assert payee.account == "···4321"
    plain = "".join(NUMBER.split())
    kept = await rows(ports, "SELECT p::text AS row FROM payee p UNION ALL SELECT p::text FROM payout p")
    kept += await rows(ports, "SELECT args::text AS row FROM jobs.procrastinate_jobs")
    for row in kept:
        assert plain not in row.row.replace(" ", "")
        # Not as bytes either.
        assert NUMBER.encode().hex() not in row.row


async def test_somebody_elses_party_is_not_there(ports, village, operator):
    async with nothing_happens(ports):
        for caller, party in (
            (village.garden.caller, village.loom.producer.id),
            (village.buyer.caller, village.garden.person.id),
            (operator, "NOBODY"),
        ):
            with pytest.raises(NotFound):
                await a_payee(ports, caller, party)


@pytest.mark.parametrize("last", ["failed", "cancelled", "returned", "returned after all"])
async def test_money_that_does_not_arrive_is_available_again(ports, village, operator, order, last):
    payee = await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_run(ports, operator)
    (payout,) = await payouts(ports)
    steps = {"cancelled": ["cancelled"], "failed": ["sent", "failed"], "returned": ["sent", "returned"]}
    await mark(ports, payout.id, *steps.get(last, ["sent", "paid", "returned"]))
    assert (await held(ports, village.loom.producer.id))[AVAILABLE] == NET
    assert (await held(ports, PLATFORM)).get(BANK, 0) == 0
    await a_run(ports, operator)
    # Where money came back from, none is sent again before the account is given anew.
    came_back = last.startswith("returned")
    assert len(await payouts(ports)) == (1 if came_back else 2)
    told = await value(ports, "SELECT count(*) FROM message WHERE template = 'payout_returned'")
    assert told == came_back
    status = await value(ports, "SELECT status FROM payee WHERE id = :id", id=payee.id)
    assert status == ("rejected" if came_back else "verified")
    if came_back:
        await a_payee(ports, village.loom.caller, village.loom.producer.id)
        await a_run(ports, operator)
        assert [row.amount_minor for row in await payouts(ports)] == [NET, NET]
    await all_is_zero(ports)


async def test_step_that_does_not_exist_is_refused_and_paid_needs_a_reference(ports, village, operator, order):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_run(ports, operator)
    (payout,) = await payouts(ports)
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await mark(ports, payout.id, "returned")
    await mark(ports, payout.id, "sent", reference=None)
    async with nothing_happens(ports):
        with pytest.raises(Invalid):
            await mark(ports, payout.id, "paid", reference=None)


async def test_two_runs_at_once_pay_once(ports, village, operator, order):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_payee(ports, village.garden.caller, village.garden.producer.id)
    begun = [await _begun(ports, operator) for _ in range(4)]
    await asyncio.gather(*(make_payouts(ports, run) for run in begun))
    assert sorted(row.amount_minor for row in await payouts(ports)) == [26_400 - 792, NET]
    # A run that is worked again, as after a crash, pays nothing more.
    await asyncio.gather(*(make_payouts(ports, run) for run in begun))
    assert len(await payouts(ports)) == 2


async def _begun(ports, operator):
    """A run whose job has not worked yet."""
    async with ports.begin() as session:
        return (await ask_for_run(ports, session, operator, NewPayoutRun())).id


async def test_refund_and_payout_at_once_never_give_more_than_was_earned(ports, village, operator, order):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, CARPET, 50_000))

    async def accept():
        async with ports.begin() as session:
            await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")

    runs = [await _begun(ports, operator) for _ in range(2)]
    await asyncio.gather(make_payouts(ports, runs[0]), accept(), make_payouts(ports, runs[1]))
    for payout in await payouts(ports):
        await mark(ports, payout.id, "sent", "paid")
    paid = sum(row.amount_minor for row in await payouts(ports))
    left = (await held(ports, village.loom.producer.id))[AVAILABLE]
    # The weavers' part of what was refunded: whoever came first, the account says what is over or owed.
    assert paid + left == NET - 48_500
    assert paid in (NET, NET - 48_500)
    await all_is_zero(ports)


async def test_refund_after_payout_is_netted_with_the_next_sale(ports, village, operator, order):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_run(ports, operator)
    (payout,) = await payouts(ports)
    await mark(ports, payout.id, "sent", "paid")
    await granted(ports, village, order, 100_000)
    assert (await held(ports, village.loom.producer.id))[AVAILABLE] == -97_000
    await a_run(ports, operator)
    assert len(await payouts(ports)) == 1
    another = await delivered(ports, village, operator, {village.carpets: "1"})
    await confirm_receipt(ports, village.buyer.caller, another["id"], "en")
    await a_run(ports, operator)
    assert [row.amount_minor for row in await payouts(ports)] == [NET, NET - 97_000]


async def test_clock_pays_on_the_days_of_the_terms_and_once_a_day(ports, village, operator, order, clock):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    weekday = clock.now().astimezone(LEGAL_TIME).isoweekday()
    row = 'version = "t"\n[[party]]\nkind = "cooperative"\n'
    await pay_on_their_days(_with(ports, read_terms(f"{row}weekdays = [{weekday % 7 + 1}]")))
    assert "payout.run" not in [name for name, _ in await waiting(ports)]
    for _ in range(3):
        await pay_on_their_days(_with(ports, read_terms(f"{row}weekdays = [{weekday}]")))
    await work(ports)
    assert len(await rows(ports, "SELECT id FROM payout_run WHERE made_by IS NULL")) == 1
    assert len(await payouts(ports)) == 1


def _with(ports, terms):
    return replace(ports, terms=terms)


async def test_small_amounts_and_young_money_wait(ports, village, operator, order, clock):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    row = 'version = "t"\n[[party]]\nkind = "cooperative"\n'
    run = await _begun(ports, operator)
    await make_payouts(_with(ports, read_terms(f"{row}minimum = {{ CNY = {NET + 1} }}")), run)
    held_back = _with(ports, read_terms(f"{row}hold_days = 2"))
    await make_payouts(held_back, await _begun(ports, operator))
    assert await payouts(ports) == []
    clock.advance(timedelta(days=2, seconds=1))
    await make_payouts(held_back, await _begun(ports, operator))
    assert [payout.amount_minor for payout in await payouts(ports)] == [NET]


async def test_cash_refund_is_paid_to_the_buyers_account_once(ports, village, operator, order):
    await granted(ports, village, order, 60_000)
    await a_payee(ports, village.buyer.caller)
    runs = [await _begun(ports, operator) for _ in range(3)]
    await asyncio.gather(*(make_payouts(ports, run) for run in runs))
    (payout,) = await payouts(ports, party="buyer")
    assert (payout.order_id, payout.amount_minor, payout.party_id) == (order["id"], 60_000, village.buyer.id)
    await mark(ports, payout.id, "sent", "paid")
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    await a_run(ports, operator)
    assert len(await payouts(ports, party="buyer")) == 1


async def test_carrier_gives_a_buyer_back_out_of_the_cash_it_holds(ports, village, operator, order):
    (carrier, cash), *_ = await rows(
        ports,
        "SELECT split_part(account_id, ':', 2), -sum(amount_minor) FROM entry WHERE account_id LIKE 'carrier_cash:%' GROUP BY 1",
    )
    asked = NewCashRefund(order=order["id"], carrier=carrier)
    async with nothing_happens(ports):
        with pytest.raises(NothingToPayBack):
            await _back_in_cash(ports, asked)
    await granted(ports, village, order, 60_000)
    async with nothing_happens(ports):
        with pytest.raises(CarrierHoldsLess):
            await _back_in_cash(ports, asked.model_copy(update={"carrier": "XIBU"}))
    payout = await _back_in_cash(ports, asked)
    async with nothing_happens(ports):
        with pytest.raises(NothingToPayBack):
            await _back_in_cash(ports, asked)
    await mark(ports, payout.id, "sent", "paid", reference="receipt 7")
    assert (await held(ports, carrier))[CASH] == 60_000 - cash
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    await all_is_zero(ports)


async def test_refund_by_account_and_in_cash_at_once_is_paid_once(ports, village, operator, order):
    carrier = await value(ports, "SELECT owner FROM account WHERE kind = 'carrier_cash' ORDER BY id LIMIT 1")
    await granted(ports, village, order, 60_000)
    await a_payee(ports, village.buyer.caller)
    runs = [await _begun(ports, operator) for _ in range(2)]
    asked = NewCashRefund(order=order["id"], carrier=carrier)
    outcomes = await asyncio.gather(
        make_payouts(ports, runs[0]),
        _back_in_cash(ports, asked),
        make_payouts(ports, runs[1]),
        _back_in_cash(ports, asked),
        return_exceptions=True,
    )
    assert [row.amount_minor for row in await payouts(ports, party="buyer")] == [60_000]
    refused = [each for each in outcomes if isinstance(each, BaseException)]
    assert refused
    assert all(isinstance(each, NothingToPayBack) for each in refused)


async def test_bank_takes_up_what_of_a_run_is_still_to_be_sent(ports, village, operator, order):
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    run = await a_run(ports, operator)
    debtor = DebtorTerms(holder="Chama", account="6200 0000 0000 9999", bank="和田银行")
    paying = replace(ports, terms=ports.terms.model_copy(update={"debtor": debtor}))
    async with ports.database.read() as connection:
        with pytest.raises(DebtorNotSet):
            await bank_message_of_run(ports, connection, run)
        message = (await bank_message_of_run(paying, connection, run)).decode()
    (payout,) = await payouts(ports)
    assert message.count("<CdtTrfTxInf>") == 1
    for told in (payout.id, f'<InstdAmt Ccy="CNY">{NET / 100:.2f}<', "".join(NUMBER.split()), "6200000000009999"):
        assert told in message
    await mark(ports, payout.id, "sent")
    async with ports.database.read() as connection:
        with pytest.raises(NothingForTheBank):
            await bank_message_of_run(paying, connection, run)


async def test_two_cash_refunds_at_once_promise_no_more_than_the_carrier_holds(ports, village, operator, order):
    orders = [order, await delivered(ports, village, operator), await delivered(ports, village, operator)]
    carrier = await value(ports, "SELECT owner FROM account WHERE kind = 'carrier_cash' ORDER BY id LIMIT 1")
    cash = -(await held(ports, carrier))[CASH]
    # Each could be given alone, and no two of them.
    each = cash // 2 + 1
    for one in orders:
        await _owed(ports, village.buyer.id, one["id"], each)
    asked = [NewCashRefund(order=one["id"], carrier=carrier) for one in orders]
    async with ports.begin() as session:
        await pay_back_in_cash(ports, session, asked[0])
        others = [asyncio.create_task(_back_in_cash(ports, one)) for one in asked[1:]]
        # Not committed, the first is not seen: whoever does not wait for it would promise the same cash.
        for _ in range(400):
            if any(other.done() for other in others) or await value(ports, _WAITING) == len(others):
                break
            await asyncio.sleep(0.05)
        assert not any(other.done() for other in others)
    outcomes = await asyncio.gather(*others, return_exceptions=True)
    assert [type(one) for one in outcomes] == [CarrierHoldsLess] * 2
    promised = await value(
        ports, "SELECT sum(amount_minor)::bigint FROM payout WHERE carrier = :carrier", carrier=carrier
    )
    assert promised == each <= cash


_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def _owed(ports, buyer, order, amount):
    """The platform owes the buyer so much for an order, whatever made it so."""
    entries = (
        Entry(AccountRef(AccountKind.BUYER, buyer, "CNY"), amount),
        Entry(AccountRef(AccountKind.CANCELLATIONS, PLATFORM, "CNY"), -amount),
    )
    async with ports.begin() as session:
        made = Transfer(new_id("trf"), TransferKind.CANCELLATION, order, State.POSTED, entries)
        await record(session, [made], ports.clock.now())


async def _back_in_cash(ports, command):
    async with ports.begin() as session:
        return await pay_back_in_cash(ports, session, command)


async def test_freight_is_paid_and_on_request_settled_with_cash(ports, village, operator, order):
    earned = await rows(
        ports,
        "SELECT split_part(account_id, ':', 2) AS carrier, sum(amount_minor) AS freight FROM entry WHERE account_id LIKE 'carrier_freight:%' GROUP BY 1 ORDER BY 1",
    )
    last = await value(ports, "SELECT owner FROM account WHERE kind = 'carrier_cash' ORDER BY id LIMIT 1")
    freight = {row.carrier: row.freight for row in earned}
    cash = -(await held(ports, last))[CASH]
    partner = await a_partner(ports, last)
    await a_payee(ports, partner.caller)
    await a_run(ports, operator, parties=["carrier"], net_cash=True)
    after = await held(ports, last)
    kept = min(freight[last], cash)
    assert (after[FREIGHT], after[CASH]) == (freight[last] - kept, kept - cash)
    assert [row.amount_minor for row in await payouts(ports)] == (
        [freight[last] - kept] if freight[last] > kept else []
    )
    await all_is_zero(ports)
