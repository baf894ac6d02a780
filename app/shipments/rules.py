"""What follows from what: tracking numbers, the fold of events into a state, estimates, and what an order makes of its consignments."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from typing import Final, TypeVar

from app.network.values import Mode
from app.orders.values import OrderStatus
from app.shipments.mappings import CONDITION_ORDER, JOURNEY_ORDER, LEG_AFTER, ORDER_STATUS, STATUS_AFTER
from app.shipments.values import (
    ENDED,
    FINAL,
    Condition,
    ConsignmentStatus,
    EventType,
    Journey,
    LegState,
    LegStatus,
    PlannedLeg,
    Scan,
    State,
    Version,
)

TRACKING_NUMBER: Final = re.compile(r"CM([0-9]{12})([0-9])", re.ASCII)
TRACKING_DIGITS: Final = 12
SSCC: Final = re.compile(r"[0-9]{18}", re.ASCII)
SSCC_DIGITS: Final = 17
_HOUR: Final = timedelta(hours=1)
_Version = TypeVar("_Version", bound=Version)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def check_digit(digits: str) -> str:
    """The digit that ISO 7064 MOD 11,10 puts behind these digits."""
    return str((11 - reduce(_carry, map(int, digits), 10)) % 10)


def _carry(carried: int, digit: int) -> int:
    return ((carried + digit) % 10 or 10) * 2 % 11


def tracking_number(digits: str) -> str:
    """`CM`, the digits and their check digit."""
    return f"CM{digits}{check_digit(digits)}"


def read_tracking_number(text: str) -> str | None:
    """The number as we write it (spaces, hyphens and small letters forgiven); None when it cannot be one: it is mistyped."""
    tidy = re.sub(r"[\s-]", "", text[:40]).upper()
    match = TRACKING_NUMBER.fullmatch(tidy)
    return tidy if match and check_digit(match[1]) == match[2] else None


def sscc(company_prefix: str, serial: int) -> str:
    """The Serial Shipping Container Code of the `serial`-th unit: GS1 General Specifications, 3.2 (AI 00) and 7.9 (check digit).

    Seventeen digits, of which those beside the company prefix count the units (the first one, the extension digit, counts
    slowest), and the check digit. After 10^(17 - length of the prefix) units the numbers begin again.
    """
    free = SSCC_DIGITS - len(company_prefix)
    counted = f"{serial % 10**free:0{free}d}"
    body = f"{counted[0]}{company_prefix}{counted[1:]}"
    return body + gs1_check_digit(body)


def read_sscc(text: str) -> str | None:
    """The code without spaces; None when it cannot be one."""
    tidy = "".join(text[:40].split())
    is_one = SSCC.fullmatch(tidy) and gs1_check_digit(tidy[:-1]) == tidy[-1]
    return tidy if is_one else None


def ginc(company_prefix: str, number: str) -> str:
    """The Global Identification Number for Consignment (AI 401): the company prefix and our own number of it."""
    return f"{company_prefix}{number}"


def read_ginc(company_prefix: str, text: str) -> str | None:
    """The tracking number in a GINC of this company; None when it is another's, or mistyped."""
    tidy = text[:40].strip()
    return read_tracking_number(tidy.removeprefix(company_prefix)) if tidy.startswith(company_prefix) else None


def gs1_check_digit(digits: str) -> str:
    """Digits weighted 3, 1, 3, … from the right; what their sum lacks to a multiple of ten."""
    weighted = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)


def going(journeys: Iterable[Journey]) -> list[Journey]:
    """The consignments that are to be: when an order was cut down, one may have been left with nothing in it."""
    return [journey for journey in journeys if journey.cancelled_at is None]


def standing_of(journey: Journey) -> ConsignmentStatus:
    """What a consignment counts as for its order: one that was refused has been at the door, wherever it goes from there."""
    return ConsignmentStatus.DELIVERED if journey.refused else journey.status


def order_status(statuses: Collection[ConsignmentStatus]) -> OrderStatus:
    """What the consignments of an order make of it.

    Placed until the first one moves; delivered when all have ended and one at least has arrived; in transit otherwise,
    also when every one was lost or came back: what then happens with the money is for a person to decide.
    """
    if {ORDER_STATUS[status] for status in statuses} <= {OrderStatus.PLACED}:
        return OrderStatus.PLACED
    if ConsignmentStatus.DELIVERED in statuses and ENDED.issuperset(statuses):
        return OrderStatus.DELIVERED
    return OrderStatus.IN_TRANSIT


def news_of(before: State, after: State) -> str | None:
    """The name of the job that tells of the change; None when nobody has to be told."""
    if after.status is before.status:
        same = (after.legs, after.condition, after.refused_lines) == (
            before.legs,
            before.condition,
            before.refused_lines,
        )
        return None if same else "shipment.advanced"
    ends = {ConsignmentStatus.DELIVERED: "shipment.delivered", ConsignmentStatus.RETURNED: "shipment.returned"}
    return ends.get(after.status, "shipment.advanced")


