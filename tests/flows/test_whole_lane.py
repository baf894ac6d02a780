"""The whole lane: two producers, a co-operative, goods by weight and a card, from the first day to payouts, refunds and reversals."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.clock import FixedClock
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.keep_books import close_books
from app.flows.open_payout_account import open_payout_account
from app.flows.ports import Ports
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.payouts.moves import short_of
from app.payouts.schemas import NewPayoutAccount
from tests.factories.books import Proof, statements_are_the_ledger
from tests.factories.cards import card_shop, hear_all, paid_order
from tests.factories.catalogue import a_listing
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.cooperatives import a_member
from tests.factories.identity import LOOM, Seller, Someone, a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.payouts import a_payee, a_run, mark, payouts
from tests.factories.tables import rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import Village
from tests.factories.weighing import weigh, weighed_goods
from tests.fakes.stripe.runner import StripeStandIn
from tests.fakes.stripe.sdk import sdk

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
AVAILABLE, SHARED = AccountKind.PRODUCER_AVAILABLE, AccountKind.COOPERATIVE_AVAILABLE
# Three boxes of dates for 88 yuan each less 3 %; a fifth of that is the co-operative's, the member's is the rest.
THREE, SHARE_OF_THREE = 20_487, 5_121
# The same of two boxes and of one: what is left when a box is refunded.
TWO, SHARE_OF_TWO = 13_658, 3_414
ONE, SHARE_OF_ONE = 6_829, 1_707
BOX = 8_800
# 100 kg of jujubes are ordered for 24 yuan a kilogram, 96 are weighed; less 3 %.
JUJUBES = 223_488


@pytest.fixture
async def shop(ports, fake):
    fake.go_by(lambda: ports.clock.now().timestamp())
    async with card_shop(ports, fake) as shop:
        yield shop


@dataclass(frozen=True)
class Lane:
    """Everybody on it: the garden is a member of the co-operative and paid by the card provider, the others by their banks."""

    shop: Ports
    fake: StripeStandIn
    operator: Someone
    garden: Seller
    orchard: Seller
    cooperative: Seller
    buyer: Someone
    dates: str
    jujubes: str
    account: str


async def test_from_the_first_day_to_payouts_refunds_and_their_reversal(shop, fake):
    lane = await everybody_signs_up(shop, fake)

    order = await buys(lane, {lane.dates: "3", lane.jujubes: "100"})
    most = order["range"]["most"]["amount"]
    assert await payment_of(lane, order) == ("authorised", most, 0)
    assert await at_the_provider(lane) == 0

    await is_weighed(lane, order, 96_000)
    await is_delivered(lane, order)
    total = (await shown(lane, order)).price.total.amount
    assert total < most
    assert await payment_of(lane, order) == ("paid", most, most - total)

    await confirm_receipt(shop, lane.buyer.caller, order["id"], "en")
    await work(shop)
    assert await everybody_has(lane) == (THREE, SHARE_OF_THREE, JUJUBES)
    assert await at_the_account(lane) == THREE

    # A box is bad: what was moved for it is reversed, before anybody is paid out.
    await is_refunded(lane, order, BOX)
    assert await everybody_has(lane) == (TWO, SHARE_OF_TWO, JUJUBES)
    assert await at_the_account(lane) == TWO

    await is_paid_out(lane)
    assert await paid(lane) == (TWO, SHARE_OF_TWO, JUJUBES)
    assert await everybody_has(lane) == (0, 0, 0)
    assert await at_the_account(lane) == 0

    # Another one, after the payout: who was paid owes it.
    await is_refunded(lane, order, BOX)
    assert await everybody_has(lane) == (ONE - TWO, SHARE_OF_ONE - SHARE_OF_TWO, 0)
    assert await owed_to_the_provider(lane) == TWO - ONE
    await is_paid_out(lane)
    assert len(await payouts(shop)) == 3

    # Nobody complains of the next order: once its windows are over it is released, moved and paid less what is owed.
    second = await buys(lane, {lane.dates: "2"})
    await is_delivered(lane, second)
    await windows_pass(lane)
    assert (await shown(lane, second)).status == "completed"
    assert await everybody_has(lane) == (ONE, SHARE_OF_ONE, 0)
    assert await at_the_account(lane) == ONE
    assert await owed_to_the_provider(lane) == 0
    await is_paid_out(lane)
    assert await paid(lane) == (TWO + ONE, SHARE_OF_TWO + SHARE_OF_ONE, JUJUBES)
    assert await everybody_has(lane) == (0, 0, 0)

    await the_books_are_right(lane)


async def everybody_signs_up(shop: Ports, fake: StripeStandIn) -> Lane:
    garden, orchard, cooperative = await a_producer(shop), await a_producer(shop), await a_producer(shop, **LOOM)
    await a_member(shop, cooperative, garden, 2_000)
    dates, jujubes = await a_listing(shop, garden), await weighed_goods(shop, orchard)
    for seller in (orchard, cooperative):
        await a_payee(shop, seller.caller, seller.producer.id)
    await open_payout_account(shop, garden.caller, garden.producer.id, NewPayoutAccount(currency="CNY"), "en")
    account = await value(shop, "SELECT ref FROM payee WHERE channel = 'stripe'")
    await fake.onboard(account, currency="cny")
    await hear_all(shop, fake, account)
    buyer, operator = await a_person(shop), await an_operator(shop)
    return Lane(shop, fake, operator, garden, orchard, cooperative, buyer, dates, jujubes, account)


async def buys(lane: Lane, goods: dict[str, str]) -> dict[str, Any]:
    """By card, which is held; the provider has told it."""
    village = Village(lane.garden, lane.orchard, lane.dates, lane.jujubes, lane.buyer)
    return await paid_order(lane.shop, lane.fake, village, goods=goods)


async def is_weighed(lane: Lane, order: dict[str, Any], net_g: int) -> None:
    line = next(place for place, each in enumerate(order["lines"]) if each["listing"] == lane.jujubes)
    made = await weigh(lane.shop, lane.operator, order, net_g, line)
    assert made.status == "settled"
    await work(lane.shop)


async def is_delivered(lane: Lane, order: dict[str, Any]) -> None:
    """Handed in, so that the card is charged, and brought to the door."""
    for consignment in order["consignments"]:
        await tell(lane.shop, lane.operator.caller, events_of(consignment, "picked_up"))
    await work(lane.shop)
    assert (await payment_of(lane, order))[0] == "paid"
    lane.shop.clock.at += timedelta(days=1)  # type: ignore[attr-defined]
    await a_night_finds_nothing(lane.shop)
    for consignment in order["consignments"]:
        kinds = ("departed", "arrived", "out_for_delivery", "delivered")
        await tell(lane.shop, lane.operator.caller, events_of(consignment, *kinds))
    await hear(lane)


async def is_refunded(lane: Lane, order: dict[str, Any], amount: int) -> None:
    """The buyer claims damage, and the garden accepts."""
    line = next(place for place, each in enumerate(order["lines"]) if each["listing"] == lane.dates)
    photos = [await a_ready_photo(lane.shop, lane.buyer)]
    body = claiming(order, line, amount, "damage", photos=photos)
    claim = await a_claim_for(lane.shop, lane.buyer, order, **body)
    async with lane.shop.begin() as session:
        answer = ClaimAnswer(answer="accept")
        await answer_claim(lane.shop, session, lane.garden.caller, claim.id, answer, "en")
    await hear(lane)


async def is_paid_out(lane: Lane) -> None:
    """A run, after the provider's money has matured; then banks and the provider tell that all of it arrived."""
    await lane.fake.mature()
    await a_run(lane.shop, lane.operator.caller, parties=["producer", "cooperative"])
    for payout in await payouts(lane.shop, channel="bank_transfer"):
        if payout.status == "prepared":
            await mark(lane.shop, payout.id, "sent", "paid")
    async with sdk(lane.fake) as client:
        made = (await client.v1.payouts.list_async({}, {"stripe_account": lane.account})).data
    for each in made:
        if each.status == "pending":
            await lane.fake.move_payout(each.id, "paid")
    await hear(lane)
    assert {payout.status for payout in await payouts(lane.shop)} <= {"paid"}


