"""The story of a producer's account at the card provider: opened, filled in by its holder, and judged by what the provider says."""

from app.core.database import Session
from app.core.errors import NotFound
from app.flows.give_payee import PARTY, party_of, payee_shape
from app.flows.ports import Ports
from app.identity.values import Caller
from app.payments.values import AccountNews, Outcome, Step
from app.payouts.errors import PayoutAccountsUnavailable
from app.payouts.payees import add_payee, find_by_ref, find_payee, judge_payee, lock_payee, note_masked, return_to
from app.payouts.schemas import NewPayoutAccount, PayoutAccountShape
from app.payouts.values import AccountState, Channel, PayeeStatus


async def open_payout_account(
    ports: Ports, caller: Caller, producer_id: str, command: NewPayoutAccount, language: str
) -> PayoutAccountShape:
    """The owner of a producer, or an operator, has an account opened for it, in the place of where it was paid before.

    Answers the page on which its holder goes on; again, a fresh page for the same account. Raises `NotFound` for others,
    `PayoutAccountsUnavailable` where no provider is set up.
    """
    # No grant lets a colleague or a co-operative say where a producer's money goes.
    if not (producer_id in caller.owned or caller.is_operator()):
        raise NotFound(what=PARTY)
    connect = ports.connect
    if connect is None:
        raise PayoutAccountsUnavailable
    async with ports.begin() as session:
        party = await party_of(session, producer_id)
        payee = await find_payee(session, producer_id, command.currency)
    if payee is None or payee.channel is not Channel.STRIPE or payee.ref is None:
        # Asked outside any transaction; when it is cut off here, the same account is found again by the same key.
        account = await connect.open_account(producer_id, command.currency)
        async with ports.begin() as session:
            now = ports.clock.now()
            former = await find_by_ref(session, account)
            payee = (
                await return_to(session, former, now)
                if former
                else await add_payee(
                    session,
                    party=party,
                    party_id=producer_id,
                    channel=Channel.STRIPE,
                    currency=command.currency,
                    created_by=caller.id,
                    now=now,
                    ref=account,
                )
            )
    assert payee.ref is not None
    link = await connect.link_to(payee.ref, command.return_url or f"{ports.settings.base_url}/")
    return PayoutAccountShape(payee=payee_shape(payee, language), url=link.url, expires_at=link.expires_at)


async def look_at_account(ports: Ports, news: AccountNews) -> AccountState | None:
    """How the account stands now, whatever the news told: they may come late. None where nobody can be asked."""
    return await ports.connect.look_at(news.account_ref) if ports.connect else None


async def take_in_account(ports: Ports, session: Session, news: AccountNews, state: AccountState | None) -> Step:
    """A producer is paid while its account takes transfers and pays out; else it reads what the provider asks of it."""
    payee = await find_by_ref(session, news.account_ref)
    if payee is None or state is None or payee.status is PayeeStatus.REPLACED:
        return Step(Outcome.IGNORED)
    payee = await lock_payee(session, payee.id)
    asked = ", ".join(state.asked)[:400]
    reason = None if state.ready else f"Stripe: {asked or 'not enabled yet'}"
    verdict = PayeeStatus.VERIFIED if state.ready else PayeeStatus.REJECTED
    # A page that nobody has filled in yet is nothing to object to.
    waits = payee.status is PayeeStatus.UNVERIFIED and not state.ready and state.last4 is None
    if payee.status is PayeeStatus.REPLACED or waits or (payee.status, payee.reason) == (verdict, reason):
        return Step(Outcome.LATE)
    await note_masked(session, payee, state.last4)
    await judge_payee(session, payee, ports.clock.now(), verified=state.ready, reason=reason)
    return Step(Outcome.APPLIED)
