"""Shapes of webhook endpoints and of what was delivered to them."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, ConfigDict, Field

from app.core.ids import pattern
from app.core.schema import Shape, Time
from app.notify.guard import URL_LENGTH_MAX
from app.notify.webhook_rules import is_pattern
from app.notify.webhook_values import NAMES, PATTERNS_MAX, DeliveryState, DisabledBecause, EndpointState

ENDPOINT_ID: Final = pattern("whe")
EVENT_ID: Final = pattern("wev")
_EXAMPLE_ID: Final = "whe_01kk00000000000000000000n1"
_EXAMPLE_EVENT: Final = "wev_01kk00000000000000000000v1"


def _is_known(name: str) -> str:
    if not is_pattern(name):
        message = f"No news has this name: *, one of {', '.join(f'{family}.*' for family in NAMES)}, or a whole name"
        raise ValueError(message)
    return name


Url = Annotated[
    str,
    Field(
        max_length=URL_LENGTH_MAX,
        examples=["https://hooks.example.com/chama"],
        description="https, at port 443 or 8443, with a public address; without a name, a password or a #fragment",
    ),
]
Pattern = Annotated[str, Field(max_length=40, examples=["shipment.*"]), AfterValidator(_is_known)]
Patterns = Annotated[
    list[Pattern],
    Field(
        min_length=1,
        max_length=PATTERNS_MAX,
        examples=[["shipment.*"]],
        description="`*`, a family, or whole names: " + ", ".join(name for names in NAMES.values() for name in names),
    ),
]


class NewWebhookEndpoint(Shape):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"url": "https://hooks.example.com/chama", "events": ["shipment.*"]}]},
    )

    id: Annotated[str | None, Field(pattern=ENDPOINT_ID)] = None
    url: Url
    events: Patterns


class WebhookEndpointChange(Shape):
    """`state`: `enabled` begins anew with what comes from now on; what was missed is sent by a replay."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"events": ["shipment.*", "claim.*"]}]}
    )

    url: Url | None = None
    events: Patterns | None = None
    state: EndpointState | None = None


_ENDPOINT: Final[dict[str, Any]] = {
    "id": _EXAMPLE_ID,
    "url": "https://hooks.example.com/chama",
    "events": ["shipment.*"],
    "state": "enabled",
    "disabled_because": None,
    "disabled_at": None,
    "failures": 0,
    "succeeded_at": "2026-03-02T08:00:01Z",
    "rests_until": None,
    "former_secret_until": None,
    "created_at": "2026-03-01T08:00:00Z",
}


class WebhookEndpointShape(Shape):
    """`failures`: goes in a row that brought nothing through. `rests_until`: nothing is sent before, because it asked so or fails again and again."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_ENDPOINT]}
    )

    id: str
    url: str
    events: list[str]
    state: EndpointState
    disabled_because: DisabledBecause | None
    disabled_at: Time | None
    failures: int
    succeeded_at: Time | None
    rests_until: Time | None
    former_secret_until: Annotated[Time | None, Field(description="Until when the secret from before signs as well")]
    created_at: Time


class WebhookEndpointCreated(WebhookEndpointShape):
    """`secret` is shown this once; null when the same creation is repeated without its Idempotency-Key."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [_ENDPOINT | {"secret": "whsec_ZXhhbXBsZS1leGFtcGxlLWV4YW1wbGUtZXhhbXBsZS0="}]},
    )

    secret: str | None


class WebhookTry(Shape):
    """One attempt: the status that was answered, or why there is none; `answer` is the beginning of its body."""

    at: Time
    status: int | None
    error: str | None
    answer: str
    duration_ms: int


class WebhookDeliveryShape(Shape):
    """One piece of news for one endpoint. `event` is the `webhook-id` that it is sent under, the same in every attempt."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "event": _EXAMPLE_EVENT,
                    "type": "shipment.delivered",
                    "subject": "con_01kk00000000000000000000c1",
                    "sequence": 7,
                    "occurred_at": "2026-03-02T08:00:00Z",
                    "state": "delivered",
                    "attempts": 1,
                    "next_at": None,
                    "delivered_at": "2026-03-02T08:00:01Z",
                    "tries": [
                        {
                            "at": "2026-03-02T08:00:01Z",
                            "status": 204,
                            "error": None,
                            "answer": "",
                            "duration_ms": 41,
                        }
                    ],
                }
            ]
        },
    )

    event: str
    type: str
    subject: str
    sequence: int
    occurred_at: Time
    state: DeliveryState
    attempts: int
    next_at: Time | None
    delivered_at: Time | None
    tries: list[WebhookTry]


class ReplayRequest(Shape):
    """`after`: the `webhook-id` of the last one that was taken; without it, everything that is kept (30 days)."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"after": _EXAMPLE_EVENT}]}
    )

    after: Annotated[str | None, Field(pattern=EVENT_ID)] = None


class Replayed(Shape):
    """How many are sent again, and the last of them: while `more`, ask again with it as `after`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"queued": 12, "last": _EXAMPLE_EVENT, "more": False}]},
    )

    queued: int
    last: str | None
    more: bool


class WebhookTestSent(Shape):
    """The news `webhook.test` is on its way; the deliveries show what came of it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"queued": True}]}
    )

    queued: bool
