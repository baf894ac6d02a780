"""Verbs of disputes: write one down, follow its course, answer it, find and list them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.paging import decode_cursor
from app.identity.values import Caller, Grant
from app.payments.dispute_rules import Course
from app.payments.errors import EvidenceTooLate, PaymentDisputed
from app.payments.models import Dispute, Payment
from app.payments.values import ANSWERABLE, DISPUTE_OPEN, DisputeNews, DisputeStatus

DISPUTE: Final = {"en": "dispute", "zh-Hans": "拒付争议"}
_SELECT: Final = select(*(col(getattr(Dispute, name)) for name in Dispute.model_fields))


async def open_dispute(
    session: Session, news: DisputeNews, payment: Payment, producers: Collection[str], now: datetime
) -> tuple[Dispute, bool]:
    """The dispute that this news is of, locked, and whether it is the first: then it is written down, with nothing moved yet.

    The order is locked.
    """
    first = Dispute(
        id=new_id("dsp"),
        provider_ref=news.dispute_ref,
        payment_id=payment.id,
        order_id=payment.order_id,
        status=DisputeStatus.INQUIRY,
        reason=news.reason,
        currency=news.amount.currency,
        amount_minor=news.amount.amount,
        producers=sorted(producers),
        created_at=now,
        updated_at=now,
    )
    keep = insert(Dispute).values(first.model_dump()).on_conflict_do_nothing().returning(col(Dispute.id))
    written = (await session.execute(keep)).first()
    wanted = select(Dispute).where(col(Dispute.provider_ref) == news.dispute_ref).with_for_update()
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one(), written is not None


def course_of(dispute: Dispute) -> Course:
    return Course(dispute.status, dispute.taken_minor, dispute.returned_minor, dispute.lost_minor, dispute.due_at)


async def follow(session: Session, dispute: Dispute, course: Course, now: datetime) -> None:
    """Write how far a locked dispute has come."""
    dispute.status, dispute.due_at = course.status, course.due_at
    dispute.taken_minor, dispute.returned_minor = course.taken_minor, course.returned_minor
    dispute.lost_minor, dispute.updated_at = course.lost_minor, now
    await session.flush()


async def answer(session: Session, dispute: Dispute, words: str, by: str, now: datetime) -> None:
    """Keep an operator's answer to a locked dispute; raises `EvidenceTooLate` once nobody hears it any more."""
    late = dispute.due_at is not None and dispute.due_at <= now
    if dispute.status not in ANSWERABLE or late or dispute.evidence is not None:
        raise EvidenceTooLate
    dispute.evidence, dispute.evidence_by, dispute.evidence_sent_at, dispute.updated_at = words, by, now, now
    await session.flush()


async def lock_dispute(session: Session, dispute_id: str) -> Dispute:
    """A dispute as it stands, locked; the lock of its order comes before."""
    dispute = await session.get(Dispute, dispute_id, with_for_update=True, populate_existing=True)
    if dispute is None:
        raise NotFound(what=DISPUTE)
    return dispute


async def is_disputed(session: Session, order_id: str) -> bool:
    """Whether a bank has yet to decide about a payment of this order. What is released meanwhile might have to come back."""
    wanted = select(func.count()).where(col(Dispute.order_id) == order_id, col(Dispute.status).in_(DISPUTE_OPEN))
    return bool(await session.scalar(wanted))


async def last_word(session: Session, subject: str) -> str | None:
    """What a bank decided last about the payment of an order or a deposit: a name of it, under which a refusal is asked about again."""
    decided = (
        select(col(Dispute.id), col(Dispute.status))
        .where(col(Dispute.order_id) == subject, col(Dispute.status).not_in(DISPUTE_OPEN))
        .order_by(col(Dispute.updated_at).desc(), col(Dispute.id).desc())
        .limit(1)
    )
    row = (await session.execute(decided)).one_or_none()
    return f"{row.id}:{row.status}" if row else None


async def require_undisputed(session: Session, order_id: str) -> None:
    """Raise `PaymentDisputed` while a bank decides, or has decided for the buyer: then the money went back that way."""
    gone = [*DISPUTE_OPEN, DisputeStatus.LOST]
    wanted = select(func.count()).where(col(Dispute.order_id) == order_id, col(Dispute.status).in_(gone))
    if await session.scalar(wanted):
        raise PaymentDisputed


async def get_dispute(reader: Reader, caller: Caller, dispute_id: str) -> Dispute:
    """A dispute for operators and for the producers of its order; `NotFound` for anybody else."""
    row = (await reader.execute(_SELECT.where(col(Dispute.id) == dispute_id, _seen_by(caller)))).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound(what=DISPUTE)
    return Dispute(**found)


async def list_disputes(
    reader: Reader, caller: Caller, status: DisputeStatus | None, cursor: str | None, limit: int
) -> list[Dispute]:
    """Those that the caller may see, the newest first; one more than `limit`."""
    wanted = _SELECT.where(_seen_by(caller)).order_by(col(Dispute.id).desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(col(Dispute.status) == status)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Dispute.id) < after[0])
    return [Dispute(**row) for row in (await reader.execute(wanted)).mappings()]


def _seen_by(caller: Caller) -> Any:
    if caller.is_operator():
        return True
    return col(Dispute.producers).op("?|")(cast(list(caller.granted(Grant.SEE)), ARRAY(Text)))
