"""Rules of the way: goods are handed in and delivered, told twice and backwards; the buyer is content."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.core.clock import rfc3339
from app.core.errors import StateConflict
from app.flows.follow_shipment import confirm_receipt
from app.flows.record_tracking import record_tracking
from app.shipments.schemas import TrackingEventRequest
from tests.factories.tables import nothing_happens, value
from tests.flows.machine.ordering import refused
from tests.flows.machine.world import Bought, World


class Carrying(World):
    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(), kinds=st.sampled_from([("picked_up",), ("picked_up", "delivered"), ("delivered", "picked_up")])
    )
    def carry(self, data, kinds: tuple[str, ...]) -> None:
        """One consignment of an order that is placed; what ended or waits for its money is not handed in."""
        order = data.draw(st.sampled_from(self.orders))
        consignment = data.draw(st.sampled_from(order.body["consignments"]))
        self.run(self._carry(order, consignment, kinds))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def deliver_whole(self, data) -> None:
        """Everything of an order, and the order follows."""
        order = data.draw(st.sampled_from(self.orders))
        for consignment in order.body["consignments"]:
            self.run(self._carry(order, consignment, ("picked_up", "delivered")))
        self.do_all_jobs()

    async def _carry(self, order: Bought, consignment, kinds: tuple[str, ...]) -> None:
        if await self.status_of(order) not in ("placed", "in_transit"):
            return
        await record_tracking(
            self.ports, self.stage.operator.caller, [self._event(consignment, kind) for kind in kinds]
        )

    def _event(self, consignment, kind: str) -> TrackingEventRequest:
        at = self.clock.now() - timedelta(minutes=2 if kind == "picked_up" else 1)
        return TrackingEventRequest.model_validate(
            {"id": kind, "tracking_number": consignment["tracking_number"], "type": kind, "occurred_at": rfc3339(at)}
        )

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def receive(self, data) -> None:
        self.run(self._receive(data.draw(st.sampled_from(self.orders))))

    async def _receive(self, order: Bought) -> None:
        story = confirm_receipt(self.ports, order.buyer.caller, order.id, "en")
        if await self.status_of(order) == "delivered":
            assert (await story).status == "completed"
            return
        async with nothing_happens(self.ports):
            await refused(StateConflict, story)

    async def status_of(self, order: Bought) -> str:
        return await value(self.ports, 'SELECT status FROM "order" WHERE id = :id', id=order.id)
