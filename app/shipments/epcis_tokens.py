"""Tokens of pages that their holders have ended before they ran out."""

from datetime import datetime
from typing import Final

from app.core.database import Reader, Session, Sql

_END: Final = Sql("INSERT INTO epcis_ended_token (hash, expires_at) VALUES (:hash, :expires_at) ON CONFLICT DO NOTHING")
_ENDED: Final = Sql("SELECT 1 FROM epcis_ended_token WHERE hash = :hash")
_FORGET: Final = Sql("DELETE FROM epcis_ended_token WHERE expires_at < :now")


async def end_token(session: Session, token_hash: str, expires_at: datetime) -> None:
    """It is good for nothing any more; again is harmless."""
    await _END.tell(session, {"hash": token_hash, "expires_at": expires_at})


async def is_ended(reader: Reader, token_hash: str) -> bool:
    return bool(await _ENDED.all(reader, {"hash": token_hash}))


async def forget_tokens(session: Session, now: datetime) -> None:
    """Those that would have run out by now need not be remembered."""
    await _FORGET.tell(session, {"now": now})
