"""A town behind the service, and how to ask for each operation of it. `template, clock = town_template, town_clock` in a module."""

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import make_url

from app.core.clock import FixedClock, rfc3339
from app.core.settings import Settings
from app.core.sign import Signer
from app.flows.ports import Ports, open_ports
from app.main import create_app
from app.network.plan import FrontCache
from app.network.timetable import TimetableCache
from app.payments.providers import StripeProvider
from tests.conftest import NOW, a_database
from tests.factories.catalogue import JUJUBE, MEMBERS_PRICES, WEEKLY
from tests.factories.claims import claiming
from tests.factories.epcis import a_document, an_event
from tests.factories.feed import a_sheet, as_archive, village_feed
from tests.factories.identity import GARDEN
from tests.factories.network import LINE, Remembered
from tests.factories.orders import asked_for, ordering
from tests.factories.payouts import paid_at
from tests.factories.town import Town, a_town
from tests.factories.tracking import events_of
from tests.fakes.accounts import AccountsOnPaper


def _told(town: Town) -> dict[str, Any]:
    """What carriers may say; whether it is taken of this consignment is another question."""
    (event,) = events_of(town.placed[0]["consignments"][0], "picked_up")
    return {"events": [event.model_dump(mode="json", exclude_none=True)]}


def _of_the_carrier(town: Town, role: str) -> dict[str, Any]:
    """An event of goods that the carrier carries, under an id of its teller's own."""
    number = town.to_weigh["consignments"][0]["tracking_number"]
    return an_event(number, town.now, f"urn:test:{role}")


def _said(town: Town) -> dict[str, Any]:
    """In DCSA's words, of goods that the carrier carries; who carries none of them tells nothing that could be taken."""
    number, at = town.to_weigh["consignments"][0]["tracking_number"], rfc3339(town.now)
    classes = {"eventTypeCode": "EQUIPMENT", "eventClassifierCode": "ACT", "equipmentEventTypeCode": "PICK"}
    references = {"shipmentReferences": [{"typeCode": "FF", "reference": number}]}
    told = {"eventID": "e1", "eventDateTime": at, "eventUpdatedDateTime": at, "eventClassification": classes}
    return {"events": [told | {"shipmentDetails": references}]}


def _labelled(town: Town) -> dict[str, Any]:
    """A consignment of the garden that the carrier takes in."""
    consignment: dict[str, Any] = town.to_weigh["consignments"][0]
    return consignment


def _carrier(role: str) -> dict[str, str]:
    """Operators say whose services they bring."""
    return {"carrier": "KUNLUN"} if role == "operator" else {}


