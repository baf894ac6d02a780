"""Ordered by estimate, settled by weight: price, carriage, commission, emissions, room and payment change together, or not at all."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.clock import LEGAL_TIME
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.money import Money
from app.flows.audit_bookings import audit_bookings
from app.flows.cancel_order import cancel_order
from app.flows.follow_shipment import cash_by_carrier
from app.flows.price_by_weight import tariff_of
from app.flows.show_order import show_order
from app.flows.show_statement import show_statement
from app.flows.show_weigh_ins import show_weigh_in, show_weigh_ins
from app.flows.weigh_in import lapse_weigh_in
from app.ledger.balance import balances
from app.ledger.rules import imbalances, period_of
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, State, TransferKind
from app.orders.service import list_lines, lock_order
from app.orders.values import OrderStatus
from app.shipments.errors import GoodsUnderWay, NotSoldByWeight, SignatureWrong, WeighedAlready, WeightDoesNotFit
from app.shipments.queries import list_of_orders
from app.shipments.weighing import WeighInStatus
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import disrupt
from tests.factories.lots import NEAR
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, best, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.weighing import FLOCK, LINT, a_photo_of_the_scale, say, scaled, tell_weight, weigh, weighed_goods

template, ports = networked, planned
ORDERED_G = 100_000
STOCK = "SELECT reserved, consumed FROM lot WHERE listing_id = :l"


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return await an_operator(ports)


@pytest.fixture
async def bulk(ports, village):
    return await weighed_goods(ports, village.garden)


@pytest.fixture
async def order(ports, village, bulk):
    """100 kg of jujubes in bulk at 24 yuan a kilogram, and three boxes of dates, of one producer: one consignment."""
    return await an_order(ports, village.buyer, {bulk: "100", village.dates: "3"})


async def shown(ports, buyer, order):
    return await show_order(ports, order["id"], buyer.caller, "en")


async def owed(ports, order):
    """What the order's transfers that stand come to by kind of account; each of them balances."""
    async with ports.begin() as session:
        found = await transfers_of(session, order["id"])
    sums = {}
    for transfer in found:
        assert not imbalances(transfer.entries)
        if transfer.state is not State.VOID:
            for entry in transfer.entries:
                sums[entry.account.kind] = sums.get(entry.account.kind, 0) + entry.amount_minor
    assert sum(sums.values()) == 0
    return sums


async def sound(ports, order):
    """Whatever happened: bookings agree with departures, stock is not negative, and the order is the sum of its parts."""
    async with ports.database.read() as connection:
        assert await audit_bookings(connection, ports.clock.now()) == ([], [])
    assert not await rows(ports, "SELECT 1 FROM lot WHERE reserved < 0 OR reserved + consumed > quantity")
    async with ports.begin() as session:
        row = await lock_order(session, order["id"])
        lines = await list_lines(session, row.id)
        left = [each for each in (await list_of_orders(session, [row.id]))[row.id] if each.cancelled_at is None]
    assert row.goods_minor == sum(line.total_minor for line in lines)
    assert row.carriage_minor == sum(journey.carriage_minor for journey in left)
    assert row.packaging_minor == sum(package.price_minor for journey in left for package in journey.packages)
    if left:
        assert sum(cash_by_carrier(row, lines, left).values()) == row.total_minor
        assert -(await owed(ports, order)).get(AccountKind.BUYER, 0) in (0, row.total_minor)
        bookings = await rows(
            ports, "SELECT weight_g FROM booking WHERE state = 'booked' AND consignment_id = :c", c=left[0].id
        )
        assert {weight for (weight,) in bookings} == {left[0].weight_g}


