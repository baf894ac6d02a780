"""Verbs of identity that others build on: who is calling, producers and their members, and whom to tell."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.core.database import Reader, Session, Sql
from app.core.errors import IdTaken, NotFound
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.schema import Shape, fingerprint
from app.identity.errors import NotSignedIn, TooManyProducers
from app.identity.models import CooperativeMembership, Membership, Person, Producer
from app.identity.rules import (
    bearer,
    grants_of,
    key_hash,
    read_access_token,
    require_belonging,
    require_insight,
    roles_of,
)
from app.identity.schemas import Me, MembershipShape, NewProducer, ProducerChange, ProducerShape
from app.identity.values import (
    EVERY_GRANT,
    PRODUCERS_PER_PERSON_MAX,
    AgreedShare,
    Caller,
    Contact,
    Grant,
    MemberRole,
    MembershipState,
    Parties,
    Role,
)

Listed = TypeVar("Listed", bound=Shape)

_PERSON = Sql(
    "SELECT person.id, person.phone, "
    "(SELECT json_agg(json_build_array(producer_id, role, grants)) FROM membership WHERE person_id = person.id) AS own, "
    "(SELECT json_agg(json_build_array(joined.producer_id, mine.grants, joined.grants)) FROM membership AS mine "
    "JOIN cooperative_membership AS joined ON joined.cooperative_id = mine.producer_id AND joined.state = 'active' "
    "WHERE mine.person_id = person.id) AS through, "
    "(SELECT json_agg(joined.cooperative_id) FROM membership AS mine "
    "JOIN cooperative_membership AS joined ON joined.producer_id = mine.producer_id AND joined.state = 'active' "
    "WHERE mine.person_id = person.id) AS cooperatives "
    "FROM sign_in JOIN person ON person.id = sign_in.person_id "
    "WHERE sign_in.id = :sign_in AND sign_in.revoked_at IS NULL"
)
_KEY = Sql(
    "SELECT partner.id, partner.carrier, api_key.scopes, api_key.mode, api_key.public_key FROM api_key "
    "JOIN partner ON partner.id = api_key.partner_id WHERE api_key.hash = :hash AND api_key.revoked_at IS NULL"
)
_CONTACTS = Sql(
    "SELECT membership.producer_id, person.id, person.phone, person.language "
    "FROM membership JOIN person ON person.id = membership.person_id "
    "WHERE membership.producer_id = ANY(:producers) ORDER BY membership.producer_id, person.id"
)
_PERSONS = Sql("SELECT id, phone, language FROM person WHERE id = ANY(:persons)")
_PARTIES = Sql(
    "SELECT NULL AS producer, NULL AS name, id, phone, language, NULL::json AS share FROM person WHERE id = :buyer "
    "UNION ALL (SELECT membership.producer_id, producer.name::text, person.id, person.phone, person.language, "
    "(SELECT json_build_array(joined.cooperative_id, agreed.id, agreed.version, agreed.share_bps) "
    "FROM cooperative_membership AS joined JOIN cooperative_agreement AS agreed ON agreed.membership_id = joined.id "
    "WHERE joined.producer_id = membership.producer_id AND joined.joined_at <= :now "
    "AND (joined.left_at IS NULL OR joined.left_at > :now) AND agreed.state = 'agreed' AND agreed.valid_from <= :now "
    "ORDER BY joined.joined_at DESC, agreed.version DESC LIMIT 1) "
    "FROM membership JOIN person ON person.id = membership.person_id JOIN producer ON producer.id = membership.producer_id "
    "WHERE membership.producer_id = ANY(:producers) ORDER BY membership.producer_id, person.id)"
)
_ROOF: Final = aliased(Producer)
_COOPERATIVE: Final = (
    select(func.jsonb_build_object("id", col(_ROOF.id), "name", col(_ROOF.name)))
    .join(CooperativeMembership, col(CooperativeMembership.cooperative_id) == col(_ROOF.id))
    .where(
        col(CooperativeMembership.producer_id) == col(Producer.id),
        col(CooperativeMembership.state) == MembershipState.ACTIVE,
    )
    .correlate(Producer)
    .scalar_subquery()
    .label("cooperative")
)
_PRODUCER: Final[Select[Any]] = select(
    *(col(getattr(Producer, name)) for name in ProducerShape.model_fields if name != "cooperative"), _COOPERATIVE
)
_NO_PRODUCER: Final = {"en": "producer", "zh-Hans": "生产者"}


async def authenticate(
    connection: Reader,
    authorization: str,
    *,
    key: bytes,
    operator_phones: Collection[str],
    now: datetime,
    test_keys: bool = True,
) -> Caller:
    """Who an `Authorization` header speaks for: a person or a partner. One statement; `NotSignedIn` otherwise.

    `test_keys=False` refuses `chk_test_…`, as production does.
    """
    token = bearer(authorization)
    if token is None:
        raise NotSignedIn
    if token.startswith("chk_"):
        return await _partner_calling(connection, token, test_keys=test_keys)
    sign_in_id = read_access_token(token, key, now)
    if sign_in_id is None:
        raise NotSignedIn
    row = await _PERSON.first(connection, {"sign_in": sign_in_id})
    if row is None:
        raise NotSignedIn
    own = row.own or ()
    producers = frozenset(producer for producer, _, _ in own)
    return Caller(
        person_id=row.id,
        roles=roles_of(row.phone, producers, operator_phones),
        producers=producers,
        owned=frozenset(producer for producer, role, _ in own if role == MemberRole.OWNER),
        cooperatives=frozenset(row.cooperatives or ()),
        grants=grants_of(
            [(producer, map(Grant, grants)) for producer, _, grants in own],
            [(producer, map(Grant, given), map(Grant, granted)) for producer, given, granted in row.through or ()],
        ),
        sign_in_id=sign_in_id,
    )


async def _partner_calling(connection: Reader, secret: str, *, test_keys: bool) -> Caller:
    row = await _KEY.first(connection, {"hash": key_hash(secret)})
    if row is None or (row.mode == "test" and not test_keys):
        raise NotSignedIn
    return Caller(
        partner_id=row.id,
        carrier=row.carrier,
        roles=frozenset({Role.PARTNER}),
        scopes=frozenset(row.scopes),
        public_key=row.public_key,
    )


async def get_me(connection: Reader, caller: Caller, operator_phones: Collection[str]) -> Me:
    """The caller, a person, with the producers that they belong to. One statement."""
    rows = (
        await connection.execute(
            select(
                col(Person.phone),
                col(Person.language),
                col(Producer.id),
                col(Producer.name),
                col(Membership.role),
                col(Membership.grants),
            )
            .outerjoin(Membership, col(Membership.person_id) == col(Person.id))
            .outerjoin(Producer, col(Producer.id) == col(Membership.producer_id))
            .where(col(Person.id) == caller.person_id)
            .order_by(col(Producer.id))
            .limit(PRODUCERS_PER_PERSON_MAX)
        )
    ).all()
    phone, language = rows[0][0], rows[0][1]
    producers = [
        MembershipShape(id=row[2], name=row[3], role=row[4], grants=row[5]) for row in rows if row[2] is not None
    ]
    roles = roles_of(phone, [producer.id for producer in producers], operator_phones)
    return Me(id=caller.id, phone=phone, roles=sorted(roles), language=language, producers=producers)


async def create_producer(session: Session, caller: Caller, command: NewProducer, now: datetime) -> ProducerShape:
    """Register a producer that the caller owns. The same id and body again answer the first result.

    Locks the caller's person, so that `TooManyProducers` holds. Raises `IdTaken` for an id used otherwise.
    """
    created = Producer(
        id=command.id or new_id("prd"),
        **command.model_dump(exclude={"id"}),
        created_from=fingerprint(command),
        created_at=now,
    )
    await session.execute(select(col(Person.id)).where(col(Person.id) == caller.person_id).with_for_update())
    inserted = await session.execute(
        insert(Producer).values(created.model_dump()).on_conflict_do_nothing().returning(col(Producer.id))
    )
    if inserted.first() is None:
        return await _created_before(session, caller, created)
    owned = select(func.count()).where(col(Membership.person_id) == caller.person_id)
    if (await session.execute(owned)).scalar_one() >= PRODUCERS_PER_PERSON_MAX:
        raise TooManyProducers(max=PRODUCERS_PER_PERSON_MAX)
    membership = Membership(
        producer_id=created.id, person_id=caller.id, role=MemberRole.OWNER, grants=sorted(EVERY_GRANT)
    )
    await session.execute(insert(Membership).values(membership.model_dump()))
    return _shape(created)


async def _created_before(session: Session, caller: Caller, wanted: Producer) -> ProducerShape:
    owner = (
        select(col(Producer.created_from))
        .join(Membership, col(Membership.producer_id) == col(Producer.id))
        .where(
            col(Producer.id) == wanted.id,
            col(Membership.person_id) == caller.person_id,
            col(Membership.role) == MemberRole.OWNER,
        )
    )
    if (await session.execute(owner)).scalar_one_or_none() != wanted.created_from:
        raise IdTaken(id=wanted.id)
    return await get_producer(session, wanted.id)


async def get_producer(connection: Reader, producer_id: str) -> ProducerShape:
    """Raises `NotFound`."""
    row = (await connection.execute(_PRODUCER.where(col(Producer.id) == producer_id))).one_or_none()
    if row is None:
        raise NotFound(what=_NO_PRODUCER)
    return _shape(row)


async def hold_producer(session: Session, producer_id: str) -> ProducerShape:
    """Like `get_producer`, while nobody changes it or the co-operative that it belongs to, until the transaction ends.

    Two statements: what the first waits for, the second sees.
    """
    held = select(col(Producer.id)).where(col(Producer.id) == producer_id).with_for_update(read=True)
    await session.execute(held)
    return await get_producer(session, producer_id)


async def get_own_producer(connection: Reader, caller: Caller, producer_id: str) -> ProducerShape:
    """The producer, for those who may see its accounts and operators; `NotFound` for strangers."""
    require_insight(caller, producer_id)
    return await get_producer(connection, producer_id)


async def list_producers(
    connection: Reader, *, county: str | None, cursor: str | None, limit: int
) -> Page[ProducerShape]:
    """Everybody's producers, the newest first, perhaps of one county."""
    after = decode_cursor(cursor, str)
    wanted = _PRODUCER.order_by(col(Producer.id).desc()).limit(limit + 1)
    if county is not None:
        wanted = wanted.where(col(Producer.county) == county)
    if after is not None:
        wanted = wanted.where(col(Producer.id) < after[0])
    return page_of((await connection.execute(wanted)).all(), limit, ProducerShape)


