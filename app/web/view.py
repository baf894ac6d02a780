"""What the tracking page says: everything decided and put into words here, so that the template only lays it out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.core.clock import rfc3339
from app.core.text import pick
from app.flows.show_tracking import Ground, Shown, co2e_of
from app.network.values import Mode, Temperature
from app.shipments.seen import FormerLeg
from app.shipments.values import (
    ENDED,
    MODE_DISPLAY,
    ConsignmentStatus,
    JourneyLeg,
    LegStatus,
)
from app.web.land import land_path
from app.web.map import Drawing, Geo, Place, Ride, draw, halves, point_on
from app.web.timeline import Step, is_recalled, steps
from app.web.warmth import Warmth, warmth_of
from app.web.words import KEPT, WORDS, distance, moment, weight

_GOING_BACK: Final = frozenset({ConsignmentStatus.RETURNING, ConsignmentStatus.RETURNED})
_BAD: Final = frozenset({ConsignmentStatus.HELD, ConsignmentStatus.LOST}) | _GOING_BACK
_JUST_SET_OUT: Final = 0.06
_CODES: Final = re.compile(r"\s*\([A-Z]{3}(?:/[A-Z]{4})?\)$")


@dataclass(frozen=True, slots=True)
class TrackingPage:
    """The whole page in words. `mood` colours the headline: good, plain or bad. `before` and `now` tell what a change of way was about."""

    number: str
    version: str
    mood: str
    headline: str
    subline: str
    expected_label: str
    expected: str
    expected_machine: str
    promised: str
    verdict: str
    late: bool
    damaged: bool
    change: str
    recalls: tuple[str, ...]
    before: str
    now: str
    heard: str
    heard_machine: str
    share: int
    drawing: Drawing | None
    map_text: str
    steps: tuple[Step, ...]
    warmth: Warmth | None
    facts: tuple[tuple[str, str, str], ...]


def tracking_page(shown: Shown, ground: Ground, language: str) -> TrackingPage:
    """The page of a journey in one language. Pure."""
    journey, words = shown.journey, WORDS[language]
    ended_well = journey.status is ConsignmentStatus.DELIVERED and not journey.refused
    expected = journey.ended_at if ended_well else shown.estimated_at
    late = expected is not None and expected > journey.promised_by
    recalled = is_recalled(shown)
    heard = shown.events[-1].occurred_at if shown.events else None
    before, now = turn(shown, language)
    return TrackingPage(
        number=journey.tracking_number,
        version=shown.version,
        mood="good" if ended_well else "bad" if journey.status in _BAD or journey.refused or recalled else "plain",
        headline=journey.status_text(language),
        subline=subline(shown, language),
        expected_label=words["delivered_at" if ended_well else "expected"],
        expected=moment(expected, language) if expected and not recalled else "",
        expected_machine=rfc3339(expected) if expected else "",
        promised=words["promised"].format(when=moment(journey.promised_by, language)),
        verdict="" if expected is None or recalled else words["late" if late else "on_time"],
        late=late,
        damaged=journey.damaged,
        change=change(shown, language),
        recalls=tuple(recalls(shown, language)),
        before=before,
        now=now,
        heard=words["heard"].format(when=moment(heard, language)) if heard else "",
        heard_machine=rfc3339(heard) if heard else "",
        share=round(100 * travelled(shown)),
        drawing=journey_map(shown, ground, language),
        map_text=f"{words['map']}: {', '.join(stop_names(shown, language))}",
        steps=tuple(steps(shown, language)),
        warmth=warmth_of(shown.curve, language),
        facts=tuple(facts(shown, language)),
    )


def change(shown: Shown, language: str) -> str:
    """That a disruption changed the way, or left none, and why; nothing once the goods have ended, or while all is as it was."""
    journey, words = shown.journey, WORDS[language]
    if not journey.replan_reason or journey.status in ENDED:
        return ""
    told = "stranded" if journey.stranded_at else "replanned"
    return words[told].format(reason=pick(journey.replan_reason, language))


def recalls(shown: Shown, language: str) -> Iterable[str]:
    """What of it is called back, why, and what to do."""
    for each in shown.recalls:
        named = {"title": each.title, "reason": each.reason, "advice": each.advice}
        yield WORDS[language]["recalled"].format(**{name: pick(text, language) for name, text in named.items()})


def turn(shown: Shown, language: str) -> tuple[str, str]:
    """Promise and stops before a change of way, and now; empty where there is no change to tell of, as with another run of the same way."""
    journey, former = shown.journey, shown.rerouting
    if former is None or journey.stranded_at or not change(shown, language):
        return "", ""
    going_on = [leg.from_hub for leg in journey.legs].index(former.hub) if _goes_by(journey.legs, former.hub) else 0
    ways: tuple[Sequence[JourneyLeg | FormerLeg], ...] = (former.former_legs, journey.legs[going_on:])
    promises = former.promised_by_at_first, journey.promised_by
    before, now = (
        "{} · {}".format(
            WORDS[language]["by_when"].format(when=moment(promise, language)),
            " – ".join(shown.hub_name(code, language) for code in _hubs_of(legs)),
        )
        for promise, legs in zip(promises, ways, strict=True)
    )
    return (before, now) if before != now else ("", "")


def _goes_by(legs: Sequence[JourneyLeg], hub: str) -> bool:
    return any(leg.from_hub == hub for leg in legs)


def subline(shown: Shown, language: str) -> str:
    """What the status means just now: between which hubs, at which one, and when it goes on."""
    journey, words = shown.journey, WORDS[language]
    if is_recalled(shown):
        return words["cancelled_text"]
    if journey.status is ConsignmentStatus.DELIVERED and journey.legs:
        names = stop_names(shown, language)
        ends = {"from": names[0], "to": names[-1]}
        metres = sum(leg.distance_m for leg in journey.legs)
        return words["whole_way"].format(**ends, distance=distance(metres, language))
    if journey.status in ENDED:
        return words["ask_seller"]
    ahead = next((leg for leg in journey.legs if leg.status is not LegStatus.DONE), None)
    told = _on_the_way(shown, ahead, language) if ahead else ""
    hub = shown.hub_name(journey.hub, language) if journey.hub else ""
    return told or (words["last_seen"].format(hub=hub) if hub else "")


def _on_the_way(shown: Shown, ahead: JourneyLeg, language: str) -> str:
    """What is next; empty when the status has nothing to do with the next ride."""
    journey, words = shown.journey, WORDS[language]
    start, goal = shown.hub_name(ahead.from_hub, language), shown.place_name(ahead, language)
    goes_on = ahead.departs_at > shown.at and ahead.mode != Mode.COURIER
    at = shown.hub_name(journey.hub, language) if journey.hub else start
    told = {
        ConsignmentStatus.BOOKED: words["hand_in"].format(hub=start, when=moment(journey.hand_in_by, language)),
        ConsignmentStatus.PICKED_UP: words["to_first_hub"].format(hub=start),
        ConsignmentStatus.IN_TRANSIT: words["between"].format(**{"from": start, "to": goal})
        + f" · {pick(MODE_DISPLAY[Mode(ahead.mode)], language)}",
        ConsignmentStatus.AT_HUB: words[
            "goes_on" if goes_on else "at_end" if ahead.mode == Mode.COURIER else "waits"
        ].format(hub=at, when=moment(ahead.departs_at, language)),
    }
    return told.get(journey.status, "")


def travelled(shown: Shown) -> float:
    """How much of the distance lies behind the goods, 0 to 1."""
    legs = shown.journey.legs
    if shown.journey.status is ConsignmentStatus.DELIVERED:
        return 1.0
    whole = sum(leg.distance_m for leg in legs)
    return sum(leg.distance_m * share_of(leg, shown.at) for leg in legs) / whole if whole else 0.0


def share_of(leg: JourneyLeg, now: datetime) -> float:
    """How much of a ride is done, by the timetable while nobody has seen it arrive."""
    if leg.status is not LegStatus.UNDER_WAY:
        return float(leg.status is LegStatus.DONE)
    gone = now - (leg.departed_at or leg.departs_at)
    return min(max(gone / (leg.arrives_at - leg.departs_at), _JUST_SET_OUT), 1 - _JUST_SET_OUT)


def _places(shown: Shown, ground: Ground) -> dict[str, Geo]:
    return {code: (hub.lon, hub.lat) for code, hub in (*ground.hubs.items(), *shown.hubs.items())}


def _rides(shown: Shown, ground: Ground, places: Mapping[str, Geo]) -> list[Ride]:
    return [ride for leg in shown.journey.legs if (ride := _ride(leg, places, ground.calls, shown.at))]


def journey_geo(shown: Shown, ground: Ground, language: str) -> dict[str, Any]:
    """What a map that moves is drawn from: lines done and to come, the hubs of the journey by name, and where the goods are."""
    places = _places(shown, ground)
    rides = _rides(shown, ground, places)
    parts = [halves(ride) for ride in rides]
    return {
        "version": shown.version,
        "done": [_short(behind) for behind, _ in parts if len(behind) > 1],
        "ahead": [_short(before) for _, before in parts if len(before) > 1],
        "stops": [
            {"name": stop.name, "at": _short([stop.at])[0], "passed": stop.passed}
            for stop in _stops(shown, places, language)
        ],
        "here": _short([here])[0] if (here := _here(shown, rides, places)) else None,
    }


def _short(line: Sequence[Geo]) -> list[Geo]:
    """To a thousandth of a degree: about a hundred metres, finer than anybody knows where goods are."""
    return [(round(lon, 3), round(lat, 3)) for lon, lat in line]


def journey_map(shown: Shown, ground: Ground, language: str) -> Drawing | None:
    """The journey over the land and the network; None when none of its hubs is known."""
    places = _places(shown, ground)
    rides = _rides(shown, ground, places)
    links = sorted(link for link in ground.links if places.keys() >= set(link))
    linked = sorted({code for link in links for code in link})
    stops = list(_stops(shown, places, language))
    return draw(
        rides,
        stops,
        _here(shown, rides, places),
        links=((places[one], places[other]) for one, other in links),
        hubs=(places[code] for code in linked),
        land=land_path,
    )


def _ride(
    leg: JourneyLeg, places: Mapping[str, Geo], calls: Mapping[str, tuple[str, ...]], now: datetime
) -> Ride | None:
    codes = calls.get(leg.service_id, ())[leg.board : leg.alight + 1]
    if not codes or (codes[0], codes[-1]) != (leg.from_hub, leg.to_hub):
        codes = (leg.from_hub, leg.to_hub)
    along = tuple(places[code] for code in codes if code in places)
    return Ride(along, share_of(leg, now), leg.mode == Mode.AIR) if len(set(along)) > 1 else None


def _stops(shown: Shown, places: Mapping[str, Geo], language: str) -> Iterable[Place]:
    """Each hub of the journey once, with where the goods were seen last."""
    legs = shown.journey.legs
    reached = [leg.from_hub for leg in legs[:1]] + [leg.to_hub for leg in legs if leg.status is LegStatus.DONE]
    codes = _hubs_of(legs)
    weighty = {*codes[:1], *codes[-1:], shown.journey.hub}
    for code in dict.fromkeys([*codes, *([shown.journey.hub] if shown.journey.hub else [])]):
        if code in places:
            yield Place(short_name(shown.hub_name(code, language)), places[code], code in reached, code in weighty)


def short_name(name: str) -> str:
    """A hub's name as a map has room for it: without the airport's codes in brackets, which the list below it shows."""
    return _CODES.sub("", name) or name


def stop_names(shown: Shown, language: str) -> list[str]:
    """The hubs of the journey in its order."""
    return [shown.hub_name(code, language) for code in _hubs_of(shown.journey.legs)]


def _hubs_of(legs: Sequence[JourneyLeg | FormerLeg]) -> list[str]:
    """Where the legs begin and end, without the door at which a courier's ends."""
    ends = ((leg.from_hub, leg.from_hub if leg.mode == Mode.COURIER else leg.to_hub) for leg in legs)
    return list(dict.fromkeys(code for pair in ends for code in pair))


