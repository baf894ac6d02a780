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
    """One payment for each order, one charge at most for each payment, never more sent back than was taken; when quiet, the same.

    What a card only holds is a charge that was not captured; what of it is let go the provider calls a refund of nobody's.
    """
    payments = await rows(ports, _PAYMENTS)
    proof.none_of([row.order_id for row in payments if row.id is None], "an order has no payment")
    payments = [row for row in payments if row.id]
    doubled = [order for order, count in Counter(row.order_id for row in payments).items() if count > 1]
    proof.none_of(doubled, "an order has more than one payment")
    orders = {each["id"]: each["metadata"]["order"] for each in provider.of("payment_intent")}
    proof.none_of(
        [order for order, count in Counter(orders.values()).items() if count > 1],
        "the provider was asked twice for an order",
    )
    # What arrives at a producer's account by a transfer is a charge there, of no intent.
    made = [each for each in provider.of("charge", status="succeeded") if each["payment_intent"]]
    charges = Counter(each["payment_intent"] for each in made)
    taken = {each["payment_intent"]: each["amount_captured"] for each in made}
    proof.none_of([ref for ref, count in charges.items() if count != 1], "a card was charged more than once")
    refunds = [each for each in provider.of("refund") if "refund" in each["metadata"]]
    returned: Counter[str] = Counter()
    for refund in refunds:
        returned[refund["payment_intent"]] += refund["amount"]
    sent = Counter(each["metadata"]["refund"] for each in refunds)
    proof.none_of([each for each, count in sent.items() if count > 1], "a refund was sent twice")
    refs = {order: ref for ref, order in orders.items()}
    proof.none_of(
        {orders[ref] for ref in taken} - {row.order_id for row in payments}, "the provider took money for no order"
    )
    for row in payments:
        ref = refs.get(row.order_id, "")
        back = returned[ref]
        _owes_what_it_costs(row, proof)
        proof.require(back <= row.amount_minor, f"{row.order_id}: {back} was sent back of {row.amount_minor}")
        if row.method == "stripe":
            held = bool(ref) and provider.objects[ref]["status"] == "requires_capture"
            _is_its_charge(row, taken.get(ref, 0), back, held, proof, quiet=quiet)
        elif row.order_status in ENDED:
            proof.require(row.status == "cancelled", f"{row.order_id} ended, its cash is {row.status}")
        elif row.order_status in ARRIVED:
            proof.require(row.status in ("paid", "refunded"), f"{row.order_id} was delivered, its cash is {row.status}")


_PAYMENTS = """SELECT o.id AS order_id, p.id, p.method, p.status, p.amount_minor, p.refunded_minor, o.status AS order_status,
    o.total_minor - coalesce(o.deposit_minor, 0) + coalesce(o.box_deposit_minor, 0) AS due,
    (SELECT coalesce(sum(r.amount_minor), 0)::bigint FROM part_refund r WHERE r.order_id = o.id) AS in_parts,
    (SELECT coalesce(-sum(e.amount_minor), 0)::bigint FROM transfer t JOIN entry e ON e.transfer_id = t.id
        WHERE t.subject = o.id AND t.kind = 'collection' AND e.account_id LIKE 'carrier_cash:%') AS at_the_door,
    EXISTS (SELECT FROM order_line l WHERE l.order_id = o.id AND l.price_per IS NOT NULL) AS weighed
FROM "order" o LEFT JOIN payment p ON o.id = p.order_id"""


def _owes_what_it_costs(row: Any, proof: Proof) -> None:
    """A payment is what its order comes to. A card pays what goods may weigh at most: what is too much goes back in parts, what
    lacks is taken at the door.
    """
    if row.method == "stripe" and row.weighed:
        if row.order_status in ARRIVED:
            kept = row.amount_minor - row.in_parts + row.at_the_door
            proof.require(kept == row.due, f"{row.order_id}: {kept} is kept, and it comes to {row.due}")
    elif row.order_status not in ENDED:
        kept = row.amount_minor - row.in_parts
        proof.require(kept == row.due, f"{row.order_id} is paid with another amount: {kept}, not {row.due}")


