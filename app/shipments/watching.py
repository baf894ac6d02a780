"""What is not as it should be on a journey, by its readings or by the clock. Pure: which exceptions there are, never what is done about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from app.core.clock import LEGAL_TIME
from app.core.quantity import as_text
from app.network.endurance import JourneyLimit
from app.network.values import Temperature
from app.shipments.cold_chain import bands_of, excursions_of, readings_of
from app.shipments.exception_values import ExceptionKind, Raised, Terms
from app.shipments.values import ConsignmentStatus, Journey, JourneyEvent, JourneyLeg, LegStatus

_DEGREES: Final = " °C"
_PER_CENT: Final = " %"
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A consignment under way, as far as the clock matters: the leg that is next or under way, and what is known of its end.

    `ends_at` is the planned end of its last leg. `leg` fields are None when all legs are done.
    """

    id: str
    order_id: str
    producer_id: str
    buyer_id: str
    tracking_number: str
    status: str
    temperature: str
    hub: str | None
    promised_by: datetime
    estimated_at: datetime | None
    last_event_at: datetime | None
    stranded_at: datetime | None
    ends_at: datetime | None
    last_carrier: str | None
    leg_status: str | None
    leg_mode: str | None
    leg_carrier: str | None
    leg_from: str | None
    leg_to: str | None
    leg_departs_at: datetime | None
    leg_arrives_at: datetime | None
    leg_departed_at: datetime | None


def hands_of(legs: Sequence[JourneyLeg], at: datetime) -> JourneyLeg | None:
    """The leg in whose carrier's hands the goods were then: the last one that had left, else the first one."""
    left = [leg for leg in legs if leg.departed_at is not None and leg.departed_at <= at]
    return left[-1] if left else next(iter(legs), None)


def excursions_on(journey: Journey, events: Iterable[JourneyEvent], terms: Terms) -> list[Raised]:
    """Where the readings of a journey left its bands."""
    readings = readings_of(events, journey.ended_at)
    bands = bands_of(journey.storage, journey.temperature, terms)
    raised = []
    for each in excursions_of(readings, bands, terms, journey.ended_at):
        leg = hands_of(journey.legs, each.began_at)
        is_warm = each.kind in (ExceptionKind.TEMPERATURE_ABOVE, ExceptionKind.TEMPERATURE_BELOW)
        unit = _DEGREES if is_warm else _PER_CENT
        above = each.kind in (ExceptionKind.TEMPERATURE_ABOVE, ExceptionKind.HUMIDITY_ABOVE)
        worst, limit = as_text(each.worst) + unit, as_text(each.limit) + unit
        raised.append(
            Raised(
                consignment_id=journey.id,
                kind=each.kind,
                began_at=each.began_at,
                ended_at=each.ended_at,
                carrier=leg.carrier if leg else "",
                hub=leg.from_hub if leg else None,
                reason={
                    "en": f"{worst}; {'at most' if above else 'at least'} {limit}",
                    "zh-Hans": f"{worst}，{'上限' if above else '下限'} {limit}",
                },
                worst=each.worst,
                worst_at=each.worst_at,
                limit=each.limit,
            )
        )
    return raised


def silence_of(due: Due, terms: Terms, now: datetime) -> Raised | None:
    """Whether nobody says anything though the goods should have left or arrived.

    What has no way on is stranded, not silent, and what goes back has no timetable.

    A delay that is known puts off what is due. The clock begins anew with each event.
    """
    goes_back = due.status == ConsignmentStatus.RETURNING
    if goes_back or due.stranded_at is not None or due.leg_departs_at is None or due.leg_arrives_at is None:
        return None
    under_way = due.leg_status == LegStatus.UNDER_WAY
    late = max((due.leg_departed_at or due.leg_departs_at) - due.leg_departs_at, timedelta())
    if due.estimated_at is not None and due.ends_at is not None:
        late = max(late, due.estimated_at - due.ends_at)
    expected = (due.leg_arrives_at if under_way else due.leg_departs_at) + late
    since = max(expected, due.last_event_at or expected)
    booked = due.status == ConsignmentStatus.BOOKED
    if now - since <= terms.silence["hand_in" if booked else due.leg_mode or "road"]:
        return None
    place = (due.leg_to if under_way else due.leg_from) or ""
    at = f"{expected.astimezone(LEGAL_TIME):%m-%d %H:%M}"
    reason = (
        {"en": f"due at {place} at {at}", "zh-Hans": f"应于 {at} 到达 {place}"}
        if under_way
        else {"en": f"due to leave {place} at {at}", "zh-Hans": f"应于 {at} 从 {place} 发出"}
    )
    return Raised(due.id, ExceptionKind.SILENT, since, None, due.leg_carrier or "", due.hub or place, reason)


def lateness_of(due: Due, terms: Terms, now: datetime) -> Raised | None:
    """Whether the goods are expected later than promised; while they have no way on nothing is expected."""
    if due.stranded_at is not None or due.estimated_at is None:
        return None
    expected = max(due.estimated_at, now)
    if expected - due.promised_by <= terms.late:
        return None
    at, promised = (f"{each.astimezone(LEGAL_TIME):%m-%d %H:%M}" for each in (expected, due.promised_by))
    reason = {"en": f"expected at {at}, promised by {promised}", "zh-Hans": f"预计 {at}，承诺 {promised}"}
    return Raised(due.id, ExceptionKind.LATE, now, None, due.leg_carrier or due.last_carrier or "", due.hub, reason)


def endurance_of(journey: Journey, spent: timedelta, limit: JourneyLimit, terms: Terms, now: datetime) -> list[Raised]:
    """Whether animals have been on board for so long that they need rest soon, or for longer than they bear. `spent` is until now."""
    if journey.temperature != Temperature.LIVE or journey.ended_at is not None or not spent:
        return []
    most = timedelta(seconds=limit.max_s)
    warned = most * terms.warn_bps / 10_000
    leg = hands_of(journey.legs, now)
    hours, limit_h = Decimal(int(spent / _HOUR)), Decimal(int(most / _HOUR))
    reason = {"en": f"{hours} h of at most {limit_h} h", "zh-Hans": f"{hours} 小时，上限 {limit_h} 小时"}
    raised = []
    for kind, after in ((ExceptionKind.JOURNEY_WARNING, warned), (ExceptionKind.JOURNEY_OVER, most)):
        if spent >= after:
            began = now - (spent - after)
            about = (leg.carrier if leg else "", journey.hub, reason, hours, now, limit_h)
            raised.append(Raised(journey.id, kind, began, None, *about))
    return raised
