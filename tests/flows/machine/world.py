"""Where a state machine lives: a loop in a thread of its own, and for every example a database that is a copy of one village."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis.stateful import RuleBasedStateMachine

from app.core.clock import FixedClock
from app.core.database import Database
from app.core.settings import Settings
from app.flows.ports import Ports, open_ports
from app.network.plan import FrontCache
from app.payments.providers import StripeProvider
from tests.conftest import NOW, a_database
from tests.factories.cooperatives import a_member
from tests.factories.identity import Someone, a_person, an_operator
from tests.factories.network import UNTOUCHED, Remembered
from tests.factories.payouts import a_payee
from tests.factories.village import Village, a_village
from tests.factories.weighing import weighed_goods
from tests.fakes.stripe.runner import StripeStandIn

SECRET = "whsec_of_the_machine"
# Few enough that orders run out of them.
BOXES, CARPETS, KILOGRAMS = 12, 4, 120
STEP_S_MAX = 120


@dataclass
class Bought:
    """An order as its clients know it: what they asked, what they were answered, and what they did about it."""

    buyer: Someone
    method: str
    goods: dict[str, int]
    request: dict[str, Any]
    key: str
    body: dict[str, Any]
    told: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return str(self.body["id"])


class Stage:
    """What all examples share: the loop, the card provider's stand-in, a database to copy, and the people in it."""

    def __init__(self, server: str, fake: StripeStandIn, folder: Path) -> None:
        self.server, self.fake, self.folder = server, fake, folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, story: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(story, self._loop).result(STEP_S_MAX)

    @contextmanager
    def open(self, template: str) -> Iterator["Stage"]:
        """With a village in a database of its own, which every example copies."""
        self.name = f"village_{uuid4().hex[:8]}"
        with a_database(self.server, self.name, template) as url:
            held = AsyncExitStack()
            self.run(self._settle(held, url))
            try:
                yield self
            finally:
                self.run(held.aclose())
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(STEP_S_MAX)
                self._loop.close()

    async def _settle(self, held: AsyncExitStack, url: str) -> None:
        settings = Settings(
            database_url=url,
            data_dir=self.folder,
            secret="tests only",
            public_url="http://chama.test",
            operator_phones="+8610000000001",
        )
        cards = StripeProvider(self.fake.key, SECRET, api_base=self.fake.url, timeout_s=20)
        held.push_async_callback(cards.close)
        opened = await held.enter_async_context(open_ports(settings))
        ports = replace(opened, clock=FixedClock(NOW), cards=cards)
        async with ports.database.read() as connection:
            await ports.timetable.current(connection)
        self.village = await a_village(ports, boxes=str(BOXES), carpets=str(CARPETS))
        self.bulk = await weighed_goods(ports, self.village.garden, quantity=str(KILOGRAMS))
        await a_member(ports, self.village.loom, self.village.garden, 1_000)
        for seller in (self.village.garden, self.village.loom):
            await a_payee(ports, seller.caller, seller.producer.id)
        self.buyers = [self.village.buyer, await a_person(ports)]
        self.operator = await an_operator(ports)
        await opened.database.close()
        self.ports = replace(ports, fronts=Remembered(FrontCache(), UNTOUCHED))


class World(RuleBasedStateMachine):
    """The base of every rule class: the ports of this example, and what its clients know.

    A subject is a class of rules on this base in a file of its own; `tests/flows/test_books_machine.py` puts them together.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.fake = stage, stage.fake
        self._database = a_database(stage.server, f"example_{uuid4().hex[:12]}", stage.name)
        self.clock = FixedClock(NOW)
        self.run(self.fake.reset())
        self.fake.go_by(lambda: self.clock.now().timestamp())
        self.run(self.fake.set_webhook("http://unused.test/", SECRET))
        database = Database(self._database.__enter__(), pool=4)
        self.ports: Ports = replace(stage.ports, database=database, clock=self.clock)
        self.orders: list[Bought] = []
        self.claims: list[str] = []
        self.weighed: list[tuple[Bought, str]] = []

    @property
    def village(self) -> Village:
        return self.stage.village

    def run(self, story: Coroutine[Any, Any, Any]) -> Any:
        return self.stage.run(story)

    def teardown(self) -> None:
        self.run(self.ports.database.close())
        self._database.__exit__(None, None, None)