SEEN_ON_THE_ACCOUNT = {"amount": {"amount": 40_000, "currency": "CNY"}, "bank_reference": "B-1"}
CNY = {"amount": 100, "currency": "CNY"}
FEED = base64.b64encode(as_archive(village_feed())).decode()
# The body of each operation that has one.
BODIES: dict[str, Callable[[Town, str], Any]] = {
    "POST /v1/auth/codes": lambda town, role: {"phone": town.phones[role]},
    "POST /v1/auth/tokens": lambda town, role: {"grant": "refresh", "refresh_token": town.refresh_tokens[role]},
    "POST /v1/producers": lambda town, role: GARDEN,
    "PATCH /v1/producers/{producer_id}": lambda town, role: {"hub": "AKSU"},
    "POST /v1/producers/{producer_id}/members": lambda town, role: {
        "producer": town.village.garden.producer.id,
        "grants": ["see"],
        "share_bps": 500,
    },
    "PATCH /v1/memberships/{membership_id}": lambda town, role: {"grants": ["see", "ship"]},
    "POST /v1/memberships/{membership_id}/agreements": lambda town, role: {"share_bps": 400},
    "POST /v1/memberships/{membership_id}/agreements/{agreement_id}/answer": lambda town, role: {"answer": "agree"},
    "POST /v1/producers/{producer_id}/people": lambda town, role: {"person": town.village.buyer.id, "grants": ["see"]},
    "PATCH /v1/producers/{producer_id}/people/{person_id}": lambda town, role: {"grants": ["ship"]},
    "POST /v1/listings": lambda town, role: JUJUBE | {"producer": town.village.garden.producer.id},
    "PATCH /v1/listings/{listing_id}": lambda town, role: {"lead_time_h": 48},
    "POST /v1/listings/{listing_id}/lots": lambda town, role: {"quantity": "4", "harvested_on": "2026-02-20"},
    "PATCH /v1/listings/{listing_id}/lots/{lot_id}": lambda town, role: {"quantity": "6"},
    "POST /v1/listings/{listing_id}/lots/{lot_id}/confirm-harvest": lambda town, role: {
        "quantity": "6",
        "harvested_on": "2026-02-20",
    },
    "POST /v1/lots/{lot_id}/recalls": lambda town, role: {
        "reason": {"en": "Too much of a pesticide"},
        "advice": {"en": "Do not eat it"},
    },
    "POST /v1/recalls/{recall_id}/lift": lambda town, role: {"reason": {"en": "The second analysis found nothing"}},
    "POST /v1/order-cycles": lambda town, role: (
        WEEKLY | {"producer": town.village.garden.producer.id, "service": town.line}
    ),
    "PATCH /v1/order-cycles/{cycle_id}": lambda town, role: {"lead_time_h": 36},
    "POST /v1/order-cycles/{cycle_id}/listings": lambda town, role: {"listings": [town.draft]},
    "POST /v1/price-lists": lambda town, role: MEMBERS_PRICES | {"producer": town.village.loom.producer.id},
    "PATCH /v1/price-lists/{price_list_id}": lambda town, role: {"for_members": True},
    "POST /v1/media": lambda town, role: {"content_type": "image/png", "bytes": 9, "sha256": "ab" * 32},
    "POST /v1/quotes": lambda town, role: asked_for(town.village.basket),
    "POST /v1/orders": lambda town, role: ordering(town.quote),
    "POST /v1/orders/{id}/claims": lambda town, role: claiming(town.claimable, 0, 5_000),
    "POST /v1/claims/{claim_id}/answer": lambda town, role: {"answer": "accept"},
    "POST /v1/claims/{claim_id}/reply": lambda town, role: {"reply": "withdraw"},
    "POST /v1/claims/{claim_id}/decision": lambda town, role: {
        "amount": {"amount": 2_000, "currency": "CNY"},
        "reasons": "Half of it is as new",
    },
    "POST /v1/labels": lambda town, role: {"consignments": [_labelled(town)["id"]], "size": "thermal_60x40"},
    "POST /v1/consignments/{consignment_id}/weigh-ins": lambda town, role: town.scaled[role],
    "POST /v1/weigh-ins/{weigh_in_id}/decision": lambda town, role: {"decision": "accept"},
    "POST /v1/listings/{listing_id}/offers": lambda town, role: {
        "quantity": "50",
        "price": {"amount": 8_000, "currency": "CNY"},
    },
    "POST /v1/offers/{offer_id}/counter": lambda town, role: {"price": {"amount": 8_600, "currency": "CNY"}},
    "POST /v1/offers/{offer_id}/deposit": lambda town, role: {"method": "bank_transfer"},
    "POST /v1/offers/{offer_id}/deposit/receipt": lambda town, role: SEEN_ON_THE_ACCOUNT,
    "POST /v1/offers/{offer_id}/deposit/refund": lambda town, role: SEEN_ON_THE_ACCOUNT,
    "POST /v1/returns/{return_id}/booking": lambda town, role: {"ready_at": rfc3339(town.now + timedelta(days=2))},
    "POST /v1/claims/{claim_id}/recourse": lambda town, role: town.recoursing,
    "POST /v1/recourses/{recourse_id}/answer": lambda town, role: {"answer": "contest", "words": "It was wet before"},
    "POST /v1/recourses/{recourse_id}/reversal": lambda town, role: {"reasons": "Another consignment was meant"},
    "POST /v1/disputes/{dispute_id}/evidence": lambda town, role: {"words": "The carrier has the signature"},
    "POST /v1/producers/{producer_id}/payout-account": lambda town, role: {"currency": "HKD"},
    "POST /v1/routes": lambda town, role: {"from": "HOTAN", "to": "AKSU", "weight_g": 5_000},
    "POST /v1/services": lambda town, role: LINE | ({"carrier": "KUNLUN"} if role == "operator" else {}),
    "PATCH /v1/services/{service_id}": lambda town, role: {"cutoff_s": 7_200},
    "POST /v1/services/{service_id}/timetables": lambda town, role: {"valid_from": "2026-12-01", "departs_s": [36_000]},
    "POST /v1/services/imports": lambda town, role: {"csv": a_sheet(f"LINE-{role}")} | _carrier(role),
    "POST /v1/services/imports/gtfs": lambda town, role: {"feed": "BUS", "archive": FEED} | _carrier(role),
    "POST /v1/disruptions": lambda town, role: {
        "service": town.line,
        "from": "2026-04-05T00:00:00Z",
        "until": "2026-04-07T00:00:00Z",
        "reason": {"en": "Sandstorm"},
    },
    "POST /v1/disruptions/{disruption_id}/lift": lambda town, role: {},
    "POST /v1/packages/{package_id}/returns": lambda town, role: {"hub": "URUMQI"},
    "POST /v1/tracking/events": lambda town, role: _told(town),
    "POST /epcis/v2/capture": lambda town, role: a_document(_of_the_carrier(town, role)),
    "POST /epcis/v2/events": _of_the_carrier,
    "POST /epcis/v2/queries": lambda town, role: {"name": "mine", "query": {"EQ_bizStep": ["departing"]}},
    "POST /epcis/v2/queries/{query_name}/subscriptions": lambda town, role: {
        "dest": "https://partner.example/epcis",
        "stream": True,
    },
    "POST /v1/tracking/dcsa/events": lambda town, role: _said(town),
    "POST /v1/consignments/{consignment_id}/hand-overs": lambda town, role: {"code": town.code},
    "POST /v1/device-keys": lambda town, role: {"public_key": Signer(role.encode()).public_key, "name": "Phone"},
    "POST /v1/webhook-endpoints": lambda town, role: {
        "url": "https://hooks.example.com/chama",
        "events": ["shipment.*"],
    },
    "PATCH /v1/webhook-endpoints/{endpoint_id}": lambda town, role: {"events": ["order.*"]},
    "POST /v1/webhook-endpoints/{endpoint_id}/replay": lambda town, role: {},
    "POST /v1/webhooks/stripe": lambda town, role: {"id": "evt_1"},
    "POST /v1/payments/{payment_id}/receipts": lambda town, role: {"amount": CNY, "reference": "B1"},
    "POST /v1/payees": lambda town, role: paid_at(town.village.garden.producer.id),
    "POST /v1/payees/{payee_id}/verdict": lambda town, role: {"verified": True},
    "POST /v1/payout-runs": lambda town, role: {"parties": ["producer"]},
    "POST /v1/payout-runs/{run_id}/send": lambda town, role: {"reference": "BATCH-1"},
    "POST /v1/payouts/{payout_id}/mark": lambda town, role: {"event": "sent", "reference": "B1"},
    "POST /v1/cash-refunds": lambda town, role: {"order": town.money.order["id"], "carrier": town.money.carrier},
    "POST /v1/remittances": lambda town, role: (
        {
            "amount": CNY,
            "reference": f"R-{role}",
            "handed_over_at": "2026-03-03T09:00:00Z",
        }
        | _carrier(role)
    ),
    "POST /v1/remittances/{remittance_id}/confirm": lambda town, role: {"received": CNY},
    "POST /v1/freight-remarks": lambda town, role: (
        {"order": town.money.order["id"], "words": "Two were carried"}
        | ({"carrier": town.money.carrier} if role == "operator" else {})
    ),
    "POST /v1/freight-remarks/{remark_id}/answer": lambda town, role: {"answer": "One was booked"},
    "POST /v1/partners": lambda town, role: {"name": {"en": "New"}, "carrier": "NEW"},
    "POST /v1/partners/{partner_id}/keys": lambda town, role: {"scopes": ["tracking:read"]},
}
QUERIES: dict[str, Callable[[Town], dict[str, str]]] = {
    "GET /v1/listings#drafts": lambda town: {"producer": town.village.garden.producer.id, "status": "draft"},
    "GET /v1/dev/messages": lambda town: {"to": "+8610000000123"},
    "GET /v1/routes": lambda town: {"from": "HOTAN", "to": "AKSU", "weight_g": "5000"},
    "GET /v1/services/{service_id}/manifest": lambda town: {"run_at": "2026-03-05T12:00:00Z", "hub": "HOTAN"},
    "GET /v1/departures": lambda town: {"on": "2026-03-05"},
    "GET /v1/tracking/{tracking_number}/stream": lambda town: {"lasts_s": "0"},
}