async def test_a_quote_and_an_order_show_estimate_and_range(ports, village, bulk):
    quote = await a_quote(ports, village.buyer, {bulk: "100"})
    (line,), option = quote.lines, best(quote)
    assert (line.total.amount, line.weighing.least_g, line.weighing.most_g) == (240_000, 95_000, 105_000)
    assert (line.weighing.least.amount, line.weighing.most.amount) == (228_000, 252_000)
    assert option.range.least.amount <= option.price.total.amount - 12_000
    assert option.range.most.amount >= option.price.total.amount + 12_000
    # What the frozen tariffs say of another weight is what a quote for that weight says.
    heavier = await a_quote(ports, village.buyer, {bulk: "105"})
    same_way = [
        other
        for other in heavier.options
        if [leg.service for leg in other.consignments[0].legs] == [leg.service for leg in option.consignments[0].legs]
    ]
    assert same_way
    for other in same_way:
        (booked,), (asked,) = option.consignments, other.consignments
        prices = [tariff_of(shape).price_minor(asked.weight_g) for shape in booked.tariffs]
        assert prices == [leg.price.amount for leg in asked.legs]
    order = await an_order(ports, village.buyer, {bulk: "100"})
    assert order["lines"][0]["weighing"]["settled_g"] is None
    assert order["range"]["most"]["amount"] == option.range.most.amount


async def test_lighter_goods_change_everything_at_once(ports, village, order, operator):
    before = await owed(ports, order)
    legs = {leg["service"]: leg for leg in order["consignments"][0]["legs"]}
    made = await weigh(ports, operator, order, 96_000)
    assert (made.status, made.settled_g, made.cost.amount, made.due_at) == (
        WeighInStatus.SETTLED,
        96_000,
        230_400,
        None,
    )
    now = await shown(ports, village.buyer, order)
    assert now.price.goods.amount == order["price"]["goods"]["amount"] - 9_600
    assert now.price.carriage.amount < order["price"]["carriage"]["amount"]
    assert now.price.packaging.amount == order["price"]["packaging"]["amount"]
    assert (now.ordered.amount, now.range) == (order["price"]["total"]["amount"], None)
    assert now.co2e_g.transport < order["co2e_g"]["transport"]
    for leg in now.consignments[0].legs:
        assert leg.price.amount <= legs[leg.service]["price"]["amount"]
        assert leg.co2e_g <= legs[leg.service]["co2e_g"]
    line = now.lines[0]
    assert (line.quantity, line.total.amount, line.weighing.settled_g, line.weighing.ordered.amount) == (
        100,
        230_400,
        96_000,
        240_000,
    )
    after = await owed(ports, order)
    assert after[AccountKind.BUYER] == -now.price.total.amount
    assert after[AccountKind.PLATFORM_FEE] == now.price.goods.amount * 300 // 10_000
    assert after[AccountKind.PRODUCER_PENDING] == now.price.goods.amount - after[AccountKind.PLATFORM_FEE]
    assert after[AccountKind.CARRIER_FREIGHT] == now.price.carriage.amount < before[AccountKind.CARRIER_FREIGHT]
    assert AccountKind.REROUTING not in after
    assert await value(ports, "SELECT amount_minor FROM payment") == now.price.total.amount
    assert await value(ports, "SELECT planned_weight_g FROM consignment") - 4_000 == await value(
        ports, "SELECT sum(weight_g)::bigint FROM package"
    )
    told = await rows(ports, "SELECT \"to\" FROM message WHERE template = 'weighed'")
    assert {to for (to,) in told} == {village.buyer.phone, village.garden.person.phone}
    await sound(ports, order)


async def test_heavier_goods_are_paid_at_the_door_and_statements_follow(ports, village, order, operator):
    await weigh(ports, operator, order, 105_000)
    await sound(ports, order)
    total = (await shown(ports, village.buyer, order)).price.total.amount
    assert total > order["price"]["total"]["amount"] + 11_999
    await tell(ports, operator.caller, events_of(order["consignments"][0]))
    await work(ports)
    sums = await owed(ports, order)
    assert (sums[AccountKind.BUYER], sums[AccountKind.CARRIER_CASH]) == (0, -total)
    async with ports.database.read() as connection:
        (pending,) = [
            b
            for b in await balances(connection, village.garden.producer.id)
            if b.account.kind is AccountKind.PRODUCER_PENDING
        ]
    goods = 252_000 + 3 * 8_800
    assert pending.posted_minor == goods - goods * 300 // 10_000
    # A claim goes by what was settled.
    photo = await a_ready_photo(ports, village.buyer)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 252_000, "damage", photos=[photo]))
    assert claim.asked.amount == 252_000


