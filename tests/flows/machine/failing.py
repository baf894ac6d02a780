"""Rules of refunds that do not arrive: a bank says so, however late, and the buyer is owed the money again."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.flows.machine.world import World


def sent_back(self: World) -> list[str]:
    """Refunds of ours that their banks have taken, of charges that nobody disputes: of those the bank has the money."""
    return sorted(
        each["id"]
        for each in self.fake.state.of("refund", status="succeeded")
        if "refund" in each["metadata"] and not self.fake.state.objects[each["charge"]]["disputed"]
    )


class Failing(World):
    @precondition(sent_back)
    @rule(data=st.data())
    def refund_fails(self, data) -> None:
        self.run(self.fake.settle_refund(data.draw(st.sampled_from(sent_back(self))), succeed=False))
