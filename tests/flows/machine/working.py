"""Rules of the worker and the clock: jobs in any order, some twice; hours go by; the books are closed."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import text

from app.core.clock import FixedClock
from app.core.errors import UpstreamFailed
from app.flows.keep_books import close_books
from app.worker import HANDLERS
from tests.factories.jobs import work
from tests.factories.tables import rows
from tests.flows.machine.world import World

_DUE = "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= :now) ORDER BY id"
# A night is some seconds' work for the provider's pages: not more than so many in one example.
NIGHTS_MAX = 3


class Working(World):
    nights = 0

    @rule(data=st.data(), twice=st.booleans())
    def do_one_job(self, data, twice: bool) -> None:
        """Any job that is due, before those that wait longer; twice, as when the worker died at its end."""
        due = self.run(rows(self.ports, _DUE, now=self.clock.now()))
        if due:
            self.run(self._do(data.draw(st.sampled_from(due), label="job"), 2 if twice else 1))

    async def _do(self, job, times: int) -> None:
        for _ in range(times):
            try:
                await HANDLERS[job.task_name](self.ports, **job.args)
            except UpstreamFailed:
                # As the worker does: it waits for another time, such as a refund of what is only held yet.
                return
        async with self.ports.begin() as session:
            await session.execute(
                text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = :id"), {"id": job.id}
            )

    @rule()
    def do_all_jobs(self) -> None:
        self.run(work(self.ports))

    @rule(hours=st.sampled_from([1, 25, 50]))
    def wait(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))

    @precondition(lambda self: self.nights < NIGHTS_MAX)
    @rule()
    def close_the_day(self) -> None:
        """Kept balances are the sums of their entries, whatever is still under way."""
        self.nights += 1
        found = self.run(self.night(self.clock.now()))
        wrong = [
            each for each in found if each["what"] in ("balance", "transfer", "payment_unknown", "payment_missing")
        ]
        assert not wrong, wrong

    async def night(self, at):
        await close_books(replace(self.ports, clock=FixedClock(at)))
        return (await rows(self.ports, "SELECT findings FROM reconciliation ORDER BY id DESC LIMIT 1"))[0].findings

    def settle(self) -> None:
        """Until the provider owes no news and no job is due."""
        while self.fake.state.owed or self.run(rows(self.ports, _DUE, now=self.clock.now())):
            self.hear_everything()
            self.do_all_jobs()
