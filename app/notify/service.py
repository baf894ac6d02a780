"""Verbs of messages: queue them with the news they tell, hand them out to be sent, show the mailbox."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.notify.models import Message
from app.notify.rules import is_worth_sending, render
from app.notify.schemas import MailboxMessage
from app.notify.values import MAILBOX_PAGE_MAX, MESSAGE_KEPT, NOTICES_PER_CALL_MAX, Notice, Outgoing, State

_FORGET = text(
    "DELETE FROM message WHERE id IN "
    "(SELECT id FROM message WHERE created_at < :before ORDER BY created_at LIMIT 10000)"
)


async def queue_messages(session: Session, notices: Sequence[Notice], now: datetime) -> None:
    """Write the messages and one job for each, so that they leave if and only if the transaction commits.

    Two statements, whatever their number.
    """
    assert len(notices) <= NOTICES_PER_CALL_MAX
    if not notices:
        return
    messages = [
        Message(
            id=new_id("msg"),
            to=notice.to,
            template=notice.template,
            language=notice.language,
            text=render(notice.template, notice.language, notice.params),
            code=notice.params.get("code"),
            state=State.QUEUED,
            created_at=now,
        )
        for notice in notices
    ]
    await session.execute(insert(Message).values([message.model_dump() for message in messages]))
    await enqueue(session, [Job("message.send", {"message": message.id}) for message in messages])


async def find_outgoing(connection: AsyncConnection | Session, message_id: str, now: datetime) -> Outgoing | None:
    """The message, when it is still to be sent; None when it has left, failed, or come too late to be of use."""
    row = (
        await connection.execute(
            select(col(Message.to), col(Message.text), col(Message.template), col(Message.created_at)).where(
                col(Message.id) == message_id, col(Message.state) == State.QUEUED
            )
        )
    ).one_or_none()
    if row is None or row.text is None or not is_worth_sending(row.template, row.created_at, now):
        return None
    return Outgoing(message_id, row.to, row.text)


async def mark_sent(session: Session, message_id: str, now: datetime, *, keep_text: bool) -> None:
    """Note that the message left; its text and code are erased unless they are to be kept."""
    erased = {} if keep_text else {"text": None, "code": None}
    await session.execute(
        update(Message).where(col(Message.id) == message_id).values(state=State.SENT, sent_at=now, **erased)
    )


async def fail_message(session: Session, message_id: str) -> None:
    """Give a queued message up, and erase its text and code."""
    await session.execute(
        update(Message)
        .where(col(Message.id) == message_id, col(Message.state) == State.QUEUED)
        .values(state=State.FAILED, text=None, code=None)
    )


async def list_mailbox(
    connection: AsyncConnection | Session, to: str, limit: int = MAILBOX_PAGE_MAX
) -> list[MailboxMessage]:
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
