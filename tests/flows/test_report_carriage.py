"""What producers get and what carriage took: on each order, on each option, and by county and month after the night."""

from datetime import date, timedelta
from statistics import median

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.money import Money
from app.flows.claim_goods import answer_claim
from app.flows.draft_order import chosen_option, decide
from app.flows.keep_books import close_books
from app.flows.show_order import show_order
from app.ledger.rules import check_zero_sum
from app.ledger.values import AccountKind
from app.orders.schemas import OrderRequest
from app.orders.service import get_quote
from app.payments.values import PaymentMethod
from app.reports.service import list_carriage, sum_carriage
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, best, ordering
from tests.factories.tables import nothing_happens, rows
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
MARCH = date(2026, 3, 1)


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def deliver(ports, order):
    operator = (await an_operator(ports)).caller
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)


async def report(ports, **page):
    async with ports.database.read() as connection:
        return await list_carriage(connection, MARCH, MARCH, **{"cursor": None, "limit": 100} | page)


async def night(ports):
    ports.clock.advance(timedelta(days=1))
    await close_books(ports)


async def test_every_option_and_the_order_tell_who_gets_what(ports, village):
    quote = await a_quote(ports, village.buyer, village.basket)
    option = best(quote)
    order = await an_order(ports, village.buyer, village.basket)
    shown = await show_order(ports, order["id"], village.buyer.caller, "en")
    for price, parts in ((option.price, option.proceeds), (shown.price, shown.proceeds)):
        assert parts.carriage == price.carriage
        assert parts.producers.amount + parts.platform.amount == price.goods.amount
        assert parts.carriage_bps == round(10_000 * price.carriage.amount / price.total.amount)
    sale = await rows(
        ports,
        "SELECT sum(amount_minor) FROM entry WHERE account_id LIKE 'producer_pending:%' "
        "AND transfer_id IN (SELECT id FROM transfer WHERE subject = :id)",
        id=order["id"],
    )
    assert shown.proceeds.producers.amount == sale[0][0]


async def test_night_adds_up_what_was_delivered_by_county_of_the_goods(ports, village):
    orders = [await an_order(ports, village.buyer, basket) for basket in (village.basket, {village.dates: "9"})]
    await an_order(ports, village.buyer, village.basket)  # Never delivered, so it counts nowhere.
    await work(ports)
    assert (await report(ports)).items == []
    for order in orders:
        await deliver(ports, order)
    await night(ports)
    counties = {row.county: row for row in (await report(ports)).items}
    dates = [
        (line["total"]["amount"], consignment)
        for order in orders
        for line, consignment in zip(order["lines"], order["consignments"], strict=True)
        if line["listing"] == village.dates
    ]
    row = counties[(await rows(ports, "SELECT county FROM listing WHERE id = :id", id=village.dates))[0][0]]
    assert len(counties) == 2
    assert (row.month, row.orders) == ("2026-03", 2)
    assert row.goods.amount == sum(goods for goods, _ in dates)
    carriage = [sum(leg["price"]["amount"] for leg in each["legs"]) for _, each in dates]
    packaging = [sum(one["price"]["amount"] * one["count"] for one in each["packages"]) for _, each in dates]
    paid = [goods + ridden + packed for (goods, _), ridden, packed in zip(dates, carriage, packaging, strict=True)]
    assert (row.carriage.amount, row.paid.amount) == (sum(carriage), sum(paid))
    assert row.carriage_bps == round(10_000 * sum(carriage) / sum(paid))
    assert row.median_bps == round(median(10_000 * c / p for c, p in zip(carriage, paid, strict=True)))
    assert row.producers.amount == sum(goods - goods * 300 // 10_000 for goods, _ in dates)
    legs = [leg["co2e_g"] for _, each in dates for leg in each["legs"]]
    boxes = [one["co2e_g"] and one["co2e_g"] * one["count"] for _, each in dates for one in each["packages"]]
    assert row.co2e_g == sum(filter(None, [*legs, *boxes]))


async def test_refund_changes_what_producers_have_of_the_month_and_nothing_else_is_added_up_again(ports, village):
    order = await an_order(ports, village.buyer, village.basket)
    await work(ports)
    await deliver(ports, order)
    await night(ports)
    before = (await report(ports)).items
    async with nothing_happens(ports), ports.begin() as session:
        assert await sum_carriage(session, before[0].as_of) == []
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 1, 10_000))
    accepted = ClaimAnswer(answer="accept")
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.person.caller, claim.id, accepted, "en")
    await night(ports)
    after = {row.county: row for row in (await report(ports)).items}
    for row in before:
        changed = after[row.county]
        lost = 9_700 if row.producers != changed.producers else 0
        assert changed.producers.amount == row.producers.amount - lost
        assert changed == row.model_copy(update={"producers": changed.producers, "as_of": changed.as_of})
    assert sum(row.producers.amount for row in before) - sum(row.producers.amount for row in after.values()) == 9_700


async def test_pages_of_the_report_are_the_whole_of_it(ports, village):
    order = await an_order(ports, village.buyer, village.basket)
    await work(ports)
    await deliver(ports, order)
    await night(ports)
    first = await report(ports, limit=1)
    second = await report(ports, limit=1, cursor=first.next_cursor)
    assert [*first.items, *second.items] == (await report(ports)).items
    assert second.next_cursor is None


async def test_duties_of_an_order_go_to_the_tax_account(ports, village):
    quote = await a_quote(ports, village.buyer, village.basket)
    async with ports.database.read() as connection:
        kept = await get_quote(connection, quote.id, village.buyer.id)
    option = chosen_option(kept, best(quote).id, ports.clock.now())
    price = option.price
    duties, total = Money(1_234, "CNY"), Money(price.total.amount + 1_234, "CNY")
    taxed = option.model_copy(update={"price": price.model_copy(update={"duties": duties, "total": total})})
    command = OrderRequest.model_validate(ordering(quote))
    draft = decide(kept, taxed, command, PaymentMethod.CASH_ON_DELIVERY, 300, ports.policies, ports.clock.now())
    check_zero_sum(draft.sale)
    entries = {entry.account.kind: entry.amount_minor for entry in draft.sale.entries}
    assert entries[AccountKind.TAX] == 1_234
    assert entries[AccountKind.BUYER] == -total.amount == -draft.order.total_minor
