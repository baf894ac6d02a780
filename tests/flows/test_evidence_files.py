"""What we hold of an order as pictures goes to the bank with the words: uploaded once, as much as fits; a failure keeps the words."""

from hashlib import sha256

import pytest

from app.catalogue.photos import announce_photo, mark_ready
from app.catalogue.schemas import NewMedia
from app.flows.answer_dispute import answer_dispute, send_evidence
from app.flows.show_disputes import show_disputes
from tests.factories.cards import card_shop, charge_of, hear_all, paid_order
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.weighing import weigh, weighed_goods

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
SCALE, DAMAGE = b"\xff\xd8\xff the scale shows 100 kg", b"\x89PNG\r\n bruised dates"


@pytest.fixture
async def shop(ports, fake):
    async with card_shop(ports, fake, stripe_capture="at_once") as shop:
        yield shop


@pytest.fixture
async def village(shop):
    return await a_village(shop)


async def kept(shop, person, content, content_type="image/jpeg", there=True):
    """An uploaded photo of this person's."""
    told = {"content_type": content_type, "bytes": len(content), "sha256": sha256(content).hexdigest()}
    async with shop.begin() as session:
        announced = await announce_photo(session, person.caller, NewMedia.model_validate(told), shop.clock.now())
        await mark_ready(session, announced.media.id)
    if there:
        shop.storage.write(announced.key, content)
    return announced.media.id


async def disputed(shop, fake, village, *, there=True):
    """Weighed goods that arrived, were complained of with photos, and are disputed; answers the dispute."""
    bulk = await weighed_goods(shop, village.garden)
    order = await paid_order(shop, fake, village, goods={bulk: "100"})
    operator = await an_operator(shop)
    await weigh(shop, operator, order, 100_000, photo=await kept(shop, operator, SCALE, there=there))
    await tell(shop, operator.caller, events_of(order["consignments"][0], "picked_up", "delivered"))
    await work(shop)
    photos = [
        await kept(shop, village.buyer, DAMAGE, "image/png", there),
        await kept(shop, village.buyer, DAMAGE + b"2", "image/png"),
    ]
    await a_claim_for(shop, village.buyer, order, **claiming(order, 0, 1_000, "damage", photos=photos))
    await fake.dispute(await charge_of(shop, fake, order))
    await hear_all(shop, fake)
    (dispute,) = (await show_disputes(shop, operator.caller, None, None, 10, "en")).items
    async with shop.begin() as session:
        await answer_dispute(shop, session, operator.caller, dispute.id, "It was signed for.")
    return dispute


def told_of(fake):
    (dispute,) = fake.state.of("dispute")
    return dispute["status"], dispute["evidence"]


async def test_pictures_of_the_scale_and_of_the_complaint_go_with_the_words(shop, village, fake):
    dispute = await disputed(shop, fake, village)
    await work(shop)
    await send_evidence(shop, dispute.id)
    status, evidence = told_of(fake)
    assert status == "under_review"
    files = {each["id"]: (each["type"], each["size"], each["purpose"]) for each in fake.state.of("file")}
    assert files[evidence["shipping_documentation"]] == ("jpg", len(SCALE), "dispute_evidence")
    assert files[evidence["uncategorized_file"]][0] == "png"
    assert len(files) == 2
    assert evidence["uncategorized_text"].startswith("It was signed for.")
    assert "What the buyer complained of: 2 held, 1 attached" in evidence["uncategorized_text"]


@pytest.mark.parametrize("fault", ["unavailable", "drop_after", "drop_before"])
async def test_what_cannot_be_uploaded_keeps_the_words(shop, village, fake, fault):
    await disputed(shop, fake, village)
    await fake.fault(fault, "/v1/files", times=20)
    await work(shop)
    status, evidence = told_of(fake)
    assert status == "under_review"
    assert (evidence["shipping_documentation"], evidence["uncategorized_file"]) == (None, None)
    assert evidence["uncategorized_text"].startswith("It was signed for.")
    assert "The scale at the hub: 1 held, 0 attached" in evidence["uncategorized_text"]


async def test_a_picture_that_is_not_in_the_storage_any_more_is_left_out(shop, village, fake):
    await disputed(shop, fake, village, there=False)
    await work(shop)
    status, evidence = told_of(fake)
    assert (status, evidence["shipping_documentation"]) == ("under_review", None)
