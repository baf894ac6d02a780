"""Goods that were not as they should be: claim, answer, decision, and money that goes back once and is never released meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from app.claims.errors import ClaimAmountTooHigh, ClaimOpenAlready, ClaimWindowClosed, NotClaimable
from app.claims.schemas import ClaimAnswer, ClaimDecision, ClaimReply
from app.claims.values import ClaimStatus
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.money import Money
from app.flows.claim_goods import answer_claim, decide_claim, lapse_claim, reply_to_claim
from app.flows.follow_shipment import complete_order, confirm_receipt, release_producer
from app.flows.show_claims import show_claim, show_claims
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
CRAFT = timedelta(days=7)
DATES, CARPET = 0, 1
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
async def order(ports, village, operator):
    """Delivered: three boxes of dates for 264 yuan, and a carpet for 1680."""
    made = await an_order(ports, village.buyer, village.basket)
    for consignment in made["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    return made


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}


async def wet(ports, village, order, amount=8_800):
    photos = [await a_ready_photo(ports, village.buyer)]
    return await a_claim_for(ports, village.buyer, order, **claiming(order, DATES, amount, "damage", photos=photos))


async def unwanted(ports, village, order, amount=168_000):
    return await a_claim_for(ports, village.buyer, order, **claiming(order, CARPET, amount))


async def answer(ports, seller, claim, **command):
    async with ports.begin() as session:
        return await answer_claim(ports, session, seller.caller, claim.id, ClaimAnswer.model_validate(command), "en")


async def reply(ports, village, claim, word):
    async with ports.begin() as session:
        return await reply_to_claim(ports, session, village.buyer.caller, claim.id, ClaimReply(reply=word), "en")


async def decide(ports, operator, claim, amount, **more):
    command = ClaimDecision(amount=Money(amount, "CNY"), reasons="The photos show it", **more)
    async with ports.begin() as session:
        return await decide_claim(ports, session, operator, claim.id, command, "en")


async def all_is_zero(ports):
    sums = await rows(
        ports, "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    )
    assert sums == []


async def test_accepted_claim_goes_back_with_the_commission_and_both_are_told(ports, village, order):
    claim = await wet(ports, village, order)
    assert (claim.status, claim.status_text, claim.policy) == (
        ClaimStatus.OPEN,
        "Waiting for the producer",
        "PRODUCE-DAMAGE",
    )
    settled = await answer(ports, village.garden, claim, answer="accept", words="Sorry")
    assert (settled.status, settled.granted.amount, settled.due_at) == (ClaimStatus.SETTLED, 8_800, None)
    assert settled.refunded_at is not None
    # 264 yuan less 3 %, then 176 less 3 %.
    assert (await held(ports, village.garden.producer.id))[PENDING] == 17_600 - 528
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 8_800
    assert (await held(ports, PLATFORM))[AccountKind.PLATFORM_FEE] == 528 + 5_040
    assert await value(ports, "SELECT refunded_minor FROM payment") == 8_800
    told = await rows(ports, "SELECT template, \"to\" FROM message WHERE template LIKE 'claim_%' ORDER BY 1, 2")
    both = {village.buyer.phone, village.garden.person.phone}
    assert {to for name, to in told if name == "claim_opened"} == both
    assert {to for name, to in told if name == "claim_settled"} == both
    await all_is_zero(ports)


async def test_offer_is_taken_or_goes_to_an_operator(ports, village, order, operator):
    claim = await unwanted(ports, village, order)
    offered = await answer(ports, village.loom, claim, answer="partly", amount={"amount": 100_000, "currency": "CNY"})
    assert (offered.status, offered.offered.amount) == (ClaimStatus.OFFERED, 100_000)
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await decide(ports, operator, claim, 1)
    assert (await reply(ports, village, claim, "dispute")).status is ClaimStatus.DISPUTED
    decided = await decide(ports, operator, claim, 120_000)
    assert (decided.status, decided.granted.amount, decided.reasons) == (
        ClaimStatus.SETTLED,
        120_000,
        "The photos show it",
    )
    again = await unwanted(ports, village, order, 48_000)
    await answer(ports, village.loom, again, answer="partly", amount={"amount": 1, "currency": "CNY"})
    assert (await reply(ports, village, again, "take")).granted.amount == 1
    async with nothing_happens(ports):
        with pytest.raises(ClaimAmountTooHigh):
            await unwanted(ports, village, order, 48_000)
    await all_is_zero(ports)


async def test_silence_passes_a_claim_on_when_the_clock_has_run_out(ports, village, order, clock):
    claim = await wet(ports, village, order)
    async with nothing_happens(ports):
        await lapse_claim(ports, claim.id)
    assert "claim.lapse" in [name for name, _ in await waiting(ports)]
    clock.advance(timedelta(hours=24))
    await work(ports)
    shown = await show_claim(ports, village.buyer.caller, claim.id, "en")
    assert (shown.status, shown.due_at) == (ClaimStatus.DISPUTED, clock.now() + timedelta(hours=72))
    async with nothing_happens(ports):
        await lapse_claim(ports, claim.id)


async def test_money_of_a_claimed_line_waits_for_its_end(ports, village, order, operator, clock):
    claim = await unwanted(ports, village, order, 60_000)
    await answer(ports, village.loom, claim, answer="refuse")
    clock.advance(CRAFT)
    await work(ports)
    garden, loom = village.garden.producer.id, village.loom.producer.id
    assert (await held(ports, garden))[AVAILABLE] == 25_608
    assert await held(ports, loom) == {PENDING: 168_000 - 5_040}
    decided = await decide(ports, operator, claim, 60_000)
    assert decided.status is ClaimStatus.SETTLED
    assert await held(ports, loom) == {PENDING: 0, AVAILABLE: 108_000 - 3_240}
    await all_is_zero(ports)


async def test_refused_and_withdrawn_claims_release_what_waited(ports, village, order, operator):
    dates, carpet = await wet(ports, village, order), await unwanted(ports, village, order)
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    assert AVAILABLE not in await held(ports, village.loom.producer.id)
    await reply(ports, village, dates, "withdraw")
    await answer(ports, village.loom, carpet, answer="refuse")
    assert (await decide(ports, operator, carpet, 0)).status is ClaimStatus.REFUSED
    assert await held(ports, village.garden.producer.id) == {PENDING: 0, AVAILABLE: 25_608}
    assert await held(ports, village.loom.producer.id) == {PENDING: 0, AVAILABLE: 162_960}


async def test_claim_after_the_release_comes_out_of_what_is_available(ports, village, order):
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    claim = await unwanted(ports, village, order)
    await answer(ports, village.loom, claim, answer="accept", keep=True)
    assert await held(ports, village.loom.producer.id) == {PENDING: 0, AVAILABLE: 0}
    await all_is_zero(ports)


async def test_money_waits_until_nothing_of_its_lines_can_be_claimed_and_then_for_their_claims_alone(
    ports, village, order, clock
):
    garden, loom = village.garden.producer.id, village.loom.producer.id
    dates = await wet(ports, village, order)
    clock.advance(timedelta(hours=48))
    await work(ports)
    assert await held(ports, garden) == {PENDING: 25_608}
    assert await held(ports, loom) == {PENDING: 162_960}
    await reply(ports, village, dates, "withdraw")
    assert await held(ports, garden) == {PENDING: 0, AVAILABLE: 25_608}
    clock.advance(CRAFT - timedelta(hours=49))
    claim = await unwanted(ports, village, order, 60_000)
    await answer(ports, village.loom, claim, answer="accept")
    assert await held(ports, loom) == {PENDING: 108_000 - 3_240}
    clock.advance(timedelta(hours=1))
    await work(ports)
    assert await held(ports, loom) == {PENDING: 0, AVAILABLE: 108_000 - 3_240}
    async with nothing_happens(ports):
        await release_producer(ports, order["id"], garden)
    await all_is_zero(ports)


async def test_what_the_policy_does_not_allow_is_refused_and_changes_nothing(ports, village, order, clock):
    other = await an_order(ports, village.buyer, {village.carpets: "1"})
    photo, strange = await a_ready_photo(ports, village.buyer), await a_ready_photo(ports, village.garden.person)
    refused = [
        (StateConflict, other, claiming(other, 0, 1)),
        (NotClaimable, order, claiming(order, DATES, 1)),
        (Invalid, order, claiming(order, DATES, 1, "damage")),
        (Invalid, order, claiming(order, DATES, 1, "damage", photos=[photo, strange])),
        (Invalid, order, claiming(order, CARPET, 0)),
        (ClaimAmountTooHigh, order, claiming(order, CARPET, 168_001)),
        (NotFound, order, claiming(order, CARPET, 1) | {"line": "lin_01jd0000000000000000000000"}),
    ]
    for refusal, asked, body in refused:
        async with nothing_happens(ports):
            with pytest.raises(refusal):
                await a_claim_for(ports, village.buyer, asked, **body)
    stranger = await a_person(ports)
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            await a_claim_for(ports, stranger, order, **claiming(order, CARPET, 1))
    claim = await unwanted(ports, village, order, 1)
    async with nothing_happens(ports):
        with pytest.raises(ClaimOpenAlready):
            await unwanted(ports, village, order, 2)
    async with nothing_happens(ports):
        for seller, refusal in ((village.garden, NotFound), (village.buyer, Forbidden)):
            with pytest.raises(refusal):
                await answer(ports, seller, claim, answer="accept")
    async with nothing_happens(ports):
        with pytest.raises(Invalid):
            await answer(ports, village.loom, claim, answer="partly")
    clock.advance(timedelta(hours=49))
    with pytest.raises(ClaimWindowClosed):
        await wet(ports, village, order)


async def test_the_same_claim_again_is_the_first_one_and_photos_serve_once(ports, village, order):
    photo = await a_ready_photo(ports, village.buyer)
    body = claiming(order, DATES, 100, "damage", photos=[photo], id="clm_01jd0000000000000000000000")
    first = await a_claim_for(ports, village.buyer, order, **body)
    async with nothing_happens(ports):
        assert await a_claim_for(ports, village.buyer, order, **body) == first
    await reply(ports, village, first, "withdraw")
    async with nothing_happens(ports):
        with pytest.raises(Invalid):
            await a_claim_for(ports, village.buyer, order, **claiming(order, DATES, 100, "damage", photos=[photo]))
    page = await show_claims(ports, village.garden.caller, None, None, 10, "zh-Hans")
    assert [(claim.id, claim.status_text) for claim in page.items] == [(first.id, "已撤回")]
    assert (await show_claims(ports, village.loom.caller, None, None, 10, "en")).items == []


async def test_of_two_decisions_at_once_one_counts(ports, village, order, operator):
    claim = await unwanted(ports, village, order)
    await answer(ports, village.loom, claim, answer="refuse")
    told = await asyncio.gather(
        # To keep the goods, so that each of these is an end.
        decide(ports, operator, claim, 168_000, keep=True),
        decide(ports, operator, claim, 0),
        answer(ports, village.loom, claim, answer="accept", keep=True),
        reply(ports, village, claim, "withdraw"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in told) == ["ClaimShape", *["StateConflict"] * 3]
    assert await value(ports, "SELECT count(*) FROM transfer WHERE kind = 'refund'") <= 1
    await all_is_zero(ports)


async def test_claim_against_release_leaves_all_accounted_for_whoever_is_first(ports, village, order):
    claim = await unwanted(ports, village, order)
    await asyncio.gather(
        complete_order(ports, order["id"]),
        complete_order(ports, order["id"]),
        answer(ports, village.loom, claim, answer="accept", keep=True),
    )
    assert (await held(ports, village.loom.producer.id))[PENDING] == 0
    assert (await held(ports, village.loom.producer.id)).get(AVAILABLE, 0) == 0
    assert (await held(ports, village.garden.producer.id))[AVAILABLE] == 25_608
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 168_000
    await all_is_zero(ports)


async def test_of_two_claims_for_one_line_at_once_one_is_opened(ports, village, order):
    told = await asyncio.gather(*(unwanted(ports, village, order) for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["ClaimOpenAlready", "ClaimOpenAlready", "ClaimShape"]