def path_of(line: str, town: Town, role: str) -> str:
    """The path of an operation, filled in with what belongs to the town."""
    operation, _, variant = line.partition("#")
    path = operation.split()[1]
    mine = town.placed[1 if role == "operator" else 0]["id"]
    of_ids = {
        "GET /v1/quotes/{id}": town.quote.id,
        "POST /v1/orders/{id}/confirm-receipt": town.delivered["id"],
        "POST /v1/orders/{id}/claims": town.claimable["id"],
    }
    verb = path.rpartition("/")[2]
    of_producers = {"members": town.village.loom.producer.id, "people": town.plot, "{person_id}": town.plot}
    owners = {"buyer": town.village.buyer.id, "carrier": "KUNLUN", "bare": "XIBU", "ours": "platform"}
    return path.format(
        owner=owners.get(variant, town.village.garden.producer.id),
        producer_id=of_producers.get(verb, town.village.garden.producer.id),
        membership_id=town.memberships.get(verb, town.memberships["active"]),
        agreement_id=town.agreement,
        person_id=town.clerk,
        listing_id=town.draft if variant == "draft" else town.village.dates,
        lot_id=town.lots_to_recall.get(role, town.lot) if operation.endswith("/recalls") else town.lot,
        recall_id=town.recall,
        cycle_id=town.cycles[0],
        price_list_id=town.price_lists[0],
        dispute_id=town.dispute,
        offer_id=town.offers[_offer_of(operation, variant)],
        claim_id=town.settled if operation.endswith("recourse") else town.claims[operation.endswith("decision")],
        recourse_id=town.recourse,
        return_id=town.goods_return,
        media_id=town.ready_photo if path.endswith("/content") else town.photo,
        id=of_ids.get(operation, mine),
        code="HOTAN",
        service_id=town.line,
        disruption_id=town.disruptions[0],
        consignment_id=(town.to_weigh if path.endswith(("/weigh-ins", "/labels", "/cold-chain")) else town.placed[0])[
            "consignments"
        ][0]["id"],
        weigh_in_id=town.weigh_in,
        package_id=town.box,
        package=town.box,
        tracking_number=town.placed[0]["consignments"][0]["tracking_number"],
        partner_id=town.carrier.id,
        key_id=town.key,
        carrier="XIBU" if variant == "bare" else "KUNLUN",
        payment_id=town.transferring["payment"]["id"],
        payee_id=town.money.payees[0],
        run_id=town.money.run,
        payout_id=town.money.payouts[0],
        remittance_id=town.money.remittances[0],
        remark_id=town.money.remarks[0],
        capture_id=town.spoken.capture,
        event_id=town.told if "webhook" in path else quote(town.spoken.event_id, safe=""),
        query_name=town.spoken.query,
        subscription_id=town.spoken.subscription,
        token=town.spoken.token,
        resource="bizSteps",
        name="inspecting",
        endpoint_id=town.endpoint,
        device_key_id=town.device_key,
    )


