"""The proof can fail: whatever is broken in the tables, or was told to clients and is not so, is found."""

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.ledger.service import record
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from tests.chaos.checks import claims_are_there, money_is_there, orders_are_there
from tests.chaos.journal import Journal
from tests.factories.books import Proof, disputes_add_up, shares_are_earned
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked
from tests.factories.orders import ADDRESS, a_quote, ordering, place
from tests.factories.shop import come_to_rest, looked_at, shop
from tests.factories.tables import rows
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

__all__ = ["shop"]
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template = networked
NEAR = ADDRESS | {"county": "652901", "hub": "AKSU"}


@pytest.fixture
async def sold(shop, fake, tmp_path):
    """A delivered order, paid by card, and the journal of its buyer."""
    village, journal = await a_village(shop), Journal(tmp_path / "journal.jsonl")
    buyer = await a_person(shop)
    quote = await a_quote(shop, buyer, {village.carpets: "1"}, deliver_to=NEAR)
    order = await place(shop, buyer, ordering(quote, "stripe"), "monday")
    journal.keep("order", order["id"], "monday", order)
    paid = await fake.confirm(order["payment"]["client_secret"])
    journal.keep("payment", order["id"], paid["id"], {"amount": paid["amount"]})
    await come_to_rest(shop, fake)
    await tell(shop, (await an_operator(shop)).caller, events_of(order["consignments"][0]))
    await work(shop)
    journal.keep("tracking", order["id"], "events", {})
    return order, journal


async def found(ports, fake, journal):
    proof = await looked_at(ports, fake)
    await orders_are_there(ports, journal, proof)
    money_is_there(journal, fake.state, proof)
    await claims_are_there(ports, journal, fake.state, proof)
    return proof.findings


BROKEN = {
    "UPDATE lot SET reserved = reserved + 1 WHERE quantity = 20": "counts otherwise than",
    "UPDATE lot SET consumed = 0": "counts otherwise than",
    "UPDATE departure_load SET used_weight_g = used_weight_g + 1 WHERE used_weight_g > 0": "a departure counts otherwise",
    "UPDATE payment SET refunded_minor = 1": "is refunded",
    "UPDATE payment SET status = 'awaiting_customer'": "its payment is awaiting_customer",
    "UPDATE payment SET amount_minor = amount_minor + 1": "is paid with another amount",
    "UPDATE payment SET status = 'authorised', hold = true, held_until = now()": "its payment is authorised",
    "INSERT INTO payment SELECT 'pay_twice', order_id, method, 'started', amount_minor, 0, currency, NULL, NULL, created_at, updated_at "
    "FROM payment": "more than one payment",
    "UPDATE \"order\" SET status = 'completed'": "still waits",
    "UPDATE \"order\" SET number = '26-AAAA-AAAA'": "is not as it was answered",
    "UPDATE order_line SET total_minor = total_minor - 100": ": prd_",
    "DELETE FROM idempotency_key": "has not one key",
}


@pytest.mark.parametrize(("broken", "said"), BROKEN.items(), ids=lambda each: each[:50])
async def test_what_is_broken_in_the_tables_is_found(shop, fake, sold, broken, said):
    _, journal = sold
    assert await found(shop, fake, journal) == []
    async with shop.begin() as session:
        await session.execute(text(broken))
    findings = await found(shop, fake, journal)
    assert [each for each in findings if said in each], findings


async def test_a_dispute_that_nobody_took_in_is_found(shop, fake, sold):
    (charge,) = fake.state.of("charge")
    dispute = await fake.dispute(charge["id"])
    for won in (None, False):
        if won is not None:
            await fake.decide(dispute["id"], won=won)
        proof = Proof()
        await disputes_add_up(shop, fake.state, proof, quiet=True)
        assert [each for each in proof.findings if "is disputed" in each or "is borne" in each]
    await come_to_rest(shop, fake)
    proof = Proof()
    await disputes_add_up(shop, fake.state, proof, quiet=True)
    assert proof.findings == []


async def test_a_payout_that_pays_more_than_was_released_is_found(shop, fake, sold):
    order, _ = sold
    (seller,) = await rows(shop, "SELECT producer_id FROM order_line WHERE order_id = :id", id=order["id"])
    available = AccountRef(AccountKind.PRODUCER_AVAILABLE, seller.producer_id, "CNY")
    bank = AccountRef(AccountKind.BANK, PLATFORM, "CNY")
    entries = (Entry(available, -1), Entry(bank, 1))
    async with shop.begin() as session:
        paid = Transfer(new_id("trf"), TransferKind.PAYOUT, new_id("out"), State.POSTED, entries)
        await record(session, [paid], shop.clock.now())
    proof = Proof()
    await shares_are_earned(shop, proof)
    assert [each for each in proof.findings if "paid more than was ever released" in each]


async def test_what_was_told_and_is_not_there_is_found(shop, fake, sold):
    order, journal = sold
    journal.keep("order", new_id("ord"), "tuesday", order)
    journal.keep("payment", order["id"], "pi_of_nobody", {"amount": 1})
    journal.keep("cancel", order["id"], "wednesday", order)
    journal.keep("receipt", order["id"], "thursday", order)
    journal.keep("claim", order["id"], "friday", {"id": new_id("clm")})
    findings = await found(shop, fake, journal)
    for said in (
        "an answered order is not there",
        "not at the provider",
        "a cancelled order goes on",
        "not completed",
        "a claim is told",
    ):
        assert [each for each in findings if said in each], said


async def test_a_second_charge_and_a_second_refund_are_found(shop, fake, sold):
    _, journal = sold
    (charge,) = fake.state.of("charge")
    fake.state.new(
        "charge", "ch", **{name: each for name, each in charge.items() if name not in ("id", "object", "created")}
    )
    for _ in range(2):
        fake.state.new(
            "refund", "re", amount=5, payment_intent=charge["payment_intent"], metadata={"refund": "clm_1:refund"}
        )
    findings = await found(shop, fake, journal)
    for said in ("charged more than once", "a refund was sent twice"):
        assert [each for each in findings if said in each], said


def test_an_empty_proof_has_no_findings():
    proof = Proof()
    proof.require(True, "never said")
    assert proof.findings == []
    proof.require(False, "said")
    assert proof.findings == ["said"]
