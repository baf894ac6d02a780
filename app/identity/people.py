"""Verbs on the people who act for a producer: who they are, and what each of them may do."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import Gap, IdTaken, Invalid, NotFound
from app.core.paging import Page, decode_cursor, encode_cursor
from app.identity.cooperative_schemas import ColleagueChange, ColleagueShape, NewColleague
from app.identity.errors import LastOwner, TooManyMembers, TooManyProducers
from app.identity.models import Membership, Person, Producer
from app.identity.rules import require_owner
from app.identity.values import (
    EVERY_GRANT,
    PEOPLE_PER_PRODUCER_MAX,
    PRODUCERS_PER_PERSON_MAX,
    Caller,
    Grant,
    MemberRole,
)

NO_COLLEAGUE: Final = {"en": "person who acts for this producer", "zh-Hans": "该生产者的成员"}
_COLLEAGUE: Final[Any] = select(col(Membership.person_id).label("person"), col(Membership.role), col(Membership.grants))
_NOBODY: Final = {"en": "Nobody is known by this id", "zh-Hans": "没有使用此编号的用户"}


async def add_colleague(session: Session, caller: Caller, producer_id: str, command: NewColleague) -> ColleagueShape:
    """Let somebody act for the caller's producer. The same again answers the first result, otherwise `IdTaken`.

    Locks the producer, then the person. Raises `NotFound`, `Forbidden`, `Invalid`, `TooManyMembers` or `TooManyProducers`.
    """
    await _lock(session, caller, producer_id)
    person = select(col(Person.id)).where(col(Person.id) == command.person).with_for_update(key_share=True)
    if (await session.execute(person)).first() is None:
        raise Invalid(gaps=[Gap("/person", _NOBODY)])
    row = _row(producer_id, command.person, command.role, command.grants)
    earlier = await session.get(Membership, (producer_id, command.person), populate_existing=True)
    if earlier is not None:
        if (earlier.role, sorted(earlier.grants)) != (row.role, row.grants):
            raise IdTaken(id=command.person)
        return _shape(earlier)
    people = select(func.count()).where(col(Membership.producer_id) == producer_id)
    if (await session.execute(people)).scalar_one() >= PEOPLE_PER_PRODUCER_MAX:
        raise TooManyMembers(max=PEOPLE_PER_PRODUCER_MAX, what={"en": "people", "zh-Hans": "名成员"})
    held = select(func.count()).where(col(Membership.person_id) == command.person)
    if (await session.execute(held)).scalar_one() >= PRODUCERS_PER_PERSON_MAX:
        raise TooManyProducers(max=PRODUCERS_PER_PERSON_MAX)
    await session.execute(insert(Membership).values(row.model_dump()))
    return _shape(row)


async def get_colleague(reader: Reader, caller: Caller, producer_id: str, person_id: str) -> ColleagueShape:
    """One of the people of the caller's producer. Raises `NotFound` or `Forbidden`."""
    if not caller.is_operator():
        require_owner(caller, producer_id)
    one = _COLLEAGUE.where(col(Membership.producer_id) == producer_id, col(Membership.person_id) == person_id)
    row = (await reader.execute(one)).one_or_none()
    if row is None:
        raise NotFound(what=NO_COLLEAGUE)
    return ColleagueShape.model_validate(row, from_attributes=True)


async def list_colleagues(
    reader: Reader, caller: Caller, producer_id: str, *, cursor: str | None, limit: int
) -> Page[ColleagueShape]:
    """The people of a producer, for its owners and operators. Raises `NotFound` or `Forbidden`."""
    after = decode_cursor(cursor, str)
    if not caller.is_operator():
        require_owner(caller, producer_id)
    page = _COLLEAGUE.where(col(Membership.producer_id) == producer_id, col(Membership.person_id) > (after or ("",))[0])
    rows = (await reader.execute(page.order_by(col(Membership.person_id)).limit(limit + 1))).all()
    items = [ColleagueShape.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].person]) if len(rows) > limit else None)


async def lock_colleague(session: Session, caller: Caller, producer_id: str, person_id: str) -> Membership:
    """One of the people of a producer, which is locked for a change by its owners. Raises `NotFound` or `Forbidden`."""
    await _lock(session, caller, producer_id)
    return await _locked(session, producer_id, person_id)


async def lock_leaver(session: Session, caller: Caller, producer_id: str, person_id: str) -> Membership:
    """Like `lock_colleague`, but whoever it is about may do it too: nobody has to act for a producer."""
    if person_id != caller.person_id:
        return await lock_colleague(session, caller, producer_id, person_id)
    await session.execute(_locking(producer_id))
    return await _locked(session, producer_id, person_id)


async def _locked(session: Session, producer_id: str, person_id: str) -> Membership:
    row = await session.get(Membership, (producer_id, person_id), with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(what=NO_COLLEAGUE)
    return row


async def change_colleague(session: Session, row: Membership, command: ColleagueChange) -> ColleagueShape:
    """Write what was sent of a locked row. Raises `LastOwner` when nobody would own the producer any more."""
    role = command.role or row.role
    if role is not MemberRole.OWNER:
        await _require_other_owner(session, row)
    changed = _row(row.producer_id, row.person_id, role, row.grants if command.grants is None else command.grants)
    row.role, row.grants = changed.role, changed.grants
    await session.flush()
    return _shape(row)


async def drop_colleague(session: Session, row: Membership) -> None:
    """A locked person acts for the producer no more. Raises `LastOwner`."""
    await _require_other_owner(session, row)
    gone = delete(Membership).where(
        col(Membership.producer_id) == row.producer_id, col(Membership.person_id) == row.person_id
    )
    await session.execute(gone)


def colleague_shape(row: Membership) -> ColleagueShape:
    return _shape(row)


async def _lock(session: Session, caller: Caller, producer_id: str) -> None:
    require_owner(caller, producer_id)
    await session.execute(_locking(producer_id))


def _locking(producer_id: str) -> Any:
    return select(col(Producer.id)).where(col(Producer.id) == producer_id).with_for_update(key_share=True)


async def _require_other_owner(session: Session, row: Membership) -> None:
    others = select(func.count()).where(
        col(Membership.producer_id) == row.producer_id,
        col(Membership.role) == MemberRole.OWNER,
        col(Membership.person_id) != row.person_id,
    )
    if row.role is MemberRole.OWNER and not (await session.execute(others)).scalar_one():
        raise LastOwner


def _row(producer_id: str, person_id: str, role: MemberRole, grants: Iterable[str]) -> Membership:
    """Owners may do everything, whatever was said."""
    given = EVERY_GRANT if role is MemberRole.OWNER else frozenset(map(Grant, grants))
    return Membership(producer_id=producer_id, person_id=person_id, role=role, grants=sorted(given))


def _shape(row: Membership) -> ColleagueShape:
    return ColleagueShape(person=row.person_id, role=row.role, grants=row.grants)
