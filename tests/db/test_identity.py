"""Identity on a real database: codes, families of tokens, producers, partners and their keys."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.errors import IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_LIFETIME, SIGN_IN_CODE_LIFETIME
from app.identity import partners, service, sign_in
from app.identity.errors import CarrierTaken, NotSignedIn, TooManyKeys, TooManyProducers
from app.identity.rules import access_token, refresh_token
from app.identity.schemas import NewApiKey, NewPartner, NewProducer, ProducerChange
from app.identity.values import (
    EVERY_GRANT,
    KEYS_PER_PARTNER_MAX,
    PRODUCERS_PER_PERSON_MAX,
    Caller,
    Contact,
    KeyMode,
    Parties,
    Role,
    Scope,
)

KEY = b"tests only"
PHONE, OTHER_PHONE, OPERATOR_PHONE = "+8610000000123", "+8610000000124", "+8610000000001"
GARDEN = {"name": {"zh-Hans": "枣园"}, "kind": "household", "county": "653201", "hub": "HOTAN"}
COLD = {"name": {"en": "Tarim Cold Chain"}, "carrier": "TARIM-COLD"}


@pytest.fixture
def now(clock):
    return clock.now()


async def signed_in(database, now, phone=PHONE):
    async with database.begin() as session:
        return await sign_in.open_sign_in(session, phone, language="zh-Hans", now=now)


async def calling(database, now, phone=PHONE):
    """A caller as `authenticate` would see one."""
    opened = await signed_in(database, now, phone)
    return await authenticated(database, bearer_of(opened, now), now)


def bearer_of(opened, now):
    return f"Bearer {access_token(opened.sign_in_id, now + ACCESS_TOKEN_LIFETIME, KEY)}"


async def authenticated(database, authorization, now, **options):
    async with database.read() as connection:
        return await service.authenticate(
            connection, authorization, key=KEY, operator_phones={OPERATOR_PHONE}, now=now, **options
        )


async def started(database, now, phone=PHONE):
    async with database.begin() as session:
        return await sign_in.start_sign_in(session, phone, key=KEY, now=now)


async def finished(database, code, now, phone=PHONE):
    async with database.begin() as session:
        return await sign_in.finish_sign_in(session, phone, code, language="en", key=KEY, now=now)


async def rotated(database, token, now):
    async with database.begin() as session:
        return await sign_in.rotate(session, token, key=KEY, now=now)


async def created_producer(database, caller, now, **changes):
    async with database.begin() as session:
        return await service.create_producer(session, caller, NewProducer.model_validate(GARDEN | changes), now)


async def created_partner(database, now, **changes):
    async with database.begin() as session:
        return await partners.create_partner(session, NewPartner.model_validate(COLD | changes), now)


async def created_key(database, partner_id, now, mode=KeyMode.LIVE):
    async with database.begin() as session:
        command = NewApiKey(scopes=[Scope.TRACKING_WRITE, Scope.BOOKINGS_READ, Scope.TRACKING_WRITE], mode=mode)
        return await partners.create_key(session, partner_id, command, now)


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_the_right_code_makes_a_person_once(database, now):
    first = await finished(database, await started(database, now), now)
    second = await finished(database, await started(database, now), now)
    assert first.phone == PHONE
    assert first.person_id == second.person_id
    assert first.sign_in_id != second.sign_in_id


async def test_code_is_six_digits_and_not_kept(database, now):
    code = await started(database, now)
    assert len(code) == 6
    assert code.isdecimal()
    async with database.read() as connection:
        kept = (await connection.execute(text("SELECT * FROM sign_in_code"))).one()
    assert code not in str(tuple(kept))


async def test_code_works_once(database, now):
    code = await started(database, now)
    assert await finished(database, code, now)
    assert await finished(database, code, now) is None


async def test_of_two_callers_with_the_right_code_one_gets_in(database, now):
    code = await started(database, now)
    results = await asyncio.gather(*(finished(database, code, now) for _ in range(6)))
    assert sum(result is not None for result in results) == 1


async def test_newer_code_takes_the_place_of_the_older(database, now):
    older = await started(database, now)
    newer = await started(database, now)
    assert older == newer or await finished(database, older, now) is None
    assert await finished(database, newer, now)


async def test_code_of_one_phone_opens_no_other(database, now):
    code = await started(database, now)
    assert await finished(database, code, now, OTHER_PHONE) is None


async def test_code_works_until_it_expires(database, now):
    code = await started(database, now)
    assert await finished(database, code, now + SIGN_IN_CODE_LIFETIME) is None
    assert await finished(database, code, now + SIGN_IN_CODE_LIFETIME - timedelta(seconds=1))


async def test_fifth_try_may_still_be_right_and_the_sixth_may_not(database, now):
    code = await started(database, now)
    for _ in range(4):
        assert await finished(database, wrong(code), now) is None
    assert await finished(database, code, now)
    code = await started(database, now)
    for _ in range(5):
        assert await finished(database, wrong(code), now) is None
    assert await finished(database, code, now) is None


async def test_parallel_guesses_get_no_more_tries(database, now):
    code = await started(database, now)
    await asyncio.gather(*(finished(database, wrong(code), now) for _ in range(12)))
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT attempts FROM sign_in_code"))).scalar_one() == 5


async def test_refresh_token_rotates(database, now):
    opened = await signed_in(database, now)
    next_one = await rotated(database, refresh_token(opened.sign_in_id, 1, KEY), now)
    assert (next_one.sign_in_id, next_one.generation) == (opened.sign_in_id, 2)
    assert next_one.person_id == opened.person_id
    assert await rotated(database, refresh_token(opened.sign_in_id, 2, KEY), now)


async def test_reused_refresh_token_ends_its_family_and_no_other(database, now):
    opened, elsewhere = await signed_in(database, now), await signed_in(database, now)
    await rotated(database, refresh_token(opened.sign_in_id, 1, KEY), now)
    assert await rotated(database, refresh_token(opened.sign_in_id, 1, KEY), now) is None
    assert await rotated(database, refresh_token(opened.sign_in_id, 2, KEY), now) is None
    with pytest.raises(NotSignedIn):
        await authenticated(database, bearer_of(opened, now), now)
    assert await authenticated(database, bearer_of(elsewhere, now), now)
    assert await rotated(database, refresh_token(elsewhere.sign_in_id, 1, KEY), now)


async def test_token_of_a_generation_that_never_was_ends_nothing(database, now):
    opened = await signed_in(database, now)
    assert await rotated(database, refresh_token(opened.sign_in_id, 2, KEY), now) is None
    assert await rotated(database, "chr_forged", now) is None
    assert await rotated(database, refresh_token(opened.sign_in_id, 1, KEY), now)


async def test_of_parallel_refreshes_at_most_one_wins(database, now):
    opened = await signed_in(database, now)
    token = refresh_token(opened.sign_in_id, 1, KEY)
    results = await asyncio.gather(*(rotated(database, token, now) for _ in range(5)))
    assert sum(result is not None for result in results) == 1


async def test_refresh_token_expires_when_it_is_not_used(database, now):
    opened = await signed_in(database, now)
    token = refresh_token(opened.sign_in_id, 1, KEY)
    assert await rotated(database, token, now + REFRESH_TOKEN_LIFETIME) is None
    almost = now + REFRESH_TOKEN_LIFETIME - timedelta(days=1)
    assert await rotated(database, token, almost)
    assert await rotated(database, refresh_token(opened.sign_in_id, 2, KEY), almost + timedelta(days=2))


async def test_signing_out_ends_this_sign_in_only(database, now):
    opened, elsewhere = await signed_in(database, now), await signed_in(database, now)
    caller = await authenticated(database, bearer_of(opened, now), now)
    for _ in range(2):
        async with database.begin() as session:
            await sign_in.sign_out(session, caller, now)
    with pytest.raises(NotSignedIn):
        await authenticated(database, bearer_of(opened, now), now)
    assert await rotated(database, refresh_token(opened.sign_in_id, 1, KEY), now) is None
    assert await authenticated(database, bearer_of(elsewhere, now), now)


async def test_person_who_calls_has_roles_and_producers(database, now):
    caller = await calling(database, now)
    assert caller.roles == {Role.BUYER}
    garden = await created_producer(database, caller, now)
    caller = await calling(database, now)
    assert caller.roles == {Role.BUYER, Role.PRODUCER}
    assert caller.producers == {garden.id}
    assert caller.grants == {garden.id: EVERY_GRANT}
    assert caller.owned == {garden.id}
    assert (await calling(database, now, OPERATOR_PHONE)).is_operator()


async def test_access_token_ends_with_its_time(database, now):
    opened = await signed_in(database, now)
    header = bearer_of(opened, now)
    assert await authenticated(database, header, now + ACCESS_TOKEN_LIFETIME - timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        await authenticated(database, header, now + ACCESS_TOKEN_LIFETIME)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer cha_", "Bearer chk_live_", "Basic eA==", "Bearer chr_x"])
async def test_bad_credentials_are_refused(database, now, header):
    with pytest.raises(NotSignedIn):
        await authenticated(database, header, now)


async def test_producer_is_created_once_for_its_id_and_body(database, now):
    caller = await calling(database, now)
    producer_id = new_id("prd")
    first = await created_producer(database, caller, now, id=producer_id)
    again = await created_producer(database, caller, now + timedelta(hours=1), id=producer_id)
    assert first == again
    assert first.created_at == now
    with pytest.raises(IdTaken):
        await created_producer(database, caller, now, id=producer_id, county="653222")
    with pytest.raises(IdTaken):
        await created_producer(database, await calling(database, now, OTHER_PHONE), now, id=producer_id)


async def test_parallel_creations_with_one_id_make_one_producer(database, now):
    caller = await calling(database, now)
    producer_id = new_id("prd")
    made = await asyncio.gather(*(created_producer(database, caller, now, id=producer_id) for _ in range(5)))
    assert len(set(map(str, made))) == 1


async def test_one_person_owns_a_bounded_number_of_producers(database, now):
    caller = await calling(database, now)
    for _ in range(PRODUCERS_PER_PERSON_MAX):
        await created_producer(database, caller, now)
    with pytest.raises(TooManyProducers):
        await created_producer(database, caller, now)
    async with database.read() as connection:
        assert (
            await connection.execute(text("SELECT count(*) FROM producer"))
        ).scalar_one() == PRODUCERS_PER_PERSON_MAX


async def test_change_writes_only_what_was_sent(database, now):
    caller = await calling(database, now)
    garden = await created_producer(database, caller, now, village="Bagqi")
    caller = await calling(database, now)
    async with database.begin() as session:
        present = await service.lock_producer(session, caller, garden.id)
        changed = await service.change_producer(session, present, ProducerChange(name={"en": "Date garden"}, kind=None))
    assert changed == garden.model_copy(update={"name": {"en": "Date garden"}})
    async with database.begin() as session:
        changed = await service.change_producer(session, changed, ProducerChange(village=None))
    async with database.read() as connection:
        assert await service.get_producer(connection, garden.id) == changed
        news = await connection.execute(text("SELECT task_name, args FROM procrastinate_jobs"))
        assert [tuple(row) for row in news] == [("producer.changed", {"producer": garden.id})] * 2
    assert changed.village is None


async def test_strangers_find_no_producer_to_change(database, now):
    garden = await created_producer(database, await calling(database, now), now)
    stranger, operator = await calling(database, now, OTHER_PHONE), await calling(database, now, OPERATOR_PHONE)
    async with database.begin() as session:
        with pytest.raises(NotFound):
            await service.lock_producer(session, stranger, garden.id)
        assert await service.lock_producer(session, operator, garden.id) == garden
        with pytest.raises(NotFound):
            await service.lock_producer(session, operator, new_id("prd"))


async def test_producers_are_listed_page_by_page_and_by_county(database, now):
    caller = await calling(database, now)
    made = [await created_producer(database, caller, now, county=county) for county in ("653201", "653222", "653201")]
    async with database.read() as connection:
        first = await service.list_producers(connection, county=None, cursor=None, limit=2)
        rest = await service.list_producers(connection, county=None, cursor=first.next_cursor, limit=2)
        of_county = await service.list_producers(connection, county="653201", cursor=None, limit=10)
        with pytest.raises(Invalid):
            await service.list_producers(connection, county=None, cursor="nonsense", limit=2)
    assert {producer.id for producer in first.items + rest.items} == {producer.id for producer in made}
    assert (len(first.items), rest.next_cursor) == (2, None)
    assert {producer.id for producer in of_county.items} == {made[0].id, made[2].id}


async def test_producers_and_contacts_are_found_together(database, now):
    caller = await calling(database, now)
    garden = await created_producer(database, caller, now)
    async with database.read() as connection:
        parties = await service.parties_of(connection, caller.id, [garden.id, new_id("prd")], now)
        contact = Contact(caller.id, PHONE, "zh-Hans")
        assert await service.contacts_of_producers(connection, [garden.id]) == {garden.id: [contact]}
        assert await service.contacts_of_persons(connection, [caller.id]) == {caller.id: contact}
        assert parties == Parties(contact, {garden.id: [contact]}, {garden.id: garden.name})
        assert await service.parties_of(connection, caller.id, [], now) == Parties(contact, {}, {})


async def test_me_shows_roles_and_producers(database, now):
    caller = await calling(database, now)
    async with database.read() as connection:
        me = await service.get_me(connection, caller, {OPERATOR_PHONE})
    assert (me.phone, me.roles, me.producers) == (PHONE, [Role.BUYER], [])
    garden = await created_producer(database, caller, now)
    async with database.read() as connection:
        me = await service.get_me(connection, caller, {PHONE})
    assert me.roles == [Role.BUYER, Role.OPERATOR, Role.PRODUCER]
    assert [(producer.id, producer.role) for producer in me.producers] == [(garden.id, "owner")]


async def test_partner_is_created_once_and_its_carrier_is_its_own(database, now):
    partner_id = new_id("ptn")
    first = await created_partner(database, now, id=partner_id)
    assert await created_partner(database, now, id=partner_id) == first
    with pytest.raises(IdTaken):
        await created_partner(database, now, id=partner_id, carrier="OTHER")
    with pytest.raises(CarrierTaken):
        await created_partner(database, now)
    async with database.read() as connection:
        assert await partners.partner_by_carrier(connection, "TARIM-COLD") == first
        assert await partners.partner_by_carrier(connection, "NOBODY") is None
        assert (await partners.list_partners(connection, cursor=None, limit=5)).items == [first]


async def test_api_key_speaks_for_its_partner_with_its_scopes(database, now):
    partner = await created_partner(database, now)
    key = await created_key(database, partner.id, now)
    assert key.secret.startswith("chk_live_")
    assert key.secret.startswith(key.prefix)
    caller = await authenticated(database, f"Bearer {key.secret}", now)
    assert caller == Caller(
        partner_id=partner.id,
        carrier="TARIM-COLD",
        roles=frozenset({Role.PARTNER}),
        scopes=frozenset({"tracking:write", "bookings:read"}),
    )
    with pytest.raises(NotSignedIn):
        await authenticated(database, f"Bearer {key.secret[:-1]}", now)


async def test_secret_of_a_key_is_not_kept(database, now):
    key = await created_key(database, (await created_partner(database, now)).id, now)
    async with database.read() as connection:
        kept = (await connection.execute(text("SELECT * FROM api_key"))).one()
    assert key.secret not in str(tuple(kept))


async def test_revoked_key_is_refused_and_stays_listed(database, now):
    partner = await created_partner(database, now)
    key = await created_key(database, partner.id, now)
    for later in (timedelta(), timedelta(hours=1)):
        async with database.begin() as session:
            await partners.revoke_key(session, partner.id, key.id, now + later)
    with pytest.raises(NotSignedIn):
        await authenticated(database, f"Bearer {key.secret}", now)
    async with database.read() as connection:
        listed = (await partners.list_keys(connection, partner.id, cursor=None, limit=5)).items
    assert [(each.id, each.revoked_at) for each in listed] == [(key.id, now)]


async def test_key_is_revoked_only_under_its_own_partner(database, now):
    key = await created_key(database, (await created_partner(database, now)).id, now)
    other = await created_partner(database, now, carrier="OTHER")
    async with database.begin() as session:
        with pytest.raises(NotFound):
            await partners.revoke_key(session, other.id, key.id, now)
        with pytest.raises(NotFound):
            await partners.list_keys(session, new_id("ptn"), cursor=None, limit=5)
    assert await authenticated(database, f"Bearer {key.secret}", now)


async def test_test_keys_are_refused_where_they_are_not_wanted(database, now):
    key = await created_key(database, (await created_partner(database, now)).id, now, KeyMode.TEST)
    assert await authenticated(database, f"Bearer {key.secret}", now)
    with pytest.raises(NotSignedIn):
        await authenticated(database, f"Bearer {key.secret}", now, test_keys=False)


async def test_partner_has_a_bounded_number_of_valid_keys(database, now):
    partner = await created_partner(database, now)
    keys = [await created_key(database, partner.id, now) for _ in range(KEYS_PER_PARTNER_MAX)]
    with pytest.raises(TooManyKeys):
        await created_key(database, partner.id, now)
    async with database.begin() as session:
        await partners.revoke_key(session, partner.id, keys[0].id, now)
    assert await created_key(database, partner.id, now)


async def test_what_ended_long_ago_is_forgotten(database, now):
    await started(database, now)
    opened = await signed_in(database, now)
    async with database.begin() as session:
        await sign_in.forget_old(session, now + timedelta(hours=1))
    assert await authenticated(database, bearer_of(opened, now), now)
    async with database.begin() as session:
        await sign_in.forget_old(session, now + REFRESH_TOKEN_LIFETIME + timedelta(days=31))
        left = await session.execute(text("SELECT (SELECT count(*) FROM sign_in), (SELECT count(*) FROM sign_in_code)"))
        assert tuple(left.one()) == (0, 0)