@pytest.mark.parametrize(
    ("net_g", "status"), [(95_000, "settled"), (94_999, "waiting"), (105_000, "settled"), (105_001, "waiting")]
)
async def test_the_tolerance_ends_at_a_gram(ports, order, operator, net_g, status):
    assert (await weigh(ports, operator, order, net_g)).status == status


async def test_outside_it_nothing_moves_until_the_buyer_accepts(ports, village, order, operator):
    before = await shown(ports, village.buyer, order)
    asked = await weigh(ports, operator, order, 120_000)
    assert (asked.status, asked.settled_g, asked.cost.amount) == (WeighInStatus.WAITING, None, 288_000)
    assert asked.due_at == ports.clock.now() + timedelta(hours=12)
    assert await shown(ports, village.buyer, order) == before
    stranger = await a_person(ports)
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            await say(ports, stranger, asked.id, "accept")
        with pytest.raises(Forbidden):
            await say(ports, village.garden.person, asked.id, "accept")
        with pytest.raises(StateConflict):
            await say(ports, operator, asked.id, "accept")
    taken = await say(ports, village.buyer, asked.id, "accept")
    assert (taken.status, taken.settled_g, taken.due_at) == (WeighInStatus.SETTLED, 120_000, None)
    assert (await shown(ports, village.buyer, order)).lines[0].total.amount == 288_000
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await say(ports, village.buyer, asked.id, "decline")
        await lapse_weigh_in(ports, asked.id)
    await sound(ports, order)


async def test_declined_goods_are_taken_off_and_the_others_travel_on(ports, village, bulk, order, operator):
    asked = await weigh(ports, operator, order, 80_000)
    declined = await say(ports, village.buyer, asked.id, "decline")
    assert declined.status is WeighInStatus.DECLINED
    now = await shown(ports, village.buyer, order)
    assert (now.status, now.lines[0].total.amount, now.price.goods.amount) == (OrderStatus.PLACED, 0, 3 * 8_800)
    assert now.lines[0].weighing.taken_off_at is not None
    assert now.price.carriage.amount < order["price"]["carriage"]["amount"]
    assert await value(ports, "SELECT reserved FROM lot WHERE listing_id = :l", l=bulk) == 0
    await sound(ports, order)
    photo = await a_photo_of_the_scale(ports, operator)
    async with nothing_happens(ports):
        with pytest.raises(WeighedAlready):
            await weigh(ports, operator, order, 99_000, photo=photo)
    await tell(ports, operator.caller, events_of(order["consignments"][0]))
    await work(ports)
    assert (await shown(ports, village.buyer, order)).status is OrderStatus.DELIVERED
    assert (await owed(ports, order))[AccountKind.BUYER] == 0


async def test_consignment_without_goods_is_taken_off_and_the_order_goes_on(ports, village, bulk, operator):
    order = await an_order(ports, village.buyer, {bulk: "100", village.carpets: "1"})
    sold = next(i for i, line in enumerate(order["lines"]) if line["listing"] == bulk)
    asked = await weigh(ports, operator, order, 60_000, line=sold)
    await say(ports, village.buyer, asked.id, "decline")
    now = await shown(ports, village.buyer, order)
    assert (now.status, now.price.goods.amount) == (OrderStatus.PLACED, 168_000)
    gone = next(each for each in order["consignments"] if each["id"] == order["lines"][sold]["consignment"])
    left = next(each for each in order["consignments"] if each["id"] != gone["id"])
    assert (
        await value(ports, "SELECT count(*) FROM booking WHERE state = 'booked' AND consignment_id = :c", c=gone["id"])
        == 0
    )
    await sound(ports, order)
    await tell(ports, operator.caller, events_of(left))
    await work(ports)
    assert (await shown(ports, village.buyer, order)).status is OrderStatus.DELIVERED
    sums = await owed(ports, order)
    assert (sums[AccountKind.BUYER], -sums[AccountKind.CARRIER_CASH]) == (0, now.price.total.amount)


