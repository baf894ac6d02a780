"""What a member sells is shared as it was agreed: frozen, split, taken back, released and told; until it leaves."""

from datetime import timedelta

import orjson
import pytest

from app.catalogue import queries
from app.catalogue.values import Wanted
from app.claims.schemas import ClaimAnswer
from app.core.errors import Forbidden, StateConflict
from app.flows.cancel_order import cancel_order
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.identity import cooperatives
from app.identity.errors import AgreementWaiting
from app.identity.values import Grant, MembershipEvent, MembershipState
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from tests.factories.catalogue import a_draft, a_listing, publish
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.cooperatives import (
    a_colleague,
    a_member,
    acting,
    again,
    answered,
    invited,
    moved,
    proposed,
)
from tests.factories.identity import a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.lots import a_forecast, confirmed
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, ordering, place
from tests.factories.tables import nothing_happens, rows, statements_of, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.flows.test_show_statement import statement_of

template, ports = networked, planned
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE
SHARED, SHARED_AVAILABLE = AccountKind.COOPERATIVE_PENDING, AccountKind.COOPERATIVE_AVAILABLE
EVENT = MembershipEvent
# Three boxes of dates at 88 yuan, less 3 % of commission.
NET = 26_400 - 792


@pytest.fixture
async def village(ports):
    """The loom is a co-operative, the garden a household."""
    return await a_village(ports)


def orjson_items(page):
    return orjson.loads(page)["items"]


async def page_of(ports, **asked):
    async with ports.database.read() as connection:
        return await queries.list_listings(connection, Wanted(**asked), cursor=None, limit=24, now=ports.clock.now())


async def held(ports, owner, *, pending=False):
    async with ports.database.read() as connection:
        return {
            b.account.kind: b.pending_minor if pending else b.posted_minor for b in await balances(connection, owner)
        }


async def delivered(ports, village, goods=None):
    order = await an_order(ports, village.buyer, goods or {village.dates: "3"})
    operator = await an_operator(ports)
    for consignment in order["consignments"]:
        await tell(ports, operator.caller, events_of(consignment))
    await work(ports)
    return order


async def all_is_zero(ports):
    sums = "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    assert await rows(ports, sums) == []
    async with ports.database.read() as connection:
        owners = [row.owner for row in await rows(ports, "SELECT DISTINCT owner FROM account")]
        every = [each for owner in owners for each in await balances(connection, owner)]
    assert sum(each.posted_minor for each in every) == 0


async def terms_of(ports, order):
    return await value(ports, 'SELECT terms FROM "order" WHERE id = :id', id=order["id"])


async def test_order_freezes_the_share_and_splits_what_the_member_gets(ports, village):
    garden, loom = village.garden.producer.id, village.loom.producer.id
    membership = await a_member(ports, village.loom, village.garden, 1_234)
    order = await an_order(ports, village.buyer, village.basket)
    async with ports.database.read() as connection:
        row = await cooperatives.get_membership(connection, village.garden.caller, membership)
        shape = await cooperatives.membership_shape(connection, row, ports.clock.now(), "en")
    assert (await terms_of(ports, order))["shares"] == {
        garden: {
            "cooperative": loom,
            "agreement": shape.agreements[0].id,
            "version": 1,
            "share_bps": 1_234,
        }
    }
    share = NET * 1_234 // 10_000
    assert await held(ports, garden, pending=True) == {PENDING: NET - share}
    assert await held(ports, loom, pending=True) == {PENDING: 168_000 - 5_040, SHARED: share}
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    assert set((await held(ports, loom, pending=True)).values()) | set((await held(ports, garden)).values()) == {0}


async def test_order_with_a_share_takes_as_many_statements_as_one_without(ports, village):
    counts = []
    for member in (False, True):
        if member:
            await a_member(ports, village.loom, village.garden)
        await an_order(ports, village.buyer, {village.dates: "1"})
        quote = await a_quote(ports, village.buyer, {village.dates: "1"})
        with statements_of(ports.database) as sent:
            await place(ports, village.buyer, ordering(quote))
        counts.append(len(sent))
    assert counts[0] == counts[1], sent


