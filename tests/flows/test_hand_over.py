"""Goods change hands by signed codes that come in late, twice and out of order; whoever did not sign is not believed."""

import asyncio
from datetime import timedelta

import pytest

from app.core.errors import IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.sign import Signer, is_signed
from app.flows.hand_over import show_custody
from app.identity.device_keys import list_device_keys, revoke_device_key
from app.identity.values import Scope
from app.shipments.errors import CodeUnreadable, HandOverNotSigned
from app.shipments.schemas import Position
from app.shipments.service import create_consignments
from tests.factories.custody import a_code, a_device, a_scanner, hand_over
from tests.factories.identity import a_partner, a_person, a_producer, an_operator
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_draft, hours
from tests.factories.tables import nothing_happens, value

template = networked


class Lane:
    """The way of one consignment with everybody on it, and their devices."""


@pytest.fixture
async def lane(ports):
    """Producer, Kunlun, Longhai, courier and buyer; every one of them with a device but the courier."""
    lane = Lane()
    ports.clock.at = BOOKED_AT - timedelta(days=1)
    lane.garden, lane.buyer = await a_producer(ports), await a_person(ports)
    lane.phone, lane.phone_key = await a_device(ports, lane.garden.person)
    lane.kunlun_partner = await a_partner(ports, "KUNLUN", Scope.TRACKING_READ)
    lane.scanner, lane.kunlun = await a_scanner(ports, lane.kunlun_partner)
    lane.longhai_scanner, lane.longhai = await a_scanner(
        ports, await a_partner(ports, "LONGHAI", Scope.TRACKING_READ), b"2"
    )
    lane.courier = (await a_partner(ports, "COURIER")).caller
    async with ports.begin() as session:
        draft = a_draft(producer_id=lane.garden.producer.id, buyer_id=lane.buyer.id)
        (lane.journey,) = await create_consignments(session, [draft], BOOKED_AT)
    lane.id = lane.journey.id
    lane.producer = f"producer:{lane.garden.producer.id}"
    ports.clock.at = hours(30)
    return lane


async def chain_of(ports, caller, lane):
    shown = await show_custody(ports, caller, lane.id, "en")
    return [[(step.holder, step.since is not None) for step in chain.steps] for chain in shown.chains]


async def test_code_that_was_made_offline_is_taken_hours_later_and_says_who_signed_it(ports, lane):
    code = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone, hub="HOTAN")
    told = await hand_over(ports, lane.kunlun, lane.id, code, position=Position(lat=37.1, lon=79.9))
    assert (told.from_, told.to, told.at, told.hub, told.weight_g) == (
        lane.producer,
        "carrier:KUNLUN",
        hours(3),
        "HOTAN",
        32_200,
    )
    assert (told.recorded_at, told.position) == (hours(30), Position(lat=37.1, lon=79.9))
    assert told.signature.by == "partner"
    # Anybody can check it: the key and the text stand beside it.
    assert told.signature.public_key == lane.phone.public_key
    assert is_signed(told.signature.payload, told.signature.value, told.signature.public_key)


async def test_whole_way_is_a_chain_in_whatever_order_its_codes_came(ports, lane):
    first = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone)
    second = a_code(lane.id, "carrier:KUNLUN", "carrier:LONGHAI", hours(20), lane.scanner, hub="URUMQI")
    third = a_code(lane.id, "carrier:LONGHAI", "carrier:COURIER", hours(28), lane.longhai_scanner)
    await hand_over(ports, lane.courier, lane.id, third)
    await hand_over(ports, lane.longhai, lane.id, second)
    assert await chain_of(ports, lane.buyer.caller, lane) == [
        [(lane.producer, True), ("carrier:KUNLUN", False), ("carrier:LONGHAI", True), ("carrier:COURIER", True)]
    ]
    await hand_over(ports, lane.kunlun, lane.id, first)
    shown = await show_custody(ports, lane.buyer.caller, lane.id, "en")
    (chain,) = shown.chains
    assert chain.unbroken
    assert [(step.holder, step.since, step.until) for step in chain.steps] == [
        (lane.producer, BOOKED_AT, hours(3)),
        ("carrier:KUNLUN", hours(3), hours(20)),
        ("carrier:LONGHAI", hours(20), hours(28)),
        ("carrier:COURIER", hours(28), None),
    ]
    assert [each.at for each in shown.hand_overs] == [hours(3), hours(20), hours(28)]


