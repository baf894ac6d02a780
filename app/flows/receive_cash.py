"""The story of cash on delivery: carriers hand over what they collected, an operator counts it, and what stays open is shown."""

from app.core.database import Reader, Session
from app.core.errors import Forbidden, Gap, Invalid, NotFound
from app.core.ids import new_id
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.schema import fingerprint
from app.flows.ports import Ports
from app.identity.partners import partner_by_carrier
from app.identity.values import Caller
from app.payouts.models import Remittance
from app.payouts.remittances import announce, cash_held, confirm, list_remittances
from app.payouts.schemas import CashHeld, CashHeldList, NewRemittance, RemittanceReceived, RemittanceShape

CARRIER = {"en": "carrier", "zh-Hans": "承运人"}


async def announce_remittance(
    ports: Ports, session: Session, caller: Caller, command: NewRemittance
) -> RemittanceShape:
    """A carrier says what it hands over, where it can be found, and when. No money is moved before an operator has it.

    Raises `Invalid` for no amount, `IdTaken` or `RemittanceKnown`.
    """
    if command.amount.amount <= 0:
        raise Invalid(gaps=[Gap("/amount/amount", {"en": "An amount above zero", "zh-Hans": "金额须大于零"})])
    remittance = Remittance(
        id=command.id or new_id("rmt"),
        carrier=await carrier_for(session, caller, command.carrier),
        currency=command.amount.currency,
        announced_minor=command.amount.amount,
        reference=command.reference,
        handed_over_at=command.handed_over_at,
        created_by=caller.id,
        created_from=fingerprint(command),
        created_at=ports.clock.now(),
    )
    return remittance_shape(await announce(session, remittance))


async def carrier_for(session: Reader, caller: Caller, named: str | None) -> str:
    """The carrier that this caller speaks for: a key's own; an operator names one that there is."""
    if caller.carrier is not None:
        if named not in (None, caller.carrier):
            raise Forbidden(needs={"en": f"the key of {named}", "zh-Hans": f"{named} 的 API 密钥"})
        return caller.carrier
    if named is None:
        raise Invalid(gaps=[Gap("/carrier", {"en": "Name the carrier", "zh-Hans": "请填写承运人代码"})])
    if await partner_by_carrier(session, named) is None:
        raise NotFound(what=CARRIER)
    return named


async def confirm_remittance(
    ports: Ports, session: Session, caller: Caller, remittance_id: str, command: RemittanceReceived
) -> RemittanceShape:
    """An operator has counted what arrived: so much less does the carrier hold. Raises `StateConflict` when that was done before."""
    if command.received.amount < 0:
        raise Invalid(gaps=[Gap("/received/amount", {"en": "At least 0", "zh-Hans": "必须大于或等于 0"})])
    now = ports.clock.now()
    remittance = await confirm(session, remittance_id, command.received.amount, caller.id, now)
    if remittance.currency != command.received.currency:
        currency = remittance.currency
        words = {"en": f"It was announced in {currency}", "zh-Hans": f"该记录的币种为 {currency}"}
        raise Invalid(gaps=[Gap("/received/currency", words)])
    return remittance_shape(remittance)


async def show_remittances(
    reader: Reader, caller: Caller, cursor: str | None, limit: int, *, waiting: bool
) -> Page[RemittanceShape]:
    """What was handed over, the newest first: a carrier's own, all for operators."""
    rows = await list_remittances(reader, caller, cursor, limit, waiting=waiting)
    items = [remittance_shape(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(rows) > limit else None)


async def show_cash_held(ports: Ports, reader: Reader, caller: Caller) -> CashHeldList:
    """Who holds how much, and what of it is overdue: a carrier's own, all for operators. What is handed over is the oldest cash."""
    terms = ports.terms.cash
    rows = await cash_held(reader, caller.carrier, ports.clock.now() - terms.due_after)
    items = [
        CashHeld(
            carrier=row.carrier,
            held=Money(row.held_minor, row.currency),
            overdue=Money(max(0, row.held_minor - row.fresh_minor), row.currency),
            announced=Money(row.announced_minor, row.currency),
        )
        for row in rows
        if row.held_minor or row.announced_minor
    ]
    return CashHeldList(due_days=terms.due_days, items=items)


def remittance_shape(row: Remittance) -> RemittanceShape:
    received = row.received_minor
    return RemittanceShape(
        id=row.id,
        carrier=row.carrier,
        announced=Money(row.announced_minor, row.currency),
        received=None if received is None else Money(received, row.currency),
        open=None if received is None else Money(row.announced_minor - received, row.currency),
        reference=row.reference,
        handed_over_at=row.handed_over_at,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
    )
