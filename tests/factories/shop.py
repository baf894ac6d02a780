"""A shop that takes cards: the ports with Stripe's stand-in as their provider, and the news that it owes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from app.core.errors import Problem
from app.flows.ports import Ports
from app.flows.record_payment_event import receive_payment_event
from app.payments.providers import StripeProvider
from tests.factories.books import (
    Proof,
    goods_add_up,
    ledger_adds_up,
    payments_are_charges,
    shares_are_earned,
    statements_are_the_ledger,
)
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.fakes.stripe.runner import StripeStandIn, stripe_stand_in

SECRET = "whsec_of_the_tests"


@pytest.fixture(scope="module")
def running() -> Iterator[StripeStandIn]:
    with stripe_stand_in() as fake:
        yield fake


@pytest.fixture
async def fake(running: StripeStandIn) -> StripeStandIn:
    await running.reset()
    await running.set_webhook("http://unused.test/", SECRET)
    return running


@pytest.fixture
async def shop(planned: Ports, fake: StripeStandIn) -> AsyncIterator[Ports]:
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=20)
    yield replace(planned, cards=cards)
    await cards.close()


async def hear(ports: Ports, fake: StripeStandIn, *, copies: int = 1) -> None:
    """Take in everything that the provider owes, all of it at once."""
    owed = [event for event, _ in fake.state.owed]
    fake.state.owed.clear()
    signed = [await fake.signed(event, SECRET) for event in owed]
    await asyncio.gather(
        *(receive_payment_event(ports, body, header) for body, header in signed for _ in range(copies))
    )


async def come_to_rest(ports: Ports, fake: StripeStandIn) -> None:
    """Until no job is due and the provider owes nothing."""
    await work(ports)
    while fake.state.owed:
        await hear(ports, fake)
        await work(ports)


async def require_right(ports: Ports, fake: StripeStandIn) -> None:
    """Come to rest; then goods, money and the provider agree to the fen."""
    await come_to_rest(ports, fake)
    proof = await looked_at(ports, fake)
    assert not proof.findings, "\n".join(proof.findings)


async def looked_at(ports: Ports, fake: StripeStandIn) -> Proof:
    proof = Proof()
    await payments_are_charges(ports, fake.state, proof, quiet=True)
    await goods_add_up(ports, proof, quiet=True)
    await ledger_adds_up(ports, proof, quiet=True)
    await shares_are_earned(ports, proof)
    await statements_are_the_ledger(ports, (await an_operator(ports)).caller, proof)
    return proof


async def at_once(*stories):
    """What each story answered, or the problem that it met; anything else is a failure of ours."""
    answers = await asyncio.gather(*stories, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Problem):
            raise answer
    return answers