async def test_order_of_which_nothing_is_left_is_cancelled_though_it_was_handed_in(ports, village, bulk, operator):
    order = await an_order(ports, village.buyer, {bulk: "100"})
    await tell(ports, operator.caller, events_of(order["consignments"][0], "picked_up"))
    await work(ports)
    assert [tuple(row) for row in await rows(ports, STOCK, l=bulk)] == [(0, 100)]
    asked = await weigh(ports, operator, order, 60_000)
    await say(ports, village.buyer, asked.id, "decline")
    now = await shown(ports, village.buyer, order)
    assert (now.status, now.cancel_reason, now.price.total.amount) == (OrderStatus.CANCELLED, "weight_declined", 0)
    assert await owed(ports, order) == {}
    assert await value(ports, "SELECT status FROM payment") == "cancelled"
    assert [tuple(row) for row in await rows(ports, STOCK, l=bulk)] == [(0, 0)]
    await work(ports)
    await sound(ports, order)


async def test_silence_means_what_the_terms_say(ports, village, bulk, operator, clock):
    order = await an_order(ports, village.buyer, {bulk: "100"})
    asked = await weigh(ports, operator, order, 60_000)
    async with nothing_happens(ports):
        await lapse_weigh_in(ports, asked.id)
    clock.advance(timedelta(hours=12))
    assert "weigh_in.lapse" in await work(ports)
    assert (await shown(ports, village.buyer, order)).status is OrderStatus.CANCELLED
    flock = await weighed_goods(ports, village.garden, FLOCK, "2")
    sheep = await place(ports, village.buyer, ordering(await a_quote(ports, village.buyer, {flock: "1"}, **NEAR)))
    asked = await weigh(ports, operator, sheep, 30_000)
    clock.advance(timedelta(hours=6))
    await work(ports)
    with pytest.raises(StateConflict):
        await say(ports, village.buyer, asked.id, "accept")
    decided = await say(ports, operator, asked.id, "accept")
    assert (decided.status, decided.settled_g) == (WeighInStatus.SETTLED, 30_000)
    assert (await shown(ports, village.buyer, sheep)).lines[0].total.amount == 108_000


async def test_correction_keeps_both_and_only_the_last_one_counts(ports, village, order, operator):
    first = await weigh(ports, operator, order, 96_000)
    second = await weigh(ports, operator, order, 103_000)
    assert (second.supersedes, (await show_weigh_in(ports, operator.caller, first.id, "en")).status) == (
        first.id,
        "superseded",
    )
    at_last = await weigh(ports, operator, order, ORDERED_G)
    page = await show_weigh_ins(
        ports, village.buyer.caller, consignment=None, status=None, cursor=None, limit=10, language="en"
    )
    assert [each.id for each in page.items] == sorted((first.id, second.id, at_last.id), reverse=True)
    # At the weight that was ordered everything is as it was ordered.
    now = await shown(ports, village.buyer, order)
    assert (now.price.model_dump(mode="json"), now.co2e_g.model_dump(mode="json")) == (order["price"], order["co2e_g"])
    assert now.ordered is None
    await sound(ports, order)
    async with ports.begin() as session:
        kinds = [transfer.kind for transfer in await transfers_of(session, order["id"])]
    assert kinds == [TransferKind.SALE, *[TransferKind.WEIGHING] * 3]


async def test_the_same_weigh_in_again_is_the_first_one(ports, order, operator):
    body = scaled(ports, order["lines"][0]["id"], 97_000, await a_photo_of_the_scale(ports, operator))
    consignment = order["consignments"][0]["id"]
    made = await tell_weight(ports, operator, consignment, body)
    async with nothing_happens(ports):
        assert await tell_weight(ports, operator, consignment, body) == made
        with pytest.raises(IdTaken):
            await tell_weight(ports, operator, consignment, body | {"gross_g": 103_501, "net_g": 97_001})


