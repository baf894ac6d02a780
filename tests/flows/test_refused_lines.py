"""A consignment that is taken but for some lines: these are not paid at the door, go back by their terms, and are claimed by themselves."""

from datetime import timedelta

import pytest

from app.claims.values import ClaimStatus, ReturnStatus
from app.flows.record_tracking import record_tracking
from app.flows.show_claims import show_claims
from app.flows.show_returns import show_returns
from app.flows.show_tracking import show_tracking
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.shipments.queries import ways_back
from tests.factories.catalogue import CARPET, a_listing
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
PRICE = 168_000


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
async def order(ports, village):
    """Two carpets of one maker, in one consignment."""
    other = await a_listing(ports, village.loom, CARPET)
    made = await an_order(ports, village.buyer, {village.carpets: "1", other: "1"})
    assert len(made["consignments"]) == 1
    return made


def said(consignment, lines, **more):
    (event,) = events_of(consignment, "delivered")
    words = {"condition": "accepted_with_remarks", "note": "One is not wanted", "refused_lines": lines}
    return type(event).model_validate(event.model_dump(mode="json") | words | more)


async def handed_over(ports, operator, order, lines, **more):
    consignment = order["consignments"][0]
    await tell(ports, operator, [*events_of(consignment)[:-1], said(consignment, lines, **more)])
    await work(ports)


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}


async def cash_held(ports):
    return -await value(
        ports, "SELECT coalesce(sum(amount_minor), 0)::bigint FROM entry WHERE account_id LIKE 'carrier_cash:%'"
    )


async def test_nobody_pays_for_a_refused_line_which_alone_goes_back(ports, village, operator, order):
    line, kept = (each["id"] for each in order["lines"])
    await handed_over(ports, operator, order, [line])
    consignment = order["consignments"][0]
    journey = (await show_tracking(ports, consignment["tracking_number"])).journey
    assert (journey.status, journey.refused_lines) == ("delivered", (line,))
    due = order["price"]["total"]["amount"] - PRICE
    assert await cash_held(ports) == due
    assert await rows(ports, "SELECT amount_minor, status FROM payment") == [(due, "paid")]
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -PRICE
    (claim,) = (await show_claims(ports, village.buyer.caller, None, None, 10, "en")).items
    assert (claim.line, claim.status, claim.door.refused_lines) == (line, ClaimStatus.RETURNING, [line])
    (goods,) = (await show_returns(ports, village.buyer.caller, None, None, 10, "en")).items
    assert (goods.lines, goods.status, goods.at_door) == ([line], ReturnStatus.BOOKED, True)
    async with ports.database.read() as connection:
        way = (await ways_back(connection, [goods.way]))[goods.way]
    assert way.weight_g < journey.weight_g
    legs = [
        {"from": leg.from_hub, "to": leg.to_hub, "mode": leg.mode}
        | {"departs_at": leg.departs_at.isoformat(), "arrives_at": leg.arrives_at.isoformat()}
        for leg in way.legs
    ]
    await tell(ports, operator, events_of({"tracking_number": way.tracking_number, "legs": legs}))
    await work(ports)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    assert (await held(ports, PLATFORM))[AccountKind.RETURNS] == -goods.carriage.amount
    # The line that was taken is paid out as ever.
    assert await value(ports, "SELECT count(*) FROM claim WHERE line_id = :id", id=kept) == 0
    loom = await held(ports, village.loom.producer.id)
    assert sum(loom.values()) == PRICE - PRICE * 3 // 100
    assert not await rows(
        ports, "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    )


async def test_lines_of_others_and_all_lines_are_refused_with_a_word_and_nothing_is_noted(
    ports, village, operator, order
):
    consignment, lines = order["consignments"][0], [each["id"] for each in order["lines"]]
    await tell(ports, operator, events_of(consignment)[:-1])
    ports.clock.at = said(consignment, lines[:1]).occurred_at
    stranger = (await an_order(ports, village.buyer, {village.dates: "1"}))["lines"][0]["id"]
    async with nothing_happens(ports):
        for told, pointer in (([stranger], "/refused_lines/0"), (lines, "/condition")):
            (outcome,) = await record_tracking(ports, operator, [said(consignment, told)])
            assert outcome.status == "rejected"
            assert [gap.pointer for gap in outcome.problem.gaps] == [pointer]


async def test_the_word_that_was_said_first_holds_however_late_and_often_it_is_told(ports, operator, order):
    line, other = (each["id"] for each in order["lines"])
    await handed_over(ports, operator, order, [line])
    consignment = order["consignments"][0]
    ports.clock.advance(timedelta(minutes=5))
    again = said(consignment, [other], id="later", occurred_at=ports.clock.now().isoformat())
    await tell(ports, operator, [again])
    await work(ports)
    journey = (await show_tracking(ports, consignment["tracking_number"])).journey
    assert journey.refused_lines == (line,)
    assert len(await rows(ports, "SELECT id FROM claim")) == 1
