"""Rules of paying by card: the buyer pays or is declined; the provider tells late, twice, or never."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.flows.record_payment_event import receive_payment_event
from tests.flows.machine.world import SECRET, Bought, World


def by_card(self: World) -> list[Bought]:
    return [order for order in self.orders if order.method == "stripe"]


class Paying(World):
    @precondition(by_card)
    @rule(data=st.data(), declined=st.booleans())
    def pay(self, data, declined: bool) -> None:
        """With a good card or a bad one; an intent that has ended or is paid takes neither."""
        order = data.draw(st.sampled_from(by_card(self)))
        self.run(self._pay(order, "pm_card_chargeDeclined" if declined else "pm_card_visa"))

    async def _pay(self, order: Bought, card: str) -> None:
        ref = order.body["payment"]["client_secret"].partition("_secret_")[0]
        intent = self.fake.state.objects[ref]
        if intent["status"] in ("requires_payment_method", "requires_confirmation"):
            await self.fake.confirm(order.body["payment"]["client_secret"], card)

    @precondition(lambda self: self.fake.state.owed)
    @rule(data=st.data(), copies=st.integers(1, 2))
    def hear(self, data, copies: int) -> None:
        """Any one of the provider's news, in whatever order, perhaps twice."""
        event, endpoint = data.draw(st.sampled_from(sorted(self.fake.state.owed)))
        for _ in range(copies):
            self.run(self._hear(event))
        self.fake.state.owed.remove((event, endpoint))

    @precondition(lambda self: self.fake.state.owed)
    @rule()
    def hear_everything(self) -> None:
        for event, _ in list(self.fake.state.owed):
            self.run(self._hear(event))
        self.fake.state.owed.clear()

    async def _hear(self, event: str) -> None:
        body, header = await self.fake.signed(event, SECRET)
        assert json.loads(body)["id"] == event
        await receive_payment_event(self.ports, body, header)
