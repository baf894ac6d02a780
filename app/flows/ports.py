"""What every story needs from outside: the database, the clock, and the edges to the world. Made once for each process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace

from app.catalogue.values import Category, Species
from app.core.clock import Clock, SystemClock
from app.core.database import Database, Session
from app.core.seal import Seal
from app.core.settings import Settings
from app.core.storage import ObjectStorage, open_storage
from app.network.origin_rules import NO_RULES, OriginRules, RulesUnreadable, load_origin_rules
from app.network.plan import FrontCache
from app.network.timetable import TimetableCache
from app.notify.guard import Allowed, read_allowed
from app.notify.outside import GuardedSender
from app.notify.senders import MessageSender, open_sender
from app.offers.terms import NO_TERMS as NO_OFFER_TERMS
from app.offers.terms import OfferTerms
from app.offers.terms import TermsUnreadable as OfferTermsUnreadable
from app.offers.terms import load_terms as load_offer_terms
from app.orders.policies import NO_POLICIES, Policies, PoliciesUnreadable, load_policies
from app.payments.providers import PaymentProvider, open_provider
from app.payouts.channels import ConnectedAccounts, PayoutChannel
from app.payouts.stripe_channel import open_connect
from app.payouts.terms import NO_TERMS, Terms, TermsUnreadable, load_terms
from app.payouts.values import Channel
from app.shipments.answers import Answers
from app.shipments.watch import TrackingWatch


@dataclass(frozen=True)
class Ports:
    """`cards` is None when no card provider is configured; `channels` are those that pay out by machine, `connect` is the one of them
    that keeps an account for each party, where there is one. `session` is a transaction that is open already.
    """

    settings: Settings
    database: Database
    clock: Clock
    storage: ObjectStorage
    sender: MessageSender
    outside: GuardedSender
    cards: PaymentProvider | None
    timetable: TimetableCache
    fronts: FrontCache
    seal: Seal
    watch: TrackingWatch
    origin_rules: OriginRules = NO_RULES
    policies: Policies = NO_POLICIES
    offer_terms: OfferTerms = NO_OFFER_TERMS
    terms: Terms = NO_TERMS
    channels: Mapping[Channel, PayoutChannel] = field(default_factory=dict)
    connect: ConnectedAccounts | None = None
    session: Session | None = None
    answers: Answers = field(default_factory=Answers)

    def begin(self) -> AbstractAsyncContextManager[Session]:
        """One transaction: committed when its block ends well, undone when an exception leaves it."""
        return self.database.begin() if self.session is None else nullcontext(self.session)

    def within(self, session: Session) -> "Ports":
        """For a story of one transaction that is to be part of its caller's: what it begins is that one, and ends with it."""
        return replace(self, session=session)


def origin_rules_of(settings: Settings) -> OriginRules:
    """Where goods may not go, by the table that the settings name; `RulesUnreadable` when it cannot be used."""
    return load_origin_rules(settings.origin_rules, frozenset(Category), frozenset(Species))


def outside_allowed(settings: Settings) -> Allowed:
    """What of our own may be called by URLs that others give; `ValueError` when an entry is no host and no network."""
    return read_allowed(settings.outside_allowed)


def fault_of_tables(settings: Settings) -> str | None:
    """One line about the first table that the settings name and that cannot be used; None when all are good."""
    try:
        outside_allowed(settings)
    except ValueError as error:
        return f"CHAMA_OUTSIDE_ALLOWED: {error}"
    try:
        origin_rules_of(settings)
    except RulesUnreadable as error:
        return f"CHAMA_ORIGIN_RULES: {error}"
    try:
        load_policies(settings.policies)
    except PoliciesUnreadable as error:
        return f"CHAMA_POLICIES: {error}"
    try:
        load_offer_terms(settings.offer_terms)
    except OfferTermsUnreadable as error:
        return f"CHAMA_OFFER_TERMS: {error}"
    try:
        load_terms(settings.settlement_terms)
    except TermsUnreadable as error:
        return f"CHAMA_SETTLEMENT_TERMS: {error}"
    return None


@asynccontextmanager
async def open_ports(settings: Settings) -> AsyncIterator[Ports]:
    """The ports that the settings ask for, closed at the end. The database must be there already."""
    assert settings.database_url
    rules, policies = origin_rules_of(settings), load_policies(settings.policies)
    terms = load_terms(settings.settlement_terms)
    cards, connect = open_provider(settings), open_connect(settings)
    channels: dict[Channel, PayoutChannel] = {Channel.STRIPE: connect} if connect else {}
    outside = GuardedSender(outside_allowed(settings))
    database = Database(
        settings.database_url, pool=settings.database_pool, prepared=settings.database_prepared_statements
    )
    watch = TrackingWatch(database)
    try:
        yield Ports(
            settings=settings,
            database=database,
            clock=SystemClock(),
            storage=open_storage(settings),
            sender=open_sender(settings),
            outside=outside,
            cards=cards,
            timetable=TimetableCache(),
            fronts=FrontCache(),
            seal=Seal(settings.key),
            watch=watch,
            origin_rules=rules,
            policies=policies,
            offer_terms=load_offer_terms(settings.offer_terms),
            terms=terms,
            channels=channels,
            connect=connect,
        )
    finally:
        await watch.close()
        await database.close()
        await outside.close()
        if cards is not None:
            await cards.close()
        if connect is not None:
            await connect.close()