async def test_claim_takes_back_from_member_cooperative_and_platform_and_the_rest_is_released_to_both(ports, village):
    garden, loom = village.garden.producer.id, village.loom.producer.id
    await a_member(ports, village.loom, village.garden, 1_000)
    order = await delivered(ports, village)
    assert (await held(ports, garden), await held(ports, loom)) == ({PENDING: NET - 2_560}, {SHARED: 2_560})
    photos = [await a_ready_photo(ports, village.buyer)]
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 8_800, "damage", photos=photos))
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    # The line waits for its claim, so nothing of either is released.
    assert await held(ports, loom) == {SHARED: 2_560}
    async with ports.begin() as session:
        await answer_claim(ports, session, village.garden.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    left = 17_600 - 528
    assert await held(ports, garden) == {PENDING: 0, AVAILABLE: left - left // 10}
    assert await held(ports, loom) == {SHARED: 0, SHARED_AVAILABLE: left // 10}
    assert (await held(ports, PLATFORM))[AccountKind.PLATFORM_FEE] == 528
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 8_800
    await all_is_zero(ports)


async def test_claim_on_one_member_does_not_hold_what_another_shares(ports, village):
    """Two members of one co-operative in an order: of its one account only the claimed member's part waits."""
    orchard = await a_producer(ports)
    apricots = await a_listing(ports, orchard)
    for member, share in ((village.garden, 1_000), (orchard, 2_000)):
        await a_member(ports, village.loom, member, share)
    order = await delivered(ports, village, {village.dates: "3", apricots: "1"})
    photos = [await a_ready_photo(ports, village.buyer)]
    lines = [line["listing"] for line in order["lines"]]
    claim = await a_claim_for(
        ports,
        village.buyer,
        order,
        **claiming(order, lines.index(village.dates), 26_400, "damage", photos=photos),
    )
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    theirs = (8_800 - 264) * 2_000 // 10_000
    loom = village.loom.producer.id
    assert await held(ports, loom) == {SHARED: 2_560, SHARED_AVAILABLE: theirs}
    async with ports.begin() as session:
        await answer_claim(ports, session, village.garden.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    assert await held(ports, loom) == {SHARED: 0, SHARED_AVAILABLE: theirs}
    assert (await held(ports, village.garden.producer.id)) == {PENDING: 0}
    await all_is_zero(ports)


async def test_statements_of_member_and_cooperative_tell_the_same_sale_from_both_sides(ports, village):
    await a_member(ports, village.loom, village.garden, 1_000)
    order = await delivered(ports, village, village.basket)
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    member = await statement_of(ports, village.garden.caller, village.garden.producer.id)
    both = await statement_of(ports, village.loom.caller, village.loom.producer.id)
    sold = next(line for line in member.items if line.kind == "sale")
    parts = sold.sale
    assert parts.goods.amount - parts.commission.amount - parts.share.amount == sold.amount.amount == NET - 2_560
    shared = next(line for line in both.items if (line.account, line.kind) == (SHARED, "sale"))
    assert (shared.amount.amount, shared.sale) == (2_560, parts)
    own = next(line for line in both.items if (line.account, line.kind) == (PENDING, "sale"))
    assert (own.sale.goods.amount, own.sale.share.amount, own.amount.amount) == (168_000, 0, 162_960)
    assert {each.account: each.closing.amount for each in both.accounts} == {
        PENDING: 0,
        AVAILABLE: 162_960,
        SHARED: 0,
        SHARED_AVAILABLE: 2_560,
    }


async def test_share_is_agreed_on_by_both_from_a_day_on_and_history_stays(ports, village, clock):
    garden, loom = village.garden, village.loom
    membership = await a_member(ports, loom, garden, 500)
    later = ports.clock.now() + timedelta(days=7)
    second = await proposed(ports, garden, membership, 300, later)
    assert (second.version, second.state, second.proposed_by) == (2, "proposed", "member")
    async with nothing_happens(ports):
        with pytest.raises(AgreementWaiting):
            await proposed(ports, loom, membership, 100)
        with pytest.raises(Forbidden):
            await answered(ports, garden, membership, second.id, "agree")
    agreed = await answered(ports, loom, membership, second.id, "agree")
    assert (agreed.state, agreed.valid_from) == ("agreed", later)
    async with nothing_happens(ports):
        assert await answered(ports, loom, membership, second.id, "agree") == agreed
        with pytest.raises(StateConflict):
            await answered(ports, loom, membership, second.id, "decline")
    first = await an_order(ports, village.buyer, {village.dates: "1"})
    clock.advance(timedelta(days=8))
    then = await an_order(ports, await a_person(ports), {village.dates: "1"})
    versions = [(await terms_of(ports, order))["shares"][garden.producer.id]["version"] for order in (first, then)]
    assert versions == [1, 2]
    third = await proposed(ports, loom, membership, 900)
    assert (await answered(ports, loom, membership, third.id, "decline")).state == "declined"
    async with ports.database.read() as connection:
        row = await cooperatives.get_membership(connection, loom.caller, membership)
        shape = await cooperatives.membership_shape(connection, row, ports.clock.now(), "en")
    assert [(each.version, each.share_bps, each.state) for each in shape.agreements] == [
        (1, 500, "agreed"),
        (2, 300, "agreed"),
        (3, 900, "declined"),
    ]
    assert shape.share_bps == 300
    told = await rows(ports, "SELECT template, \"to\" FROM message WHERE template LIKE 'share_%' ORDER BY id")
    both = {garden.person.phone, loom.person.phone}
    assert [(row.template, row.to) for row in told if row.template == "share_proposed"] == [
        ("share_proposed", loom.person.phone),
        ("share_proposed", garden.person.phone),
    ]
    assert [row.to in both for row in told if row.template == "share_answered"] == [True] * 4


async def test_what_is_agreed_on_late_does_not_reach_back(ports, village, clock):
    membership = await a_member(ports, village.loom, village.garden)
    offer = await proposed(ports, village.loom, membership, 700, ports.clock.now() - timedelta(days=30))
    clock.advance(timedelta(hours=1))
    agreed = await answered(ports, village.garden, membership, offer.id, "agree")
    assert agreed.valid_from == ports.clock.now()


async def test_who_leaves_shares_no_more_and_orders_from_before_stay_shared(ports, village, clock):
    garden, loom = village.garden.producer.id, village.loom.producer.id
    membership = await a_member(ports, village.loom, village.garden, 1_000)
    before = await an_order(ports, village.buyer, {village.dates: "3"})
    stale = await a_quote(ports, village.buyer, {village.dates: "3"})
    clock.advance(timedelta(minutes=1))
    left = await moved(ports, village.garden, membership, EVENT.LEAVE)
    assert (left.state, left.share_bps) == (MembershipState.LEFT, None)
    after = await place(ports, village.buyer, ordering(stale))
    assert "shares" in await terms_of(ports, before)
    assert "shares" not in await terms_of(ports, after)
    assert await held(ports, loom, pending=True) == {SHARED: 2_560}
    assert await held(ports, garden, pending=True) == {PENDING: NET - 2_560 + NET}
    assert village.garden.producer.id not in (await again(ports, village.loom.person)).caller.grants
    await work(ports)
    page = orjson_items(await page_of(ports, cooperative_id=loom))
    assert [item["id"] for item in page] == [village.carpets]
    assert (await invited(ports, village.loom, village.garden)).state is MembershipState.INVITED


async def test_cooperative_confirms_a_harvest_in_the_members_name_and_what_it_is_too_small_for_is_shared_by_nobody(
    ports, village
):
    garden, loom = village.garden, village.loom
    await a_member(ports, loom, garden, 1_000, grants=["ship"])
    dates = await a_draft(ports, garden)
    lot = await a_forecast(ports, garden, dates, "10", 9)
    await publish(ports, garden, dates)
    order = await an_order(ports, village.buyer, {dates: "5"})
    assert (await held(ports, loom.producer.id, pending=True))[SHARED] == (44_000 - 1_320) // 10
    lister = await a_colleague(ports, loom, await a_person(ports), Grant.LIST)
    async with nothing_happens(ports):
        with pytest.raises(Forbidden):
            await confirmed(ports, lister, dates, lot, "2")
    await confirmed(ports, await acting(ports, loom, garden), dates, lot, "0")
    await work(ports)
    assert await value(ports, 'SELECT status FROM "order" WHERE id = :id', id=order["id"]) == "cancelled"
    for owner in (garden.producer.id, loom.producer.id):
        assert {*(await held(ports, owner)).values(), *(await held(ports, owner, pending=True)).values()} == {0}
    await all_is_zero(ports)