async def test_once_departed_it_is_settled_within_the_range_and_not_corrected(ports, village, order, operator):
    asked = await weigh(ports, operator, order, 130_000)
    await tell(ports, operator.caller, events_of(order["consignments"][0], "picked_up", "departed")[:2])
    async with nothing_happens(ports):
        with pytest.raises(GoodsUnderWay):
            await say(ports, village.buyer, asked.id, "decline")
    with pytest.raises(WeighedAlready):
        await weigh(ports, operator, order, 99_000)
    await tell(ports, operator.caller, events_of(order["consignments"][0])[2:])
    await work(ports)
    now = await shown(ports, village.buyer, order)
    assert (now.status, now.lines[0].weighing.settled_g, now.lines[0].weighing.net_g) == (
        OrderStatus.DELIVERED,
        105_000,
        130_000,
    )
    assert (await owed(ports, order))[AccountKind.BUYER] == 0
    with pytest.raises(StateConflict):
        await weigh(ports, operator, order, 99_000)


async def test_what_cannot_be_weighed_is_refused_and_changes_nothing(ports, village, order, operator, clock):
    photo, strange = await a_photo_of_the_scale(ports, operator), await a_photo_of_the_scale(ports, village.buyer)
    consignment, line = order["consignments"][0]["id"], order["lines"][0]["id"]
    later = (clock.now() + timedelta(hours=1)).isoformat()
    refused = [
        (NotSoldByWeight, {"line": order["lines"][1]["id"]}),
        (NotFound, {"line": "lin_01jd0000000000000000000000"}),
        (Invalid, {"net_g": 120_000}),
        (Invalid, {"weighed_at": later}),
        (Invalid, {"trash_pct": "2.1", "regain_pct": "8.0"}),
        (Invalid, {"photo": strange}),
        (SignatureWrong, {"signature": "A" * 86}),
    ]
    for refusal, wrong in refused:
        async with nothing_happens(ports):
            with pytest.raises(refusal):
                await tell_weight(ports, operator, consignment, scaled(ports, line, 99_000, photo) | wrong)
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            await tell_weight(ports, operator, new_id("con"), scaled(ports, line, 99_000, photo))
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await tell_weight(ports, operator, consignment, scaled(ports, line, 99_000, photo))


async def test_heavier_goods_need_room_on_every_departure(ports, order, operator):
    ride = next(leg for leg in order["consignments"][0]["legs"] if leg["run_at"])
    async with ports.begin() as session:
        await session.execute(
            text("UPDATE departure_load SET capacity_weight_g = used_weight_g + 1000 WHERE service_id = :s"),
            {"s": ride["service"]},
        )
    photo = await a_photo_of_the_scale(ports, operator)
    async with nothing_happens(ports):
        with pytest.raises(WeightDoesNotFit) as refused:
            await weigh(ports, operator, order, 104_000, photo=photo)
    assert (refused.value.fields["fits_g"], refused.value.fields["needs_g"]) == (1_000, 4_000)
    await weigh(ports, operator, order, 101_000, photo=photo)
    await sound(ports, order)


async def test_lint_is_paid_by_conditioned_weight(ports, village, operator):
    lint = await weighed_goods(ports, village.garden, LINT, "10")
    order = await an_order(ports, village.buyer, {lint: "4"})
    assert order["lines"][0]["total"]["amount"] == 904_000 * 1_650_000 // 1_000_000
    photo = await a_photo_of_the_scale(ports, operator)
    with pytest.raises(Invalid):
        await weigh(ports, operator, order, 900_000, photo=photo)
    made = await weigh(ports, operator, order, 900_000, photo=photo, trash_pct="2.1", regain_pct="7.9")
    assert (made.net_g, made.charged_g, made.cost.amount) == (900_000, 908_717, 1_499_383)
    assert await value(ports, "SELECT planned_weight_g FROM consignment") - 4_000 == await value(
        ports, "SELECT sum(weight_g)::bigint FROM package"
    )
    await sound(ports, order)


