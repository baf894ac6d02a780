"""How far an order by card has come before anything else happens, so that few steps reach what comes late: disputes, payouts."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.flows.machine.carrying import Carrying
from tests.flows.machine.claiming import Claiming
from tests.flows.machine.failing import sent_back
from tests.flows.machine.ordering import Ordering
from tests.flows.machine.paying import Paying
from tests.flows.machine.working import Working

FAR = ("nothing", "placed", "delivered", "completed", "granted", "sent back in vain")


class Beginning(Ordering, Paying, Carrying, Claiming, Working):
    @initialize(far=st.sampled_from(FAR), bulk=st.booleans())
    def begin(self, far: str, bulk: bool) -> None:
        """Nothing yet, or boxes of dates, and with them goods by weight, on their way or received, or with a part of the money sent back."""
        if far == "nothing":
            return
        goods = {self.village.dates: 3} | ({self.stage.bulk: 20} if bulk else {})
        self.run(self._buy(self.stage.buyers[0], goods, "stripe"))
        (order,) = self.orders
        self.run(self._pay(order, "pm_card_visa"))
        self._come_to_rest()
        if far == "placed":
            return
        for consignment in order.body["consignments"]:
            self.run(self._carry(order, consignment, ("picked_up", "delivered")))
        self._come_to_rest()
        if far == "completed":
            self.run(self._receive(order))
            self._come_to_rest()

        if far in ("granted", "sent back in vain"):
            self.run(self._claim(order, 0, 50))
            self.run(self._say(self.claims[0], "accept", 100))
            self._come_to_rest()
        if far == "sent back in vain":
            for refund in sent_back(self):
                self.run(self.fake.settle_refund(refund, succeed=False))

    def _come_to_rest(self) -> None:
        self.hear_everything()
        self.do_all_jobs()
