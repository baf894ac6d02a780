"""What a party tells, whichever door it came through: the one value that every standard is mapped to, and what is wrong with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.core.errors import Gap, Invalid, Problem
from app.core.limits import CLOCK_SKEW_MAX
from app.core.schema import digest
from app.shipments.errors import EventInFuture
from app.shipments.rules import read_tracking_number
from app.shipments.schemas import TrackingEventRequest
from app.shipments.values import Condition, Door, EventType, Scan

_ESTIMATE_AHEAD_MAX: Final = timedelta(days=120)
_UNKNOWN_HUB: Final = {
    "en": "No hub has this code; GET /v1/hubs lists them",
    "zh-Hans": "没有此编码的站点，全部站点见 GET /v1/hubs",
}
_NOT_IN_IT: Final = {
    "en": "No line of this consignment; GET /v1/consignments/{id} names its order, whose lines they are",
    "zh-Hans": "该运单不含此商品行；运单所属订单见 GET /v1/consignments/{id}",
}
_ALL_OF_IT: Final = {
    "en": "All lines were refused: say `refused`, and leave `refused_lines` out",
    "zh-Hans": "全部商品均被拒收，请使用 refused，且不填 refused_lines",
}
_TOO_FAR: Final = {"en": "An estimate lies at most 120 days ahead", "zh-Hans": "预计时间最多在 120 天之内"}


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """One event of one consignment, as a party tells it. `id` is the party's own.

    `tracking_number` None is one that was mistyped. `declared_at` tells versions of one id apart: None for the first telling, then the
    time of the declaration (EPCIS `errorDeclaration`) or of the update (DCSA). A `retracted` one discards the versions before it.
    `corrects` names another event of the party's that this one replaces. `fingerprint` is equal for equal content at a door: it tells a
    repetition from another content under the same id. `read_at` are the times of the `readings`, in their order.
    """

    id: str
    tracking_number: str | None
    type: EventType
    occurred_at: datetime
    fingerprint: str
    door: Door = Door.NATIVE
    hub: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    readings: Sequence[Mapping[str, Any]] = ()
    read_at: Sequence[datetime] = ()
    note: str | None = None
    estimated_at: datetime | None = None
    corrects: str | None = None
    condition: Condition | None = None
    refused_lines: Sequence[str] | None = None
    declared_at: datetime | None = None
    retracted: bool = False
    declaration_reason: str | None = None
    corrective_ids: Sequence[str] | None = None
    event_group: str | None = None
    epcs: Sequence[str] | None = None
    biz_step: str | None = None
    disposition: str | None = None
    document: Mapping[str, Any] | None = None

    def scan(self, party: str, *, goes_back: bool) -> Scan:
        """The event as the fold reads it, told by this party."""
        return Scan(
            key=(party, self.id),
            type=self.type,
            occurred_at=self.occurred_at,
            hub=self.hub,
            estimated_at=self.estimated_at,
            corrects=None if self.corrects is None else (party, self.corrects),
            condition=self.condition,
            goes_back=goes_back,
            declared_at=self.declared_at,
            retracted=self.retracted,
            refused_lines=tuple(self.refused_lines or ()),
        )


def told_natively(event: TrackingEventRequest, now: datetime) -> ToldEvent:
    """An event of the native batch. Pure. An estimate with one time only is what is expected, and it was said just now."""
    number = read_tracking_number(event.tracking_number)
    alone = event.type is EventType.ESTIMATED and event.estimated_at is None
    content = event.model_dump(mode="json") | {"tracking_number": number}
    return ToldEvent(
        id=event.id,
        tracking_number=number,
        type=event.type,
        occurred_at=now if alone else event.occurred_at,
        fingerprint=digest(content),
        hub=event.hub,
        latitude=event.position.lat if event.position else None,
        longitude=event.position.lon if event.position else None,
        readings=content["readings"],
        read_at=[reading.at for reading in event.readings],
        note=event.note,
        estimated_at=event.occurred_at if alone else event.estimated_at,
        corrects=event.corrects,
        condition=event.condition,
        refused_lines=event.refused_lines or None,
    )


def fault_of(event: ToldEvent, hubs: Collection[str], now: datetime) -> Problem | None:
    """What is wrong with a well-formed event: a place that is not there, or a time that has not come."""
    if event.hub is not None and event.hub not in hubs:
        return Invalid(gaps=[Gap("/hub", _UNKNOWN_HUB)])
    latest = now + CLOCK_SKEW_MAX
    times = {f"readings/{i}/at": at for i, at in enumerate(event.read_at)}
    times["occurred_at"] = event.occurred_at
    if event.declared_at is not None:
        times["declared_at"] = event.declared_at
    for name, at in times.items():
        if at > latest:
            return EventInFuture(field=name, minutes=int(CLOCK_SKEW_MAX.total_seconds()) // 60)
    if event.estimated_at is not None and event.estimated_at > now + _ESTIMATE_AHEAD_MAX:
        return Invalid(gaps=[Gap("/estimated_at", _TOO_FAR)])
    return None


def fault_of_time(at: datetime, now: datetime) -> Problem | None:
    """What is wrong with an event that nobody else can be asked about yet: it has not come."""
    ahead = at > now + CLOCK_SKEW_MAX
    return EventInFuture(field="occurred_at", minutes=int(CLOCK_SKEW_MAX.total_seconds()) // 60) if ahead else None


def fault_of_lines(refused: Sequence[str], lines: Collection[str]) -> Problem | None:
    """What is wrong with lines that are said to be refused: one that is not in this consignment, or all of them."""
    gaps = [Gap(f"/refused_lines/{i}", _NOT_IN_IT) for i, line in enumerate(refused) if line not in lines]
    if not gaps and len(refused) == len(lines):
        gaps = [Gap("/condition", _ALL_OF_IT)]
    return Invalid(gaps=gaps) if gaps else None
