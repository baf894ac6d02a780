"""A co-operative and its members: invited, accepted, acting for each other as far as granted."""

from dataclasses import replace

import orjson
import pytest

from app.catalogue import queries
from app.catalogue.lots import list_lots
from app.catalogue.schemas import ListingChange
from app.catalogue.service import change_listing
from app.catalogue.values import Wanted
from app.claims.schemas import ClaimAnswer
from app.claims.service import list_claims
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.claim_goods import answer_claim
from app.flows.keep_producer import change_producer
from app.identity import cooperatives, people, service
from app.identity.cooperative_schemas import ColleagueChange, NewColleague
from app.identity.errors import GrantMissing, InvitedAlready, LastOwner, MemberElsewhere
from app.identity.schemas import ProducerChange
from app.identity.values import Grant, MembershipEvent, MembershipState
from app.ledger.values import AccountKind
from app.shipments.queries import get_journey_for, list_to_hand_in
from tests.factories.catalogue import JUJUBE, a_draft, a_listing, a_lot, a_price_list, publish
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.cooperatives import (
    a_colleague,
    a_member,
    acting,
    again,
    invited,
    moved,
)
from tests.factories.identity import LOOM, Seller, a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order
from tests.factories.tables import nothing_happens, rows
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.flows.test_show_statement import statement_of

template, ports = networked, planned
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE
SHARED, SHARED_AVAILABLE = AccountKind.COOPERATIVE_PENDING, AccountKind.COOPERATIVE_AVAILABLE
EVENT = MembershipEvent
# Three boxes of dates at 88 yuan, less 3 % of commission.
NET = 26_400 - 792


async def delivered(ports, village, goods=None):
    order = await an_order(ports, village.buyer, goods or {village.dates: "3"})
    operator = await an_operator(ports)
    for consignment in order["consignments"]:
        await tell(ports, operator.caller, events_of(consignment))
    await work(ports)
    return order


@pytest.fixture
async def village(ports):
    """The loom is a co-operative, the garden a household."""
    return await a_village(ports)


async def page_of(ports, **asked):
    async with ports.database.read() as connection:
        return await queries.list_listings(connection, Wanted(**asked), cursor=None, limit=24, now=ports.clock.now())


def orjson_items(page):
    return orjson.loads(page)["items"]


async def producer_changed(ports, seller, **changes):
    async with ports.begin() as session:
        present = await service.lock_producer(session, seller.caller, seller.producer.id)
        await change_producer(session, present, ProducerChange.model_validate(changes))


async def test_invited_producer_is_told_accepts_and_its_goods_stand_under_the_roof(ports, village):
    garden, loom = village.garden, village.loom
    invitation = await invited(ports, loom, garden)
    assert (invitation.state, invitation.share_bps, invitation.joined_at) == (MembershipState.INVITED, None, None)
    assert (await again(ports, loom.person)).caller.grants.keys() == {loom.producer.id}
    accepted = await moved(ports, garden, invitation.id, EVENT.ACCEPT)
    assert (accepted.state, accepted.state_text, accepted.share_bps) == (MembershipState.ACTIVE, "Member", 500)
    assert [(each.version, each.share_bps, each.state) for each in accepted.agreements] == [(1, 500, "agreed")]
    told = await rows(
        ports, "SELECT template, \"to\", text FROM message WHERE template LIKE 'cooperative_%' ORDER BY id"
    )
    assert (told[0].template, told[0].to) == ("cooperative_invited", garden.person.phone)
    assert {(row.template, row.to) for row in told[1:]} == {
        ("cooperative_joined", garden.person.phone),
        ("cooperative_joined", loom.person.phone),
    }
    assert "喀什织毯合作社 邀请 巴格其枣园 入社，分成为货款净额的 5%" in told[0].text
    await work(ports)
    roof = {"id": loom.producer.id, "name": loom.producer.name}
    page = orjson_items(await page_of(ports, cooperative_id=loom.producer.id))
    assert {item["id"]: item["cooperative"] for item in page} == {village.dates: roof, village.carpets: roof}
    async with ports.database.read() as connection:
        members = await cooperatives.list_members(connection, loom.producer.id, cursor=None, limit=10)
        assert [(each.id, each.joined_at) for each in members.items] == [(garden.producer.id, accepted.joined_at)]
        assert (await service.get_producer(connection, garden.producer.id)).cooperative.id == loom.producer.id


async def test_listings_that_are_made_by_a_member_stand_under_the_roof_at_once_and_follow_its_name(ports, village):
    await a_member(ports, village.loom, village.garden)
    fresh = await a_listing(ports, village.garden)
    await producer_changed(ports, village.loom, name={"en": "Carpet union"})
    await work(ports)
    page = orjson_items(await page_of(ports, cooperative_id=village.loom.producer.id))
    assert {item["id"]: item["cooperative"]["name"] for item in page} == {
        listing: {"en": "Carpet union"} for listing in (village.dates, village.carpets, fresh)
    }


async def test_same_invitation_again_is_the_first_and_tells_nobody_twice(ports, village):
    mine = new_id("mbr")
    first = await invited(ports, village.loom, village.garden, id=mine)
    async with nothing_happens(ports):
        assert await invited(ports, village.loom, village.garden, id=mine) == first
        with pytest.raises(IdTaken):
            await invited(ports, village.loom, village.garden, 600, id=mine)
        with pytest.raises(InvitedAlready) as refused:
            await invited(ports, village.loom, village.garden)
    assert refused.value.fields["membership"] == mine


async def test_only_owners_invite_only_cooperatives_have_members_and_no_cooperative_is_one(ports, village):
    other = await a_producer(ports, **LOOM)
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            await invited(ports, replace(village.garden, producer=village.loom.producer), village.garden)
        with pytest.raises(Invalid) as refused:
            await invited(ports, village.garden, village.loom)
        assert [gap.pointer for gap in refused.value.gaps] == ["/path/producer_id", "/producer"]
        with pytest.raises(Invalid) as refused:
            await invited(ports, village.loom, other)
        assert [gap.pointer for gap in refused.value.gaps] == ["/producer"]
        nobody = replace(village.garden, producer=village.garden.producer.model_copy(update={"id": new_id("prd")}))
        with pytest.raises(Invalid):
            await invited(ports, village.loom, nobody)


async def test_invitation_is_answered_by_the_side_that_it_is_for_and_once(ports, village):
    garden, loom, stranger = village.garden, village.loom, await a_person(ports)
    operator = await an_operator(ports)
    first = await invited(ports, loom, garden)
    async with nothing_happens(ports):
        for who, event, refusal in (
            (loom, EVENT.ACCEPT, Forbidden),
            (loom, EVENT.DECLINE, Forbidden),
            (garden, EVENT.WITHDRAW, Forbidden),
            (garden, EVENT.LEAVE, StateConflict),
            (stranger, EVENT.ACCEPT, NotFound),
            (operator, EVENT.ACCEPT, Forbidden),
        ):
            with pytest.raises(refusal):
                await moved(ports, who, first.id, event)
    assert (await moved(ports, garden, first.id, EVENT.DECLINE)).agreements[0].state == "declined"
    second = await invited(ports, loom, garden)
    assert (await moved(ports, loom, second.id, EVENT.WITHDRAW)).state is MembershipState.WITHDRAWN
    with pytest.raises(StateConflict):
        await moved(ports, garden, second.id, EVENT.ACCEPT)


async def test_producer_belongs_to_one_cooperative_at_a_time(ports, village):
    other = await a_producer(ports, **LOOM)
    one = await a_member(ports, village.loom, village.garden)
    second = await invited(ports, other, village.garden)
    async with nothing_happens(ports):
        with pytest.raises(MemberElsewhere) as refused:
            await moved(ports, village.garden, second.id, EVENT.ACCEPT)
    assert refused.value.fields["cooperative"] == village.loom.producer.id
    await moved(ports, village.garden, one, EVENT.LEAVE)
    assert (await moved(ports, village.garden, second.id, EVENT.ACCEPT)).state is MembershipState.ACTIVE


