"""The story of a message that leaves: the job `message.send`."""

import logging

from app.flows.ports import Ports
from app.notify.errors import MessageRefused
from app.notify.rules import masked
from app.notify.service import fail_message, find_outgoing, mark_sent

log = logging.getLogger(__name__)


async def send_message(ports: Ports, message: str) -> None:
    """Send a queued message, at least once: if we stop between sending and noting it, it is sent again.

    A message that is too late to be of use, or that the sender will never take, is given up; other failures of the
    sender are raised, for the job to be tried again.
    """
    async with ports.database.read() as connection:
        outgoing = await find_outgoing(connection, message, ports.clock.now())
    refused = outgoing is None
    if outgoing is not None:
        try:
            await ports.sender.send(outgoing.to, outgoing.text)
        except MessageRefused as problem:
            log.warning("message %s to %s refused: %s", message, masked(outgoing.to), problem)
            refused = True
    async with ports.begin() as session:
        if refused:
            await fail_message(session, message)
        else:
            await mark_sent(session, message, ports.clock.now(), keep_text=ports.sender.keeps_text)
