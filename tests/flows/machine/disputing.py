"""Rules of disputes: a buyer's bank takes the money back, and decides; its news come like all others, late, twice, in any order."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.factories.tables import value
from tests.flows.machine.paying import by_card
from tests.flows.machine.world import Bought, World

REASONS = ("product_unacceptable", "fraudulent")


def undecided(self: World) -> list[str]:
    return sorted(each["id"] for each in self.fake.state.of("dispute", status="needs_response"))


class Disputing(World):
    @precondition(by_card)
    @rule(data=st.data(), reason=st.sampled_from(REASONS))
    def dispute(self, data, reason: str) -> None:
        """Of goods that arrived, when nothing else is asked back: of what a bank has taken the provider returns nothing more."""
        self.run(self._dispute(data.draw(st.sampled_from(by_card(self))), reason))

    async def _dispute(self, order: Bought, reason: str) -> None:
        ref = order.body["payment"]["client_secret"].partition("_secret_")[0]
        charges = self.fake.state.of("charge", payment_intent=ref, captured=True, disputed=False)
        if charges and await value(self.ports, _FREE, id=order.id):
            await self.fake.dispute(charges[0]["id"], reason=reason)

    @precondition(undecided)
    @rule(data=st.data(), won=st.booleans())
    def bank_decides(self, data, won: bool) -> None:
        self.run(self.fake.decide(data.draw(st.sampled_from(undecided(self))), won=won))


_FREE = """SELECT EXISTS (SELECT FROM "order" o JOIN payment p ON p.order_id = o.id WHERE o.id = :id
    AND o.status IN ('delivered', 'completed') AND p.status = 'paid' AND p.refunded_minor < p.amount_minor)
    AND NOT EXISTS (SELECT FROM claim WHERE order_id = :id AND (status IN ('open', 'offered', 'disputed')
        OR granted_minor > 0 AND refunded_at IS NULL))
    AND NOT EXISTS (SELECT FROM part_refund WHERE order_id = :id AND refunded_at IS NULL)"""