def _here(shown: Shown, rides: list[Ride], places: Mapping[str, Geo]) -> Geo | None:
    """Where the goods are as far as anybody knows; nowhere before they are handed in or once they are lost."""
    journey = shown.journey
    if journey.status in (ConsignmentStatus.BOOKED, ConsignmentStatus.LOST):
        return None
    under_way = next((ride for ride in rides if 0 < ride.travelled < 1), None)
    if journey.status is ConsignmentStatus.IN_TRANSIT and under_way:
        return point_on(under_way)
    if journey.status is ConsignmentStatus.DELIVERED and journey.legs:
        return places.get(_hubs_of(journey.legs)[-1])
    return places.get(journey.hub or next(iter(_hubs_of(journey.legs)), ""))


def facts(shown: Shown, language: str) -> Iterable[tuple[str, str, str]]:
    """What else may be known: label, value, and a remark."""
    journey, words = shown.journey, WORDS[language]
    if journey.packages:
        grams = sum(package.weight_g for package in journey.packages)
        counted = words["package_count"].format(count=len(journey.packages), weight=weight(grams, language))
        yield words["packages"], counted, ""
    yield words["kept"], pick(KEPT[Temperature(journey.temperature)], language), ""
    yield from units(shown, language)
    yield words["footprint"], *footprint(shown, language)