async def test_packages_that_go_different_ways_have_chains_of_their_own(ports, lane):
    one, two = sorted(package.id for package in lane.journey.packages)
    await hand_over(ports, lane.kunlun, lane.id, a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone))
    parted = a_code(lane.id, "carrier:KUNLUN", "carrier:LONGHAI", hours(20), lane.scanner, packages=[one])
    await hand_over(ports, lane.longhai, lane.id, parted)
    shown = await show_custody(ports, lane.garden.caller, lane.id, "en")
    last = {chain.packages[0]: chain.steps[-1].holder for chain in shown.chains}
    assert last == {one: "carrier:LONGHAI", two: "carrier:KUNLUN"}


async def test_same_code_twice_and_at_once_is_one_hand_over(ports, lane):
    code = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone)
    first, *others = await asyncio.gather(
        *(hand_over(ports, caller, lane.id, code) for caller in (lane.kunlun, lane.garden.caller, lane.kunlun))
    )
    assert all(other == first for other in others)
    assert await value(ports, "SELECT count(*) FROM hand_over") == 1
    other = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(4), lane.phone, id=first.id)
    with pytest.raises(IdTaken):
        await hand_over(ports, lane.kunlun, lane.id, other)


async def test_code_that_the_giver_did_not_sign_is_refused_and_says_what_to_sign(ports, lane):
    unsigned = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3))
    by_another = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.scanner)
    good = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone)
    tampered = good.replace("|32200|", "|22200|")
    for code in (unsigned, by_another, tampered):
        async with nothing_happens(ports):
            with pytest.raises(HandOverNotSigned) as refused:
                await hand_over(ports, lane.kunlun, lane.id, code)
        assert refused.value.fields["payload"] == code.rpartition("|")[0]
        assert refused.value.fields["giver"] == lane.producer


async def test_giver_without_a_key_is_taken_at_the_takers_word_and_we_sign_that(ports, lane):
    code = a_code(lane.id, "carrier:COURIER", "buyer", hours(29))
    told = await hand_over(ports, lane.courier, lane.id, code)
    assert (told.signature.by, told.to) == ("service", "buyer")
    assert told.signature.public_key == Signer(ports.settings.key).public_key
    # What cannot be checked is no signature.
    with pytest.raises(HandOverNotSigned):
        await hand_over(
            ports, lane.courier, lane.id, a_code(lane.id, "carrier:COURIER", "buyer", hours(29), lane.scanner)
        )


async def test_lost_device_signs_nothing_after_it_was_reported_and_what_it_signed_before_stays_good(ports, lane):
    ports.clock.at = hours(10)
    async with ports.begin() as session:
        await revoke_device_key(session, lane.garden.caller, lane.phone_key.id, ports.clock.now())
    ports.clock.at = hours(30)
    second, _ = await a_device(ports, lane.garden.person, b"a new phone")
    before = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(9), lane.phone)
    await hand_over(ports, lane.kunlun, lane.id, before)
    for late in (hours(10), hours(11)):
        with pytest.raises(HandOverNotSigned):
            await hand_over(
                ports, lane.kunlun, lane.id, a_code(lane.id, lane.producer, "carrier:KUNLUN", late, lane.phone)
            )
    # A key signs nothing from before it was there.
    ports.clock.at = hours(60)
    with pytest.raises(HandOverNotSigned):
        await hand_over(
            ports, lane.kunlun, lane.id, a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(20), lane.phone)
        )
    told = await hand_over(
        ports, lane.kunlun, lane.id, a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(40), second)
    )
    assert told.signature.public_key == second.public_key


