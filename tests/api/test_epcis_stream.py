"""Subscriptions over a WebSocket, on a running service."""

import json
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.core.clock import FixedClock
from app.core.settings import Settings
from tests.api.asking import Built, one_database
from tests.factories.epcis import an_event
from tests.factories.running import running

database_url = one_database


@pytest.fixture(scope="module")
def url(database_url: str, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chosen = Settings(
        database_url=database_url,
        data_dir=tmp_path_factory.mktemp("streamed"),
        secret="tests only",  # type: ignore[arg-type]
        operator_phones="+8610000000001",  # type: ignore[arg-type]
    )
    with running(chosen, FixedClock(built.town.now)) as at:
        yield at


def a_stream(url, headers, query="everything", asked="stream=true"):
    address = f"{url.replace('http', 'ws')}/epcis/v2/queries/{query}/events?{asked}"
    return connect(address, additional_headers=headers, proxy=None)


@pytest.fixture(scope="module")
def carrier(url, built):
    headers = built.town.headers["carrier"]
    body = {"name": "everything", "query": {}}
    assert httpx.post(f"{url}/epcis/v2/queries", json=body, headers=headers, trust_env=False).status_code == 201
    return headers


def test_new_events_come_by_themselves_and_once(url, built, carrier):
    number = built.town.to_weigh["consignments"][0]["tracking_number"]
    told: list[str] = []
    with a_stream(url, carrier) as stream:
        for name in ("urn:test:first", "urn:test:second"):
            event = an_event(number, built.town.now, name)
            sent = httpx.post(f"{url}/epcis/v2/events", json=event, headers=carrier, trust_env=False)
            assert sent.status_code == 201, sent.text
            # The clock stands still: what the town told at this very moment is new as well.
            while name not in told:
                document = json.loads(stream.recv(timeout=10))
                results = document["epcisBody"]["queryResults"]
                assert (document["type"], results["queryName"]) == ("EPCISQueryDocument", "everything")
                told += [each["eventID"] for each in results["resultsBody"]["eventList"]]
        with pytest.raises(TimeoutError):
            stream.recv(timeout=4)
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("who", "query", "asked", "name"),
    [
        ("nobody", "everything", "stream=true", "SecurityException"),
        ("carrier", "none", "stream=true", "NoSuchNameException"),
        ("buyer", "everything", "stream=true", "NoSuchNameException"),
        ("carrier", "everything", "", "SubscriptionControlsException"),
        ("carrier", "everything", "stream=true&hour=1", "SubscriptionControlsException"),
        ("carrier", "everything", "hour=99", "SubscriptionControlsException"),
    ],
)
def test_who_may_not_is_told_why_and_let_go(url, built, carrier, who, query, asked, name):
    with a_stream(url, built.town.headers[who], query, asked) as stream:
        assert json.loads(stream.recv(timeout=10))["type"] == f"epcisException:{name}"
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=10)