async def test_cooperative_with_members_stays_one_and_a_member_does_not_become_one(ports, village):
    await a_member(ports, village.loom, village.garden)
    for seller, kind in ((village.loom, "company"), (village.garden, "cooperative")):
        async with nothing_happens(ports):
            with pytest.raises(Invalid) as refused:
                await producer_changed(ports, seller, kind=kind)
        assert [gap.pointer for gap in refused.value.gaps] == ["/kind"]


async def test_cooperative_lists_prices_and_stocks_in_the_members_name_as_far_as_granted(ports, village):
    """One grant after the other opens what it says, and nothing else."""
    garden = village.garden
    membership = await a_member(ports, village.loom, garden, grants=[])
    async with ports.begin() as session:
        row = await cooperatives.lock_membership(session, garden.caller, membership)
        with pytest.raises(Forbidden):
            await cooperatives.change_grants(session, village.loom.caller, row, [Grant.LIST], ports.clock.now())

    async def granting(*grants):
        async with ports.begin() as session:
            row = await cooperatives.lock_membership(session, garden.caller, membership)
            await cooperatives.change_grants(session, garden.caller, row, grants, ports.clock.now())
        return await acting(ports, village.loom, garden)

    unpriced = {name: fact for name, fact in JUJUBE.items() if name != "price"}
    clerk = await granting()
    async with nothing_happens(ports):
        with pytest.raises(Forbidden):
            await a_draft(ports, clerk, unpriced)
    clerk = await granting(Grant.LIST)
    draft = await a_draft(ports, clerk, unpriced)
    async with nothing_happens(ports):
        for story, missing in (
            (a_draft(ports, clerk), Grant.PRICE),
            (changed(ports, clerk, draft, price={"amount": 100, "currency": "CNY"}), Grant.PRICE),
            (a_lot(ports, clerk, draft, "5"), Grant.SHIP),
        ):
            with pytest.raises(GrantMissing) as refused:
                await story
            assert refused.value.fields["grant"] == missing
    clerk = await granting(Grant.PRICE)
    await changed(ports, clerk, draft, price={"amount": 100, "currency": "CNY"}, tiers=[])
    async with nothing_happens(ports):
        for story in (
            changed(ports, clerk, draft, lead_time_h=1),
            changed(ports, clerk, draft, lead_time_h=1, tiers=[]),
            publish(ports, clerk, draft),
        ):
            with pytest.raises(GrantMissing) as refused:
                await story
            assert refused.value.fields["grant"] == Grant.LIST
    clerk = await granting(Grant.SHIP)
    await a_lot(ports, clerk, draft, "5", harvested_on="2026-02-20")
    async with ports.database.read() as connection:
        assert len((await list_lots(connection, clerk.caller, draft, cursor=None, limit=10)).items) == 1
    with pytest.raises(GrantMissing):
        await changed(ports, clerk, draft, price={"amount": 90, "currency": "CNY"})


async def changed(ports, who, listing, **changes):
    async with ports.begin() as session:
        command = ListingChange.model_validate(changes)
        return await change_listing(session, who.caller, listing, command, None, ports.clock.now())


async def test_who_was_given_less_in_the_cooperative_may_do_less_for_its_members(ports, village):
    await a_member(ports, village.loom, village.garden, grants=["list", "ship", "see"])
    clerk = await a_colleague(ports, village.loom, await a_person(ports), Grant.PRICE, Grant.SHIP)
    assert clerk.caller.grants == {
        village.loom.producer.id: {Grant.PRICE, Grant.SHIP},
        village.garden.producer.id: {Grant.SHIP},
    }
    assert (clerk.caller.producers, clerk.caller.owned) == ({village.loom.producer.id}, frozenset())
    assert (await again(ports, village.garden.person)).caller.cooperatives == {village.loom.producer.id}


