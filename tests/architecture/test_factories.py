"""Every table has a factory, or is filled by one: a new table needs somebody in the village who fills it."""

from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.database import metadata
from app.core.throttle import spend
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.keep_books import close_books
from app.flows.keep_history import add_up, add_up_hubs
from app.flows.sign_in import CODES_PER_ADDRESS
from app.identity.values import Scope
from app.shipments.schemas import TrackingEventRequest
from tests.factories.catalogue import JUJUBE, SHEEP, a_cycle, a_listing, a_photo, a_price_list
from tests.factories.claims import a_claim_for, a_recourse, a_return, claiming
from tests.factories.cooperatives import a_member
from tests.factories.custody import handed_in
from tests.factories.epcis import spoken
from tests.factories.identity import a_partner, a_phone, a_sign_in_code, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import disrupt
from tests.factories.network import a_disruption, a_service, networked, planned
from tests.factories.offers import an_offer
from tests.factories.orders import an_order
from tests.factories.payments import a_dispute, a_failed_refund, a_part_refund, a_provider_event
from tests.factories.payouts import a_receipt, a_transferring_order, moves_for, settled
from tests.factories.recalls import a_recall
from tests.factories.tables import contents
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.webhooks import an_endpoint
from tests.factories.weighing import weigh, weighed_goods

template, ports = networked, planned


async def a_whole_story(ports):
    """From the first sign-in to the paid producer, with a word from everybody."""
    village = await a_village(ports)
    await a_listing(ports, village.garden, SHEEP)
    await a_photo(ports, village.garden)
    await a_sign_in_code(ports, a_phone())
    await spend(ports.database, CODES_PER_ADDRESS, "127.0.0.1", ports.clock.now())
    carrier = await a_partner(ports, "KUNLUN", *Scope)
    line = await a_service(ports, carrier.caller)
    await a_disruption(ports, carrier.caller, line.id)
    await a_cycle(ports, village.garden, line.id)
    prices = [{"listing": village.carpets, "price": {"amount": 150_000, "currency": "CNY"}}]
    await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
    await a_member(ports, village.loom, village.garden)
    await an_offer(ports, village.buyer, village.carpets, "5", 140_000)
    await an_endpoint(ports, village.buyer)
    order = await an_order(ports, village.buyer, village.basket)
    await a_recall(ports, village.garden)
    await a_provider_event(ports)
    operator = await an_operator(ports)
    bulk = await weighed_goods(ports, village.garden)
    await weigh(ports, operator, await an_order(ports, village.buyer, {bulk: "10"}), 9_800)
    await a_part_refund(ports, order["id"])
    await handed_in(ports, village.garden.person, order["consignments"][0])
    await a_failed_refund(ports, order)
    unwanted = await an_order(ports, village.buyer, {village.carpets: "1"})
    for consignment in (*order["consignments"], *unwanted["consignments"]):
        await tell(ports, operator.caller, events_of(consignment))
    await a_warm_ride(ports, operator, village)
    await work(ports)
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    await a_return(ports, village, unwanted)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 1, 5_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    await a_recourse(ports, operator, claim.id, order, 1)
    await settled(ports, village, operator.caller, carrier.caller)
    waiting = await a_transferring_order(ports, village)
    await a_receipt(ports, operator.caller, waiting["payment"]["id"], 100, "B1")
    await a_dispute(ports, await an_order(ports, village.buyer, {village.dates: "1"}))
    await moves_for(ports, order["id"], village.loom.producer.id)
    await a_detour(ports, operator, village)
    await spoken(ports, operator.caller, order["consignments"][0]["tracking_number"])
    ports.clock.advance(timedelta(days=1))
    await close_books(ports)
    await add_up(ports)
    await add_up_hubs(ports)


async def a_warm_ride(ports, operator, village):
    """Goods that are to be kept cold, and were not."""
    cold = await a_listing(ports, village.garden, attributes=JUJUBE["attributes"] | {"storage_max_c": "4"})
    order = await an_order(ports, village.buyer, {cold: "1"})
    (left,) = events_of(order["consignments"][0], "picked_up")
    warm = {"kind": "temperature", "value": "9", "unit": "CEL", "at": left.occurred_at}
    await tell(ports, operator.caller, [TrackingEventRequest.model_validate(left.model_dump() | {"readings": [warm]})])


async def a_detour(ports, operator, village):
    """A closed line sends goods another way; then the buyer's hub is closed, and there is none."""
    order = await an_order(ports, village.buyer, {village.dates: "1"})
    first, last = order["consignments"][0]["legs"][0], order["consignments"][0]["legs"][-1]
    for shut in ({"service": first["service"]}, {"hub": last["from"]}):
        now = ports.clock.now()
        await disrupt(ports, operator.caller, from_=now, until=now + timedelta(days=90), **shut)
        await work(ports)


async def test_factories_fill_every_table(ports):
    await a_whole_story(ports)
    rows = {name.partition(".")[2].strip('"'): count for name, (count, _) in (await contents(ports)).items()}
    assert rows.keys() >= set(metadata.tables)
    assert [name for name in metadata.tables if not rows[name]] == []


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_tables_are_named_in_the_singular(name):
    assert not name.endswith("s")