def recompute(scans: Iterable[Scan], legs: Sequence[PlannedLeg], now: datetime) -> State:
    """The state that all these events amount to, in whatever order, and however often, they came in.

    A late scan never reopens a delivery or a return; an estimate never replaces what happened.
    """
    story = story_of(scans)
    state = reduce(partial(_step, legs), story, _start(legs))
    return replace(state, estimated_at=_estimated_at(state, story, legs, now))


def _start(legs: Sequence[PlannedLeg]) -> State:
    return State(ConsignmentStatus.BOOKED, (LegState(),) * len(legs))


def story_of(scans: Iterable[Scan]) -> list[Scan]:
    """The events that count, in the order in which they happened.

    Each counts once, as it was declared last; those that were retracted, that another one corrects, and mere withdrawals, do not. A correction holds even when it is corrected itself: to say again what was withdrawn takes an event of its own.
    """
    standing = standing_of_versions(scans)
    withdrawn = {scan.corrects for scan in standing.values()}
    counted = (scan for key, scan in standing.items() if key not in withdrawn and scan.type is not EventType.CORRECTED)
    return sorted(
        counted,
        key=lambda scan: (scan.occurred_at, JOURNEY_ORDER[scan.type], CONDITION_ORDER[scan.condition], scan.key),
    )


def standing_of_versions(told: Iterable[_Version]) -> dict[tuple[str, str], _Version]:
    """By key the version of each event that stands: the one that was declared last, and none when that one retracts it.

    Whatever the order in which they came, and however often: a first telling, which has no time of declaration, is the earliest.
    """
    latest: dict[tuple[str, str], _Version] = {}
    for version in told:
        known = latest.get(version.key)
        if known is None or _declared(version) > _declared(known):
            latest[version.key] = version
    return {key: version for key, version in latest.items() if not version.retracted}


def _declared(version: Version) -> datetime:
    return version.declared_at or _FIRST


def _step(legs: Sequence[PlannedLeg], state: State, scan: Scan) -> State:
    damaged = state.damaged or scan.type is EventType.DAMAGED
    if state.status in FINAL or scan.type is EventType.ESTIMATED:
        return state if damaged is state.damaged else replace(state, damaged=damaged)
    status = _status_after(legs, state, scan)
    at_door = _is_at_the_door(state, scan)
    says_first = at_door and state.condition is None and scan.condition is not None
    returns = status in (ConsignmentStatus.RETURNING, ConsignmentStatus.RETURNED)
    moved = state.legs if returns and not at_door else _legs_after(legs, state.legs, scan)
    hub = scan.hub
    if hub is None and moved != state.legs and (done := _done(moved)):
        reached = legs[done - 1]
        hub = reached.from_hub if reached.mode == Mode.COURIER else reached.to_hub
    # Not `replace`, which costs four times as much: this is done for every event, of every consignment of a batch.
    return State(
        status=status,
        legs=moved,
        hub=hub or state.hub,
        damaged=damaged,
        estimated_at=state.estimated_at,
        last_event_at=scan.occurred_at,
        ended_at=scan.occurred_at if status in ENDED else None,
        # What was said first holds: goods that come to a door again do so because of it.
        condition=scan.condition if says_first else state.condition,
        refused_lines=scan.refused_lines if says_first else state.refused_lines,
    )


def _is_at_the_door(state: State, scan: Scan) -> bool:
    """Whether this is a delivery to the receiver, not to the sender of what was on its way back."""
    return scan.type is EventType.DELIVERED and state.status is not ConsignmentStatus.RETURNING


def hand_over_of(scans: Iterable[Scan], legs: Sequence[PlannedLeg]) -> tuple[str, str] | None:
    """The key of the delivery at which the receiver said what `recompute` answers as `condition`; None when nothing was said."""
    state = _start(legs)
    for scan in story_of(scans):
        state = _step(legs, state, scan)
        if state.condition is not None:
            return scan.key
    return None


def _status_after(legs: Sequence[PlannedLeg], state: State, scan: Scan) -> ConsignmentStatus:
    status = STATUS_AFTER.get(scan.type, state.status)
    home = legs[0].from_hub if legs else None
    if status is ConsignmentStatus.RETURNED and scan.hub not in (None, home):
        return ConsignmentStatus.RETURNING
    if scan.type is EventType.DELIVERED and scan.condition is Condition.REFUSED and scan.goes_back:
        return ConsignmentStatus.RETURNING
    if state.status is ConsignmentStatus.RETURNING and status is not ConsignmentStatus.LOST:
        # Whoever hands over what was on its way back hands it to the sender.
        arrived = status in (ConsignmentStatus.RETURNED, ConsignmentStatus.DELIVERED)
        return ConsignmentStatus.RETURNED if arrived else ConsignmentStatus.RETURNING
    return status