async def test_orders_claims_and_accounts_are_seen_and_answered_as_far_as_granted(ports, village):
    garden, loom = village.garden, village.loom
    await a_member(ports, loom, garden, grants=["ship", "see"])
    shipper = await a_colleague(ports, loom, await a_person(ports), Grant.SHIP)
    lister = await a_colleague(ports, loom, await a_person(ports), Grant.LIST)
    seer = await acting(ports, loom, garden)
    order = await delivered(ports, village)
    photos = [await a_ready_photo(ports, village.buyer)]
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 8_800, "damage", photos=photos))
    consignment = order["consignments"][0]["id"]
    async with ports.database.read() as connection:
        for who in (shipper, seer, garden):
            assert (await get_journey_for(connection, who.caller, consignment)).id == consignment
            page = await list_to_hand_in(connection, who.caller.granted(Grant.SHIP), None, cursor=None, limit=10)
            assert [journey.id for journey in page.items] == [consignment]
        with pytest.raises(NotFound):
            await get_journey_for(connection, lister.caller, consignment)
        assert [c.id for c in await list_claims(connection, seer.caller, None, None, 10)] == [claim.id]
        assert await list_claims(connection, shipper.caller, None, None, 10) == []
    assert (await statement_of(ports, seer.caller, garden.producer.id)).accounts
    with pytest.raises(GrantMissing) as refused:
        await statement_of(ports, shipper.caller, garden.producer.id)
    assert refused.value.fields["grant"] == Grant.SEE
    async with nothing_happens(ports):
        with pytest.raises(GrantMissing) as refused:
            async with ports.begin() as session:
                await answer_claim(ports, session, seer.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    assert refused.value.fields["grant"] == Grant.PRICE


async def test_people_of_members_buy_at_the_price_of_the_cooperatives_members(ports, village):
    prices = [{"listing": village.carpets, "price": {"amount": 150_000, "currency": "CNY"}}]
    await a_price_list(ports, village.loom, for_members=True, prices=prices)
    before = await a_quote(ports, village.garden.person, {village.carpets: "1"})
    membership = await a_member(ports, village.loom, village.garden)
    joined = await a_quote(ports, await again(ports, village.garden.person), {village.carpets: "1"})
    await moved(ports, village.loom, membership, EVENT.LEAVE)
    after = await a_quote(ports, await again(ports, village.garden.person), {village.carpets: "1"})
    assert [each.lines[0].price.amount for each in (before, joined, after)] == [168_000, 150_000, 168_000]


async def made(ports, owner, person, **change):
    async with ports.begin() as session:
        row = await people.lock_colleague(session, owner.caller, owner.producer.id, person.id)
        return await people.change_colleague(session, row, ColleagueChange.model_validate(change))


async def let_go(ports, owner, person):
    async with ports.begin() as session:
        row = await people.lock_leaver(session, owner.caller, owner.producer.id, person.id)
        await people.drop_colleague(session, row)


async def test_people_of_a_producer_are_added_changed_and_let_go_by_its_owners(ports, village):
    garden, friend = village.garden, await a_person(ports)
    ships = await a_colleague(ports, garden, friend, Grant.SHIP)
    with pytest.raises(GrantMissing):
        await a_draft(ports, ships)
    async with nothing_happens(ports):
        again_ = NewColleague.model_validate({"person": friend.id, "grants": ["ship"]})
        async with ports.begin() as session:
            await people.add_colleague(session, garden.caller, garden.producer.id, again_)
        other = NewColleague.model_validate({"person": friend.id, "grants": ["see"]})
        for who, command, refusal in (
            (garden, other, IdTaken),
            (ships, other, Forbidden),
            (village.loom, other, NotFound),
        ):
            with pytest.raises(refusal):
                async with ports.begin() as session:
                    await people.add_colleague(session, who.caller, garden.producer.id, command)
    assert (await made(ports, garden, friend, role="owner")).grants == sorted(Grant)
    await let_go(ports, garden, garden.person)
    heir = Seller(await again(ports, friend), garden.producer)
    async with nothing_happens(ports):
        with pytest.raises(LastOwner):
            await let_go(ports, heir, friend)
        with pytest.raises(LastOwner):
            await made(ports, heir, friend, role="member")
    with pytest.raises(Forbidden):
        await a_draft(ports, await acting(ports, garden, garden))
