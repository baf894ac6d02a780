"""Events as partners would tell them, for the tests of EPCIS."""

from typing import Any

from app.epcis.documents import read_event
from app.epcis.values import Event

SSCC = "urn:epc:id:sscc:952000.10000000017"


def told(**fields: Any) -> dict[str, Any]:
    """A plain ObjectEvent, with these fields changed; None takes one away."""
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": "urn:uuid:0190a1b2-0000-7000-8000-000000000001",
        "eventTime": "2026-03-02T22:20:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "epcList": [SSCC],
        "action": "OBSERVE",
        "bizStep": "arriving",
        "disposition": "in_progress",
        "readPoint": {"id": "https://chama.example/v1/hubs/URUMQI"},
    }
    return {name: value for name, value in (event | fields).items() if value is not None}


def document(*events: Any, **fields: Any) -> dict[str, Any]:
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-03T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    } | fields


def good(event: dict[str, Any], **prefixes: str) -> Event:
    read = read_event(event, prefixes)
    assert isinstance(read, Event), read
    return read


def faults(event: Any, **prefixes: str) -> list[str]:
    read = read_event(event, prefixes)
    return [] if isinstance(read, Event) else [fault.pointer for fault in read]
