"""People of the valley and of Shanghai, their producers, and the carriers between them; signed in without codes and limits."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from app.flows.keep_producer import register_producer
from app.flows.ports import Ports
from app.identity.partners import create_key, create_partner
from app.identity.rules import access_token
from app.identity.schemas import NewApiKey, NewPartner, NewProducer, ProducerShape
from app.identity.service import authenticate
from app.identity.sign_in import open_sign_in, start_sign_in
from app.identity.values import Caller, Scope

OPERATOR_PHONE = "+8610000000001"
GARDEN = {
    "name": {"zh-Hans": "巴格其枣园", "en": "Bagqi date garden"},
    "kind": "household",
    "county": "653221",
    "village": {"zh-Hans": "巴格其镇", "en": "Bagqi"},
    "hub": "HOTAN",
}
LOOM = {
    "name": {"zh-Hans": "喀什织毯合作社", "en": "Kashgar carpet co-operative"},
    "kind": "cooperative",
    "county": "653101",
    "village": {"zh-Hans": "乃则尔巴格镇", "en": "Nezerbagh"},
    "hub": "KASHGAR",
}
HEADERS = "authorization"
_serial = count(200)


@dataclass(frozen=True)
class Someone:
    """Whoever calls: `headers` are what they send."""

    id: str
    phone: str
    caller: Caller
    headers: dict[str, str]


@dataclass(frozen=True)
class Seller:
    """A producer and the person who owns it."""

    person: Someone
    producer: ProducerShape

    @property
    def caller(self) -> Caller:
        return self.person.caller

    @property
    def headers(self) -> dict[str, str]:
        return self.person.headers


def a_phone() -> str:
    return f"+861000000{next(_serial) % 10_000:04}"


async def a_person(ports: Ports, phone: str | None = None, *, language: str = "zh-Hans") -> Someone:
    """Somebody who has signed in, for a year."""
    phone, now = phone or a_phone(), ports.clock.now()
    async with ports.begin() as session:
        opened = await open_sign_in(session, phone, language=language, now=now)
    token = access_token(opened.sign_in_id, now + timedelta(days=365), ports.settings.key)
    headers = {HEADERS: f"Bearer {token}"}
    return Someone(opened.person_id, phone, await caller_of(ports, headers), headers)


async def an_operator(ports: Ports) -> Someone:
    return await a_person(ports, OPERATOR_PHONE)


async def a_producer(ports: Ports, **changes: object) -> Seller:
    """A date garden near Hotan, with its owner."""
    owner = await a_person(ports)
    async with ports.begin() as session:
        command = NewProducer.model_validate(GARDEN | changes)
        producer = await register_producer(session, owner.caller, command, ports.clock.now())
    return Seller(await a_person(ports, owner.phone), producer)


async def a_partner(ports: Ports, carrier: str = "KUNLUN", *scopes: Scope) -> Someone:
    """A carrier with a live key; with every scope unless some are named."""
    now = ports.clock.now()
    async with ports.begin() as session:
        named = NewPartner.model_validate({"name": {"zh-Hans": "昆仑运输", "en": "Kunlun Haulage"}, "carrier": carrier})
        partner = await create_partner(session, named, now)
    headers = await a_key(ports, partner.id, *(scopes or Scope))
    return Someone(partner.id, "", await caller_of(ports, headers), headers)


async def a_key(ports: Ports, partner_id: str, *scopes: Scope) -> dict[str, str]:
    """The headers of one more live key."""
    async with ports.begin() as session:
        wanted = NewApiKey.model_validate({"scopes": list(scopes)})
        key = await create_key(session, partner_id, wanted, ports.clock.now())
    return {HEADERS: f"Bearer {key.secret}"}


async def a_sign_in_code(ports: Ports, phone: str) -> str:
    """The code that this phone may sign in with now."""
    async with ports.begin() as session:
        return await start_sign_in(session, phone, key=ports.settings.key, now=ports.clock.now())


async def caller_of(ports: Ports, headers: dict[str, str]) -> Caller:
    """Who the service takes these headers for now."""
    async with ports.database.read() as connection:
        return await authenticate(
            connection,
            headers[HEADERS],
            key=ports.settings.key,
            operator_phones=ports.settings.operator_phones,
            now=ports.clock.now(),
        )