def _is_its_charge(row: Any, charged: int, back: int, held: bool, proof: Proof, *, quiet: bool) -> None:
    proof.require(charged in (0, row.amount_minor), f"{row.order_id}: {charged} was taken of {row.amount_minor}")
    proof.require(back <= charged, f"{row.order_id}: {back} was sent back of {charged}")
    proof.require(row.refunded_minor <= back, f"{row.order_id}: {row.refunded_minor} is refunded, {back} was sent")
    proof.require(row.status not in ("paid", "refunded") or charged, f"{row.order_id} is {row.status}, and nobody paid")
    if not quiet:
        return
    nothing = ("started", "awaiting_customer", "failed", "cancelled")
    fits = ("paid", "refunded") if charged else ("authorised",) if held else nothing
    proof.require(
        row.status in fits, f"{row.order_id}: {charged} charged, held: {held}, but its payment is {row.status}"
    )
    proof.require(row.refunded_minor == back, f"{row.order_id}: {row.refunded_minor} is refunded, {back} was sent")
    if row.order_status in ENDED:
        proof.require(charged == back, f"{row.order_id} ended, and {charged - back} fen were not sent back")
        proof.require(not held, f"{row.order_id} ended, and its buyer's money is still held")
    elif row.order_status == "placed":
        proof.require(charged or held, f"{row.order_id} is placed, and nobody paid")
    elif row.order_status != "awaiting_payment":
        proof.require(charged, f"{row.order_id} is {row.order_status}, and nobody paid")


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
        """SELECT line.order_id, line.id, line.quantity, line.taken_off_at, o.status, c.status AS moved,
            coalesce(sum(held.quantity) FILTER (WHERE held.state = 'held'), 0) AS open,
            coalesce(sum(held.quantity) FILTER (WHERE held.state = 'consumed'), 0) AS gone
        FROM order_line line JOIN "order" o ON o.id = line.order_id JOIN consignment c ON c.id = line.consignment_id
        LEFT JOIN reservation held ON held.order_id = line.order_id AND held.line_id = line.id
        GROUP BY line.order_id, line.id, line.quantity, line.taken_off_at, o.status, c.status""",
    )
    for line in lines:
        wanted = 0 if line.status in ENDED or line.taken_off_at else line.quantity
        proof.require(
            line.open + line.gone == wanted, f"{line.order_id} is {line.status}, and holds {line.open} + {line.gone}"
        )
        if quiet and line.status not in ENDED and not line.taken_off_at:
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
    proof.none_of(
        [row.subject for row in await rows(ports, _FAILED)], "a refund that failed is not owed again as it was"
    )
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
            count(t.id) FILTER (WHERE t.kind = 'collection') AS collected,
            (SELECT count(DISTINCT l.price_per) FROM order_line l WHERE l.order_id = o.id) AS weighed
        FROM "order" o LEFT JOIN transfer t ON t.subject = o.id GROUP BY o.id""",
    )
    for row in counted:
        proof.require(
            # Of goods by weight, a second one may be taken at the door.
            row.sales == 1 and row.collected <= 1 + row.weighed,
            f"{row.id}: {row.sales} sales, {row.collected} collections",
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
            (SELECT coalesce(sum(granted_minor), 0) FROM claim c WHERE c.order_id = o.id AND refunded_at IS NULL) AS unsent,
            (SELECT coalesce(sum(r.amount_minor), 0) FROM part_refund r WHERE r.order_id = o.id AND refunded_at IS NULL) AS unsent_parts,
            (SELECT coalesce(sum(f.amount_minor), 0) FROM failed_refund f WHERE f.order_id = o.id) AS failed,
            coalesce(-sum(e.amount_minor) FILTER (WHERE t.kind LIKE 'dispute%'), 0)::bigint AS by_the_bank,
            o.total_minor - coalesce(o.deposit_minor, 0) + coalesce(o.box_deposit_minor, 0) AS due
        FROM "order" o JOIN payment p ON p.order_id = o.id LEFT JOIN transfer t ON t.subject = o.id AND t.state = 'posted'
        LEFT JOIN entry e ON e.transfer_id = t.id AND e.account_id LIKE 'buyer%'
        WHERE o.status IN ('delivered', 'completed', 'cancelled', 'expired') GROUP BY o.id, p.id, o.status, p.method""",
    )
    for row in owing:
        expected = {
            int(row.granted if row.method == "cash_on_delivery" else 0 if quiet else row.unsent + row.unsent_parts)
        }
        if row.status in ENDED and not quiet:
            # Until the provider has sent it back.
            expected |= {row.collected}
        elif row.method == "stripe" and not row.collected and not quiet:
            # The card is charged with the hand-over, and that may be heard of later.
            expected |= {int(row.unsent - row.due)}
        # What did not arrive is owed again, until a bank gives it to the buyer with what it takes from us.
        expected = {each + int(row.failed - row.by_the_bank) for each in expected}
        proof.require(
            0 <= row.by_the_bank <= row.failed + row.granted + row.collected, f"{row.id}: {row.by_the_bank} by the bank"
        )
        proof.require(
            row.owed in expected, f"{row.id} is {row.status}, and its buyer's account holds {row.owed}, not {expected}"
        )


