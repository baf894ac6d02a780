"""Accounts that parties are paid to, checked by an operator, and money that is paid."""

from typing import Any

from app.flows.give_payee import check_payee, give_payee
from app.flows.mark_payout import mark_payout
from app.flows.pay_out import ask_for_run
from app.flows.ports import Ports
from app.identity.values import Caller
from app.payouts.moves import plan_moves
from app.payouts.schemas import NewPayee, NewPayoutRun, PayeeShape, PayeeVerdict, PayoutMark
from tests.factories.jobs import work
from tests.factories.tables import rows

NUMBER = "6200 0000 0000 4321"
ACCOUNT = {"holder": "巴格其枣园", "bank": "和田农村信用合作社", "number": NUMBER}


def paid_at(party: str | None = None, **more: Any) -> dict[str, Any]:
    """The body of a payee: a bank account."""
    return {"party": party, "channel": "bank_transfer", "account": ACCOUNT} | more


async def a_payee(ports: Ports, caller: Caller, party: str | None = None, **more: Any) -> PayeeShape:
    """An account that an operator has checked."""
    async with ports.begin() as session:
        given = await give_payee(ports, session, caller, NewPayee.model_validate(paid_at(party, **more)), "en")
        return await check_payee(ports, session, given.id, PayeeVerdict(verified=True), "en")


async def a_run(ports: Ports, operator: Caller, **asked: Any) -> str:
    """A run whose job has worked; its id."""
    async with ports.begin() as session:
        run = await ask_for_run(ports, session, operator, NewPayoutRun.model_validate(asked))
    await work(ports)
    return run.id


async def payouts(ports: Ports, **of: str) -> list[Any]:
    """Every payout, or those whose columns are as said: the oldest first."""
    where = " AND ".join(f"{name} = :{name}" for name in of) or "true"
    return await rows(ports, f"SELECT * FROM payout WHERE {where} ORDER BY id", **of)


async def mark(ports: Ports, payout_id: str, *events: str, reference: str | None = "B2026030300017") -> None:
    """What the bank says, one after another."""
    for event in events:
        command = PayoutMark.model_validate({"event": event, "reference": reference})
        async with ports.begin() as session:
            await mark_payout(ports, session, payout_id, command)


async def moves_for(ports: Ports, order_id: str, party_id: str) -> None:
    """Money of an order that is to move to a party's account, and a part of it that is to come back."""
    for due in (1_000, 400):
        async with ports.begin() as session:
            await plan_moves(
                session,
                order_id=order_id,
                party_id=party_id,
                account_ref="acct_tests",
                currency="CNY",
                due_minor=due,
                now=ports.clock.now(),
            )
