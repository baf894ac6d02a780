"""Two processes of the service on one database: what a carrier changes at one of them, the other plans by at once."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.routing import warm_up
from tests.factories.network import LINE, networked
from tests.factories.service import Process, a_service

template = networked
OPERATOR = "+8610000000001"
# A changed timetable is live in so many seconds, or less.
LIVE_S_MAX = 1.0
CARRIER = "KUNLUN"
SERVICE = LINE | {
    "id": "KUNLUN-1",
    "carrier": CARRIER,
    "temperatures": ["ambient"],
    "tariff": {"currency": "CNY", "base_minor": 1},
}


@pytest.fixture
def two(database_url: str, tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    # Compiled here, where nobody counts the seconds that a service takes to start.
    warm_up()
    homes = [tmp_path / name for name in ("one", "other")]
    for home in homes:
        home.mkdir()
    with (
        a_service(database_url, homes[0], CHAMA_OPERATOR_PHONES=OPERATOR) as one,
        a_service(database_url, homes[1], CHAMA_OPERATOR_PHONES=OPERATOR) as other,
    ):
        yield one, other


@pytest.fixture
def desks(two: tuple[Process, Process]) -> Iterator[list[httpx.Client]]:
    """An operator's desk at each of them; it signed in at one, and is known at both."""
    clients = [httpx.Client(base_url=process.url, trust_env=False, timeout=30) for process in two]
    assert clients[0].post("/v1/auth/codes", json={"phone": OPERATOR}).is_success
    code = clients[0].get("/v1/dev/messages", params={"to": OPERATOR}).json()["items"][0]["code"]
    signed = clients[0].post("/v1/auth/tokens", json={"grant": "code", "phone": OPERATOR, "code": code})
    assert signed.is_success, signed.text
    for client in clients:
        client.headers["authorization"] = f"Bearer {signed.json()['access_token']}"
    yield clients
    for client in clients:
        client.close()


def cheapest(desk: httpx.Client) -> dict[str, Any]:
    """The cheapest way for ten kilograms from Hotan to Kashgar, a week from now."""
    asked = {"from": "HOTAN", "to": "KASHGAR", "weight_g": 10_000, "depart_after": (next_week()).isoformat()}
    answer = desk.post("/v1/routes", json=asked)
    assert answer.is_success, answer.text
    option: dict[str, Any] = min(answer.json()["options"], key=lambda option: option["price"]["amount"])
    return option


def next_week() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7)


def services(option: dict[str, Any]) -> list[str]:
    return [leg["service"] for leg in option["legs"]]


def changed(answer: httpx.Response) -> float:
    assert answer.is_success, answer.text
    return time.monotonic()


def test_what_is_changed_at_one_process_is_planned_by_at_the_other_within_a_second(desks: list[httpx.Client]) -> None:
    one, other = desks
    assert "KUNLUN-1" not in services(cheapest(one)) + services(cheapest(other))

    at = changed(one.post("/v1/services", json=SERVICE))
    assert services(cheapest(other)) == ["KUNLUN-1"]
    assert time.monotonic() - at < LIVE_S_MAX
    assert cheapest(one) == cheapest(other)

    # A new price, told at the other one.
    before = cheapest(one)["price"]["amount"]
    at = changed(
        other.patch(
            "/v1/services/KUNLUN-1", json={"tariff": {"currency": "CNY", "base_minor": 301}}, headers=tag(other)
        )
    )
    assert cheapest(one)["price"]["amount"] == before + 300
    assert time.monotonic() - at < LIVE_S_MAX

    # A closure, and its end.
    shut = {
        "service": "KUNLUN-1",
        "from": next_week().isoformat(),
        "until": (next_week() + timedelta(days=30)).isoformat(),
    }
    made = one.post("/v1/disruptions", json=shut | {"reason": {"en": "Flood", "zh-Hans": "洪水"}})
    at = changed(made)
    assert "KUNLUN-1" not in services(cheapest(other))
    assert time.monotonic() - at < LIVE_S_MAX
    changed(other.post(f"/v1/disruptions/{made.json()['id']}/lift", json={}))
    assert services(cheapest(one)) == ["KUNLUN-1"]

    # Withdrawn.
    changed(one.patch("/v1/services/KUNLUN-1", json={"status": "withdrawn"}, headers=tag(one)))
    assert "KUNLUN-1" not in services(cheapest(other))


def tag(desk: httpx.Client) -> dict[str, str]:
    return {"if-match": desk.get("/v1/services/KUNLUN-1").headers["etag"]}
