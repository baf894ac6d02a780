"""Rules of claims: a buyer asks money back, the producer answers, the buyer replies, an operator decides."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.claims.errors import ClaimAmountTooHigh, ClaimOpenAlready, ClaimWindowClosed
from app.claims.schemas import ClaimAnswer, ClaimDecision, ClaimReply
from app.core.errors import StateConflict
from app.core.money import Money
from app.flows.claim_goods import answer_claim, decide_claim, reply_to_claim
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.tables import rows, value
from tests.flows.machine.world import Bought, World

# What people may hear; whatever else comes is a fault.
NO = (StateConflict, ClaimAmountTooHigh, ClaimOpenAlready, ClaimWindowClosed)
ANSWERS = ("accept", "partly", "refuse")
REPLIES = ("take", "dispute", "withdraw")


class Claiming(World):
    @precondition(lambda self: self.orders)
    @rule(data=st.data(), share=st.integers(1, 100))
    def claim(self, data, share: int) -> None:
        order = data.draw(st.sampled_from(self.orders))
        line = data.draw(st.integers(0, len(order.body["lines"]) - 1))
        self.run(self._claim(order, line, share))

    async def _claim(self, order: Bought, line: int, share: int) -> None:
        told = order.body["lines"][line]
        if await value(self.ports, "SELECT taken_off_at IS NOT NULL FROM order_line WHERE id = :id", id=told["id"]):
            return
        if self.fake.state.of("charge", payment_intent=_intent(order), disputed=True):
            # Not before the news of it either: the provider returns nothing of what a bank has taken.
            return
        amount = max(1, told["total"]["amount"] * share // 100)
        if told["listing"] != self.village.carpets:
            photos = [await a_ready_photo(self.ports, order.buyer)]
            body = claiming(order.body, line, amount, "damage", photos=photos)
        else:
            body = claiming(order.body, line, amount)
        try:
            self.claims.append((await a_claim_for(self.ports, order.buyer, order.body, **body)).id)
        except NO:
            return

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), word=st.sampled_from([*ANSWERS, *REPLIES, "decide"]), share=st.integers(0, 100))
    def say(self, data, word: str, share: int) -> None:
        """Whoever it is up to, and whoever it is not up to any more."""
        self.run(self._say(data.draw(st.sampled_from(self.claims)), word, share))

    async def _say(self, claim: str, word: str, share: int) -> None:
        (row,) = await rows(self.ports, "SELECT producer_id, buyer_id, asked_minor FROM claim WHERE id = :id", id=claim)
        part = Money(row.asked_minor * share // 100, "CNY")
        try:
            async with self.ports.begin() as session:
                if word in ANSWERS:
                    sellers = (self.village.garden, self.village.loom)
                    seller = next(each for each in sellers if each.producer.id == row.producer_id)
                    least = Money(max(1, min(part.amount, row.asked_minor - 1)), "CNY")
                    if word == "partly" and row.asked_minor == 1:
                        return
                    answer = ClaimAnswer(answer=word, amount=least if word == "partly" else None)
                    await answer_claim(self.ports, session, seller.caller, claim, answer, "en")
                elif word in REPLIES:
                    buyer = next(each for each in self.stage.buyers if each.id == row.buyer_id)
                    await reply_to_claim(self.ports, session, buyer.caller, claim, ClaimReply(reply=word), "en")
                else:
                    decision = ClaimDecision(amount=part, reasons="照片可见")
                    await decide_claim(self.ports, session, self.stage.operator.caller, claim, decision, "en")
        except NO:
            return


def _intent(order: Bought) -> str:
    return str(order.body["payment"].get("client_secret") or "").partition("_secret_")[0]