async def windows_pass(lane: Lane) -> None:
    lane.shop.clock.at += timedelta(days=8)  # type: ignore[attr-defined]
    await hear(lane)


async def hear(lane: Lane) -> None:
    await work(lane.shop)
    await hear_all(lane.shop, lane.fake, lane.account)


async def shown(lane: Lane, order: dict[str, Any]) -> Any:
    return await show_order(lane.shop, order["id"], lane.buyer.caller, "en")


async def payment_of(lane: Lane, order: dict[str, Any]) -> tuple[str, int, int]:
    (row,) = await rows(
        lane.shop, "SELECT status, amount_minor, refunded_minor FROM payment WHERE order_id = :id", id=order["id"]
    )
    return row.status, row.amount_minor, row.refunded_minor


async def has(lane: Lane, owner: str, kind: AccountKind) -> int:
    async with lane.shop.database.read() as connection:
        return {each.account.kind: each.posted_minor for each in await balances(connection, owner)}.get(kind, 0)


async def everybody_has(lane: Lane) -> tuple[int, int, int]:
    """What the garden, the co-operative and the orchard have available."""
    return (
        await has(lane, lane.garden.producer.id, AVAILABLE),
        await has(lane, lane.cooperative.producer.id, SHARED),
        await has(lane, lane.orchard.producer.id, AVAILABLE),
    )