def _offer_of(operation: str, variant: str) -> str:
    """Which of the town's offers is meant: one in the state for this step."""
    if operation.endswith("/refund"):
        return "returned"
    if operation.endswith("/receipt"):
        return "asked"
    if operation.endswith("/deposit"):
        return "agreed"
    return variant if variant in ("countered", "agreed") else "open"


@dataclass(frozen=True)
class Built:
    """A town in a database that tests copy, and its network as a process knows it that has planned on it before."""

    database: str
    town: Town
    timetable: TimetableCache
    fronts: FrontCache
    version: str


@pytest.fixture(scope="session")
async def built(server: str, networked: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Built]:
    with a_database(server, f"town_{uuid4().hex[:8]}", networked) as url:
        chosen = Settings(
            database_url=url,
            data_dir=tmp_path_factory.mktemp("town"),
            secret="tests only",
            operator_phones="+8610000000001",
        )
        async with open_ports(chosen) as ports:
            town = await a_town(replace(ports, clock=FixedClock(NOW)))
            async with ports.database.read() as connection:
                version = (await ports.timetable.current(connection)).version
            built = Built(make_url(url).database or "", town, ports.timetable, ports.fronts, version)
        yield built


@pytest.fixture(scope="session")
def town_template(built: Built) -> str:
    return built.database


@pytest.fixture(scope="module")
def one_database(server: str, built: Built) -> Iterator[str]:
    """For `database_url = one_database` in a module whose tests leave nothing behind: they share one town."""
    with a_database(server, f"shared_{uuid4().hex[:8]}", built.database) as url:
        yield url


@pytest.fixture
def town(built: Built) -> Town:
    return built.town


@pytest.fixture
def town_clock(built: Built) -> FixedClock:
    return FixedClock(built.town.now)


@pytest.fixture
async def door(ports: Ports, built: Built) -> AsyncIterator[httpx.AsyncClient]:
    """The service with a card provider that nobody asks for anything here."""
    cards = StripeProvider("sk_test_unused", "whsec_unused", api_base="http://127.0.0.1:9", timeout_s=1)
    fronts = Remembered(built.fronts, built.version)
    service = create_app(
        ports=replace(ports, cards=cards, connect=AccountsOnPaper(), timetable=copy(built.timetable), fronts=fronts)
    )
    transport = httpx.ASGITransport(service)
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        yield client
    await cards.close()


def body_of(line: str, town: Town, role: str) -> Any:
    operation, _, _ = line.partition("#")
    return BODIES[operation](town, role) if operation in BODIES else None


async def ask(
    door: httpx.AsyncClient, line: str, town: Town, role: str, *, key: str | None = None, **content: Any
) -> httpx.Response:
    """Do what the line says in this role, with its usual body unless another content is given."""
    method = line.split(maxsplit=1)[0]
    headers = town.headers[role] | ({"idempotency-key": key or f"key of {role}"} if method == "POST" else {})
    query = QUERIES[line](town) if line in QUERIES else None
    if not content:
        content = {"json": body_of(line, town, role)}
    if "content" in content:
        headers = headers | {"content-type": "application/json"}
    return await door.request(method, path_of(line, town, role), headers=headers, params=query, **content)


def problem_of(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem document of this refusal."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"/problems/{slug}"), problem
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem
