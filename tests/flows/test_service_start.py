"""What a service has done before its first request, with its database and without."""

import gc

import httpx

from app import main
from tests.db.test_cli import NOWHERE
from tests.factories.network import networked
from tests.factories.service import a_service

template = networked


async def test_the_timetable_is_at_hand_and_the_collector_leaves_alone_what_stays(ports, monkeypatch):
    steps = []
    monkeypatch.setattr(gc, "collect", lambda: steps.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: steps.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", steps.append)
    await main._have_at_hand(ports)
    assert ports.timetable.hub_for_county("653201") is not None
    assert steps == ["collect", "freeze", main.GARBAGE_THRESHOLD]


def test_a_service_starts_without_its_database_and_says_what_is_wrong(tmp_path):
    with a_service(NOWHERE, tmp_path) as service:
        answer = httpx.get(f"{service.url}/ready", timeout=10, trust_env=False)
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
