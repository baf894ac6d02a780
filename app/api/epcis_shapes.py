"""What the EPCIS door answers and takes, as the OpenAPI document shows it. Events themselves are the standard's: see its JSON Schema."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.schema import Shape, Time

_EVENT: Final[dict[str, Any]] = {
    "type": "ObjectEvent",
    "eventID": "urn:uuid:0190a1b2-0000-7000-8000-000000000001",
    "eventTime": "2026-03-02T22:20:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:epc:id:ginc:9520000.CM3141592653589"],
    "action": "OBSERVE",
    "bizStep": "arriving",
    "disposition": "in_progress",
    "readPoint": {"id": "https://chama.example/v1/hubs/URUMQI"},
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4.1, "uom": "CEL"}]}],
}
CONTEXT_EXAMPLE: Final[list[Any]] = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
_DOCUMENT: Final[dict[str, Any]] = {
    "@context": CONTEXT_EXAMPLE,
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-03-02T15:00:00Z",
    "epcisBody": {"eventList": [_EVENT]},
}
_QUERY_DOCUMENT: Final[dict[str, Any]] = _DOCUMENT | {
    "type": "EPCISQueryDocument",
    "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [_EVENT]}}},
}


class _Open(BaseModel):
    """An object of the standard's: what it may hold is checked by our own tables, and shown by the standard's schema."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


class EpcisEvent(_Open):
    """An event of EPCIS 2.0."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", json_schema_extra={"examples": [_EVENT]})

    type: str
    eventTime: str  # noqa: N815 - the standard's own names
    eventTimeZoneOffset: str  # noqa: N815


class EpcisDocument(_Open):
    """An EPCISDocument, or an EPCISQueryDocument."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", json_schema_extra={"examples": [_DOCUMENT]})

    type: Literal["EPCISDocument", "EPCISQueryDocument"]
    epcisBody: dict[str, Any]  # noqa: N815


class EpcisQueryDocument(_Open):
    """The events that answer a query."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", json_schema_extra={"examples": [_QUERY_DOCUMENT]})

    type: Literal["EPCISQueryDocument"]
    schemaVersion: str  # noqa: N815
    creationDate: str  # noqa: N815
    epcisBody: dict[str, Any]  # noqa: N815


class CaptureJob(Shape):
    """What became of a document: `running` and `success` together are the standard's four states."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "captureID": "cap_01jd0000000000000000000000",
                    "createdAt": "2026-03-02T15:00:00Z",
                    "finishedAt": "2026-03-02T15:00:01Z",
                    "running": False,
                    "success": True,
                    "captureErrorBehaviour": "rollback",
                    "errors": [],
                }
            ]
        },
    )

    captureID: str  # noqa: N815
    createdAt: Time  # noqa: N815
    finishedAt: Time | None = None  # noqa: N815
    running: bool
    success: bool
    captureErrorBehaviour: Literal["rollback", "proceed"]  # noqa: N815
    errors: list[dict[str, Any]]


class EpcisCollection(_Open):
    """Names, or sub-resources, of a collection."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"@context": CONTEXT_EXAMPLE, "type": "Collection", "member": ["events"]}]},
    )

    type: Literal["Collection"]
    member: list[str]


class EpcisNamedQuery(Shape):
    """A query under a name of your own."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "arrivals", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["arriving"]}}]
        },
    )

    name: Annotated[str, Field(min_length=1, max_length=100, pattern="^[!-~]+$")]
    query: dict[str, Any]


class EpcisWanted(Shape):
    """Where to report, and when: `stream`, or a `schedule` in UTC. `signatureToken` is yours: every report is signed with it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"dest": "https://partner.example/epcis", "signatureToken": "13df38d8275b13f0", "stream": True},
                {"dest": "https://partner.example/epcis", "schedule": {"hour": "1", "minute": "5"}},
            ]
        },
    )

    dest: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^https?://[^\s]+$")]
    signatureToken: Annotated[str, Field(min_length=8, max_length=200)] | None = None  # noqa: N815
    stream: bool = False
    schedule: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=6)] | None = (
        None
    )
    reportIfEmpty: bool = False  # noqa: N815
    initialRecordTime: Time | None = None  # noqa: N815


class EpcisSubscriptionShape(Shape):
    """A subscription. Its token is never shown; `ended` once nothing was taken for days or it was not wanted any more (410)."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subscriptionID": "sub_01jd0000000000000000000000",
                    "dest": "https://partner.example/epcis",
                    "createdAt": "2026-03-02T15:00:00Z",
                    "stream": True,
                    "reportIfEmpty": False,
                    "minRecordTime": "2026-03-02T15:00:00Z",
                    "ended": False,
                }
            ]
        },
    )

    subscriptionID: str  # noqa: N815
    dest: str
    createdAt: Time  # noqa: N815
    lastNotifiedAt: Time | None = None  # noqa: N815
    stream: bool
    schedule: dict[str, str] | None = None
    reportIfEmpty: bool  # noqa: N815
    initialRecordTime: Time | None = None  # noqa: N815
    minRecordTime: Time  # noqa: N815
    ended: bool
