"""Routes that exist in development only."""

from typing import Annotated

from fastapi import Query

from app.api.deps import Reading
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Invalid
from app.notify.schemas import Mailbox, MailboxPhone
from app.notify.service import list_mailbox

router = api_router("development")


@router.get("/dev/messages", summary="The development mailbox", responses=refuses(Invalid))
async def list_messages(to: Annotated[MailboxPhone, Query()], connection: Reading) -> Mailbox:
    """The latest messages to a phone, the newest first, instead of a telephone. Absent in production."""
    return Mailbox(items=await list_mailbox(connection, to))
