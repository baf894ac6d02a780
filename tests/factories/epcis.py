"""A partner who speaks EPCIS: a document that was captured, a named query and a subscription to it, and a page's token that was ended."""

from dataclasses import dataclass
from typing import Any

from app.core.clock import rfc3339
from app.epcis.documents import Document, read_document
from app.flows.capture_epcis import accept_capture, run_capture
from app.flows.ports import Ports
from app.flows.query_epcis import drop_token, viewer_of
from app.flows.subscribe_epcis import Wanted, keep_query, subscribe
from app.identity.values import Caller


@dataclass(frozen=True)
class Spoken:
    capture: str
    event_id: str
    query: str
    subscription: str
    token: str


def an_event(number: str, at: Any, event_id: str = "urn:test:event:1", **fields: Any) -> dict[str, Any]:
    """An ObjectEvent of this consignment."""
    return {
        "type": "ObjectEvent",
        "eventID": event_id,
        "eventTime": rfc3339(at),
        "eventTimeZoneOffset": "+00:00",
        "epcList": [f"urn:epc:id:ginc:9520000.{number}"],
        "action": "OBSERVE",
        "bizStep": "inspecting",
    } | fields


def a_document(*events: Any) -> dict[str, Any]:
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-03T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


async def spoken(ports: Ports, caller: Caller, number: str) -> Spoken:
    """All of it, of a consignment that the caller carries, and that lies on a pallet."""
    pallet = {"epcList": ["urn:epc:id:sscc:952000.10000000099"], "bizStep": "storing"}
    at = ports.clock.now()
    read = read_document(a_document(an_event(number, at), an_event(number, at, "urn:test:event:2", **pallet)))
    assert isinstance(read, Document)
    capture = await accept_capture(ports, caller, read, "rollback")
    await run_capture(ports, capture)
    viewer = viewer_of(caller)
    await keep_query(ports, viewer, "arrivals", {"EQ_bizStep": ["arriving"]})
    wanted = Wanted("https://partner.example/epcis", "a token of mine", True, None, False, None)
    token = ports.seal.close(b"[]").decode()
    await drop_token(ports, token)
    return Spoken(capture, "urn:test:event:1", "arrivals", await subscribe(ports, viewer, "arrivals", wanted), token)
