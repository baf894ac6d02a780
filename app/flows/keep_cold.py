"""The story of readings: what instruments told is put together, and who has to know hears once of each excursion."""

from collections.abc import Sequence
from typing import Final

from app.core.database import Session
from app.flows.ports import Ports
from app.flows.tell_exceptions import tell_exceptions
from app.shipments.exception_values import EXCURSIONS, exception_terms
from app.shipments.exceptions import exceptions_of, lock_all, reconcile, write
from app.shipments.queries import list_events, list_locked
from app.shipments.watching import excursions_on

TOGETHER_MAX: Final = 100


async def keep_cold(ports: Ports, consignments: Sequence[str]) -> None:
    """Job: readings of these consignments came in, or were corrected. Their excursions are folded anew from all readings.

    Runs as often as it likes; an excursion that was told is not told again, however it grows. Some in each transaction.
    """
    ids = sorted(set(consignments))
    for first in range(0, len(ids), TOGETHER_MAX):
        async with ports.begin() as session:
            await _keep(ports, session, ids[first : first + TOGETHER_MAX])


async def _keep(ports: Ports, session: Session, ids: Sequence[str]) -> None:
    """Four statements, and those of what changed. Consignments are locked as by whoever records events, so that none is overlooked."""
    terms, now = exception_terms(), ports.clock.now()
    there = await lock_all(session, ids)
    events = await list_events(session, there)
    journeys = await list_locked(session, there)
    known = await exceptions_of(session, there, EXCURSIONS)
    found = [each for journey in journeys for each in excursions_on(journey, events.get(journey.id, ()), terms)]
    changes = reconcile(known, found)
    await write(session, changes, now)
    await tell_exceptions(ports, session, changes.fresh, {journey.id: journey for journey in journeys}, terms)
