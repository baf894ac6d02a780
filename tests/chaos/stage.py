"""The whole of it: put everything in place, let it live and be killed, wait until it is quiet, and look."""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.schema_version import alembic_config
from app.core.settings import Settings
from app.flows.install_network import install_network
from app.flows.ports import Ports, open_ports
from app.network.rules import load_defaults
from tests.chaos.checks import Proof, check
from tests.chaos.houses import Backend, Postgres, Village
from tests.chaos.journal import Journal
from tests.chaos.people import Cast, Hand, Life
from tests.chaos.scanning import Scanner, a_fleet, scanners_of
from tests.factories.catalogue import a_listing
from tests.factories.identity import OPERATOR_PHONE, a_partner, a_person, an_operator
from tests.factories.tables import rows
from tests.factories.village import a_village
from tests.fakes.stripe.runner import StripeStandIn, stripe_stand_in

SECRET = "only for chaos, and never anywhere else"
WEBHOOK_SECRET = "whsec_of_the_chaos"
BUYERS = 16
SCARCE = "40"
QUIET_S_MAX = 300.0
# Each of a few scanners: a batch of a hundred, its answer, and then so long nothing.
SCANS_EVERY_S = 1.0
# Nothing is killed before clients were answered some more since the last kill: it would never be killed at work.
ANSWERS_BETWEEN = 2
WORK_S_MAX = 12.0
# A service, the worker, PostgreSQL, one of its processes.
WEIGHTS = (2, 2, 2, 1)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`kills` at random moments; with none of them, `seconds` of the same load, in which nothing may go wrong at all."""

    seed: int
    kills: int = 50
    seconds: float = 120.0
    every_s: float = 0.25
    at_once: int = 32


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    journal: Journal
    killed: Counter[str]
    proof: Proof
    seconds: float


def play(plan: Plan, say: Say) -> Outcome:
    """One run in a folder of its own, of which nothing is left."""
    # Not below a folder that only root may enter: PostgreSQL runs as another user then.
    with tempfile.TemporaryDirectory(prefix="chama-chaos-") as name, stripe_stand_in() as stripe:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "data").mkdir()
        postgres = Postgres(folder / "postgres")
        try:
            return asyncio.run(_play(plan, folder, postgres, stripe, say))
        finally:
            postgres.stop()


async def _play(plan: Plan, folder: Path, postgres: Postgres, stripe: StripeStandIn, say: Say) -> Outcome:
    settings = _settings(folder, postgres.url, stripe)
    say("The network, the village and its people …")
    await asyncio.to_thread(command.upgrade, alembic_config(postgres.url), "head")
    async with _ports(settings) as ports:
        cast = await _cast(ports)
    village = Village(folder, postgres, _environment(settings))
    journal, killed = Journal(folder / "journal.jsonl"), Counter[str]()
    with village.running():
        for url in village.urls:
            # Both are told of everything: each event comes twice.
            await stripe.set_webhook(f"{url}/v1/webhooks/stripe", WEBHOOK_SECRET)
        before, begin = postgres.deadlocks(), time.monotonic()
        await _live(plan, cast, village, stripe, journal, killed, say)
        say("Waiting until nothing is left to be done …")
        await _until_quiet(stripe, postgres, journal)
        if not plan.kills and (found := postgres.deadlocks() - before):
            journal.faults.append(f"{found} deadlocks")
        seconds = time.monotonic() - begin
    if "deadlock detected" in village.logs():
        journal.faults.append("a deadlock stands in the logs")
    async with _ports(settings) as ports:
        say("Looking at everything …")
        proof = await check(ports, cast, journal, stripe.state)
    for finding in proof.findings:
        say(f"FOUND  {finding}")
    if proof.findings:
        (Path(tempfile.gettempdir()) / "chama-chaos.log").write_text(village.logs(), encoding="utf-8")
    return Outcome(plan, journal, killed, proof, seconds)


def _settings(folder: Path, url: str, stripe: StripeStandIn) -> Settings:
    return Settings(
        database_url=url,
        database_pool=8,
        data_dir=folder / "data",
        secret=SECRET,
        operator_phones=OPERATOR_PHONE,
        stripe_secret_key=stripe.key,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_base=stripe.url,
    )


def _environment(settings: Settings) -> dict[str, str]:
    assert settings.database_url
    assert settings.stripe_secret_key
    assert settings.stripe_api_base
    return {
        "CHAMA_DATABASE_URL": settings.database_url,
        "CHAMA_DATABASE_POOL": str(settings.database_pool),
        "CHAMA_DATA_DIR": str(settings.data_dir),
        "CHAMA_SECRET": SECRET,
        "CHAMA_OPERATOR_PHONES": OPERATOR_PHONE,
        "CHAMA_STRIPE_SECRET_KEY": settings.stripe_secret_key.get_secret_value(),
        "CHAMA_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "CHAMA_STRIPE_API_BASE": settings.stripe_api_base,
    }


@asynccontextmanager
async def _ports(settings: Settings) -> AsyncIterator[Ports]:
    async with open_ports(settings) as ports:
        yield ports


async def _cast(ports: Ports) -> Cast:
    database = Database(ports.database.url, pool=1)
    async with database.begin() as session:
        await install_network(session, SystemClock().now())
    await database.close()
    village = await a_village(ports, boxes="100000", carpets="100000")
    lines = {row.carrier for row in await rows(ports, "SELECT DISTINCT carrier FROM service")}
    carriers = sorted({*lines, load_defaults()["courier"]["carrier"]})
    return Cast(
        buyers=[village.buyer, *[await a_person(ports) for _ in range(BUYERS - 1)]],
        operator=await an_operator(ports),
        garden=village.garden,
        loom=village.loom,
        carriers={carrier: await a_partner(ports, carrier) for carrier in carriers},
        dates=village.dates,
        carpets=village.carpets,
        scarce=await a_listing(ports, village.garden, quantity=SCARCE),
        scanners=await scanners_of(ports),
        fleet=await a_fleet(ports),
    )


async def _live(
    plan: Plan, cast: Cast, village: Village, stripe: StripeStandIn, journal: Journal, killed: Counter[str], say: Say
) -> None:
    """Stories without end and the provider's news, until the last kill or the time is over; then the stories to their ends."""
    chance, over, silent = random.Random(plan.seed), asyncio.Event(), asyncio.Event()
    hand = Hand(village.urls, journal, random.Random(plan.seed + 1), calm=not plan.kills)
    life = Life(cast, hand, stripe, random.Random(plan.seed + 2))
    news = asyncio.create_task(_tell(stripe, journal, silent, calm=not plan.kills))
    scanning = [
        asyncio.create_task(
            Scanner(str(n), key, cast.fleet, hand, random.Random(plan.seed + 3 + n)).live(over, SCANS_EVERY_S)
        )
        for n, key in enumerate(cast.scanners)
    ]
    living = asyncio.create_task(life.live(over, every_s=plan.every_s, at_once=plan.at_once))
    try:
        if plan.kills:
            say(f"Killing {plan.kills} times …")
            await _kill(plan.kills, village, chance, journal, killed, say)
        else:
            say(f"{plan.seconds:.0f} s of everything at once …")
            await asyncio.sleep(plan.seconds)
        over.set()
        await living
        await asyncio.gather(*scanning)
    finally:
        over.set()
        silent.set()
        await news
        await hand.close()


