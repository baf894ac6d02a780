"""What must hold of goods and money at any moment, added up here again: from the lines of orders, by code of its own.

Every finding is a sentence. `quiet` says that nothing is under way any more: no job is due, and the card provider owes no news.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app.flows.audit_bookings import audit_bookings
from app.flows.ports import Ports
from app.flows.show_statement import show_statement
from app.identity.values import Caller
from app.ledger.balance import balances
from app.ledger.rules import account_of, period_of
from app.orders.values import OrderStatus
from tests.factories.tables import rows, value
from tests.fakes.stripe.state import State as Provider

ENDED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
ARRIVED = (OrderStatus.DELIVERED, OrderStatus.COMPLETED)


@dataclass
class Proof:
    """Figures by name, and findings: what does not add up, is not there, or is there twice."""

    figures: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def require(self, holds: object, finding: str) -> None:
        if not holds:
            self.findings.append(finding)

    def none_of(self, found: Iterable[object], what: str) -> None:
        self.findings += [f"{what}: {each}" for each in found]


async def payments_are_charges(ports: Ports, provider: Provider, proof: Proof, *, quiet: bool) -> None:
    """One payment for each order, one charge at most for each payment, never more sent back than was charged; when quiet, the same."""
    payments = await rows(
        ports,
        "SELECT o.id AS order_id, p.id, p.method, p.status, p.amount_minor, p.refunded_minor, p.provider_ref, o.status AS order_status, "
        'o.total_minor FROM "order" o LEFT JOIN payment p ON o.id = p.order_id',
    )
    proof.none_of([row.order_id for row in payments if row.id is None], "an order has no payment")
    payments = [row for row in payments if row.id]
    doubled = [order for order, count in Counter(row.order_id for row in payments).items() if count > 1]
    proof.none_of(doubled, "an order has more than one payment")
    by_order = Counter(each["metadata"]["order"] for each in provider.of("payment_intent"))
    proof.none_of(
        [order for order, count in by_order.items() if count > 1], "the provider was asked twice for an order"
    )
    charges = Counter(each["payment_intent"] for each in provider.of("charge", status="succeeded"))
    proof.none_of([ref for ref, count in charges.items() if count != 1], "a card was charged more than once")
    returned: Counter[str] = Counter()
    for refund in provider.of("refund"):
        returned[refund["payment_intent"]] += refund["amount"]
    sent = Counter(each["metadata"]["refund"] for each in provider.of("refund"))
    proof.none_of([each for each, count in sent.items() if count > 1], "a refund was sent twice")
    orders = {each["id"]: each["metadata"]["order"] for each in provider.of("payment_intent")}
    refs = {order: ref for ref, order in orders.items()}
    proof.none_of(
        {orders[ref] for ref in charges} - {row.order_id for row in payments}, "the provider took money for no order"
    )
    for row in payments:
        ref = refs.get(row.order_id, "")
        charged, back = row.amount_minor * charges[ref], returned[ref]
        proof.require(row.amount_minor == row.total_minor, f"{row.order_id} is paid with another amount")
        proof.require(back <= row.amount_minor, f"{row.order_id}: {back} was sent back of {row.amount_minor}")
        if row.method == "stripe":
            proof.require(back <= charged, f"{row.order_id}: {back} was sent back of {charged}")
            proof.require(
                row.refunded_minor <= back, f"{row.order_id}: {row.refunded_minor} is refunded, {back} was sent"
            )
            proof.require(
                row.status not in ("paid", "refunded") or charged, f"{row.order_id} is {row.status}, and nobody paid"
            )
        if quiet and row.method == "stripe":
            fits = row.status in (
                ("paid", "refunded") if charged else ("started", "awaiting_customer", "failed", "cancelled")
            )
            proof.require(fits, f"{row.order_id}: {charged} charged, but its payment is {row.status}")
            proof.require(
                row.refunded_minor == back, f"{row.order_id}: {row.refunded_minor} is refunded, {back} was sent"
            )
            if row.order_status in ENDED:
                proof.require(charged == back, f"{row.order_id} ended, and {charged - back} fen were not sent back")
            elif row.order_status != "awaiting_payment":
                proof.require(charged, f"{row.order_id} is {row.order_status}, and nobody paid")
        elif row.method != "stripe" and row.order_status in ENDED:
            proof.require(row.status == "cancelled", f"{row.order_id} ended, its cash is {row.status}")
        elif row.method != "stripe" and row.order_status in ARRIVED:
            proof.require(row.status in ("paid", "refunded"), f"{row.order_id} was delivered, its cash is {row.status}")


async def goods_add_up(ports: Ports, proof: Proof, *, quiet: bool) -> None:
    """Stock is what came less what orders hold or took, never below nothing; every place on a departure is accounted for."""
    lots = await rows(
        ports,
        """SELECT lot.id, lot.quantity, lot.reserved, lot.consumed,
            coalesce(sum(held.quantity) FILTER (WHERE held.state = 'held'), 0) AS open,
            coalesce(sum(held.quantity) FILTER (WHERE held.state = 'consumed'), 0) AS gone
        FROM lot LEFT JOIN reservation held ON held.lot_id = lot.id GROUP BY lot.id, lot.quantity, lot.reserved, lot.consumed""",
    )
    for lot in lots:
        proof.require(lot.quantity >= lot.reserved + lot.consumed, f"{lot.id} is sold beyond what there is")
        proof.require(min(lot.reserved, lot.consumed) >= 0, f"{lot.id} counts below nothing")
        proof.require(
            (lot.reserved, lot.consumed) == (lot.open, lot.gone), f"{lot.id} counts otherwise than its orders"
        )
    lines = await rows(
        ports,
        """SELECT line.order_id, line.id, line.quantity, o.status, c.status AS moved,
            coalesce(sum(held.quantity) FILTER (WHERE held.state = 'held'), 0) AS open,
            coalesce(sum(held.quantity) FILTER (WHERE held.state = 'consumed'), 0) AS gone
        FROM order_line line JOIN "order" o ON o.id = line.order_id JOIN consignment c ON c.id = line.consignment_id
        LEFT JOIN reservation held ON held.order_id = line.order_id AND held.line_id = line.id
        GROUP BY line.order_id, line.id, line.quantity, o.status, c.status""",
    )
    for line in lines:
        wanted = 0 if line.status in ENDED else line.quantity
        proof.require(
            line.open + line.gone == wanted, f"{line.order_id} is {line.status}, and holds {line.open} + {line.gone}"
        )
        if quiet and line.status not in ENDED:
            # What a carrier has taken in has left the stock.
            left = 0 if line.moved == "booked" else line.quantity
            proof.require(
                line.gone == left,
                f"{line.order_id} is {line.moved}, and {line.gone} of {line.quantity} have left the stock",
            )
    proof.figures["units sold"] = int(sum(lot.reserved + lot.consumed for lot in lots))
    async with ports.database.read() as connection:
        mismatches, lost = await audit_bookings(connection, ports.clock.now())
    proof.none_of([*mismatches, *lost], "a departure counts otherwise than its bookings")
    stray = "SELECT id FROM booking WHERE consignment_id NOT IN (SELECT id FROM consignment)"
    proof.none_of([row.id for row in await rows(ports, stray)], "a booking of nobody")


async def ledger_adds_up(ports: Ports, proof: Proof, *, quiet: bool) -> None:
    """Every transfer sums to zero; each order has one sale, one collection at most, and nothing is owed where all is settled."""
    proof.figures["transfers"] = await value(ports, "SELECT count(*) FROM transfer")
    off = "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    proof.none_of([row.transfer_id for row in await rows(ports, off)], "a transfer does not sum to zero")
    empty = "SELECT id FROM transfer WHERE id NOT IN (SELECT transfer_id FROM entry)"
    proof.none_of([row.id for row in await rows(ports, empty)], "a transfer without entries")
    counted = await rows(
        ports,
        """SELECT o.id, o.status, count(t.id) FILTER (WHERE t.kind = 'sale') AS sales,
            count(t.id) FILTER (WHERE t.kind = 'sale' AND t.state = 'posted') AS posted,
            count(t.id) FILTER (WHERE t.kind = 'sale' AND t.state = 'void') AS void,
            count(t.id) FILTER (WHERE t.kind = 'collection') AS collected
        FROM "order" o LEFT JOIN transfer t ON t.subject = o.id GROUP BY o.id""",
    )
    for row in counted:
        proof.require(
            row.sales == 1 and row.collected <= 1, f"{row.id}: {row.sales} sales, {row.collected} collections"
        )
        proof.require(
            bool(row.posted) == (row.status in ("delivered", "completed")), f"{row.id} is {row.status}, its sale not so"
        )
        proof.require(bool(row.void) == (row.status in ENDED), f"{row.id} is {row.status}, its sale void or not")
    owing = await rows(
        ports,
        """SELECT o.id, o.status, p.method, coalesce(sum(e.amount_minor), 0)::bigint AS owed,
            coalesce(sum(e.amount_minor) FILTER (WHERE t.kind = 'collection'), 0)::bigint AS collected,
            (SELECT coalesce(sum(granted_minor), 0) FROM claim c WHERE c.order_id = o.id) AS granted,
            (SELECT coalesce(sum(granted_minor), 0) FROM claim c WHERE c.order_id = o.id AND refunded_at IS NULL) AS unsent
        FROM "order" o JOIN payment p ON p.order_id = o.id LEFT JOIN transfer t ON t.subject = o.id AND t.state = 'posted'
        LEFT JOIN entry e ON e.transfer_id = t.id AND e.account_id LIKE 'buyer%'
        WHERE o.status IN ('delivered', 'completed', 'cancelled', 'expired') GROUP BY o.id, o.status, p.method""",
    )
    for row in owing:
        expected = {int(row.granted if row.method == "cash_on_delivery" else 0 if quiet else row.unsent)}
        # Until the provider has sent it back.
        expected |= {row.collected} if row.status in ENDED and not quiet else set()
        proof.require(
            row.owed in expected, f"{row.id} is {row.status}, and its buyer's account holds {row.owed}, not {expected}"
        )


async def shares_are_earned(ports: Ports, proof: Proof) -> None:
    """What a producer has of an order is its goods less commission less what went back; all of it available once, when it is due."""
    shares = await rows(
        ports,
        """SELECT l.order_id, l.producer_id, o.status, (o.terms ->> 'fee_bps')::int AS fee_bps, sum(l.total_minor)::bigint AS goods,
            (SELECT coalesce(sum(c.granted_minor), 0)::bigint FROM claim c WHERE c.order_id = l.order_id AND c.producer_id = l.producer_id)
                AS back,
            (SELECT count(*) FROM claim c WHERE c.order_id = l.order_id AND c.producer_id = l.producer_id
                AND c.status IN ('open', 'offered', 'disputed')) AS waiting
        FROM order_line l JOIN "order" o ON o.id = l.order_id GROUP BY l.order_id, l.producer_id, o.status, o.terms""",
    )
    sums = await rows(
        ports,
        """SELECT t.subject, e.account_id, sum(e.amount_minor)::bigint AS amount FROM transfer t JOIN entry e ON e.transfer_id = t.id
        WHERE t.state = 'posted' AND e.account_id LIKE 'producer%' GROUP BY 1, 2""",
    )
    held = {(row.subject, row.account_id): row.amount for row in sums}
    released = 0
    for row in shares:
        left = row.goods - row.back
        due = left - left * row.fee_bps // 10_000 if row.status in ("delivered", "completed") else 0
        pending = held.get((row.order_id, f"producer_pending:{row.producer_id}:CNY"), 0)
        available = held.get((row.order_id, f"producer_available:{row.producer_id}:CNY"), 0)
        proof.require(
            pending + available == due, f"{row.order_id}: {row.producer_id} has {pending} + {available} of {due}"
        )
        proof.require(
            pending >= 0 and available >= 0, f"{row.order_id}: {row.producer_id} was given more than there is"
        )
        if row.status != "completed":
            proof.require(available == 0, f"{row.order_id} is {row.status}, and {available} is released")
        elif not row.waiting:
            proof.require(pending == 0, f"{row.order_id} is completed, and {pending} still waits")
        released += available
    proof.figures["released to producers, fen"] = released


async def statements_are_the_ledger(ports: Ports, operator: Caller, proof: Proof) -> None:
    """Every party's statement, of all days, closes with the sum of its own entries, and its lines are these entries."""
    sums = await rows(
        ports,
        "SELECT a.owner, a.id, coalesce(sum(e.amount_minor) FILTER (WHERE t.state = 'posted'), 0)::bigint AS amount, "
        "count(t.id) FILTER (WHERE t.state = 'posted') AS lines FROM account a LEFT JOIN entry e ON e.account_id = a.id "
        "LEFT JOIN transfer t ON t.id = e.transfer_id GROUP BY a.owner, a.id",
    )
    owners: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in sums:
        owners[row.owner][row.id] = (row.amount, row.lines)
    now = ports.clock.now()
    period = period_of((now - timedelta(days=30)).date(), (now + timedelta(days=2)).date())
    for owner, accounts in owners.items():
        lines: Counter[str] = Counter()
        moved: Counter[str] = Counter()
        cursor = None
        while True:
            page = await show_statement(ports, operator, owner, period, cursor=cursor, limit=100, language="en")
            for line in page.items:
                lines[line.account] += 1
                moved[line.account] += line.amount.amount
            cursor = page.next_cursor
            if cursor is None:
                break
        told = {each.account: each.closing.amount for each in page.accounts}
        async with ports.database.read() as connection:
            held = {each.account.id: each.posted_minor for each in await balances(connection, owner)}
        proof.require(
            held == {account: amount for account, (amount, _) in accounts.items()}, f"{owner}: {held} is not {accounts}"
        )
        for account, (amount, number) in accounts.items():
            kind = account_of(account).kind
            same = told.get(kind) == amount == moved[kind] and lines[kind] == number
            proof.require(
                same, f"{account}: {amount} in {number} entries, its statement says {told.get(kind)} in {lines[kind]}"
            )
    proof.figures["statements"] = len(owners)
