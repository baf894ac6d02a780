"""What the stories tell the systems of others: the news of a real order, from its placing to its payout, as each side hears it."""

import orjson
import pytest

from app.claims.schemas import ClaimAnswer
from app.flows.cancel_order import cancel_order
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.identity.values import Scope
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import a_partner, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked
from tests.factories.orders import an_order
from tests.factories.sink import a_sink
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.webhooks import an_endpoint, reaching

template = networked


@pytest.fixture
async def ports(planned):
    opened = reaching(planned)
    yield opened
    await opened.outside.close()


def heard(sink):
    return [orjson.loads(got.body) for got in sink.received]


def types(sink):
    return [body["type"] for body in heard(sink)]


async def test_every_side_hears_its_part_of_an_order_from_placing_to_the_end_of_a_claim(ports):
    village = await a_village(ports)
    operator = await an_operator(ports)
    async with a_sink() as buyers, a_sink() as growers, a_sink() as carriers:
        await an_endpoint(ports, village.buyer, buyers.url)
        await an_endpoint(ports, village.loom.person, growers.url)
        order = await an_order(ports, village.buyer, {village.carpets: "1"})
        (consignment,) = order["consignments"]
        carrier = await a_partner(ports, consignment["legs"][0]["carrier"], Scope.TRACKING_READ)
        await an_endpoint(ports, carrier, carriers.url)
        for event in events_of(consignment):
            await tell(ports, operator.caller, [event])
            await work(ports)
        claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 1_000))
        async with ports.begin() as session:
            await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")
        await work(ports)
        await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
        await work(ports)
        assert types(buyers).count("shipment.delivered") == 1
        told = [name for name in types(buyers) if not name.startswith("shipment.")]
        # Each subject in its order; subjects go side by side.
        assert sorted(told) == [
            "claim.open",
            "claim.settled",
            "order.completed",
            "order.delivered",
            "order.placed",
            "order.shipped",
            "payment.paid",
            "payment.part_refunded",
        ]
        assert not [name for name in types(growers) if name.startswith("payment.")]
        assert {"order.placed", "shipment.advanced", "shipment.delivered", "claim.open"} <= set(types(growers))
        assert {name.partition(".")[0] for name in types(carriers)} == {"shipment"}
        for sink in (buyers, growers, carriers):
            _require_order(heard(sink))
            everything = b"".join(got.body for got in sink.received).decode()
            for private in (village.buyer.phone, village.buyer.id, "世纪大道", "收货人"):
                assert private not in everything
        assert order["id"] not in b"".join(got.body for got in carriers.received).decode()
        last = next(body for body in heard(buyers) if body["type"] == "shipment.delivered")
        assert last["data"]["tracking_number"] == consignment["tracking_number"]
        assert (last["data"]["status"], last["subject"]) == ("delivered", consignment["id"])


def _require_order(bodies):
    by_subject = {}
    for body in bodies:
        by_subject.setdefault(body["subject"], []).append(body["sequence"])
    assert all(sequences == sorted(sequences) for sequences in by_subject.values()), by_subject


async def test_cancelled_order_is_told_to_buyer_and_producer(ports):
    village = await a_village(ports)
    async with a_sink() as buyers, a_sink() as growers:
        await an_endpoint(ports, village.buyer, buyers.url, "order.*")
        await an_endpoint(ports, village.garden.person, growers.url, "order.cancelled")
        order = await an_order(ports, village.buyer, {village.dates: "1"})
        await cancel_order(ports, village.buyer.caller, order["id"], "en")
        await work(ports)
        assert types(buyers) == ["order.placed", "order.cancelled"]
        assert types(growers) == ["order.cancelled"]
        assert heard(growers)[0]["data"] == {"order": order["id"], "number": order["number"], "status": "cancelled"}