async def test_a_statement_tells_the_sale_as_ordered_and_the_weight_beside_it(ports, village, order, operator):
    await weigh(ports, operator, order, 96_000)
    await tell(ports, operator.caller, events_of(order["consignments"][0]))
    await work(ports)
    day = ports.clock.now().astimezone(LEGAL_TIME).date()
    garden = village.garden.producer.id
    told = await show_statement(
        ports, village.garden.caller, garden, period_of(day, day), cursor=None, limit=None, language="en"
    )
    sale, weighing = (next(line for line in told.items if line.kind == kind) for kind in ("sale", "weighing"))
    assert (sale.sale.goods.amount, sale.sale.carriage) == (266_400, Money(order["price"]["carriage"]["amount"], "CNY"))
    assert sale.sale.goods.amount - sale.sale.commission.amount == sale.amount.amount
    assert (weighing.weighed.estimated_g, weighing.weighed.settled_g) == (100_000, 96_000)
    assert weighing.amount.amount == (256_800 - 7_704) - (266_400 - 7_992)
    assert told.accounts[0].closing.amount == 256_800 - 7_704 == sum(line.amount.amount for line in told.items)


async def test_goods_that_go_another_way_are_weighed_at_the_price_of_the_way_that_was_booked(
    ports, village, order, operator
):
    first = order["consignments"][0]["legs"][0]
    now = ports.clock.now()
    await disrupt(ports, operator.caller, service=first["service"], from_=now, until=now + timedelta(days=60))
    await work(ports)
    other = await shown(ports, village.buyer, order)
    assert [leg.service for leg in other.consignments[0].legs] != [
        leg["service"] for leg in order["consignments"][0]["legs"]
    ]
    before = await owed(ports, order)
    made = await weigh(ports, operator, order, 96_000)
    assert made.status is WeighInStatus.SETTLED
    after = await owed(ports, order)
    total = (await shown(ports, village.buyer, order)).price.total.amount
    assert after[AccountKind.BUYER] == -total > before[AccountKind.BUYER]
    extra = await value(ports, "SELECT extra_carriage_minor FROM consignment")
    assert after.get(AccountKind.REROUTING, 0) == -extra
    await weigh(ports, operator, order, ORDERED_G)
    assert (await shown(ports, village.buyer, order)).price == other.price
    assert {kind: amount for kind, amount in (await owed(ports, order)).items() if amount} == {
        kind: amount for kind, amount in before.items() if amount
    }
    await sound(ports, order)


async def test_weighing_and_cancelling_at_once_is_one_or_the_other(ports, village, bulk, operator):
    for _ in range(3):
        order = await an_order(ports, village.buyer, {bulk: "10"})
        photo = await a_photo_of_the_scale(ports, operator)
        both = await asyncio.gather(
            weigh(ports, operator, order, 9_700, photo=photo),
            cancel_order(ports, village.buyer.caller, order["id"], "en"),
            return_exceptions=True,
        )
        assert not [each for each in both if isinstance(each, Exception) and not isinstance(each, StateConflict)]
        now = await shown(ports, village.buyer, order)
        assert now.status is OrderStatus.CANCELLED
        assert await owed(ports, order) == {}
    async with ports.database.read() as connection:
        assert await audit_bookings(connection, ports.clock.now()) == ([], [])


async def test_two_weigh_ins_at_once_come_one_after_the_other(ports, village, order, operator):
    photos = [await a_photo_of_the_scale(ports, operator) for _ in range(2)]
    made = await asyncio.gather(
        *(
            weigh(ports, operator, order, grams, photo=photo)
            for grams, photo in zip((96_000, 104_000), photos, strict=True)
        )
    )
    standing = await rows(ports, "SELECT id, settled_g FROM weigh_in WHERE status = 'settled'")
    assert len(standing) == 1
    assert standing[0][0] in {each.id for each in made}
    now = await shown(ports, village.buyer, order)
    assert now.lines[0].weighing.settled_g == standing[0][1]
    await sound(ports, order)


async def test_what_the_scale_showed_is_never_changed(ports, order, operator):
    await weigh(ports, operator, order, 97_000)
    for statement in ("UPDATE weigh_in SET net_g = 1, gross_g = tare_g + 1", "DELETE FROM weigh_in"):
        with pytest.raises(IntegrityError):
            async with ports.begin() as session:
                await session.execute(text(statement))
