"""Shapes of the DCSA door: what is read of a Track and Trace event (3.0.0, draft), in both spellings that its drafts have had."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from app.core.limits import READINGS_PER_EVENT_MAX, TRACKING_EVENTS_PER_BATCH_MAX
from app.core.schema import Shape, Time

DCSA_EVENT_ID_LENGTH_MAX: Final = 500
_EVENT: Final[dict[str, Any]] = {
    "eventRouting": {
        "originatingParty": {"partyCode": "KUNLUN", "codeListProvider": "ZZZ", "codeListName": "CARRIERS"},
        "destinationParty": {"partyCode": "CHAMA", "codeListProvider": "ZZZ", "codeListName": "PLATFORMS"},
    },
    "eventID": "evt-trans-001-2026-03-02T14:20:00Z",
    "eventDateTime": "2026-03-02T14:20:00Z",
    "eventUpdatedDateTime": "2026-03-02T14:25:00Z",
    "eventLocation": {"facility": {"facilityCode": "URUMQI", "facilityCodeListProvider": "ZZZ"}},
    "eventClassification": {
        "eventTypeCode": "TRANSPORT",
        "eventClassifierCode": "ACT",
        "transportEventTypeCode": "ARRI",
    },
    "shipmentDetails": {"shipmentReferences": [{"typeCode": "FF", "reference": "CM3141592653589"}]},
}


class _Open(BaseModel):
    """A part of a message of the standard: what is not read here may be there, and is kept in the document."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


_Words = Annotated[str, Field(max_length=200)]


def _either(new: str, old: str) -> Any:
    """A code that one draft named `…Code` and another did not."""
    return Field(default=None, max_length=60, validation_alias=AliasChoices(new, old), serialization_alias=new)


class DcsaParty(_Open):
    partyCode: Annotated[str, Field(max_length=150)] | None = None  # noqa: N815 - the standard's own name
    codeListProvider: Annotated[str, Field(max_length=100)] | None = None  # noqa: N815
    codeListName: Annotated[str, Field(max_length=100)] | None = None  # noqa: N815


class DcsaRouting(_Open):
    originatingParty: DcsaParty | None = None  # noqa: N815


class DcsaClassification(_Open):
    """Which of five kinds of event, how certain, and which one of its kind."""

    kind: str | None = _either("eventTypeCode", "eventType")
    classifier: str | None = _either("eventClassifierCode", "eventClassifier")
    shipment: str | None = _either("shipmentEventTypeCode", "shipmentEventType")
    transport: str | None = _either("transportEventTypeCode", "transportEventType")
    equipment: str | None = _either("equipmentEventTypeCode", "equipmentEventType")
    iot: str | None = _either("iotEventTypeCode", "iotEventType")
    reefer: str | None = _either("reeferEventTypeCode", "reeferEventType")


class DcsaFacility(_Open):
    facilityCode: _Words | None = None  # noqa: N815
    facilityCodeListProvider: _Words | None = None  # noqa: N815


class DcsaCoordinate(_Open):
    latitude: Annotated[Decimal, Field(ge=-90, le=90)]
    longitude: Annotated[Decimal, Field(ge=-180, le=180)]


class DcsaLocation(_Open):
    facility_type: str | None = _either("facilityTypeCode", "facilityType")
    facility: DcsaFacility | None = None
    geoCoordinate: DcsaCoordinate | None = None  # noqa: N815


class DcsaReference(_Open):
    kind: str | None = _either("typeCode", "type")
    reference: _Words | None = None


_References = Annotated[list[DcsaReference], Field(max_length=50)]


class DcsaShipment(_Open):
    documentReference: DcsaReference | None = None  # noqa: N815
    additionalDocumentReferences: _References = []  # noqa: N815
    shipmentReferences: _References = []  # noqa: N815


class DcsaProbe(_Open):
    measuredTemperatureValue: Annotated[Decimal, Field(ge=-1000, le=1000)] | None = None  # noqa: N815


class DcsaMeasured(_Open):
    humidityPercentage: Annotated[Decimal, Field(ge=0, le=100)] | None = None  # noqa: N815


class DcsaReefer(_Open):
    temperatureUnit: _Words | None = None  # noqa: N815
    temperatureProbeMeasurements: Annotated[list[DcsaProbe], Field(max_length=READINGS_PER_EVENT_MAX - 1)] = []  # noqa: N815
    measuredParameters: DcsaMeasured | None = None  # noqa: N815


class DcsaEvent(_Open):
    """What is read of an event. Of a retracted one, only its id, its time of update and its references count."""

    eventRouting: DcsaRouting | None = None  # noqa: N815
    eventID: Annotated[str, Field(min_length=1, max_length=DCSA_EVENT_ID_LENGTH_MAX)]  # noqa: N815
    isRetracted: bool = False  # noqa: N815
    eventDateTime: Time | None = None  # noqa: N815
    eventUpdatedDateTime: Time  # noqa: N815
    eventLocation: DcsaLocation | None = None  # noqa: N815
    eventClassification: DcsaClassification | None = None  # noqa: N815
    shipmentDetails: DcsaShipment | None = None  # noqa: N815
    reeferDetails: DcsaReefer | None = None  # noqa: N815


class DcsaEvents(Shape):
    """`PostEventsRequest`. Each event is read by itself, so that a bad one never spoils the others."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"events": [_EVENT]}]}
    )

    events: Annotated[
        list[Annotated[dict[str, Any], Field(examples=[_EVENT])]],
        Field(min_length=1, max_length=TRACKING_EVENTS_PER_BATCH_MAX),
    ]
