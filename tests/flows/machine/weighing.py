"""Rules of the scale: goods by weight come to what they weigh, or the buyer is asked, and says a word or none."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.core.errors import StateConflict
from app.shipments.errors import GoodsUnderWay, WeighedAlready, WeightDoesNotFit
from tests.factories.weighing import say, weigh
from tests.flows.machine.world import Bought, World

NO = (StateConflict, WeighedAlready, GoodsUnderWay, WeightDoesNotFit)


def by_weight(self: World) -> list[Bought]:
    return [order for order in self.orders if self.stage.bulk in order.goods]


class Weighing(World):
    @precondition(by_weight)
    @rule(data=st.data(), percent=st.sampled_from([60, 95, 100, 104, 130]))
    def weigh(self, data, percent: int) -> None:
        """Within what settles by itself, or far outside."""
        self.run(self._weigh(data.draw(st.sampled_from(by_weight(self))), percent))

    async def _weigh(self, order: Bought, percent: int) -> None:
        line = next(place for place, each in enumerate(order.body["lines"]) if each["listing"] == self.stage.bulk)
        net_g = order.goods[self.stage.bulk] * 10 * percent
        try:
            made = await weigh(self.ports, self.stage.operator, order.body, net_g, line)
        except NO:
            return
        self.weighed.append((order, made.id))

    @precondition(lambda self: self.weighed)
    @rule(data=st.data(), word=st.sampled_from(["accept", "decline"]))
    def answer_the_scale(self, data, word: str) -> None:
        """Whether anybody asks or not any more. Who says nothing is overtaken by the clock."""
        order, weigh_in = data.draw(st.sampled_from(self.weighed))
        self.run(self._answer(order, weigh_in, word))

    async def _answer(self, order: Bought, weigh_in: str, word: str) -> None:
        try:
            await say(self.ports, order.buyer, weigh_in, word)
        except NO:
            return
