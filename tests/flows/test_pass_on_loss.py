"""A carrier bears what happened on its ride: booked with the evidence, answered once, taken back whole."""

import pytest

from app.claims.errors import ClaimAmountTooHigh
from app.claims.recourse_schemas import NewRecourse, RecourseAnswer, RecourseReversal
from app.claims.schemas import ClaimAnswer
from app.claims.values import RecourseStatus
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.pass_on_loss import answer_recourse, pass_on, reverse_recourse, show_recourse, show_recourses
from app.identity.values import Scope
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from tests.factories.claims import a_claim_for, claiming, recoursing
from tests.factories.identity import a_partner, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
FREIGHT, AVAILABLE, FEE = AccountKind.CARRIER_FREIGHT, AccountKind.PRODUCER_AVAILABLE, AccountKind.PLATFORM_FEE


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
async def order(ports, village, operator):
    """Delivered, and its buyer content but for the carpet."""
    made = await an_order(ports, village.buyer, village.basket)
    for consignment in made["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    await confirm_receipt(ports, village.buyer.caller, made["id"], "en")
    return made


@pytest.fixture
async def claim(ports, village, order):
    """Ten yuan for the carpet, which its producer gave back."""
    opened = await a_claim_for(ports, village.buyer, order, **claiming(order, 1, 1_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, opened.id, ClaimAnswer(answer="accept"), "en")
    return opened


@pytest.fixture
async def body(ports, village, order):
    mine = next(each for each in order["consignments"] if each["producer"] == village.loom.producer.id)
    return await recoursing(ports, mine["id"], 400)


async def passed(ports, operator, claim, body):
    async with ports.begin() as session:
        return await pass_on(ports, session, operator, claim.id, NewRecourse.model_validate(body), "en")


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {each.account.kind: each.posted_minor for each in await balances(connection, owner)}


async def carrier_of(ports, body):
    return await value(ports, "SELECT carrier FROM leg WHERE id = :id", id=body["leg"])


async def test_carrier_pays_producer_and_platform_in_the_parts_in_which_they_gave_back(
    ports, village, operator, claim, body
):
    code, loom = await carrier_of(ports, body), village.loom.producer.id
    before = [await held(ports, owner) for owner in (code, loom, PLATFORM)]
    booked = await passed(ports, operator, claim, body)
    assert (booked.status, booked.carrier, booked.events) == (RecourseStatus.BOOKED, code, body["events"])
    after = [await held(ports, owner) for owner in (code, loom, PLATFORM)]
    moved = [now[kind] - was[kind] for now, was, kind in zip(after, before, (FREIGHT, AVAILABLE, FEE), strict=True)]
    assert moved == [-400, 388, 12]
    async with ports.begin() as session:
        back = RecourseReversal(reasons="It was another consignment")
        taken = await reverse_recourse(ports, session, operator, booked.id, back, "en")
    assert (taken.status, taken.reversal) == (RecourseStatus.REVERSED, "It was another consignment")
    assert [await held(ports, owner) for owner in (code, loom, PLATFORM)] == before
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            async with ports.begin() as session:
                await reverse_recourse(ports, session, operator, booked.id, back, "en")


async def test_same_words_again_book_nothing_twice_and_never_more_than_was_given_back(ports, operator, claim, body):
    named = body | {"id": new_id("rcs")}
    first = await passed(ports, operator, claim, named)
    async with nothing_happens(ports):
        assert await passed(ports, operator, claim, named) == first
        with pytest.raises(IdTaken):
            await passed(ports, operator, claim, named | {"reasons": "Other words"})
        with pytest.raises(ClaimAmountTooHigh) as refused:
            await passed(ports, operator, claim, body | {"amount": {"amount": 601, "currency": "CNY"}})
    assert refused.value.fields["most"] == 600
    await passed(ports, operator, claim, body | {"amount": {"amount": 600, "currency": "CNY"}})


async def test_evidence_is_of_the_claimed_goods_and_the_claim_is_settled(ports, village, operator, order, claim, body):
    other = next(each for each in order["consignments"] if each["producer"] == village.garden.producer.id)
    strange = await recoursing(ports, other["id"])
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as refused:
            await passed(ports, operator, claim, strange)
    assert [gap.pointer for gap in refused.value.gaps] == ["/leg", "/events/0"]
    open_one = await a_claim_for(ports, village.buyer, order, **claiming(order, 1, 500))
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await passed(ports, operator, open_one, body)


async def test_only_its_carrier_answers_and_once(ports, village, operator, claim, body):
    booked = await passed(ports, operator, claim, body)
    mine = (await a_partner(ports, booked.carrier, *Scope)).caller
    other = (await a_partner(ports, "OTHER", *Scope)).caller
    answer = RecourseAnswer(answer="contest", words="It was wet before")

    async def answered(caller):
        async with ports.begin() as session:
            return await answer_recourse(ports, session, caller, booked.id, answer, "en")

    async with nothing_happens(ports):
        for stranger, refusal in ((other, NotFound), (operator, Forbidden)):
            with pytest.raises(refusal):
                await answered(stranger)
        with pytest.raises(NotFound):
            await show_recourse(ports, other, booked.id, "en")
    told = await answered(mine)
    assert (told.status, told.answer) == (RecourseStatus.CONTESTED, "It was wet before")
    assert (await show_recourses(ports, mine, None, 10, "en")).items == [told]
    assert (await show_recourses(ports, village.loom.caller, None, 10, "en")).items == [told]
    assert (await show_recourses(ports, village.buyer.caller, None, 10, "en")).items == []
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await answered(mine)
