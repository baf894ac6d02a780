"""Rules of ordering: buy, say the same again, cancel."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.catalogue.errors import OutOfStock
from app.core.errors import Problem, StateConflict
from app.core.ids import new_id
from app.flows.cancel_order import cancel_order
from app.orders.errors import AlreadyShipped, CancelReasonUnusable
from tests.factories.orders import ADDRESS, a_quote, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.flows.machine.world import Bought, World

NEAR = ADDRESS | {"county": "652901", "hub": "AKSU"}
METHODS = ("cash_on_delivery", "stripe")
REASONS = (None, "changed_mind", "goods_not_ready", "pickup_late", "platform_fault")


class Ordering(World):
    @rule(
        buyer=st.integers(0, 1),
        dates=st.integers(0, 5),
        carpets=st.integers(0, 2),
        bulk=st.sampled_from([0, 0, 20, 50]),
        method=st.sampled_from(METHODS),
    )
    def buy(self, buyer: int, dates: int, carpets: int, bulk: int, method: str) -> None:
        goods = {self.village.dates: dates, self.village.carpets: carpets, self.stage.bulk: bulk}
        wanted = {listing: number for listing, number in goods.items() if number}
        if wanted:
            self.run(self._buy(self.stage.buyers[buyer], wanted, method))

    async def _buy(self, buyer, goods, method) -> None:
        free = {row.listing_id: row.free for row in await rows(self.ports, _FREE)}
        asked = {listing: str(number) for listing, number in goods.items()}
        if any(number > free[listing] for listing, number in goods.items()):
            async with nothing_happens(self.ports):
                await refused(OutOfStock, a_quote(self.ports, buyer, asked, deliver_to=NEAR))
            return
        request, key = ordering(await a_quote(self.ports, buyer, asked, deliver_to=NEAR), method), new_id("key")
        body = await place(self.ports, buyer, request, key)
        self.orders.append(Bought(buyer, method, goods, request, key, body))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def say_it_again(self, data) -> None:
        """The same order under the same key is the same order."""
        order = data.draw(st.sampled_from(self.orders))
        self.run(self._say_it_again(order))

    async def _say_it_again(self, order: Bought) -> None:
        async with nothing_happens(self.ports):
            assert await place(self.ports, order.buyer, order.request, order.key) == order.body

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), operator=st.booleans(), reason=st.sampled_from(REASONS))
    def cancel(self, data, operator: bool, reason: str | None) -> None:
        self.run(self._cancel(data.draw(st.sampled_from(self.orders)), operator, reason))

    async def _cancel(self, order: Bought, operator: bool, reason: str | None) -> None:
        caller = self.stage.operator.caller if operator else order.buyer.caller
        before = await value(self.ports, 'SELECT status FROM "order" WHERE id = :id', id=order.id)
        moved = await value(
            self.ports, "SELECT count(*) FROM consignment WHERE order_id = :id AND status <> 'booked'", id=order.id
        )
        usable = reason in (None, "changed_mind") or (operator and before == "placed")
        story = cancel_order(self.ports, caller, order.id, "en", reason)
        if before not in ("awaiting_payment", "placed"):
            await self._refused(StateConflict, story)
        elif not usable:
            await self._refused(CancelReasonUnusable, story)
        elif moved:
            await self._refused(AlreadyShipped, story)
        else:
            assert (await story).status == "cancelled"

    async def _refused(self, problem, story) -> None:
        async with nothing_happens(self.ports):
            await refused(problem, story)


async def refused(problem: type[Problem], story) -> None:
    """Awaits a story that has to be refused so."""
    try:
        await story
    except problem:
        return
    raise AssertionError(f"it had to be refused: {problem.slug}")


_FREE = "SELECT listing_id, sum(quantity - reserved - consumed)::int AS free FROM lot GROUP BY 1"