async def lock_producer(session: Session, caller: Caller, producer_id: str) -> ProducerShape:
    """The producer, locked for a change by its own people who may list, or an operator; `NotFound` for strangers."""
    require_belonging(caller, producer_id)
    locked = _PRODUCER.where(col(Producer.id) == producer_id).with_for_update(of=Producer)
    row = (await session.execute(locked)).one_or_none()
    if row is None:
        raise NotFound(what=_NO_PRODUCER)
    return _shape(row)


async def change_producer(session: Session, present: ProducerShape, command: ProducerChange) -> ProducerShape:
    """Write the fields that were sent, with the news `producer.changed`. Lock the producer first."""
    sent = command.model_dump(exclude_unset=True)
    changes = {name: value for name, value in sent.items() if value is not None or name == "village"}
    if changes:
        await session.execute(update(Producer).where(col(Producer.id) == present.id).values(changes))
        await enqueue(session, [Job("producer.changed", {"producer": present.id})])
    return present.model_copy(update=changes)


async def parties_of(connection: Reader, buyer_id: str, producer_ids: Collection[str], now: datetime) -> Parties:
    """Whom to tell of an order of this buyer with these producers, and with whom they share what they sell now. One statement."""
    rows = await _PARTIES.all(connection, {"buyer": buyer_id, "producers": list(producer_ids), "now": now})
    (buyer,) = (Contact(row.id, row.phone, row.language) for row in rows if row.producer is None)
    members: dict[str, list[Contact]] = {}
    for row in rows:
        if row.producer is not None:
            members.setdefault(row.producer, []).append(Contact(row.id, row.phone, row.language))
    names = {row.producer: orjson.loads(row.name) for row in rows if row.name}
    return Parties(buyer, members, names, {row.producer: AgreedShare(*row.share) for row in rows if row.share})


