"""The story of an order cycle: orders are taken in windows, each of which closes in time for a departure."""

from collections.abc import Sequence
from datetime import datetime

from app.catalogue.cycle_schemas import NewOrderCycle, OrderCycleChange, OrderCycleShape, WindowShape
from app.catalogue.cycles import (
    attach_listings,
    change_cycle,
    create_cycle,
    end_cycle,
    get_cycle,
    list_cycles,
    lock_cycle,
)
from app.catalogue.errors import OWN_PRODUCER
from app.catalogue.models import OrderCycle
from app.catalogue.values import CycleTerms, Window
from app.catalogue.windows import WINDOWS_SHOWN, calls_at, open_window, order_windows
from app.core.database import Session
from app.core.errors import Forbidden, Gap, Invalid
from app.core.paging import Page, encode_cursor
from app.flows.ports import Ports
from app.identity.rules import require_grant
from app.identity.service import get_producer
from app.identity.values import Caller, Grant
from app.routing import Timetable


async def open_cycle(ports: Ports, session: Session, caller: Caller, command: NewOrderCycle) -> OrderCycleShape:
    """Make an order cycle for departures from the producer's hub. For those who may list for it.

    Raises `Forbidden`, `GrantMissing`, `IdTaken`, or `Invalid` for a service that does not call there by timetable.
    """
    require_grant(caller, command.producer, Grant.LIST, Forbidden(needs=OWN_PRODUCER))
    producer = await get_producer(session, command.producer)
    timetable = await ports.timetable.current(session)
    _require_departures(timetable, command.service, producer.hub)
    now = ports.clock.now()
    return _shape(timetable, await create_cycle(session, command, producer.hub, now), now)


def _require_departures(timetable: Timetable, service: str, hub: str) -> None:
    number = timetable.service_numbers.get(service)
    if number is None or not calls_at(timetable.services[number], hub):
        detail = {
            "en": f"No service by timetable that departs from {hub}; POST /v1/routes shows those that do",
            "zh-Hans": f"不是从 {hub} 出发的定时线路；可用 POST /v1/routes 查询",
        }
        raise Invalid(gaps=[Gap("/service", detail)])


async def show_cycle(ports: Ports, cycle_id: str) -> OrderCycleShape:
    """An order cycle with its next windows. Two statements."""
    async with ports.begin() as session:
        row = await get_cycle(session, cycle_id)
        return _shape(await ports.timetable.current(session), row, ports.clock.now())


async def show_cycles(ports: Ports, producer: str | None, cursor: str | None, limit: int) -> Page[OrderCycleShape]:
    """A page of order cycles, newest first. Two statements."""
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
        rows = await list_cycles(connection, producer, cursor, limit)
    now = ports.clock.now()
    items = [_shape(timetable, row, now) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(rows) > limit else None)


async def lock_for_change(ports: Ports, session: Session, caller: Caller, cycle_id: str) -> OrderCycleShape:
    """The cycle as it stands, locked for a change. For members of its producer; `Forbidden` for anybody else."""
    row = await lock_cycle(session, caller, cycle_id)
    return _shape(await ports.timetable.current(session), row, ports.clock.now())


async def change_terms(
    ports: Ports, session: Session, caller: Caller, cycle_id: str, command: OrderCycleChange
) -> OrderCycleShape:
    """Write the fields that were sent. For members of its producer. Raises `Invalid` for a service that does not depart from their hub.

    Quotes on the old terms are refused; orders that were placed stay.
    """
    row = await lock_cycle(session, caller, cycle_id)
    timetable, now = await ports.timetable.current(session), ports.clock.now()
    changes = command.model_dump(exclude_none=True)
    if service := changes.pop("service", None):
        hub = (await get_producer(session, row.producer_id)).hub
        _require_departures(timetable, service, hub)
        changes |= {"service_id": service, "hub": hub}
    if any(getattr(row, name) != value for name, value in changes.items()):
        await change_cycle(session, row, changes, now)
    return _shape(timetable, row, now)


async def close_cycle(ports: Ports, session: Session, caller: Caller, cycle_id: str) -> None:
    """End an order cycle: its listings are ordered at any time again. For members of its producer."""
    await end_cycle(session, await lock_cycle(session, caller, cycle_id), ports.clock.now())


async def put_in_cycle(
    ports: Ports, session: Session, caller: Caller, cycle_id: str, listings: Sequence[str]
) -> OrderCycleShape:
    """Say which of the producer's listings are ordered in this cycle only. For its members."""
    row = await lock_cycle(session, caller, cycle_id)
    now = ports.clock.now()
    await attach_listings(session, row, listings, now)
    return _shape(await ports.timetable.current(session), row, now)


def windows_of(timetable: Timetable, terms: CycleTerms, now: datetime, most: int = WINDOWS_SHOWN) -> list[Window]:
    """The next windows by this timetable; none when the service or its hub is not in it."""
    service, place = timetable.service_numbers.get(terms.service), timetable.numbers.get(terms.hub)
    if service is None or place is None:
        return []
    return order_windows(terms, timetable.services[service], timetable.places[place], now, most)


def _shape(timetable: Timetable, row: OrderCycle, now: datetime) -> OrderCycleShape:
    windows = windows_of(timetable, CycleTerms(row.id, row.service_id, row.hub, row.lead_time_h, row.open_h), now)
    return OrderCycleShape(
        id=row.id,
        producer=row.producer_id,
        name=row.name,
        service=row.service_id,
        hub=row.hub,
        lead_time_h=row.lead_time_h,
        open_h=row.open_h,
        created_at=row.created_at,
        is_open=open_window(windows, now) is not None,
        windows=[
            WindowShape(
                opens_at=each.opens_at, closes_at=each.closes_at, hand_in_by=each.hand_in_by, departs_at=each.departs_at
            )
            for each in windows
        ],
    )
