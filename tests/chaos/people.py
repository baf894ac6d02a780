"""Buyers, producers, carriers and an operator over HTTP, as good clients: the same key again until there is an answer.

Each story is one order from its quote to wherever chance leads it. All of them at once are the load.
"""

import asyncio
import itertools
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from app.core.clock import rfc3339
from app.core.ids import new_id
from tests.chaos.journal import Journal, What
from tests.factories.identity import Seller, Someone
from tests.factories.orders import ADDRESS, asked_for, ordering
from tests.fakes.stripe.runner import StripeStandIn

Json = dict[str, Any]
PATIENCE_S: Final = 240.0
# Between tries: longer each time, and never the same for two clients.
AGAIN_S: Final = 0.2
AGAIN_S_MAX: Final = 3.0
TOLD_TWICE: Final = 0.1
# What a client answers by sending the same again a little later.
_WAIT: Final = frozenset({"/problems/request-in-progress", "/problems/overloaded"})
NEAR: Final = ADDRESS | {"county": "652901", "hub": "AKSU"}
GOOD, BAD = "pm_card_visa", "pm_card_chargeDeclined"


class GaveUp(Exception):
    """Nobody answered a client, or an order never came to where it had to."""


class Refused(Exception):
    """A final no, with its problem document; nothing has happened."""

    def __init__(self, document: Json) -> None:
        super().__init__(document.get("type"))
        self.slug = str(document.get("type", "")).rpartition("/")[2]


@dataclass(frozen=True)
class Cast:
    """Who takes part, and what is for sale: dates in plenty, carpets, and a few of the last dates, which run out."""

    buyers: list[Someone]
    operator: Someone
    garden: Seller
    loom: Seller
    carriers: Mapping[str, Someone]
    dates: str
    carpets: str
    scarce: str
    scanners: Sequence[Someone]
    fleet: Sequence[str]