async def contacts_of_producers(connection: Reader, producer_ids: Collection[str]) -> dict[str, list[Contact]]:
    """Whom to tell of news for these producers: every member of each. One statement."""
    contacts: dict[str, list[Contact]] = {}
    for producer_id, person_id, phone, language in await _CONTACTS.all(connection, {"producers": list(producer_ids)}):
        contacts.setdefault(producer_id, []).append(Contact(person_id, phone, language))
    return contacts


async def names_of_producers(connection: Reader, producer_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """What these producers call themselves. One statement."""
    wanted = select(col(Producer.id), col(Producer.name)).where(col(Producer.id).in_(set(producer_ids)))
    return {row.id: row.name for row in await connection.execute(wanted)}


async def contacts_of_persons(connection: Reader, person_ids: Collection[str]) -> dict[str, Contact]:
    """Where to reach these persons. One statement."""
    rows = await _PERSONS.all(connection, {"persons": list(person_ids)})
    return {row.id: Contact(row.id, row.phone, row.language) for row in rows}


def page_of(rows: Sequence[Row[Any]], limit: int, shape: type[Listed]) -> Page[Listed]:
    """A page of rows sorted by id, of which one more than the limit was asked for."""
    items = [shape.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([rows[limit - 1].id]) if len(rows) > limit else None)


def _shape(row: object) -> ProducerShape:
    return ProducerShape.model_validate(row, from_attributes=True)