_FAILED = """SELECT coalesce(f.order_id, t.subject) AS subject FROM (SELECT order_id, sum(amount_minor) AS amount FROM failed_refund GROUP BY 1) f
    FULL JOIN (SELECT t.subject, sum(e.amount_minor) AS amount FROM transfer t JOIN entry e ON e.transfer_id = t.id
        WHERE t.kind = 'refund_failed' AND e.account_id LIKE 'buyer:%' GROUP BY 1) t ON t.subject = f.order_id
    WHERE f.amount IS DISTINCT FROM t.amount"""


async def shares_are_earned(ports: Ports, proof: Proof) -> None:
    """What a producer and its co-operative have of an order is its goods less commission less what went back; all of it available
    once, when it is due.
    """
    shares = await rows(ports, _SHARES)
    held = {(row.subject, row.account_id): row.amount for row in await rows(ports, _HELD)}
    lost = {(row.subject, row.account_id): row.amount for row in await rows(ports, _LOST)}
    waiting = {row.order_id for row in shares if row.claims or row.disputes}
    earned: dict[tuple[str, str, str], int] = defaultdict(int)
    status = {row.order_id: row.status for row in shares}
    for row in shares:
        left = row.goods - row.back
        due = left - left * row.fee_bps // 10_000 if row.status in ARRIVED else 0
        shared = due * row.share_bps // 10_000 if row.cooperative else 0
        earned[row.order_id, "producer", row.producer_id] += due - shared
        if row.cooperative:
            # One account for all its members in an order.
            earned[row.order_id, "cooperative", row.cooperative] += shared
    released = 0
    for (order, kind, owner), due in earned.items():
        accounts = [f"{kind}_{each}:{owner}:CNY" for each in ("pending", "available")]
        pending, available = (held.get((order, account), 0) for account in accounts)
        borne = -sum(lost.get((order, account), 0) for account in accounts)
        proof.require(0 <= borne <= due, f"{order}: {owner} bears {borne} of a lost dispute, and earned {due}")
        proof.require(
            pending + available + borne == due, f"{order}: {owner} has {pending} + {available} + {borne} of {due}"
        )
        proof.require(pending >= 0 and available >= 0, f"{order}: {owner} was given more than there is")
        if status[order] != "completed":
            proof.require(available == 0, f"{order} is {status[order]}, and {available} is released")
        elif order not in waiting:
            proof.require(pending == 0, f"{order} is completed, and {pending} still waits")
        released += available
    for row in await rows(ports, _COSTS):
        fits = row.times == 1 and row.status == "cancelled" and row.moved <= 2 * row.whole
        proof.require(fits, f"{row.id} is {row.status}, and cancelling it cost {row.moved} in {row.times} transfers")
    proof.figures["released to producers, fen"] = released
    await _nobody_is_paid_twice(ports, proof)


_SHARES = """SELECT l.order_id, l.producer_id, o.status, (o.terms ->> 'fee_bps')::int AS fee_bps, sum(l.total_minor)::bigint AS goods,
    o.terms -> 'shares' -> l.producer_id ->> 'cooperative' AS cooperative,
    (o.terms -> 'shares' -> l.producer_id ->> 'share_bps')::int AS share_bps,
    (SELECT coalesce(sum(c.granted_minor), 0)::bigint FROM claim c WHERE c.order_id = l.order_id AND c.producer_id = l.producer_id)
        AS back,
    (SELECT count(*) FROM claim c WHERE c.order_id = l.order_id AND c.producer_id = l.producer_id
        AND c.status IN ('open', 'offered', 'disputed')) AS claims,
    (SELECT count(*) FROM dispute d WHERE d.order_id = l.order_id
        AND d.status NOT IN ('inquiry_closed', 'won', 'lost')) AS disputes
FROM order_line l JOIN "order" o ON o.id = l.order_id GROUP BY l.order_id, l.producer_id, o.status, o.terms"""
_HELD = """SELECT t.subject, e.account_id, sum(e.amount_minor)::bigint AS amount FROM transfer t JOIN entry e ON e.transfer_id = t.id
WHERE t.state = 'posted' AND t.kind <> 'cancellation' AND t.subject LIKE 'ord_%'
AND (e.account_id LIKE 'producer%' OR e.account_id LIKE 'cooperative%') GROUP BY 1, 2"""
# What a cancelled order costs whom is told once, by its reason, and is no part of what it would have brought.
_COSTS = """SELECT o.id, o.status, count(*) AS times, o.goods_minor + o.carriage_minor + o.packaging_minor AS whole,
    (SELECT sum(abs(e.amount_minor)) FROM transfer s JOIN entry e ON e.transfer_id = s.id
        WHERE s.subject = o.id AND s.kind = 'cancellation')::bigint AS moved
FROM transfer t JOIN "order" o ON o.id = t.subject WHERE t.kind = 'cancellation' GROUP BY o.id"""
_LOST = _HELD.replace("t.state = 'posted'", "t.state = 'posted' AND t.kind = 'dispute_lost'")