async def test_code_is_believed_for_seven_days_and_never_before_its_time(ports, lane):
    code = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone)
    ports.clock.at = hours(3) - timedelta(minutes=11)
    with pytest.raises(Invalid, match="errors"):
        await hand_over(ports, lane.kunlun, lane.id, code)
    ports.clock.at = hours(3) + timedelta(days=7, seconds=1)
    with pytest.raises(Invalid):
        await hand_over(ports, lane.kunlun, lane.id, code)
    ports.clock.at = hours(3) + timedelta(days=7)
    await hand_over(ports, lane.kunlun, lane.id, code)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"packages": [new_id("pkg")]}, "packages"),
        ({"hub": "NOWHERE"}, "hub"),
        ({"taker": "carrier:STRANGER"}, "sides"),
        ({"consignment": new_id("con")}, "another consignment"),
    ],
    ids=["packages", "hub", "party", "consignment"],
)
async def test_what_does_not_belong_to_the_consignment_is_refused(ports, lane, changes, said):
    about = {"consignment": lane.id, "giver": lane.producer, "taker": "carrier:KUNLUN"} | changes
    more = {name: about[name] for name in ("packages", "hub") if name in about}
    code = a_code(about["consignment"], about["giver"], about["taker"], hours(3), lane.phone, **more)
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as refused:
            await hand_over(ports, lane.garden.caller, lane.id, code)
    assert any(said in gap.detail["en"] for gap in refused.value.gaps)


async def test_what_is_no_code_is_refused(ports, lane):
    async with nothing_happens(ports):
        with pytest.raises(CodeUnreadable):
            await hand_over(ports, lane.kunlun, lane.id, "https://example.com/")


async def test_only_either_side_may_tell_it(ports, lane):
    code = a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone)
    stranger, rival = await a_person(ports), (await a_partner(ports, "RIVAL")).caller
    for other in (stranger.caller, rival, lane.longhai, lane.buyer.caller, (await a_producer(ports)).caller):
        async with nothing_happens(ports):
            with pytest.raises(NotFound):
                await hand_over(ports, other, lane.id, code)
    # Who may hand it over may not say so of a consignment that is not theirs.
    with pytest.raises(NotFound):
        await hand_over(ports, lane.kunlun, new_id("con"), code)
    await hand_over(ports, (await an_operator(ports)).caller, lane.id, code)


async def test_chain_is_read_by_those_who_had_the_goods_and_their_buyer_and_names_no_person(ports, lane):
    await hand_over(ports, lane.kunlun, lane.id, a_code(lane.id, lane.producer, "carrier:KUNLUN", hours(3), lane.phone))
    operator = await an_operator(ports)
    for who in (lane.buyer.caller, lane.garden.caller, lane.kunlun, lane.courier, operator.caller):
        shown = await show_custody(ports, who, lane.id, "en")
        assert len(shown.hand_overs) == 1
        text = shown.model_dump_json()
        for private in (lane.buyer.id, lane.garden.person.id, lane.garden.person.phone):
            assert private not in text
    for who in ((await a_person(ports)).caller, (await a_partner(ports, "RIVAL")).caller):
        with pytest.raises(NotFound):
            await show_custody(ports, who, lane.id, "en")


async def test_key_of_a_device_is_registered_once_and_belongs_to_one_person(ports, lane):
    _, key = await a_device(ports, lane.buyer, b"mine")
    assert (await a_device(ports, lane.buyer, b"mine"))[1] == key
    with pytest.raises(IdTaken):
        await a_device(ports, lane.garden.person, b"mine")
    async with ports.database.read() as connection:
        assert (await list_device_keys(connection, lane.buyer.caller, None, 10)).items == [key]
    with pytest.raises(NotFound):
        async with ports.begin() as session:
            await revoke_device_key(session, lane.garden.caller, key.id, ports.clock.now())
    async with ports.begin() as session:
        await revoke_device_key(session, lane.buyer.caller, key.id, ports.clock.now())
    # A key that was withdrawn does not come back.
    with pytest.raises(IdTaken):
        await a_device(ports, lane.buyer, b"mine")
