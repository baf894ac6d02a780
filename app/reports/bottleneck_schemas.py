"""Shapes of bottlenecks: where goods wait, by hub and hour, and at this moment."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from app.core.schema import Shape, Time


class HubHourShape(Shape):
    """One hub in one hour (UTC). A wait is from the arrival by one ride to the departure by the next; it counts in the hour in which it ends."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "hour": "2026-03-02T14:00:00Z",
                    "hub": "URUMQI",
                    "arrivals": 120,
                    "departures": 80,
                    "waits": 75,
                    "wait_median_s": 14400,
                    "wait_p90_s": 43200,
                    "over_plan": 9,
                    "as_of": "2026-03-02T15:05:00Z",
                }
            ]
        },
    )

    hour: Time
    hub: str
    arrivals: int
    departures: int
    waits: int
    wait_median_s: int | None
    wait_p90_s: Annotated[int | None, Field(description="Nine of ten waited no longer")]
    over_plan: Annotated[
        int, Field(description="How many of the waits were longer than planned by a quarter of an hour or more")
    ]
    as_of: Time


class WaitingHub(Shape):
    """Consignments that have arrived at a hub and wait for their next ride. `over_plan`: that ride should have left."""

    hub: str
    waiting: int
    since: Annotated[Time | None, Field(description="When the first of them arrived")]
    over_plan: int


class Waiting(Shape):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "as_of": "2026-03-02T15:05:00Z",
                    "items": [{"hub": "URUMQI", "waiting": 31, "since": "2026-03-01T02:00:00Z", "over_plan": 4}],
                }
            ]
        },
    )

    as_of: Time
    items: list[WaitingHub]