def units(shown: Shown, language: str) -> Iterable[tuple[str, str, str]]:
    """Each unit that the goods ride in beside others, by its SSCC, and between which hubs."""
    words = WORDS[language]
    for sscc in dict.fromkeys(leg.sscc for leg in shown.journey.legs if leg.sscc):
        shared = [leg for leg in shown.journey.legs if leg.sscc == sscc]
        ends = {"from": shown.hub_name(shared[0].from_hub, language), "to": shown.place_name(shared[-1], language)}
        yield words["unit"], sscc, words["unit_way"].format(**ends)


def footprint(shown: Shown, language: str) -> tuple[str, str]:
    """The CO2e that is known, and what it does and does not count."""
    words, grams = WORDS[language], co2e_of(shown.journey)
    rides = [leg.co2e_g is not None for leg in shown.journey.legs]
    counts = {"known": sum(rides), "missing": len(rides) - sum(rides), "all": len(rides)}
    rides_covered = "covers_rides" if counts["missing"] else "covers_all_rides"
    covered = {"transport": rides_covered, "hubs": "covers_hubs", "packaging": "covers_packaging"}
    covers = [words[covered[name]].format(**counts) for name in grams.covers]
    missed = covered | {"transport": "misses_rides"}
    misses = [words[missed[name]].format(**counts) for name in grams.missing]
    remarks = [
        words[key].format(part=words["and"].join(named))
        for key, named in (("covers", covers), ("misses", misses))
        if named
    ]
    amount = words["co2e"].format(amount=weight(grams.total, language)) if grams.covers else words["co2e_none"]
    return amount, " ".join(remarks)
