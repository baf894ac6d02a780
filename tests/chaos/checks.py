"""What is there afterwards, against what clients were told and what the card provider holds."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.core.clock import FixedClock
from app.flows.keep_books import close_books
from app.flows.ports import Ports
from tests.chaos.journal import Journal
from tests.chaos.people import Cast
from tests.chaos.scanning import scans_are_there
from tests.factories.books import (
    ENDED,
    Proof,
    goods_add_up,
    ledger_adds_up,
    payments_are_charges,
    shares_are_earned,
    statements_are_the_ledger,
)
from tests.factories.tables import rows
from tests.fakes.stripe.state import State as Provider


async def check(ports: Ports, cast: Cast, journal: Journal, provider: Provider) -> Proof:
    """Look at everything once all is quiet. The last check closes the day, so nothing may be written after it."""
    proof = Proof(findings=list(journal.faults))
    await orders_are_there(ports, journal, proof)
    await scans_are_there(ports, cast.fleet, journal.scans, proof)
    money_is_there(journal, provider, proof)
    await payments_are_charges(ports, provider, proof, quiet=True)
    await claims_are_there(ports, journal, provider, proof)
    await goods_add_up(ports, proof, quiet=True)
    await ledger_adds_up(ports, proof, quiet=True)
    await shares_are_earned(ports, proof)
    await statements_are_the_ledger(ports, cast.operator.caller, proof)
    await nothing_waits(ports, proof)
    await books_agree(ports, proof)
    return proof


async def orders_are_there(ports: Ports, journal: Journal, proof: Proof) -> None:
    """One order for each answered key, as it was answered, and no other."""
    kept = {
        row.id: row
        for row in await rows(ports, 'SELECT id, number, status, total_minor, buyer_id, quote_id FROM "order"')
    }
    answered = {told.order: told.body for told in journal.of("order")}
    proof.figures["orders answered"], proof.figures["orders there"] = len(answered), len(kept)
    proof.none_of(answered.keys() - kept.keys(), "an answered order is not there")
    proof.none_of(kept.keys() - answered.keys(), "an order is there that no client knows of")
    proof.require(len(answered) == sum(1 for _ in journal.of("order")), "two keys were answered with one order")
    keys = dict(
        map(
            tuple,
            await rows(ports, "SELECT subject, count(*) FROM idempotency_key WHERE subject LIKE 'ord_%' GROUP BY 1"),
        )
    )
    proof.none_of([order for order in answered if keys.get(order) != 1], "an order has not one key")
    lines = await rows(ports, "SELECT order_id, id, listing_id, quantity, total_minor FROM order_line")
    by_order: dict[str, dict[str, Any]] = defaultdict(dict)
    for line in lines:
        by_order[line.order_id][line.id] = (line.listing_id, line.quantity, line.total_minor)
    for order, body in answered.items():
        told = {each["id"]: (each["listing"], int(each["quantity"]), each["total"]["amount"]) for each in body["lines"]}
        same = order in kept and (kept[order].number, kept[order].total_minor) == (
            body["number"],
            body["price"]["total"]["amount"],
        )
        proof.require(same and by_order[order] == told, f"{order} is not as it was answered")
    cancelled = {told.order for told in journal.of("cancel")}
    proof.figures["cancellations answered"] = len(cancelled)
    proof.none_of([o for o in cancelled if o in kept and kept[o].status != "cancelled"], "a cancelled order goes on")
    proof.none_of(
        [o for o, row in kept.items() if row.status in ENDED and o not in cancelled], "an order ended by itself"
    )
    arrived = {told.order for told in journal.of("tracking")}
    done = {told.order for told in journal.of("receipt")}
    proof.figures["orders delivered"], proof.figures["receipts answered"] = len(arrived), len(done)
    proof.none_of(
        [o for o in arrived if o in kept and kept[o].status not in ("delivered", "completed")], "delivered, but not so"
    )
    proof.none_of([o for o in done if o in kept and kept[o].status != "completed"], "received, but not completed")


def money_is_there(journal: Journal, provider: Provider, proof: Proof) -> None:
    """Every card payment that was answered is a charge at the provider."""
    charges = [each["payment_intent"] for each in provider.of("charge", status="succeeded")]
    told = {each.key for each in journal.of("payment")}
    proof.figures["card payments answered"], proof.figures["charges at the provider"] = len(told), len(charges)
    proof.none_of(told - set(charges), "an answered payment is not at the provider")


async def claims_are_there(ports: Ports, journal: Journal, provider: Provider, proof: Proof) -> None:
    """Every answered refund is granted as it was answered, sent by card once, and never more than was paid."""
    kept = {
        row.id: row
        for row in await rows(
            ports,
            "SELECT c.id, c.order_id, c.status, c.granted_minor, c.refunded_at, p.method FROM claim c JOIN payment p ON p.order_id = c.order_id",
        )
    }
    answered = {told.body["id"]: told.body for told in journal.of("claim")}
    granted = {told.body["id"]: told.body for told in journal.of("refund")}
    proof.figures["claims answered"], proof.figures["refunds answered"] = len(answered), len(granted)
    proof.none_of(
        (answered.keys() | granted.keys()) ^ kept.keys(), "a claim is told and not there, or there and not told"
    )
    sent: dict[str, list[int]] = defaultdict(list)
    # What was only held and let go is told as a refund of nobody's.
    for refund in (each for each in provider.of("refund") if "refund" in each["metadata"]):
        sent[refund["metadata"]["refund"]].append(refund["amount"])
    proof.figures["refunds at the provider"] = sum(len(each) for each in sent.values())
    for claim, body in granted.items():
        row = kept[claim]
        same = (row.status, row.granted_minor) == ("settled", body["granted"]["amount"]) and row.refunded_at is not None
        proof.require(same, f"{claim} was granted {body['granted']}, and is {row.status} with {row.granted_minor}")
        expected = [row.granted_minor] if row.method == "stripe" else []
        proof.require(
            sent[f"{claim}:refund"] == expected, f"{claim}: the provider sent {sent[f'{claim}:refund']}, not {expected}"
        )
    proof.none_of(
        [c for c, row in kept.items() if row.status == "settled" and c not in granted], "granted and told to nobody"
    )
    sums = await rows(
        ports,
        "SELECT p.order_id FROM payment p JOIN \"order\" o ON o.id = p.order_id WHERE o.status NOT IN ('cancelled', 'expired') "
        "AND p.refunded_minor <> (SELECT coalesce(sum(granted_minor), 0) FROM claim c WHERE c.order_id = p.order_id)",
    )
    proof.none_of([row.order_id for row in sums], "what was refunded is not what claims were granted")


async def nothing_waits(ports: Ports, proof: Proof) -> None:
    dead = await rows(ports, "SELECT task_name, args FROM jobs.procrastinate_jobs WHERE status = 'failed'")
    proof.none_of([f"{row.task_name} {row.args}" for row in dead], "a dead letter")
    unhandled = "SELECT event_id FROM provider_event WHERE handled_at IS NULL"
    proof.none_of([row.event_id for row in await rows(ports, unhandled)], "an event of the provider was never acted on")


async def books_agree(ports: Ports, proof: Proof) -> None:
    """Tomorrow's nightly check, today: ledger, kept balances and provider."""
    tomorrow = replace(ports, clock=FixedClock(ports.clock.now() + timedelta(days=1, hours=1)))
    await close_books(tomorrow)
    night = (await rows(ports, "SELECT payments, transfers, findings FROM reconciliation ORDER BY id DESC LIMIT 1"))[0]
    proof.figures["payments compared with the provider"] = night.payments
    proof.require(night.payments is not None, "the provider was not asked")
    proof.none_of(night.findings, "the night's reconciliation")
