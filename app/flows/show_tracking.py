"""The story of someone asking where the goods are: by tracking number, without signing in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from app.core.clock import minute_after, minute_before
from app.core.database import Reader
from app.core.errors import NotFound
from app.core.text import pick
from app.flows.ports import Ports
from app.network.queries import hubs_by_code
from app.network.values import HubPoint, Mode
from app.orders.schemas import Co2eShape
from app.recalls.queries import Standing, standing_recalls
from app.routing import Timetable
from app.shipments.answers import version_of
from app.shipments.arrival import expected_between
from app.shipments.cold_chain import bands_of
from app.shipments.cold_schemas import PUBLIC_POINTS_MAX, cold_chain_shape
from app.shipments.errors import TrackingNumberMistyped
from app.shipments.exception_values import exception_terms
from app.shipments.notice_schemas import TrackedRecall
from app.shipments.queries import CONSIGNMENT, find_tracked
from app.shipments.rules import expected_at, read_tracking_number, standing_of_versions, story_of
from app.shipments.schemas import Reading, TrackedEvent, TrackedLeg, Tracking
from app.shipments.seen import Band, Curve, Rerouting, curve_of
from app.shipments.values import (
    DOOR,
    EVENT_DISPLAY,
    LEG_DISPLAY,
    MODE_DISPLAY,
    PUBLIC_EVENTS_MAX,
    Journey,
    JourneyEvent,
    JourneyLeg,
    ReadingKind,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A journey as seen `at` a time, its last events that still stand in the order in which they happened, and the hubs of both.

    `version` names the state that it is (`app.shipments.watch`), `rerouting` is the last change of its way. `band` is what the goods are
    to be kept between and `recall` that they are called back, where somebody said so.
    """

    journey: Journey
    events: Sequence[JourneyEvent]
    hubs: Mapping[str, HubPoint]
    estimated_at: datetime | None
    at: datetime
    recalls: Sequence[Standing] = ()
    # All that was told, for what is measured: the last events alone would cut the curve.
    told: Sequence[JourneyEvent] = ()
    # Between which times it arrives, eight times in ten or more.
    between: tuple[datetime, datetime] | None = None
    version: str = ""
    rerouting: Rerouting | None = None
    band: Band | None = None

    def place_name(self, leg: JourneyLeg, language: str) -> str:
        """Where a leg ends: its hub, or the buyer's door, which nobody is told."""
        if leg.to_hub in self.hubs:
            return self.hub_name(leg.to_hub, language)
        return pick(DOOR, language) if leg.mode == Mode.COURIER else leg.to_hub

    @property
    def curve(self) -> Curve:
        """How warm the goods were. Reckoned only where it is shown."""
        return curve_of(self.events, self.band)

    def hub_name(self, code: str, language: str) -> str:
        hub = self.hubs.get(code)
        return pick(hub.name, language) if hub else code


@dataclass(frozen=True, slots=True)
class Ground:
    """What a journey is drawn on: every hub, the trunk's surface links, and the hubs at which each service calls."""

    hubs: Mapping[str, HubPoint]
    links: frozenset[tuple[str, str]]
    calls: Mapping[str, tuple[str, ...]]


async def show_tracking(ports: Ports, typed: str) -> Shown:
    """The journey with this tracking number. Raises `TrackingNumberMistyped`, or `NotFound` when there is none.

    Three statements; what comes out names no person and no address.
    """
    number = read_tracking_number(typed)
    if number is None:
        raise TrackingNumberMistyped
    async with ports.database.read() as connection:
        return await _shown(ports, connection, number)


async def tell_tracking(ports: Ports, typed: str, language: str) -> bytes:
    """The same as JSON for anyone, in this language. One statement when nothing has changed since it was last asked for."""
    number = read_tracking_number(typed)
    if number is None:
        raise TrackingNumberMistyped
    now = ports.clock.now()
    async with ports.database.read() as connection:
        version = await version_of(connection, number)
        if version is None:
            raise NotFound(what=CONSIGNMENT)
        body = ports.answers.find(number, language, version, now)
        if body is None:
            shown = await _shown(ports, connection, number)
            body = tracking_shape(shown, language).model_dump_json(by_alias=True).encode()
            ports.answers.keep(number, language, version, body, now=now, until=shown.estimated_at)
    return body


async def _shown(ports: Ports, connection: Reader, number: str) -> Shown:
    found = await find_tracked(connection, number)
    if found is None:
        raise NotFound(what=CONSIGNMENT)
    journey, events = found.journey, found.events
    codes = {leg.from_hub for leg in journey.legs} | {leg.to_hub for leg in journey.legs}
    if found.rerouting:
        codes |= {code for leg in found.rerouting.former_legs for code in (leg.from_hub, leg.to_hub)}
    hubs = await hubs_by_code(connection, codes | {event.hub for event in events if event.hub})
    recalls = await standing_recalls(connection, journey.id)
    standing = standing_of_versions(events)
    story = [standing[scan.key] for scan in story_of(event.scan for event in standing.values())]
    now = ports.clock.now()
    estimated_at = None if journey.stranded_at else expected_at(journey.estimated_at, now)
    between = expected_between(journey.legs, estimated_at, found.past, exception_terms(), now) if estimated_at else None
    return Shown(
        journey,
        story[-PUBLIC_EVENTS_MAX:],
        hubs,
        estimated_at,
        now,
        recalls,
        told=story,
        between=between,
        version=found.version,
        rerouting=found.rerouting,
        band=_band(journey),
    )