async def _tell(stripe: StripeStandIn, journal: Journal, silent: asyncio.Event, *, calm: bool) -> None:
    """The provider tells what it owes, again and again until it was taken."""
    while not silent.is_set():
        for told in await stripe.deliver(together=True):
            if calm and told["status"] != 200:
                journal.faults.append(f"the provider's {told['type']} was answered {told['status']}: {told['answer']}")
        await asyncio.sleep(0.2)


async def _kill(
    kills: int, village: Village, chance: random.Random, journal: Journal, killed: Counter[str], say: Say
) -> None:
    """One after the other, each while clients were being answered; what is killed comes back by itself, in its own time."""
    kinds: list[list[Any]] = [
        village.services,
        [village.worker],
        [village.postgres],
        [Backend(village.postgres, chance)],
    ]
    coming: set[asyncio.Task[None]] = set()
    for number in range(1, kills + 1):
        told, waited = len(journal.told), time.monotonic()
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        await _until_at_work(journal, told + ANSWERS_BETWEEN, waited + WORK_S_MAX)
        (targets,) = chance.choices(kinds, weights=WEIGHTS)
        target = await _one_that_is_up(targets, coming, chance)
        await asyncio.to_thread(target.kill)
        killed[target.kind] += 1
        task = asyncio.create_task(asyncio.to_thread(target.revive))
        coming.add(task)
        if number % 10 == 0:
            say(f"  {number} kills, {len(journal.told)} answers kept, {journal.cut} calls cut off")
    await asyncio.gather(*coming)


async def _until_at_work(journal: Journal, answers: int, until: float) -> None:
    # Other processes are waited for, which give no sign.
    while len(journal.told) < answers and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.03)


async def _one_that_is_up(targets: list[Any], coming: set[asyncio.Task[None]], chance: random.Random) -> Any:
    """Raises what kept one that was killed from coming back."""
    while not (up := [each for each in targets if each.up]):
        for task in coming:
            if task.done():
                task.result()
        await asyncio.sleep(0.03)
    return chance.choice(up)


async def _until_quiet(stripe: StripeStandIn, postgres: Postgres, journal: Journal) -> None:
    """Until the provider owes no news and no job is due."""
    due = (
        "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status = 'doing' "
        "OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now() + interval '10 minutes'))"
    )
    deadline = time.monotonic() + QUIET_S_MAX
    while time.monotonic() < deadline:
        await stripe.deliver()
        with psycopg.connect(postgres.url) as connection:
            row = connection.execute(due).fetchone()
        if row == (0,) and not stripe.state.owed:
            return
        await asyncio.sleep(1)
    journal.faults.append(f"something was still to be done after {QUIET_S_MAX:.0f} s: {row}")
