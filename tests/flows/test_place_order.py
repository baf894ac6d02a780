"""An order is placed whole, on booked capacity and held stock, or nothing happens at all."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.schemas import ListingChange
from app.catalogue.service import change_listing, end_sale
from app.catalogue.values import ListingEvent
from app.core.errors import IdTaken, NotFound
from app.core.idempotency import IdempotencyKeyReused
from app.core.ids import new_id
from app.core.limits import QUOTE_LIFETIME
from app.flows.place_order import place_order
from app.flows.show_order import show_order, show_orders
from app.flows.show_tracking import show_tracking, tracking_shape
from app.ledger.balance import balances
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, State, TransferKind
from app.network.capacity import audit_capacity
from app.orders.errors import OptionMissing, QuoteExpired, QuoteUsed
from app.orders.schemas import OrderRequest
from app.payments.errors import PaymentMethodUnavailable
from app.shipments.rules import read_sscc, read_tracking_number
from tests.factories.catalogue import CARPET, a_listing
from tests.factories.identity import LOOM, a_person, a_producer, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.orders import a_claim, a_quote, an_order, best, ordering, place
from tests.factories.tables import changed, contents, nothing_happens, rows, statements_of, value
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def quote(ports, village):
    return await a_quote(ports, village.buyer, village.basket)


async def test_order_from_two_producers_is_two_consignments_on_booked_capacity(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    assert (order["status"], order["payment"]["status"]) == ("placed", "pending_cash")
    numbers = [consignment["tracking_number"] for consignment in order["consignments"]]
    assert numbers == [read_tracking_number(number) for number in numbers]
    assert len(set(numbers)) == 2
    for consignment, shown in zip(order["consignments"], best(quote).consignments, strict=True):
        assert (consignment["status"], consignment["producer"]) == ("booked", shown.producer)
        assert sum(package["count"] for package in consignment["packages"]) == sum(p.count for p in shown.packages)
        booked = await rows(
            ports,
            "SELECT b.service_id, b.run_at, b.board, b.alight, b.weight_g, b.volume_mm3, b.state FROM booking AS b "
            "JOIN leg ON leg.id = b.leg_id WHERE b.consignment_id = :id ORDER BY leg.seq",
            id=consignment["id"],
        )
        assert [tuple(row) for row in booked] == [
            (leg.service, leg.run_at, leg.board, leg.alight, shown.weight_g, shown.volume_mm3, "booked")
            for leg in shown.legs[:-1]
        ]
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_everything_of_an_order_is_written_with_it(ports, village, quote):
    before = await contents(ports)
    await place(ports, village.buyer, ordering(quote))
    legs = [leg for consignment in best(quote).consignments for leg in consignment.legs]
    segments = {(leg.service, leg.run_at, s) for leg in legs if leg.run_at for s in range(leg.board, leg.alight)}
    packages = sum(package.count for consignment in best(quote).consignments for package in consignment.packages)
    new = await changed(ports, before)
    accounts, entries = new.pop('public."account"'), new.pop('public."entry"')
    assert accounts == entries
    assert new == {
        "jobs.procrastinate_jobs": 1,
        'public."booking"': len([leg for leg in legs if leg.run_at]),
        'public."consignment"': 2,
        'public."departure_load"': len(segments),
        'public."idempotency_key"': 1,
        'public."leg"': len(legs),
        'public."lot"': 0,
        'public."message"': 3,
        'public."order"': 1,
        'public."order_line"': 2,
        'public."package"': packages,
        'public."payment"': 1,
        'public."reservation"': 2,
        'public."transfer"': 1,
    }
    assert [(name, set(payload)) for name, payload in await waiting(ports)] == [("message.send", {"messages"})]
    told = await rows(ports, "SELECT template, \"to\" FROM message WHERE state = 'queued'")
    assert sorted(map(tuple, told)) == sorted(
        [("order_placed", village.buyer.phone)]
        + [("new_order_for_producer", seller.person.phone) for seller in (village.garden, village.loom)]
    )


async def test_unit_has_one_sscc_on_the_legs_that_its_members_share(ports, village, quote):
    orders = [await place(ports, village.buyer, ordering(quote))]
    orders.append(await an_order(ports, village.buyer, village.basket))
    codes = []
    for order in orders:
        shared = [[leg for leg in consignment["legs"] if leg["sscc"]] for consignment in order["consignments"]]
        assert shared[0]
        assert [leg["service"] for leg in shared[0]] == [leg["service"] for leg in shared[1]]
        (code,) = {leg["sscc"] for legs in shared for leg in legs}
        assert code == read_sscc(code)
        codes.append(code)
        for consignment in order["consignments"]:
            tracked = tracking_shape(await show_tracking(ports, consignment["tracking_number"]), "en")
            assert [leg.sscc for leg in tracked.legs] == [leg["sscc"] for leg in consignment["legs"]]
    assert len(set(codes)) == 2
    numbers = [consignment["tracking_number"] for order in orders for consignment in order["consignments"]]
    assert len(set(numbers)) == 4


async def test_stock_is_held_for_the_order_and_no_longer_offered(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    held = await rows(
        ports, "SELECT listing_id, quantity::int, state FROM reservation WHERE order_id = :id", id=order["id"]
    )
    assert sorted(map(tuple, held)) == sorted([(village.dates, 3, "held"), (village.carpets, 1, "held")])
    left = await rows(ports, "SELECT listing_id, (quantity - reserved - consumed)::int FROM lot")
    assert dict(map(tuple, left)) == {village.dates: 497, village.carpets: 19}


async def test_ledger_says_what_everybody_is_owed_once_it_is_delivered(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    async with ports.begin() as session:
        (sale,) = await transfers_of(session, order["id"])
        garden = await balances(session, village.garden.producer.id)
    assert (sale.kind, sale.state) == (TransferKind.SALE, State.PENDING)
    owed = Counter()
    for entry in sale.entries:
        owed[entry.account.kind] += entry.amount_minor
    price = best(quote).price
    fees = 26_400 * 300 // 10_000 + 168_000 * 300 // 10_000
    assert owed == {
        AccountKind.BUYER: -price.total.amount,
        AccountKind.PRODUCER_PENDING: 26_400 + 168_000 - fees,
        AccountKind.PLATFORM_FEE: fees,
        AccountKind.CARRIER_FREIGHT: price.carriage.amount,
        AccountKind.PACKAGING: price.packaging.amount,
    }
    assert [(b.account.kind, b.posted_minor, b.pending_minor) for b in garden] == [
        (AccountKind.PRODUCER_PENDING, 0, 26_400 - 792)
    ]


async def test_buyer_and_both_producers_are_told_where_and_when(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    await work(ports)
    told = dict(
        map(tuple, await rows(ports, 'SELECT "to", text FROM message WHERE template <> :t', t="listing_published"))
    )
    assert set(told) == {village.buyer.phone, village.garden.person.phone, village.loom.person.phone}
    assert all(order["number"] in text for text in told.values())
    # By the name that people know, not by the code for machines.
    assert "将货物送至和田。" in told[village.garden.person.phone]
    assert "将货物送至喀什。" in told[village.loom.person.phone]


async def test_order_is_shown_to_its_buyer_and_operators_as_it_was_answered(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    for reader in (village.buyer, await an_operator(ports)):
        assert (await show_order(ports, order["id"], reader.caller, "en")).model_dump(
            mode="json", by_alias=True
        ) == order
    for stranger in (await a_person(ports), village.garden.person):
        with pytest.raises(NotFound):
            await show_order(ports, order["id"], stranger.caller, "en")
    page = await show_orders(ports, village.buyer.caller, None, 10, "zh-Hans")
    assert [(item.id, item.status_text) for item in page.items] == [(order["id"], "已下单")]


async def test_price_and_title_stay_as_they_were_ordered(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    async with ports.begin() as session:
        change = ListingChange.model_validate(
            {"title": {"en": "Dearer dates"}, "price": {"amount": 9_900, "currency": "CNY"}}
        )
        await change_listing(session, village.garden.caller, village.dates, change, None, ports.clock.now())
    shown = await show_order(ports, order["id"], village.buyer.caller, "en")
    assert shown.model_dump(mode="json", by_alias=True) == order


async def test_number_of_statements_does_not_depend_on_lines_or_producers(ports, village):
    listings = [await a_listing(ports, village.garden, lead_time_h=12) for _ in range(9)]
    third = await a_producer(ports, **(LOOM | {"hub": "AKSU", "county": "652901"}))
    rug = await a_listing(ports, third, CARPET)
    counts = []
    for goods in ({village.dates: "1"}, dict.fromkeys([*listings, village.dates, village.carpets, rug], "1")):
        quote = await a_quote(ports, village.buyer, goods)
        with statements_of(ports.database) as sent:
            await place(ports, village.buyer, ordering(quote))
        counts.append(len(sent))
    assert counts[0] == counts[1], sent
    assert counts[0] <= 16, sent


# Repetitions.


async def test_same_key_again_answers_the_first_order(ports, village, quote):
    body = ordering(quote)
    first = await place(ports, village.buyer, body, "monday")
    async with nothing_happens(ports):
        command = OrderRequest.model_validate(body)
        again = await place_order(ports, village.buyer.caller, command, a_claim(village.buyer, "monday"), "zh-Hans")
        assert again.replayed
        assert await place(ports, village.buyer, body, "monday") == first


async def test_same_key_answers_the_first_order_even_when_the_quote_is_long_gone(ports, village, quote, clock):
    first = await place(ports, village.buyer, ordering(quote), "monday")
    clock.advance(timedelta(days=2))
    assert await place(ports, village.buyer, ordering(quote), "monday") == first


async def test_same_key_with_another_request_is_refused(ports, village, quote):
    await place(ports, village.buyer, ordering(quote), "monday")
    other = replace(a_claim(village.buyer, "monday"), fingerprint="another request")
    command = OrderRequest.model_validate(ordering(quote))
    async with nothing_happens(ports):
        with pytest.raises(IdempotencyKeyReused):
            await place_order(ports, village.buyer.caller, command, other, "en")


async def test_keys_of_two_buyers_never_meet(ports, village, quote):
    neighbour = await a_person(ports)
    await place(ports, village.buyer, ordering(quote), "monday")
    second = await a_quote(ports, neighbour, village.basket)
    await place(ports, neighbour, ordering(second), "monday")
    assert await value(ports, 'SELECT count(*) FROM "order"') == 2


async def test_id_that_the_client_made_finds_the_order_again_without_its_key(ports, village, quote):
    body = ordering(quote, id=new_id("ord"))
    first = await place(ports, village.buyer, body)
    assert first["id"] == body["id"]
    assert await place(ports, village.buyer, body) == first
    assert await value(ports, 'SELECT count(*) FROM "order"') == 1


async def test_refused_key_may_be_used_for_a_corrected_try(ports, village, quote):
    with pytest.raises(OptionMissing):
        await place(ports, village.buyer, ordering(quote) | {"option": new_id("opt")}, "monday")
    await place(ports, village.buyer, ordering(quote), "monday")


# Refusals: each leaves everything as it was.


async def refused(ports, buyer, problem, body):
    async with nothing_happens(ports):
        with pytest.raises(problem) as caught:
            await place(ports, buyer, body)
    return caught.value


async def test_quote_of_somebody_else_is_not_there(ports, quote):
    await refused(ports, await a_person(ports), NotFound, ordering(quote))


async def test_expired_quote_is_refused(ports, village, quote, clock):
    clock.advance(QUOTE_LIFETIME)
    await refused(ports, village.buyer, QuoteExpired, ordering(quote))


async def test_option_of_another_quote_is_refused(ports, village, quote):
    other = best(await a_quote(ports, village.buyer, village.basket))
    await refused(ports, village.buyer, OptionMissing, ordering(quote) | {"option": other.id})


async def test_quote_makes_one_order_only(ports, village, quote):
    order = await place(ports, village.buyer, ordering(quote))
    problem = await refused(ports, village.buyer, QuoteUsed, ordering(quote))
    assert problem.fields["order"] == order["id"]


async def test_id_of_another_order_is_refused(ports, village, quote):
    taken = (await an_order(ports, village.buyer, village.basket))["id"]
    await refused(ports, village.buyer, IdTaken, ordering(quote, id=taken))
    stranger = await a_person(ports)
    theirs = await a_quote(ports, stranger, village.basket)
    await refused(ports, stranger, IdTaken, ordering(theirs, id=taken))


async def test_goods_that_somebody_else_took_meanwhile_are_out_of_stock(ports, village):
    wanted = await a_quote(ports, village.buyer, {village.carpets: "15", village.dates: "1"})
    await an_order(ports, await a_person(ports), {village.carpets: "6"})
    problem = await refused(ports, village.buyer, OutOfStock, ordering(wanted))
    assert problem.fields == {"listing": village.carpets, "available": "14"}


async def test_changed_price_is_refused_even_with_stock(ports, village, quote):
    async with ports.begin() as session:
        change = ListingChange.model_validate({"price": {"amount": 8_900, "currency": "CNY"}})
        await change_listing(session, village.garden.caller, village.dates, change, None, ports.clock.now())
    problem = await refused(ports, village.buyer, OfferChanged, ordering(quote))
    assert problem.fields["listing"] == village.dates


async def test_price_of_a_tier_is_frozen_on_the_order_and_changed_tiers_refuse_stale_quotes(ports, village):
    tiers = [{"from": "10", "price": {"amount": 7_800, "currency": "CNY"}}]
    dates = await a_listing(ports, village.garden, tiers=tiers)
    first, stale = [await a_quote(ports, village.buyer, {dates: "10"}) for _ in range(2)]
    order = await place(ports, village.buyer, ordering(first))
    async with ports.begin() as session:
        change = ListingChange.model_validate({"tiers": []})
        await change_listing(session, village.garden.caller, dates, change, None, ports.clock.now())
    problem = await refused(ports, village.buyer, OfferChanged, ordering(stale))
    assert problem.fields["listing"] == dates
    now = await show_order(ports, order["id"], village.buyer.caller, "en")
    (line,) = now.lines
    assert (line.price.amount, line.tier_from, line.total.amount) == (7_800, 10, 78_000)
    assert now.model_dump(mode="json", by_alias=True)["lines"] == order["lines"]
    assert now.price.goods.amount == 78_000
    assert await value(ports, "SELECT terms ->> 'pricing' FROM \"order\"") == "2026-1"
    (after,) = (await a_quote(ports, village.buyer, {dates: "10"})).lines
    assert (after.price.amount, after.tier_from) == (8_800, None)


async def test_listing_taken_off_sale_is_refused(ports, village, quote):
    async with ports.begin() as session:
        await end_sale(session, village.loom.caller, village.carpets, ListingEvent.PAUSE, ports.clock.now())
    await refused(ports, village.buyer, OfferChanged, ordering(quote))


async def test_card_without_a_provider_is_refused_with_what_there_is(ports, village, quote):
    problem = await refused(ports, village.buyer, PaymentMethodUnavailable, ordering(quote, "stripe"))
    assert "cash_on_delivery" in problem.detail_in("en")