def _band(journey: Journey) -> Band | None:
    """Between which temperatures its goods are to be kept."""
    bands = bands_of(journey.storage, journey.temperature, exception_terms())
    found = next((band for band in bands if band.kind is ReadingKind.TEMPERATURE), None)
    return Band(found.low, found.high) if found else None


async def show_ground(ports: Ports) -> Ground:
    """The network of the present timetable. One statement; what is drawn from it is kept until the timetable changes."""
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    trunk, calls = _lines(timetable, ports.timetable.local)
    return Ground(ports.timetable.hubs, trunk, calls)


@lru_cache(maxsize=2)
def _lines(
    timetable: Timetable, local: frozenset[str]
) -> tuple[frozenset[tuple[str, str]], Mapping[str, tuple[str, ...]]]:
    """The trunk's links between consecutive stops, those of flights left out, and the stops of each service."""
    calls = {service.id: tuple(stop.place for stop in service.stops) for service in timetable.services}
    surface = (
        calls[service.id] for service in timetable.services if service.mode != Mode.AIR and service.id not in local
    )
    links = frozenset((min(pair), max(pair)) for stops in surface for pair in pairwise(stops))
    return links, calls


def tracking_shape(shown: Shown, language: str) -> Tracking:
    """What anyone may see of a journey, with names in this language. Pure."""
    journey = shown.journey
    return Tracking(
        tracking_number=journey.tracking_number,
        status=journey.status,
        status_text=journey.status_text(language),
        hub=journey.hub,
        hub_name=journey.hub and shown.hub_name(journey.hub, language),
        damaged=journey.damaged,
        promised_from=journey.promised_from,
        promised_by=journey.promised_by,
        estimated_at=shown.estimated_at,
        estimated_from=minute_before(shown.between[0]) if shown.between else None,
        estimated_to=minute_after(shown.between[1]) if shown.between else None,
        ended_at=journey.ended_at,
        cancelled_at=journey.cancelled_at,
        replanned_at=journey.replanned_at,
        replan_reason_text=pick(journey.replan_reason, language) if journey.replan_reason else None,
        promised_by_at_first=shown.rerouting.promised_by_at_first if shown.rerouting else None,
        stranded_at=journey.stranded_at,
        temperature=journey.temperature,
        packages=len(journey.packages),
        weight_g=sum(package.weight_g for package in journey.packages),
        co2e_g=co2e_of(journey),
        legs=[_leg(shown, leg, language) for leg in journey.legs],
        events=[_event(shown, event, language) for event in shown.events],
        recalls=[
            TrackedRecall(
                recalled_at=each.recalled_at,
                title=pick(each.title, language),
                reason=pick(each.reason, language),
                advice=pick(each.advice, language),
            )
            for each in shown.recalls
        ],
        cold_chain=cold_chain_shape(journey, shown.told, exception_terms(), language, PUBLIC_POINTS_MAX),
    )


def co2e_of(journey: Journey) -> Co2eShape:
    """Grams CO2e of the consignment. A part is in `covers` when a figure is known for any of it, in `missing` when not for all."""
    parts = {
        "transport": [leg.co2e_g for leg in journey.legs],
        "hubs": [leg.hub_co2e_g for leg in journey.legs],
        "packaging": [package.co2e_g for package in journey.packages],
    }
    sums = {name: _known_sum(grams) for name, grams in parts.items()}
    return Co2eShape(
        **sums,
        total=sum(grams for grams in sums.values() if grams is not None),
        covers=[name for name, grams in sums.items() if grams is not None],
        missing=[name for name, grams in parts.items() if None in grams],
    )


def _known_sum(grams: Iterable[int | None]) -> int | None:
    known = [value for value in grams if value is not None]
    return sum(known) if known else None


def _leg(shown: Shown, leg: JourneyLeg, language: str) -> TrackedLeg:
    mode = Mode(leg.mode)
    return TrackedLeg(
        from_=leg.from_hub,
        from_name=shown.hub_name(leg.from_hub, language),
        to=leg.to_hub,
        to_name=shown.place_name(leg, language),
        mode=mode,
        mode_text=pick(MODE_DISPLAY[mode], language),
        carrier=leg.carrier,
        status=leg.status,
        status_text=pick(LEG_DISPLAY[leg.status], language),
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
        departed_at=leg.departed_at,
        arrived_at=leg.arrived_at,
        distance_m=leg.distance_m,
        co2e_g=leg.co2e_g,
        sscc=leg.sscc,
    )


def _event(shown: Shown, event: JourneyEvent, language: str) -> TrackedEvent:
    return TrackedEvent(
        type=event.type,
        type_text=pick(EVENT_DISPLAY[event.type], language),
        occurred_at=event.occurred_at,
        hub=event.hub,
        hub_name=event.hub and shown.hub_name(event.hub, language),
        estimated_at=event.estimated_at,
        readings=[Reading.model_validate(reading) for reading in event.readings],
    )
