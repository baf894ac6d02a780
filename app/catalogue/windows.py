"""Order cycles: when orders may be placed for a departure, from the timetable of its service. Pure; all times are UTC."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from app.catalogue.values import CycleTerms, Window
from app.network.rules import last_hand_in, starts_between
from app.routing import Place, Service

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
WINDOWS_SHOWN: Final = 4
AHEAD_S: Final = 120 * DAY_S


def order_windows(terms: CycleTerms, service: Service, place: Place, now: datetime, most: int) -> list[Window]:
    """The next windows that have not closed, the first to close first: at most `most`, and none later than 120 days ahead.

    Closing is the departure minus the service's cut-off, the hub's dwell (within its opening hours) and the lead time.
    """
    windows: list[Window] = []
    for departs_at in _departures(terms, service, int(now.timestamp())):
        hand_in_by = last_hand_in(place, departs_at - service.cutoff_s)
        if hand_in_by is None:
            continue
        closes_at = hand_in_by - terms.lead_time_h * HOUR_S
        window = Window(*map(_time, (closes_at - terms.open_h * HOUR_S, closes_at, hand_in_by, departs_at)))
        if window.closes_at > now:
            windows.append(window)
        if len(windows) == most:
            break
    return windows


def calls_at(service: Service, hub: str) -> bool:
    """Whether goods can board there by timetable."""
    return not service.on_demand and any(stop.place == hub for stop in service.stops[:-1])


def _departures(terms: CycleTerms, service: Service, now: int) -> Iterator[int]:
    """The departures from the cycle's hub that lie ahead."""
    stop = next((stop for stop in service.stops[:-1] if stop.place == terms.hub), None)
    if stop is None or service.on_demand:
        return
    for start in starts_between(service, now - stop.depart_offset_s, now + AHEAD_S):
        yield start + stop.depart_offset_s


def open_window(windows: Sequence[Window], now: datetime) -> Window | None:
    """The open one that closes first."""
    return next((window for window in windows if window.is_open(now)), None)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
