"""What holds after every step, whatever the rules were; and what holds once all is quiet."""

from datetime import timedelta

from hypothesis.stateful import invariant

from tests.factories.books import (
    Proof,
    disputes_add_up,
    goods_add_up,
    ledger_adds_up,
    payments_are_charges,
    shares_are_earned,
    statements_are_the_ledger,
)
from tests.factories.tables import rows
from tests.flows.machine.world import World


class Truths(World):
    @invariant()
    def everything_adds_up(self) -> None:
        self.run(self._look(quiet=False))

    async def _look(self, *, quiet: bool) -> None:
        proof = Proof()
        await payments_are_charges(self.ports, self.fake.state, proof, quiet=quiet)
        await goods_add_up(self.ports, proof, quiet=quiet)
        await ledger_adds_up(self.ports, proof, quiet=quiet)
        await shares_are_earned(self.ports, proof)
        await disputes_add_up(self.ports, self.fake.state, proof, quiet=quiet)
        await statements_are_the_ledger(self.ports, self.stage.operator.caller, proof)
        kept = {row.id for row in await rows(self.ports, 'SELECT id FROM "order"')}
        proof.require(kept == {order.id for order in self.orders}, "orders are not those that were answered")
        assert not proof.findings, "\n".join(proof.findings)

    def teardown(self) -> None:
        """At the end of every example all is let come to rest: then ledger and provider agree to the fen."""
        try:
            self.settle()
            self.run(self._look(quiet=True))
            found = self.run(self.night(self.clock.now() + timedelta(days=1)))
            assert not found, found
        finally:
            super().teardown()
