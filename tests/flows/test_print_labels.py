"""Whoever hands goods in or carries them asks for labels, and a package keeps the number of its first."""

import asyncio
import secrets
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.core.errors import Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.cancel_order import cancel_order
from app.flows.print_labels import print_labels
from app.flows.resolve_number import resolve_ginc, resolve_sscc
from app.identity.values import Scope
from app.shipments.errors import NumbersUsedUp, TooManyLabels
from app.shipments.label_schemas import LabelsRequest
from app.shipments.rules import ginc, read_sscc, sscc
from tests.factories.identity import a_partner, a_person, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned


def of(*consignments, **more):
    return LabelsRequest(consignments=list(consignments), **more)


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def sent(ports, village):
    """The garden's consignment of an order."""
    order = await an_order(ports, village.buyer, {village.dates: "30"})
    (consignment,) = order["consignments"]
    return consignment | {"order_number": order["number"]}


async def test_every_package_has_a_page_that_says_what_carriers_need(ports, village, sent):
    labels = await print_labels(ports, village.garden.caller, of(sent["id"]))
    packages = await rows(
        ports, "SELECT sscc, weight_g FROM package WHERE consignment_id = :id ORDER BY id", id=sent["id"]
    )
    assert [(label.sscc, label.weight_g) for label in labels] == [tuple(package) for package in packages]
    assert [(label.number, label.count) for label in labels] == [(n + 1, len(labels)) for n in range(len(labels))]
    rides = [leg for leg in sent["legs"] if leg["mode"] != "courier"]
    for label in labels:
        assert read_sscc(label.sscc) == label.sscc
        assert label.sscc[1:8] == ports.settings.gs1_company_prefix
        assert label.sscc[0] != "0"
        assert label.link == f"{ports.settings.base_url}/00/{label.sscc}"
        assert (label.next_hub.code, label.final_hub.code) == (rides[0]["to"], rides[-1]["to"])
        assert (label.receiver, label.phone_end, label.address) == ("收**", "0123", "世纪大道 1 号")
        assert (label.tracking_number, label.order_number) == (sent["tracking_number"], sent["order_number"])


async def test_number_is_given_once_however_often_and_by_whomever_it_is_asked_for(ports, village, sent):
    operator = await an_operator(ports)
    assert await value(ports, "SELECT count(sscc) FROM package") == 0
    first = await print_labels(ports, village.garden.caller, of(sent["id"]))
    async with nothing_happens(ports):
        again = await print_labels(ports, operator.caller, of(sent["id"]))
    assert again == first


async def test_many_who_ask_at_once_get_the_same_numbers(ports, village, sent):
    asked = [print_labels(ports, village.garden.caller, of(sent["id"])) for _ in range(12)]
    answers = await asyncio.gather(*asked)
    assert all(answer == answers[0] for answer in answers)
    numbers = [label.sscc for label in answers[0]]
    assert len(set(numbers)) == len(numbers)


async def test_number_that_is_taken_is_drawn_again(ports, village, sent, monkeypatch):
    first, *_ = await print_labels(ports, village.garden.caller, of(sent["id"]))
    other = (await an_order(ports, village.buyer, {village.dates: "1"}))["consignments"][0]
    taken = int(first.sscc[0] + first.sscc[8:17]) - 10**9
    drawn = iter([taken, taken + 1])
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(drawn))
    (label,) = await print_labels(ports, village.garden.caller, of(other["id"]))
    assert label.sscc == sscc("9520000", 10**9 + taken + 1)


async def test_when_every_number_is_taken_it_says_so(ports, village, sent, monkeypatch):
    first, *_ = await print_labels(ports, village.garden.caller, of(sent["id"]))
    other = (await an_order(ports, village.buyer, {village.dates: "1"}))["consignments"][0]
    taken = int(first.sscc[0] + first.sscc[8:17]) - 10**9
    monkeypatch.setattr(secrets, "randbelow", lambda _: taken)
    async with nothing_happens(ports):
        with pytest.raises(NumbersUsedUp):
            await print_labels(ports, village.garden.caller, of(other["id"]))


async def test_carrier_of_a_leg_with_the_scope_gets_labels_and_nobody_else(ports, village, sent):
    async with ports.begin() as session:
        told = text("UPDATE leg SET carrier = 'KUNLUN' WHERE consignment_id = :id AND seq = 0")
        await session.execute(told, {"id": sent["id"]})
    partner = await a_partner(ports, "KUNLUN", Scope.BOOKINGS_READ)
    rival = await a_partner(ports, "LONGHAI", *Scope)
    without = replace(partner.caller, scopes=frozenset({Scope.TRACKING_WRITE}))
    assert await print_labels(ports, partner.caller, of(sent["id"]))
    others = [each.caller for each in (rival, village.buyer, village.loom, await a_person(ports))]
    for other in (without, *others):
        async with nothing_happens(ports):
            with pytest.raises(NotFound):
                await print_labels(ports, other, of(sent["id"]))


