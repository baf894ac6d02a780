"""The story of someone who keeps looking: whenever a consignment changes they are told, for as long as they stay."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from app.core.errors import NotFound
from app.core.limits import TRACKING_HEARTBEAT_S
from app.flows.ports import Ports
from app.flows.show_tracking import Shown, show_tracking
from app.shipments.errors import TrackingNumberMistyped
from app.shipments.queries import CONSIGNMENT
from app.shipments.rules import read_tracking_number
from app.shipments.watch import versions_of


@dataclass(frozen=True, slots=True)
class Sight:
    """A new state of a consignment and its version; `shown` None: only the version was asked for."""

    version: str
    shown: Shown | None


async def watch_tracking(
    ports: Ports, typed: str, address: str, *, known: str | None, lasts_s: float, bare: bool
) -> AsyncGenerator[Sight | None]:
    """Each state that is another one than the one before, first of all than `known`; None in between, so that nobody takes it for dead.

    The first comes at once. It ends after `lasts_s`, or when the process stops. Raises `TrackingNumberMistyped`, `NotFound`, or
    `TooManyStreams`. One statement, two more for each state, and no connection to the database is held while it waits.
    """
    number = read_tracking_number(typed)
    if number is None:
        raise TrackingNumberMistyped
    async with ports.database.read() as connection:
        version = (await versions_of(connection, [number])).get(number)
    if version is None:
        raise NotFound(what=CONSIGNMENT)
    now = asyncio.get_running_loop().time
    until = now() + lasts_s
    with ports.watch.viewing(number, version, address):
        within_s = 0.0
        while not ports.watch.ended:
            changed = await ports.watch.change(number, known, within_s)
            if changed is None:
                yield None
            else:
                shown = None if bare else await show_tracking(ports, number)
                known = shown.version if shown else changed
                # What was read may be newer than what was seen to have changed: nobody is told it twice.
                ports.watch.note(number, known)
                yield Sight(known, shown)
            within_s = min(TRACKING_HEARTBEAT_S, until - now())
            if within_s <= 0:
                return
