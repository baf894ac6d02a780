"""The story of where a party is paid: it gives an account, and an operator checks whose it is."""

from app.core.database import Session
from app.core.errors import Forbidden, Gap, Invalid, NotFound
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.partners import partner_by_carrier
from app.identity.service import contacts_of_persons, get_producer
from app.identity.values import Caller, ProducerKind, Scope
from app.payouts.models import Payee
from app.payouts.payees import add_payee, judge_payee, lock_payee
from app.payouts.schemas import NewPayee, PayeeShape, PayeeVerdict
from app.payouts.values import CHANNEL_DISPLAY, PAYEE_DISPLAY, AccountDetails, Party

PARTY = {"en": "party to be paid", "zh-Hans": "收款方"}


async def give_payee(ports: Ports, session: Session, caller: Caller, command: NewPayee, language: str) -> PayeeShape:
    """A party says where it is paid in a currency: a producer by its owner; an operator may say it for one. It replaces the former account.

    Raises `NotFound` for somebody else's party, `Forbidden` for a key without the scope. Nothing is paid before it is checked.
    """
    party_id = command.party or caller.carrier or caller.person_id or ""
    _require_own(caller, party_id)
    account = command.account
    payee = await add_payee(
        session,
        party=await party_of(session, party_id),
        party_id=party_id,
        channel=command.channel,
        currency=command.currency,
        created_by=caller.id,
        now=ports.clock.now(),
        account=AccountDetails(holder=account.holder, number=account.number, bank=account.bank),
        seal=ports.seal,
    )
    return payee_shape(payee, language)


def _require_own(caller: Caller, party_id: str) -> None:
    if caller.partner_id is not None and Scope.SETTLEMENTS_WRITE not in caller.scopes:
        scope = Scope.SETTLEMENTS_WRITE.value
        raise Forbidden(needs={"en": f"an API key with the scope {scope}", "zh-Hans": f"具有 {scope} 权限的 API 密钥"})
    # No grant lets a colleague or a co-operative say where a producer's money goes.
    mine = party_id in (caller.person_id, caller.carrier) or party_id in caller.owned
    if not (mine or caller.is_operator()):
        raise NotFound(what=PARTY)


async def party_of(session: Session, party_id: str) -> Party:
    """What kind of party this is; raises `NotFound` when it is none."""
    if party_id.startswith("prd_"):
        kind = (await get_producer(session, party_id)).kind
        return Party.COOPERATIVE if kind is ProducerKind.COOPERATIVE else Party.PRODUCER
    if party_id.startswith("per_"):
        if party_id in await contacts_of_persons(session, [party_id]):
            return Party.BUYER
    elif await partner_by_carrier(session, party_id):
        return Party.CARRIER
    raise NotFound(what=PARTY)


async def check_payee(
    ports: Ports, session: Session, payee_id: str, command: PayeeVerdict, language: str
) -> PayeeShape:
    """An operator has looked whose account it is. Raises `StateConflict` for one that is replaced, `Invalid` for a no without a reason."""
    if not command.verified and command.reason is None:
        words = {"en": "Say why, so that the party can mend it", "zh-Hans": "请说明原因，以便对方更正"}
        raise Invalid(gaps=[Gap("/reason", words)])
    payee = await lock_payee(session, payee_id)
    await judge_payee(session, payee, ports.clock.now(), verified=command.verified, reason=command.reason)
    return payee_shape(payee, language)


def payee_shape(payee: Payee, language: str) -> PayeeShape:
    """A payee as people see it: never more of the account than its end."""
    return PayeeShape(
        id=payee.id,
        party=payee.party_id,
        kind=payee.party,
        channel=payee.channel,
        channel_text=pick(CHANNEL_DISPLAY[payee.channel], language),
        currency=payee.currency,
        account=payee.masked,
        status=payee.status,
        status_text=pick(PAYEE_DISPLAY[payee.status], language),
        reason=payee.reason,
        created_at=payee.created_at,
        updated_at=payee.updated_at,
    )