async def paid(lane: Lane) -> tuple[int, ...]:
    """What arrived at their banks in all."""
    arrived = await payouts(lane.shop, status="paid")
    parties = [seller.producer.id for seller in (lane.garden, lane.cooperative, lane.orchard)]
    return tuple(sum(each.amount_minor for each in arrived if each.party_id == party) for party in parties)


async def at_the_provider(lane: Lane, account: str | None = None) -> int:
    """What the provider holds on the platform's balance, or on an account's."""
    options = {"stripe_account": account} if account else {}
    async with sdk(lane.fake) as client:
        found = await client.v1.balance.retrieve_async(options=options)  # type: ignore[arg-type]
    return sum(each.amount for each in (*found.available, *found.pending) if each.currency == "cny")


async def at_the_account(lane: Lane) -> int:
    return await at_the_provider(lane, lane.account)


async def owed_to_the_provider(lane: Lane) -> int:
    """What could not be reversed, and is withheld of what moves next."""
    async with lane.shop.database.read() as connection:
        return await short_of(connection, lane.garden.producer.id, "CNY")


async def a_night_finds_nothing(shop: Ports) -> None:
    """The days before are closed; what the provider kept of the charges is entered."""
    await close_books(shop)
    assert await value(shop, "SELECT findings FROM reconciliation ORDER BY id DESC LIMIT 1") == []


async def the_books_are_right(lane: Lane) -> None:
    """The nights find nothing, statements are the ledger, everything sums to zero, and the provider holds what the ledger says."""
    shop = lane.shop
    tomorrow = replace(shop, clock=FixedClock(shop.clock.now() + timedelta(days=1)))
    await a_night_finds_nothing(tomorrow)
    proof = Proof()
    await statements_are_the_ledger(tomorrow, lane.operator.caller, proof)
    assert proof.findings == []
    assert await rows(shop, "SELECT 1 FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0") == []
    assert await value(shop, "SELECT sum(amount_minor)::bigint FROM entry") == 0
    gateway = await has(lane, "stripe", AccountKind.GATEWAY)
    assert gateway == -await at_the_provider(lane) - await at_the_account(lane)
    _, *by_banks = await paid(lane)
    assert await has(lane, PLATFORM, AccountKind.BANK) == sum(by_banks)
    assert await has(lane, lane.buyer.id, AccountKind.BUYER) == 0
