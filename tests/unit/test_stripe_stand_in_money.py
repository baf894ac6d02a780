"""The stand-in's money, in whatever order things happen: what one account loses another one, a bank or a fee has."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.stripe import accounts, books, disputes, intents, payouts, refunds, transfers
from tests.fakes.stripe.books import PLATFORM
from tests.fakes.stripe.errors import StripeError
from tests.fakes.stripe.spec import load_spec
from tests.fakes.stripe.state import Call, State

BUY = {"currency": "cny", "payment_method_types": ["card"], "confirm": True, "payment_method": "pm_card_visa"}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["charge", "refund", "transfer", "reverse", "mature", "payout", "bank", "dispute", "decide", "free"]
        ),
        st.integers(0, 5),
        st.integers(1, 15_000),
    ),
    max_size=40,
)


def _nth(state: State, kind: str, number: int) -> str:
    found = state.of(kind)
    return found[number % len(found)]["id"] if found else "none"


def _step(state: State, seller: str, what: str, number: int, amount: int) -> None:
    ours = [each["id"] for each in state.of("charge") if each["id"].startswith("ch_")]
    mine = ours[number % len(ours)] if ours else "none"
    given: dict[str, Any] = {"amount": amount, "currency": "cny"}
    match what:
        case "charge":
            intents.create(state, Call(BUY | given, {}))
        case "refund":
            refunds.create(state, Call({"charge": mine, "amount": amount}, {}))
        case "transfer":
            transfers.create(state, Call(given | {"destination": seller, "source_transaction": mine}, {}))
        case "free":
            transfers.create(state, Call(given | {"destination": seller}, {}))
        case "reverse":
            transfers.reverse(state, Call({"amount": amount}, {"id": _nth(state, "transfer", number)}))
        case "mature":
            books.mature(state)
        case "payout":
            payouts.create(state, Call(given, {}, account=seller))
        case "bank":
            status = ("in_transit", "paid", "failed", "canceled")[amount % 4]
            payouts.move(state, _nth(state, "payout", number), status)
        case "dispute":
            disputes.open_dispute(state, mine)
        case "decide":
            disputes.decide(state, _nth(state, "dispute", number), won=bool(amount % 2))


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_money_neither_appears_nor_vanishes_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    state = State(load_spec())
    seller = accounts.create(state, Call({"capabilities": {"transfers": {"requested": True}}}, {}))["id"]
    accounts.onboard(state, seller, currency="cny")
    for what, number, amount in steps:
        # A refusal changes nothing: the sums below say so.
        with suppress(StripeError):
            _step(state, seller, what, number, amount)
        taken = sum(each["amount_captured"] for each in state.of("charge") if each["id"].startswith("ch_"))
        back = sum(each["amount"] for each in state.of("refund"))
        disputed = sum(each["amount"] for each in state.of("dispute") if each["status"] != "won")
        sent = sum(each["amount"] for each in state.of("payout") if each["status"] not in ("failed", "canceled"))
        fees = sum(each["fee"] for each in state.of("balance_transaction"))
        held = {owner: books.held_by(state, owner, "cny", pending=True) for owner in (PLATFORM, seller)}
        assert sum(held.values()) == taken - back - disputed - sent - fees
        assert held[seller] >= 0
        for each in state.of("charge"):
            passed_on = state.of("transfer", source_transaction=each["id"])
            assert sum(one["amount"] - one["amount_reversed"] for one in passed_on) <= each["amount_captured"]
