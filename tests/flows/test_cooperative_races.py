"""Members and co-operatives at the same moment, with real commits: one of two wins, and what an order froze is what was split."""

import pytest

from app.core.ids import new_id
from app.identity.errors import AgreementWaiting, InvitedAlready, MemberElsewhere
from app.identity.values import MembershipEvent
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind
from tests.factories.catalogue import a_draft
from tests.factories.cooperatives import a_member, answered, invited, moved, proposed
from tests.factories.identity import LOOM, a_person, a_producer
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, ordering, place
from tests.factories.tables import rows, value
from tests.factories.village import a_village
from tests.flows.test_races import at_once, words

template, ports = networked, planned
LEAVE, ACCEPT = MembershipEvent.LEAVE, MembershipEvent.ACCEPT


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def test_order_and_leaving_at_once_agree_on_who_gets_what(ports, village):
    """Whichever comes first, the sale is split by what the order says; whoever orders later shares nothing."""
    seen = set()
    for turn in range(6):
        membership = await a_member(ports, village.loom, village.garden, 1_000)
        buyers = [await a_person(ports) for _ in range(4)]
        quotes = [await a_quote(ports, buyer, {village.dates: "1"}) for buyer in buyers]
        stories = [place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True)]
        stories.insert(turn % 5, moved(ports, village.garden, membership, LEAVE))
        answers = await at_once(*stories)
        assert words(answers) == {"done": 5}
        late = await a_person(ports)
        orders = [answer["id"] for answer in answers if isinstance(answer, dict)]
        for order in orders:
            terms = await value(ports, 'SELECT terms FROM "order" WHERE id = :id', id=order)
            async with ports.begin() as session:
                (sale,) = await transfers_of(session, order)
            shared = sum(e.amount_minor for e in sale.entries if e.account.kind is AccountKind.COOPERATIVE_PENDING)
            kept = sum(e.amount_minor for e in sale.entries if e.account.kind is AccountKind.PRODUCER_PENDING)
            assert (shared, kept) == ((853, 7_683) if "shares" in terms else (0, 8_536))
            seen.add("shares" in terms)
        after = await place(ports, late, ordering(await a_quote(ports, late, {village.dates: "1"})))
        assert "shares" not in await value(ports, 'SELECT terms FROM "order" WHERE id = :id', id=after["id"])
        await work(ports)
    assert seen


async def test_two_agreements_at_once_make_one_proposal(ports, village):
    membership = await a_member(ports, village.loom, village.garden)
    for turn in range(4):
        stories = [
            proposed(ports, who, membership, 100 * turn + n) for n, who in enumerate((village.loom, village.garden) * 2)
        ]
        assert words(await at_once(*stories)) == {"done": 1, AgreementWaiting.slug: 3}
        (waiting,) = await rows(ports, "SELECT id, proposed_by FROM cooperative_agreement WHERE state = 'proposed'")
        other = village.garden if waiting.proposed_by == "cooperative" else village.loom
        answers = await at_once(
            answered(ports, other, membership, waiting.id, "agree"),
            answered(ports, other, membership, waiting.id, "decline"),
        )
        assert words(answers) == {"done": 1, "state-conflict": 1}
    versions = await rows(ports, "SELECT version FROM cooperative_agreement ORDER BY version")
    assert [row.version for row in versions] == [1, 2, 3, 4, 5]


async def test_two_cooperatives_accepted_at_once_make_one_member(ports, village):
    other = await a_producer(ports, **LOOM)
    for _ in range(4):
        invitations = [await invited(ports, loom, village.garden) for loom in (village.loom, other)]
        answers = await at_once(*(moved(ports, village.garden, each.id, ACCEPT) for each in invitations))
        assert words(answers) == {"done": 1, MemberElsewhere.slug: 1}
        joined = next(each.id for each in answers if not isinstance(each, MemberElsewhere))
        await moved(ports, village.garden, joined, LEAVE)
        await moved(ports, village.garden, next(i.id for i in invitations if i.id != joined), MembershipEvent.DECLINE)


async def test_same_invitation_many_times_at_once_is_one(ports, village):
    mine = new_id("mbr")
    answers = await at_once(*(invited(ports, village.loom, village.garden, id=mine) for _ in range(6)))
    assert words(answers) == {"done": 6}
    assert await value(ports, "SELECT count(*) FROM message WHERE template = 'cooperative_invited'") == 1
    others = [await a_producer(ports) for _ in range(3)]
    others = await at_once(*(invited(ports, village.loom, other) for other in others))
    assert words(others) == {"done": 3}
    third = await a_producer(ports)
    answers = await at_once(*(invited(ports, village.loom, third) for _ in range(4)))
    assert words(answers) == {"done": 1, InvitedAlready.slug: 3}


async def test_listings_made_while_their_producer_joins_and_leaves_end_up_where_it_stands(ports, village):
    for _ in range(4):
        invitation = await invited(ports, village.loom, village.garden)
        await at_once(
            a_draft(ports, village.garden),
            moved(ports, village.garden, invitation.id, ACCEPT),
            a_draft(ports, village.garden),
        )
        await work(ports)
        assert await roofs(ports, village) == {village.loom.producer.id}
        await at_once(
            a_draft(ports, village.garden),
            moved(ports, village.loom, invitation.id, LEAVE),
            a_draft(ports, village.garden),
        )
        await work(ports)
        assert await roofs(ports, village) == {None}


async def roofs(ports, village):
    asked = "SELECT DISTINCT cooperative_id FROM listing WHERE producer_id = :id"
    return {row.cooperative_id for row in await rows(ports, asked, id=village.garden.producer.id)}
