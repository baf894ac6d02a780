"""Verbs of messages: queue them with the news they tell, hand them out to be sent, show the mailbox."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlmodel import col

from app.core.database import Reader, Session, Sql, as_rows, inserting
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.notify.models import Message
from app.notify.rules import is_worth_sending, render
from app.notify.schemas import MailboxMessage
from app.notify.values import (
    MAILBOX_PAGE_MAX,
    MESSAGE_KEPT,
    MESSAGES_PER_JOB_MAX,
    NOTICES_PER_CALL_MAX,
    Notice,
    Outgoing,
    State,
    Template,
)

_QUEUE = Sql(inserting("message"))
_OUTGOING = Sql(
    "SELECT id, \"to\", text, template, created_at FROM message WHERE id = ANY(:ids) AND state = 'queued' ORDER BY id"
)
_SETTLE = Sql(
    """
UPDATE message AS m SET state = CASE WHEN now.sent THEN 'sent' ELSE 'failed' END,
    sent_at = CASE WHEN now.sent THEN CAST(:now AS timestamptz) END,
    text = CASE WHEN now.sent AND :keep_text THEN m.text END, code = CASE WHEN now.sent AND :keep_text THEN m.code END
FROM (SELECT id, id = ANY(CAST(:sent AS text[])) AS sent FROM unnest(CAST(:ids AS text[])) AS id) AS now
WHERE m.id = now.id AND m.state = 'queued'
"""
)
_FORGET = text(
    "DELETE FROM message WHERE id IN "
    "(SELECT id FROM message WHERE created_at < :before ORDER BY created_at LIMIT 10000)"
)


async def queue_messages(session: Session, notices: Sequence[Notice], now: datetime) -> None:
    """Write the messages, and a job for every few of them, so that they leave if and only if the transaction commits.

    Two statements, whatever their number.
    """
    assert len(notices) <= NOTICES_PER_CALL_MAX
    if not notices:
        return
    ids = [new_id("msg") for _ in notices]
    # Rows, not models: a model costs more to make than its message to write.
    messages = [
        {
            "id": message_id,
            "to": notice.to,
            "template": notice.template,
            "language": notice.language,
            "text": render(notice.template, notice.language, notice.params),
            "code": notice.params.get("code"),
            "state": State.QUEUED,
            "created_at": now,
        }
        for message_id, notice in zip(ids, notices, strict=True)
    ]
    await _QUEUE.tell(session, {"rows": as_rows(messages)})
    together = [ids[first : first + MESSAGES_PER_JOB_MAX] for first in range(0, len(ids), MESSAGES_PER_JOB_MAX)]
    await enqueue(session, [Job("message.send", {"messages": few}) for few in together])


async def find_outgoing(reader: Reader, message_ids: Collection[str], now: datetime) -> list[Outgoing]:
    """Those of these messages that are still to be sent: not what has left, failed, or come too late to be of use."""
    return [
        Outgoing(row.id, row.to, row.text)
        for row in await _OUTGOING.all(reader, {"ids": list(message_ids)})
        if row.text is not None and is_worth_sending(Template(row.template), row.created_at, now)
    ]


async def settle_messages(
    session: Session, message_ids: Collection[str], sent: Collection[str], now: datetime, *, keep_text: bool
) -> None:
    """Note which of these messages have left, and give up the others of them that are still queued.

    Text and code are erased, but of messages that were sent when they are to be kept. One statement.
    """
    await _SETTLE.tell(session, {"ids": list(message_ids), "sent": list(sent), "now": now, "keep_text": keep_text})


async def list_mailbox(connection: Reader, to: str, limit: int = MAILBOX_PAGE_MAX) -> list[MailboxMessage]:
    """The latest messages to this phone, the newest first. A message is in the mailbox from the moment it is queued."""
    rows = await connection.execute(
        select(col(Message.to), col(Message.text), col(Message.code), col(Message.created_at))
        .where(col(Message.to) == to, col(Message.text).is_not(None))
        .order_by(col(Message.id).desc())
        .limit(limit)
    )
    return [MailboxMessage(to=row.to, text=row.text, code=row.code, sent_at=row.created_at) for row in rows]


async def forget_old(session: Session, now: datetime) -> None:
    """Delete messages past their keeping time, at most 10,000 at a time."""
    await session.execute(_FORGET, {"before": now - MESSAGE_KEPT})
