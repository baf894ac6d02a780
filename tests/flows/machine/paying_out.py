"""Rules of paying out: runs, what the bank says of each payout, and accounts that are given anew."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.core.errors import StateConflict
from app.flows.pay_out import ask_for_run
from app.payouts.schemas import NewPayoutRun
from tests.factories.payouts import a_payee, mark, payouts
from tests.flows.machine.world import World

EVENTS = ("sent", "paid", "returned", "failed", "cancelled")


class PayingOut(World):
    @precondition(lambda self: self.orders)
    @rule(runs=st.integers(1, 2))
    def ask_to_pay(self, runs: int) -> None:
        """By a job, beside whatever else waits; two runs may meet."""
        for _ in range(runs):
            self.run(self._ask())

    async def _ask(self) -> None:
        command = NewPayoutRun.model_validate({"parties": ["producer", "cooperative"]})
        async with self.ports.begin() as session:
            await ask_for_run(self.ports, session, self.stage.operator.caller, command)

    @precondition(lambda self: self.run(payouts(self.ports)))
    @rule(data=st.data(), event=st.sampled_from(EVENTS))
    def bank_says(self, data, event: str) -> None:
        """Whatever the bank says of any payout, possible or not."""
        payout = data.draw(st.sampled_from([each.id for each in self.run(payouts(self.ports))]))
        self.run(self._mark(payout, event))

    async def _mark(self, payout: str, event: str) -> None:
        try:
            await mark(self.ports, payout, event)
        except StateConflict:
            return

    @precondition(lambda self: self.run(payouts(self.ports, status="returned")))
    @rule(loom=st.booleans())
    def give_an_account(self, loom: bool) -> None:
        seller = self.village.loom if loom else self.village.garden
        self.run(a_payee(self.ports, seller.caller, seller.producer.id))
