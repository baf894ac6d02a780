"""Partners' scanners, which tell of many consignments at once, through either door, and the same again now and then, while everything is killed."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.core.clock import rfc3339
from app.flows.ports import Ports
from app.identity.values import Scope
from app.shipments.queries import find_tracked
from app.shipments.rules import recompute
from app.shipments.service import create_consignments
from tests.chaos.people import GaveUp, Hand
from tests.factories.books import Proof
from tests.factories.identity import Someone, a_key, a_partner
from tests.factories.shipments import a_draft
from tests.factories.tables import rows

FLEET: Final = 240
SCANNERS: Final = 3
BATCH: Final = 100
TOLD_AGAIN: Final = 0.2
IN_DCSA: Final = 0.25
HUBS: Final = ("HOTAN", "URUMQI", "XIAN", "SHANGHAI")
Json = dict[str, Any]


async def a_fleet(ports: Ports) -> list[str]:
    """The numbers of consignments that only scanners tell of: of no order, so that nothing follows but their state."""
    numbers: list[str] = []
    for _ in range(FLEET // 40):
        async with ports.begin() as session:
            made = await create_consignments(session, [a_draft() for _ in range(40)], datetime.now(UTC))
        numbers += [journey.tracking_number for journey in made]
    return numbers


async def scanners_of(ports: Ports) -> list[Someone]:
    """Machines of one partner, each with a key of its own."""
    carrier = await a_partner(ports, "KUNLUN")
    return [replace(carrier, headers=await a_key(ports, carrier.id, *Scope)) for _ in range(SCANNERS)]


class Scanner:
    """One partner's machine: a batch, its answer, the next batch."""

    def __init__(self, name: str, key: Someone, fleet: Sequence[str], hand: Hand, chance: random.Random) -> None:
        self.name, self.key, self.fleet, self.hand, self.chance = name, key, fleet, hand, chance
        self.count = 0

    async def live(self, over: asyncio.Event, every_s: float) -> None:
        told: list[tuple[str, list[Json], list[tuple[str, str]]]] = []
        try:
            while not over.is_set():
                dcsa = self.chance.random() < IN_DCSA
                batch = self._batch(dcsa=dcsa)
                told.append(batch)
                await self._tell(*batch, known=False)
                if self.chance.random() < TOLD_AGAIN:
                    await self._tell(*self.chance.choice(told), known=True)
                await asyncio.sleep(every_s)
        except GaveUp as error:
            self.hand.journal.faults.append(str(error))

    def _batch(self, *, dcsa: bool) -> tuple[str, list[Json], list[tuple[str, str]]]:
        """Where, what, and as which (number, id) it is to be there: sightings of some of the fleet, late ones among them."""
        events, identities = [], []
        for number in self.chance.sample(self.fleet, BATCH):
            self.count += 1
            event_id = f"scan-{self.name}-{self.count}"
            at = rfc3339((datetime.now(UTC) - timedelta(seconds=self.chance.randint(1, 90_000))).replace(microsecond=0))
            hub = self.chance.choice(HUBS)
            events.append(_dcsa(event_id, number, at, hub) if dcsa else _native(event_id, number, at, hub))
            identities.append((number, event_id))
        return ("/v1/tracking/dcsa/events" if dcsa else "/v1/tracking/events"), events, identities

    async def _tell(self, path: str, events: list[Json], identities: list[tuple[str, str]], *, known: bool) -> None:
        answer = await self.hand.ask(self.key.headers, "POST", path, {"events": events})
        feedback = answer.get("feedbackElements", ())
        refused = answer.get("rejected", 0) + sum(each["severity"] == "ERROR" for each in feedback)
        again = answer.get("duplicates", 0) + sum(each["severity"] == "INFO" for each in feedback)
        if refused or (known and again != len(events)):
            self.hand.journal.faults.append(
                f"{path}: of {len(events)} events {refused} were refused, {again} known: {answer}"[:500]
            )
        self.hand.journal.scanned(identities)


def _native(event_id: str, number: str, at: str, hub: str) -> Json:
    return {"id": event_id, "tracking_number": number, "type": "observed", "occurred_at": at, "hub": hub}


def _dcsa(event_id: str, number: str, at: str, hub: str) -> Json:
    return {
        "eventID": event_id,
        "eventDateTime": at,
        "eventUpdatedDateTime": at,
        "eventClassification": {"eventTypeCode": "IOT", "eventClassifierCode": "ACT", "iotEventTypeCode": "DETC"},
        "eventLocation": {"facility": {"facilityCode": hub, "facilityCodeListProvider": "ZZZ"}},
        "shipmentDetails": {"shipmentReferences": [{"typeCode": "FF", "reference": number}]},
    }


async def scans_are_there(ports: Ports, fleet: Sequence[str], acknowledged: set[tuple[str, str]], proof: Proof) -> None:
    """Every acknowledged scan is there once, none that nobody was answered about, and each consignment is what its events amount to."""
    found = await rows(
        ports,
        "SELECT tracking_number, party_event_id, count(*) AS times FROM tracking_event AS event JOIN consignment ON consignment.id = "
        "event.consignment_id WHERE party_event_id LIKE 'scan-%' GROUP BY 1, 2",
    )
    there = {(row.tracking_number, row.party_event_id): row.times for row in found}
    proof.figures["scans acknowledged"], proof.figures["scans there"] = len(acknowledged), sum(there.values())
    proof.none_of([scan for scan in acknowledged if scan not in there], "an acknowledged scan is not there")
    proof.none_of([scan for scan, times in there.items() if times != 1], "a scan is there more than once")
    proof.none_of(there.keys() - acknowledged, "a scan is there that nobody was answered about")
    now = ports.clock.now()
    for number in fleet:
        async with ports.database.read() as connection:
            tracked = await find_tracked(connection, number)
        assert tracked is not None
        journey, events = tracked.journey, tracked.events
        state = recompute((event.scan for event in events), journey.legs, now)
        same = (state.status, state.legs, state.hub, state.last_event_at)
        kept = (journey.state.status, journey.state.legs, journey.hub, journey.last_event_at)
        proof.require(same == kept, f"{number} is not what its events amount to: {kept}, not {same}")