class Hand:
    """A client of one process or the other that does not give up, and remembers what it was told."""

    def __init__(self, urls: list[str], journal: Journal, chance: random.Random, *, calm: bool) -> None:
        self.journal, self.chance, self._calm = journal, chance, calm
        limits = httpx.Limits(max_connections=64)
        self._clients = [httpx.AsyncClient(base_url=url, timeout=45, trust_env=False, limits=limits) for url in urls]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def ask(
        self, who: Mapping[str, str], method: str, path: str, body: Json | None = None, key: str = ""
    ) -> Json:
        """The answer; raises `Refused` for a no, `GaveUp` when none comes in time."""
        headers = dict(who) | ({"idempotency-key": key} if key else {})
        deadline, pause_s = asyncio.get_running_loop().time() + PATIENCE_S, AGAIN_S
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0 if pause_s == AGAIN_S else pause_s * self.chance.uniform(0.5, 1))
            pause_s = min(2 * pause_s, AGAIN_S_MAX)
            try:
                answer = await self.chance.choice(self._clients).request(method, path, headers=headers, json=body)
            except httpx.TransportError:
                self.journal.cut += 1
                self._require_calm(f"{method} {path}: nobody answered")
                continue
            self.journal.answers[answer.status_code] += 1
            if answer.status_code >= 500:
                self._require_calm(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            elif answer.is_success:
                self.journal.replayed += "idempotent-replayed" in answer.headers
                return dict(answer.json())
            elif answer.json().get("type") not in _WAIT:
                self.journal.refused[answer.json().get("type", "?").rpartition("/")[2]] += 1
                raise Refused(answer.json())
        raise GaveUp(f"{method} {path} was not answered within {PATIENCE_S:.0f} s")

    def _require_calm(self, what: str) -> None:
        """When nobody kills anything, nobody may fail either."""
        if self._calm:
            self.journal.faults.append(what)

    async def do(
        self, what: What, order: str | None, who: Someone | Seller, path: str, body: Json | None = None
    ) -> Json:
        """An act with a key: its answer goes into the journal. Now and then it is sent twice, and must be answered alike."""
        key = new_id("idk")
        answer = await self.ask(who.headers, "POST", path, body, key)
        self.journal.keep(what, order or str(answer["id"]), key, answer)
        if self.chance.random() < TOLD_TWICE:
            again = await self.ask(who.headers, "POST", path, body, key)
            if again != answer:
                self.journal.faults.append(f"{path} with the key {key} was answered twice, and differently")
        return answer


class Life:
    """One order after the other, each a story of its own."""

    def __init__(self, cast: Cast, hand: Hand, stripe: StripeStandIn, chance: random.Random) -> None:
        self.cast, self.hand, self.stripe, self.chance = cast, hand, stripe, chance

    async def story(self) -> None:
        buyer = self.chance.choice(self.cast.buyers)
        try:
            order = await self._order(buyer)
            if order is None:
                return
            if not await (
                self._pay(buyer, order) if order["payment"]["method"] == "stripe" else self._ponder(buyer, order)
            ):
                return
            if self.chance.random() < 0.75:
                await self._deliver(buyer, order)
                await self._afterwards(buyer, order)
        except GaveUp as error:
            self.hand.journal.faults.append(str(error))

    def _basket(self) -> dict[str, str]:
        cast, some = self.cast, str(self.chance.randint(1, 3))
        return self.chance.choice(
            [{cast.dates: some}, {cast.carpets: "1"}, {cast.dates: some, cast.carpets: "1"}, {cast.scarce: "1"}]
        )

    async def _order(self, buyer: Someone) -> Json | None:
        asked = asked_for(self._basket(), **({"deliver_to": NEAR} if self.chance.random() < 0.7 else {}))
        method = self.chance.choice(["cash_on_delivery", "stripe"])
        try:
            quote = await self.hand.ask(buyer.headers, "POST", "/v1/quotes", asked)
            order = await self.hand.do("order", None, buyer, "/v1/orders", ordering(quote, method))
        except Refused as refused:
            expected = {"out-of-stock", "plan-changed", "route-unavailable", "offer-changed"}
            if refused.slug not in expected:
                self.hand.journal.faults.append(f"an order was refused: {refused.slug}")
            return None
        return order

    async def _cancel(self, buyer: Someone, order: Json) -> bool:
        """Whether the order is cancelled now; it may have moved on."""
        try:
            await self.hand.do(
                "cancel", order["id"], buyer, f"/v1/orders/{order['id']}/cancel", {"reason": "changed_mind"}
            )
        except Refused as refused:
            seen = await self.hand.ask(buyer.headers, "GET", f"/v1/orders/{order['id']}")
            if refused.slug != "state-conflict" or seen["status"] == "cancelled":
                self.hand.journal.faults.append(
                    f"{order['id']}: cancelling was refused ({refused.slug}), it is {seen['status']}"
                )
            return bool(seen["status"] == "cancelled")
        return True

    async def _ponder(self, buyer: Someone, order: Json) -> bool:
        """Whether a buyer who pays at the door stays with it."""
        return not (self.chance.random() < 0.2 and await self._cancel(buyer, order))

    async def _pay(self, buyer: Someone, order: Json) -> bool:
        """Pay by card, with a bad card first, not at all, or while cancelling; whether the order is placed then."""
        dice = self.chance.random()
        if dice < 0.1:
            return not await self._cancel(buyer, order) and await self._placed(buyer, order)
        if dice < 0.25:
            await self._confirm(order, BAD)
        if dice < 0.45:
            _, cancelled = await asyncio.gather(self._confirm(order, GOOD), self._cancel(buyer, order))
            return not cancelled and await self._placed(buyer, order)
        if not await self._confirm(order, GOOD):
            self.hand.journal.faults.append(f"{order['id']}: the provider took no money for an order that waits for it")
        return await self._placed(buyer, order) and not (dice > 0.9 and await self._cancel(buyer, order))

    async def _confirm(self, order: Json, card: str) -> bool:
        try:
            seen = await self.stripe.confirm(order["payment"]["client_secret"], card)
        except AssertionError:
            return False  # The intent has ended: the order was cancelled meanwhile.
        # A card is only held until the goods are handed over.
        given = seen["status"] in ("succeeded", "requires_capture")
        if given:
            self.hand.journal.keep("payment", order["id"], seen["id"], {"amount": seen["amount"]})
        return given

    async def _placed(self, buyer: Someone, order: Json) -> bool:
        return await self._until(buyer, order, {"placed", "cancelled", "expired"}) == "placed"

    async def _until(self, buyer: Someone, order: Json, ends: Collection[str]) -> str:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < deadline:
            seen = await self.hand.ask(buyer.headers, "GET", f"/v1/orders/{order['id']}")
            if seen["status"] in ends:
                return str(seen["status"])
            await asyncio.sleep(0.5)
        raise GaveUp(
            f"{order['id']} is {seen['status']} after {PATIENCE_S:.0f} s, and not one of {', '.join(sorted(ends))}"
        )

    async def _deliver(self, buyer: Someone, order: Json) -> None:
        """The last carrier of each consignment tells, by its key; sometimes twice, sometimes the end first."""
        for consignment in order["consignments"]:
            carrier = self.cast.carriers[consignment["legs"][-1]["carrier"]]
            at = datetime.now(UTC) - timedelta(minutes=1)
            events = [
                {
                    "id": f"{kind}-{consignment['id'][-6:]}",
                    "tracking_number": consignment["tracking_number"],
                    "type": kind,
                    "occurred_at": rfc3339(at + timedelta(seconds=10 * place)),
                }
                for place, kind in enumerate(("picked_up", "delivered"))
            ]
            if self.chance.random() < 0.2:
                events.reverse()
            if self.chance.random() < 0.2:
                events += events
            # Events have ids of their own: telling them again needs no key.
            told = await self.hand.ask(carrier.headers, "POST", "/v1/tracking/events", {"events": events})
            if told["rejected"]:
                self.hand.journal.faults.append(f"{order['id']}: events were rejected: {told['results']}")
            self.hand.journal.keep("tracking", order["id"], consignment["id"], {"events": events})
        await self._until(buyer, order, {"delivered", "completed"})

    async def _afterwards(self, buyer: Someone, order: Json) -> None:
        """Content, not content, or both at once."""
        carpets = [line for line in order["lines"] if line["listing"] == self.cast.carpets]
        claims = [self._claim(buyer, order, line) for line in carpets if self.chance.random() < 0.7]
        receipt = [self._receive(buyer, order)] if self.chance.random() < 0.5 else []
        await asyncio.gather(*claims, *receipt)

    async def _receive(self, buyer: Someone, order: Json) -> None:
        await self.hand.do("receipt", order["id"], buyer, f"/v1/orders/{order['id']}/confirm-receipt")

    async def _claim(self, buyer: Someone, order: Json, line: Json) -> None:
        """Claimed, answered by the producer, and where they differ decided; some are left open or withdrawn."""
        asked = self.chance.randint(1, line["total"]["amount"])
        body = {"line": line["id"], "kind": "no_reason", "words": "不合适", "amount": _yuan(asked)}
        claim = await self.hand.do("claim", order["id"], buyer, f"/v1/orders/{order['id']}/claims", body)
        path, loom = f"/v1/claims/{claim['id']}", self.cast.loom
        dice = self.chance.random()
        if dice < 0.1:
            return
        if dice < 0.4:
            await self.hand.do("refund", order["id"], loom, f"{path}/answer", {"answer": "accept", "keep": True})
        elif dice < 0.6 and asked > 1:
            await self.hand.do(
                "claim", order["id"], loom, f"{path}/answer", {"answer": "partly", "amount": _yuan(asked // 2)}
            )
            await self.hand.do("refund", order["id"], buyer, f"{path}/reply", {"reply": "take"})
        elif dice < 0.85:
            await self.hand.do("claim", order["id"], loom, f"{path}/answer", {"answer": "refuse"})
            granted = self.chance.choice([0, asked // 3, asked])
            what: What = "refund" if granted else "claim"
            said = {"amount": _yuan(granted), "reasons": "照片可见"}
            await self.hand.do(what, order["id"], self.cast.operator, f"{path}/decision", said)
        else:
            await self.hand.do("claim", order["id"], buyer, f"{path}/reply", {"reply": "withdraw"})

    async def live(self, until: asyncio.Event, *, every_s: float, at_once: int) -> None:
        """A new story every so often, until there are too many or the time is over; then all of them to their ends."""
        stories: set[asyncio.Task[None]] = set()
        for _ in itertools.count():
            if until.is_set():
                break
            if len(stories) < at_once:
                task = asyncio.create_task(self.story())
                stories.add(task)
                task.add_done_callback(stories.discard)
            await asyncio.sleep(every_s)
        for ended in await asyncio.gather(*stories, return_exceptions=True):
            if isinstance(ended, BaseException):
                self.hand.journal.faults.append(f"a story broke: {ended!r}")


def _yuan(amount: int) -> Json:
    return {"amount": amount, "currency": "CNY"}