def _done(legs: Sequence[LegState]) -> int:
    """How many legs are behind the goods: always the first ones."""
    for place, leg in enumerate(legs):
        if leg.status is not LegStatus.DONE:
            return place
    return len(legs)


def _legs_after(legs: Sequence[PlannedLeg], states: tuple[LegState, ...], scan: Scan) -> tuple[LegState, ...]:
    """The legs once the goods were seen leaving or reaching a hub; a hub behind them or off the route changes nothing."""
    outcome = LEG_AFTER.get(scan.type)
    done = _done(states)
    if outcome is None or done == len(legs):
        return states
    to_the_door = scan.type in (EventType.OUT_FOR_DELIVERY, EventType.DELIVERY_ATTEMPTED, EventType.DELIVERED)
    if to_the_door and legs[-1].mode != Mode.COURIER:
        return _passed(states, len(legs))
    leg = len(legs) - 1 if to_the_door else _leg_meant(legs, states, outcome, scan.hub)
    if leg is None:
        return states
    return (*_passed(states, leg)[:leg], _moved(states[leg], outcome, scan.occurred_at), *states[leg + 1 :])


def _leg_meant(
    legs: Sequence[PlannedLeg], states: Sequence[LegState], outcome: LegStatus, hub: str | None
) -> int | None:
    """The first leg that is not done and that begins, or ends, at this hub; without a hub, the one that is next."""
    done = _done(states)
    if outcome is LegStatus.UNDER_WAY:
        return next((i for i in range(done, len(legs)) if hub in (None, legs[i].from_hub)), None)
    if hub is None:
        return done if states[done].status is LegStatus.UNDER_WAY else None
    return next((i for i in range(done, len(legs)) if hub == legs[i].to_hub), None)


def _passed(states: tuple[LegState, ...], count: int) -> tuple[LegState, ...]:
    """The legs with the first `count` of them done, even if nobody said when."""
    if _done(states) >= count:
        return states
    done = LegStatus.DONE
    return (*(LegState(done, state.departed_at, state.arrived_at) for state in states[:count]), *states[count:])


def _moved(leg: LegState, outcome: LegStatus, at: datetime) -> LegState:
    if outcome is LegStatus.DONE:
        return LegState(outcome, leg.departed_at, at)
    return LegState(outcome, leg.departed_at or at, leg.arrived_at)


def _estimated_at(state: State, story: Sequence[Scan], legs: Sequence[PlannedLeg], now: datetime) -> datetime | None:
    """When the goods will reach the end of their last leg; never before `now`, None once there is nothing to wait for.

    The plan, later by as much as the last actual departure or arrival was late. What a carrier expects goes before
    that until the place it speaks of is reached, but what happened after it was said may still make it later.
    """
    if not legs or state.status in ENDED or state.status is ConsignmentStatus.RETURNING:
        return None
    reckoned, seen_at = _reckoned(state.legs, legs)
    for scan in reversed(story):
        if scan.type is EventType.ESTIMATED and (told := _told(scan, _done(state.legs), legs)):
            outdated = seen_at is not None and seen_at > scan.occurred_at
            return max(told, reckoned, now) if outdated else max(told, now)
    return max(reckoned, now)


def _reckoned(states: Sequence[LegState], legs: Sequence[PlannedLeg]) -> tuple[datetime, datetime | None]:
    """The planned arrival moved by what is known of delays, and when that was last seen."""
    planned = legs[-1].arrives_at
    done = _done(states)
    if done < len(legs) and (left := states[done].departed_at):
        return planned + max(left - legs[done].departs_at, timedelta()), left
    came = states[done - 1].arrived_at if done else None
    if came is None:
        return planned, None
    return (came if done == len(legs) else planned + max(came - legs[done].departs_at, timedelta())), came


def _told(scan: Scan, done: int, legs: Sequence[PlannedLeg]) -> datetime | None:
    """What a carrier's estimate means for the last arrival; None when it speaks of a place already reached or off the route."""
    if scan.hub is None or scan.estimated_at is None:
        return scan.estimated_at
    leg = next((i for i in range(done, len(legs)) if legs[i].to_hub == scan.hub), None)
    if leg is None or leg + 1 == len(legs):
        return scan.estimated_at if leg is not None else None
    # The wait before the next departure swallows a part of the delay.
    return legs[-1].arrives_at + max(scan.estimated_at - legs[leg + 1].departs_at, timedelta())


def expected_at(estimated_at: datetime | None, now: datetime) -> datetime | None:
    """The stored estimate as it may be shown: one that has passed becomes the end of the present hour."""
    if estimated_at is None or estimated_at >= now:
        return estimated_at
    return now.replace(minute=0, second=0, microsecond=0) + _HOUR
