"""Verbs of runs, and lists of payouts with what people may see of their payees."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.paging import decode_cursor
from app.identity.values import Caller
from app.payouts.models import Payee, Payout, PayoutRun
from app.payouts.payees import seen_by
from app.payouts.values import Channel, Party, PayoutStatus

RUN: Final = {"en": "payout run", "zh-Hans": "付款批次"}
PAYOUT: Final = {"en": "payout", "zh-Hans": "付款"}
_RUN: Final = select(*(col(getattr(PayoutRun, name)) for name in PayoutRun.model_fields))
_PAYOUT: Final = select(
    *(col(getattr(Payout, name)) for name in Payout.model_fields),
    func.coalesce(col(Payee.masked), "").label("masked"),
    col(Payee.sealed).label("sealed"),
    col(Payee.ref).label("payee_ref"),
).join(Payee, col(Payee.id) == col(Payout.payee_id), isouter=True)


async def start_run(
    session: Session, parties: Collection[Party], *, net_cash: bool, terms: str, made_by: str | None, now: datetime
) -> PayoutRun:
    """Begin a run, and put the job that looks at every payee."""
    run = PayoutRun(
        id=new_id("run"),
        parties=sorted(party.value for party in set(parties)),
        net_cash=net_cash,
        terms=terms,
        made_by=made_by,
        created_at=now,
    )
    session.add(run)
    await session.flush()
    await enqueue(session, [Job("payout.run", {"run": run.id})])
    return run


async def get_run(reader: Reader, run_id: str) -> PayoutRun:
    row = (await reader.execute(_RUN.where(col(PayoutRun.id) == run_id))).mappings().one_or_none()
    if row is None:
        raise NotFound(what=RUN)
    return PayoutRun(**row)


async def finish_run(session: Session, run_id: str, now: datetime) -> None:
    run = await session.get(PayoutRun, run_id, with_for_update=True, populate_existing=True)
    if run is not None and run.done_at is None:
        run.done_at = now
        await session.flush()


async def clock_ran_since(reader: Reader, since: datetime) -> bool:
    """Whether the clock has begun a run since then."""
    wanted = select(func.count()).where(col(PayoutRun.made_by).is_(None), col(PayoutRun.created_at) >= since)
    return bool((await reader.execute(wanted)).scalar_one())


async def list_runs(reader: Reader, cursor: str | None, limit: int) -> list[PayoutRun]:
    """Every run, the newest first; one more than `limit`."""
    wanted = _RUN.order_by(col(PayoutRun.id).desc()).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(PayoutRun.id) < after[0])
    return [PayoutRun(**row) for row in (await reader.execute(wanted)).mappings()]


async def payouts_of_run(reader: Reader, run_id: str, after: str, most: int) -> list[Any]:
    """The payouts of a run in the order in which they were made, with `masked`, `sealed` and `payee_ref` of their payees."""
    wanted = _PAYOUT.where(col(Payout.run_id) == run_id, col(Payout.id) > after).order_by(col(Payout.id)).limit(most)
    return list(await reader.execute(wanted))


async def sums_of_run(reader: Reader, run_id: str) -> list[tuple[PayoutStatus, str, int, int]]:
    """By status and currency: how many payouts, and how much."""
    wanted = (
        select(col(Payout.status), col(Payout.currency), func.count(), func.sum(col(Payout.amount_minor)))
        .where(col(Payout.run_id) == run_id)
        .group_by(col(Payout.status), col(Payout.currency))
        .order_by(col(Payout.status), col(Payout.currency))
    )
    return [
        (PayoutStatus(status), currency, n, int(amount)) for status, currency, n, amount in await reader.execute(wanted)
    ]


async def prepared_by_hand(session: Session, run_id: str, machines: Collection[Channel]) -> list[str]:
    """The payouts of a run that wait to be sent from the operator's bank or wallet."""
    wanted = (
        select(col(Payout.id))
        .where(
            col(Payout.run_id) == run_id,
            col(Payout.status) == PayoutStatus.PREPARED,
            col(Payout.channel).not_in(set(machines)),
        )
        .order_by(col(Payout.id))
    )
    return list((await session.execute(wanted)).scalars())


async def sent_by_machine(session: Session, machines: Collection[Channel], most: int) -> list[str]:
    """Payouts under way on these channels, those first that were looked at longest ago."""
    wanted = (
        select(col(Payout.id))
        .where(col(Payout.status) == PayoutStatus.SENT, col(Payout.channel).in_(set(machines)))
        .order_by(col(Payout.updated_at), col(Payout.id))
        .limit(most)
    )
    return list((await session.execute(wanted)).scalars())


async def list_payouts(
    reader: Reader, caller: Caller, status: PayoutStatus | None, cursor: str | None, limit: int
) -> list[Any]:
    """Those of one's own, all for an operator, the newest first; one more than `limit`."""
    wanted = _PAYOUT.where(seen_by(caller, Payout)).order_by(col(Payout.id).desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(col(Payout.status) == status)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Payout.id) < after[0])
    return list(await reader.execute(wanted))


async def get_payout(reader: Reader, caller: Caller, payout_id: str) -> Any:
    """A payout for its party or an operator; `NotFound` for anybody else."""
    row = (await reader.execute(_PAYOUT.where(col(Payout.id) == payout_id, seen_by(caller, Payout)))).one_or_none()
    if row is None:
        raise NotFound(what=PAYOUT)
    return row