async def test_single_packages_are_asked_for_by_id_or_by_number(ports, village):
    goods = (await an_order(ports, village.buyer, {village.dates: "200"}))["consignments"][0]
    everything = await print_labels(ports, village.garden.caller, of(goods["id"]))
    assert len(everything) > 1
    ids = await rows(ports, "SELECT id FROM package WHERE consignment_id = :id ORDER BY id", id=goods["id"])
    by_id = await print_labels(ports, village.garden.caller, LabelsRequest(packages=[ids[1].id]))
    by_number = await print_labels(ports, village.garden.caller, LabelsRequest(packages=[everything[1].sscc]))
    assert by_id == by_number == [everything[1]]
    once = LabelsRequest(consignments=[goods["id"]], packages=[ids[0].id, everything[0].sscc])
    assert await print_labels(ports, village.garden.caller, once) == everything


async def test_package_of_a_batch_alone_gives_a_number_to_no_other(ports, village):
    goods = (await an_order(ports, village.buyer, {village.dates: "200"}))["consignments"][0]
    ids = await rows(ports, "SELECT id FROM package WHERE consignment_id = :id ORDER BY id", id=goods["id"])
    await print_labels(ports, village.garden.caller, LabelsRequest(packages=[ids[0].id]))
    assert await value(ports, "SELECT count(sscc) FROM package") == 1


async def test_batch_says_which_of_its_goods_are_not_ones_own(ports, village, sent):
    mats = (await an_order(ports, village.buyer, {village.carpets: "1"}))["consignments"][0]
    command = LabelsRequest(consignments=[sent["id"], mats["id"], new_id("con")], packages=[new_id("pkg")])
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as refused:
            await print_labels(ports, village.garden.caller, command)
    assert [gap.pointer for gap in refused.value.gaps] == ["/consignments/1", "/consignments/2", "/packages/0"]


async def test_too_many_at_once_are_refused_before_any_number_is_given(ports, village, sent, monkeypatch):
    monkeypatch.setattr("app.flows.print_labels.LABELS_PER_REQUEST_MAX", 0)
    async with nothing_happens(ports):
        with pytest.raises(TooManyLabels):
            await print_labels(ports, village.garden.caller, of(sent["id"]))


async def test_goods_of_a_cancelled_order_get_no_label(ports, village):
    order = await an_order(ports, village.buyer, {village.dates: "1"})
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    with pytest.raises(StateConflict):
        await print_labels(ports, village.garden.caller, of(order["consignments"][0]["id"]))


async def test_label_that_is_printed_at_a_hub_shows_the_way_from_there(ports, village, sent):
    operator = await an_operator(ports)
    before = (await print_labels(ports, operator.caller, of(sent["id"])))[0]
    await tell(ports, operator.caller, events_of(sent)[:-2])
    await work(ports)
    after = (await print_labels(ports, operator.caller, of(sent["id"])))[0]
    assert after.sscc == before.sscc
    assert after.next_hub is None
    assert after.departs_at is None
    assert after.final_hub == before.final_hub


async def test_goods_that_are_fetched_show_no_address(ports, village):
    address = {
        "name": "Ana",
        "phone": "+8610000000123",
        "county": "310115",
        "address": "世纪大道 1 号",
        "hub": "SHANGHAI",
    }
    order = await an_order(ports, village.buyer, {village.dates: "1"}, deliver_to=address)
    (label,) = await print_labels(ports, village.garden.caller, of(order["consignments"][0]["id"]))
    assert (label.receiver, label.address, label.final_hub.code) == ("A**", None, "SHANGHAI")


async def test_codes_lead_to_the_consignment(ports, village, sent):
    label = (await print_labels(ports, village.garden.caller, of(sent["id"])))[0]
    assert (await resolve_sscc(ports, label.sscc)).tracking_number == sent["tracking_number"]
    code = ginc(ports.settings.gs1_company_prefix, sent["tracking_number"])
    assert (await resolve_ginc(ports, code)).tracking_number == sent["tracking_number"]
    for wrong in (label.sscc[:-1] + str((int(label.sscc[-1]) + 1) % 10), "1" * 18, "x"):
        with pytest.raises(NotFound):
            await resolve_sscc(ports, wrong)
    elsewhere = replace(ports, settings=ports.settings.model_copy(update={"gs1_company_prefix": "9521111"}))
    with pytest.raises(NotFound):
        await resolve_ginc(elsewhere, code)
