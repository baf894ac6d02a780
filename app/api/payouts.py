"""Where parties are paid, runs of payouts with their sheet for the bank, and what became of each payout."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Path, Request, Response

from app.api.deps import Known, Language, Operator, PortsDep, Reading, RequiredClaim, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.media_types import NotAcceptable, wanted_type
from app.api.router import api_router
from app.api.sheets import CSV, JSON, sheet
from app.core.clock import LEGAL_TIME
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.money import major
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.give_payee import check_payee, give_payee, payee_shape
from app.flows.mark_payout import mark_payout, send_run
from app.flows.pay_out import ask_for_run, pay_back_in_cash
from app.flows.show_payouts import (
    SheetRow,
    bank_message_of_run,
    run_summary,
    sheet_of_run,
    show_payees,
    show_payout,
    show_payouts,
    show_run,
    show_runs,
)
from app.identity.errors import NotSignedIn
from app.payouts.errors import (
    CarrierHoldsLess,
    DebtorNotSet,
    NothingForTheBank,
    NothingToPayBack,
    PaidByMachine,
    SheetTooLong,
)
from app.payouts.payees import get_payee
from app.payouts.schemas import (
    NewCashRefund,
    NewPayee,
    NewPayoutRun,
    PayeeId,
    PayeeShape,
    PayeeVerdict,
    PayoutId,
    PayoutMark,
    PayoutRunShape,
    PayoutRunSummary,
    PayoutShape,
    RunId,
    RunSent,
)
from app.payouts.values import PayeeStatus, PayoutStatus

router = api_router("payouts")
APayeeId = Annotated[PayeeId, Path()]
ARunId = Annotated[RunId, Path()]
APayoutId = Annotated[PayoutId, Path()]
XML: Final = "application/xml"
_KEYED: Final = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)
_HEADS: Final = {
    "en": "Payout,Party,Channel,Account holder,Bank,Account number,Amount,Currency,Status,Reference,Prepared on",
    "zh-Hans": "付款编号,收款方,付款方式,户名,开户行,账号,金额,币种,状态,凭证号,生成日期",
}


@router.post(
    "/payees",
    status_code=201,
    summary="Say where one is paid",
    responses=refuses(NotSignedIn, Forbidden, NotFound, Invalid),
)
async def create_payee(
    command: NewPayee, caller: Known, session: Tx, ports: PortsDep, language: Language
) -> PayeeShape:
    """For oneself (refunds), a producer that one owns, or a carrier by a key with `settlements:write`; operators for anybody.

    It replaces the account that was there for the currency. An operator checks it before anything is paid.
    """
    return await give_payee(ports, session, caller, command, language)


@router.get("/payees", summary="Where one is paid", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_payees(
    caller: Known,
    reading: Reading,
    language: Language,
    status: PayeeStatus | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[PayeeShape]:
    """One's own, the newest first; operators see all, such as those that wait to be checked."""
    return await show_payees(reading, caller, status, cursor, limit, language)


@router.get(
    "/payees/{payee_id}",
    summary="Read a payee",
    response_model=PayeeShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def read_payee(
    request: Request, payee_id: APayeeId, caller: Known, reading: Reading, language: Language
) -> Response:
    """For its party and operators."""
    return etagged(request, payee_shape(await get_payee(reading, caller, payee_id), language))


@router.post(
    "/payees/{payee_id}/verdict",
    summary="Accept an account, or not",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict),
)
async def judge_payee(
    payee_id: APayeeId, command: PayeeVerdict, _: Operator, session: Tx, ports: PortsDep, language: Language
) -> PayeeShape:
    """For operators: whose account it is has been looked at."""
    return await check_payee(ports, session, payee_id, command, language)


@router.post(
    "/payout-runs",
    status_code=201,
    summary="Pay what is owed",
    responses=refuses(NotSignedIn, Forbidden, Invalid, *_KEYED),
)
async def create_payout_run(
    command: NewPayoutRun, caller: Operator, session: Tx, ports: PortsDep, _: RequiredClaim
) -> PayoutRunSummary:
    """For operators: a payout for every party of these kinds with a checked account and enough available. It is made by a job."""
    return run_summary(await ask_for_run(ports, session, caller, command))


