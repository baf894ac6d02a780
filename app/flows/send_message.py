"""The story of messages that leave: the job `message.send`."""

import asyncio
import logging
from collections.abc import Sequence

from app.flows.ports import Ports
from app.notify.errors import MessageRefused
from app.notify.rules import masked
from app.notify.service import find_outgoing, settle_messages
from app.notify.values import Outgoing

log = logging.getLogger(__name__)


async def send_messages(ports: Ports, messages: Sequence[str]) -> None:
    """Send queued messages, each at least once: if we stop between sending and noting it, it is sent again.

    A message that is too late to be of use, or that the sender will never take, is given up. What the sender failed to
    take stays queued, and the first such failure is raised at the end, for the job to be tried again.
    """
    async with ports.database.read() as connection:
        outgoing = await find_outgoing(connection, messages, ports.clock.now())
    ends = await asyncio.gather(*(_leaves(ports, message) for message in outgoing), return_exceptions=True)
    sent = [message.id for message, end in zip(outgoing, ends, strict=True) if end is True]
    failures = {message.id: end for message, end in zip(outgoing, ends, strict=True) if isinstance(end, BaseException)}
    settled = [message for message in messages if message not in failures]
    if settled:
        async with ports.begin() as session:
            await settle_messages(session, settled, sent, ports.clock.now(), keep_text=ports.sender.keeps_text)
    if failures:
        raise next(iter(failures.values()))


async def _leaves(ports: Ports, message: Outgoing) -> bool:
    """Hand a message to the sender; false when the sender will never take it."""
    try:
        await ports.sender.send(message.to, message.text)
    except MessageRefused as problem:
        log.warning("message %s to %s refused: %s", message.id, masked(message.to), problem)
        return False
    return True