async def _nobody_is_paid_twice(ports: Ports, proof: Proof) -> None:
    """What arrived at somebody, or is on its way, and what is still to be had are what orders brought; each payout left once."""
    payouts = await rows(ports, "SELECT id, status, amount_minor, transfer_id, party_id FROM payout")
    sums = await rows(
        ports,
        """SELECT e.transfer_id, t.state, sum(e.amount_minor)::bigint AS amount FROM transfer t JOIN entry e ON e.transfer_id = t.id
        JOIN account a ON a.id = e.account_id JOIN payout p ON p.transfer_id = t.id AND p.party_id = a.owner GROUP BY 1, 2""",
    )
    left = {row.transfer_id: (row.state, -row.amount) for row in sums}
    states = {"prepared": "pending", "sent": "pending", "paid": "posted", "returned": ("posted", "void")}
    for payout in payouts:
        state, amount = left.get(payout.transfer_id, ("none", 0))
        proof.require(amount == payout.amount_minor, f"{payout.id} pays {payout.amount_minor}, its transfer {amount}")
        allowed = states.get(payout.status, "void")
        proof.require(state in allowed, f"{payout.id} is {payout.status}, its transfer {state}")
    doubled = [each for each, count in Counter(row.transfer_id for row in payouts).items() if count > 1]
    proof.none_of(doubled, "a transfer of more than one payout")
    owed = await rows(ports, _OWED)
    proof.none_of(
        [f"{row.owner}: {row.paid} of {row.earned}" for row in owed if row.paid > row.earned],
        "somebody was paid more than was ever released",
    )
    proof.figures["paid out, fen"] = int(sum(row.paid for row in owed))


# What was ever released to somebody, whatever of it went back later; and what left by payouts, less what was returned.
_OWED = """SELECT a.owner,
    coalesce(sum(e.amount_minor) FILTER (WHERE t.kind NOT LIKE 'payout%' AND e.amount_minor > 0), 0)::bigint AS earned,
    coalesce(-sum(e.amount_minor) FILTER (WHERE t.kind LIKE 'payout%'), 0)::bigint AS paid
FROM account a JOIN entry e ON e.account_id = a.id JOIN transfer t ON t.id = e.transfer_id
WHERE a.kind IN ('producer_available', 'cooperative_available') AND t.state <> 'void' GROUP BY a.owner"""


async def disputes_add_up(ports: Ports, provider: Provider, proof: Proof, *, quiet: bool) -> None:
    """What banks hold of an order is what they dispute and have not decided; who bears it, bears it once."""
    orders = {each["id"]: each["metadata"].get("order") for each in provider.of("payment_intent")}
    disputes = {orders[each["payment_intent"]]: each for each in provider.of("dispute")}
    sums = await rows(
        ports,
        """SELECT t.subject, sum(e.amount_minor)::bigint AS amount, count(DISTINCT t.id) AS times,
            coalesce(sum(e.amount_minor) FILTER (WHERE t.kind = 'dispute_lost'), 0)::bigint AS lost
        FROM transfer t JOIN entry e ON e.transfer_id = t.id WHERE e.account_id LIKE 'disputed:%' GROUP BY 1""",
    )
    entered = {row.subject: row for row in sums}
    proof.none_of(entered.keys() - disputes.keys(), "a dispute that the provider does not know")
    for order, dispute in disputes.items():
        row, status = entered.get(order), dispute["status"]
        held, times, lost = (-row.amount, row.times, row.lost) if row else (0, 0, 0)
        open_now = dispute["amount"] if status in ("needs_response", "under_review") else 0
        allowed = (open_now,) if quiet else (0, dispute["amount"])
        proof.require(held in allowed, f"{order} is disputed ({status}), and banks hold {held}, not {allowed}")
        proof.require(times <= 2 and lost in (0, dispute["amount"]), f"{order}: {lost} was lost, in {times} transfers")
        if quiet:
            proof.require(lost == (dispute["amount"] if status == "lost" else 0), f"{order}: {status}, {lost} is borne")


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
    period = period_of((now - timedelta(days=300)).date(), (now + timedelta(days=2)).date())
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