@router.get("/payout-runs", summary="Payout runs", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_payout_runs(
    _: Operator, reading: Reading, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[PayoutRunSummary]:
    """For operators: the clock's and those that were asked for, the newest first."""
    return await show_runs(reading, cursor, limit)


@router.get(
    "/payout-runs/{run_id}",
    summary="A run and its sheet for the bank",
    response_model=PayoutRunShape,
    responses={
        200: {
            "content": {CSV: {"schema": {"type": "string"}}, XML: {"schema": {"type": "string"}}},
            "description": "The run; as a sheet whole",
        }
    }
    | NOT_MODIFIED
    | refuses(NotSignedIn, Forbidden, NotFound, Invalid, SheetTooLong, NothingForTheBank, DebtorNotSet, NotAcceptable),
)
async def read_payout_run(
    run_id: ARunId,
    request: Request,
    _: Operator,
    reading: Reading,
    ports: PortsDep,
    language: Language,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """For operators. `Accept: text/csv` gives the sheet to upload at the bank, in which `cursor` and `limit` mean nothing; `application/xml`
    the bank transfers of it that are still to be sent, as ISO 20022 `pain.001.001.09`.

    Only the sheet tells accounts in full, and only those of payouts that are prepared or sent: keep it as you keep money.
    """
    media = wanted_type(request.headers.get("accept"), (JSON, CSV, XML))
    told = {"content-language": language}
    vary = "Accept, Accept-Language, Authorization"
    if media == JSON:
        shown = await show_run(reading, run_id, cursor, limit, language)
        return etagged(request, shown, vary=vary, headers=told)
    if media == XML:
        told["content-disposition"] = f'attachment; filename="pain001-{run_id}.xml"'
        message = await bank_message_of_run(ports, reading, run_id)
        return etagged(request, message, cache="no-store", vary=vary, media=XML, headers=told)
    rows = await sheet_of_run(ports, reading, run_id, language)
    told["content-disposition"] = f'attachment; filename="payouts-{run_id}.csv"'
    body = sheet(_HEADS[language], [_cells(row) for row in rows])
    return etagged(request, body, cache="no-store", vary=vary, media=f"{CSV}; charset=utf-8", headers=told)


@router.post(
    "/payout-runs/{run_id}/send",
    summary="Mark a whole run as sent",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, *_KEYED),
)
async def send_payout_run(
    run_id: ARunId,
    command: RunSent,
    _: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    __: RequiredClaim,
) -> PayoutRunShape:
    """For operators: what waits in this run went to the bank in one order. Answers the run with its first payouts."""
    await send_run(ports, session, run_id, command)
    return await show_run(session, run_id, None, DEFAULT_LIMIT, language)


@router.get("/payouts", summary="Payouts", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_payouts(
    caller: Known,
    reading: Reading,
    language: Language,
    status: PayoutStatus | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[PayoutShape]:
    """What one was paid and is being paid, the newest first; operators see all."""
    return await show_payouts(reading, caller, status, cursor, limit, language)


@router.get(
    "/payouts/{payout_id}",
    summary="Read a payout",
    response_model=PayoutShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def read_payout(
    request: Request, payout_id: APayoutId, caller: Known, reading: Reading, language: Language
) -> Response:
    """For its party and operators."""
    return etagged(request, await show_payout(reading, caller, payout_id, language))


@router.post(
    "/payouts/{payout_id}/mark",
    summary="Say what became of a payout",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, PaidByMachine, *_KEYED),
)
async def mark(
    payout_id: APayoutId,
    command: PayoutMark,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> PayoutShape:
    """For operators: sent, paid, returned, failed or cancelled, as the bank says. Money that did not arrive is available again.

    What came back closes the account until its party gives one again. The party is told of `paid` and `returned`.
    """
    await mark_payout(ports, session, payout_id, command)
    return await show_payout(session, caller, payout_id, language)


@router.post(
    "/cash-refunds",
    status_code=201,
    summary="Pay a buyer back in cash",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, NothingToPayBack, CarrierHoldsLess, *_KEYED),
)
async def create_cash_refund(
    command: NewCashRefund, caller: Operator, session: Tx, ports: PortsDep, language: Language, _: RequiredClaim
) -> PayoutShape:
    """For operators: a carrier gives the buyer what is owed for an order that was paid in cash or by transfer, out of the cash it holds."""
    payout = await pay_back_in_cash(ports, session, command)
    return await show_payout(session, caller, payout.id, language)


def _cells(row: SheetRow) -> Sequence[str]:
    payout = row.payout
    return [
        payout.id,
        payout.party,
        payout.channel_text,
        row.holder,
        row.bank,
        row.number,
        major(payout.amount),
        payout.amount.currency,
        payout.status_text,
        payout.reference or "",
        payout.created_at.astimezone(LEGAL_TIME).date().isoformat(),
    ]
