"""The demo story, told by the very code of `make run` and `make demo` to a service of its own, and told again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from app.demo import BUYER, fill_valley, play
from app.routing import warm_up
from tests.factories.network import networked
from tests.factories.service import ROOT, Process, a_service

template = networked
OPERATOR = "+8610000000001"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Process]:
    # Compiled here, where nobody counts the seconds that a service takes to start.
    warm_up()
    with a_service(database_url, tmp_path, CHAMA_OPERATOR_PHONES=OPERATOR) as process:
        yield process


def _a_while_later(database_url: str) -> None:
    """The minute of the sign-in codes has passed."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM throttle WHERE key LIKE 'codes-%'")


def _on_another_day(database_url: str) -> None:
    """What stands in the valley was made from other dates than today's, and the goods are older."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE lot SET created_from = 'dates of another day', harvested_on = harvested_on - 1")


def _value(database_url: str, query: str) -> object:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_story_is_told_again_on_the_same_stalls(service: Process, database_url: str) -> None:
    told: list[str] = []
    assert play(service.url, [OPERATOR], told.append), told
    valley = _value(database_url, "SELECT count(*) FROM listing")
    _a_while_later(database_url)
    assert play(service.url, [OPERATOR], told.append), told
    _a_while_later(database_url)
    _on_another_day(database_url)
    assert play(service.url, [OPERATOR], told.append), told

    assert sum("The buyer confirmed" in line for line in told) == 3
    # Jujubes and carpet go the same way: what that saves is said beside the ways.
    assert sum("ride as one" in line and "saved" in line for line in told) == 3
    assert _value(database_url, "SELECT count(*) FROM listing") == valley
    assert _value(database_url, "SELECT count(*) FROM producer") == _value(
        database_url, "SELECT count(DISTINCT person_id) FROM membership"
    )
    assert _value(database_url, 'SELECT count(*) FROM "order"') == 6
    assert _value(database_url, "SELECT count(*) FROM api_key WHERE revoked_at IS NULL") == 0
    # A stall is full again before each story; the last one took three boxes.
    jujubes = "listing_id IN (SELECT id FROM listing WHERE title ->> 'en' LIKE 'Hotan jujubes%')"
    left = _value(database_url, f"SELECT (quantity - reserved - consumed)::int FROM lot WHERE {jujubes}")
    assert left == 497


def test_a_valley_from_the_day_before_is_as_fresh_as_a_new_one(service: Process, database_url: str) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as http:
        fill_valley(http, print)
        fresh = _value(database_url, "SELECT max(harvested_on) FROM lot")
        _a_while_later(database_url)
        _on_another_day(database_url)
        fill_valley(http, print)
    assert _value(database_url, "SELECT max(harvested_on) FROM lot") == fresh


def test_who_plays_it_again_at_once_waits_for_the_next_code(
    service: Process, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        _a_while_later(database_url)

    told: list[str] = []
    with httpx.Client(base_url=service.url, trust_env=False) as http:
        fill_valley(http, print)
        monkeypatch.setattr("time.sleep", sleep)
        fill_valley(http, told.append)
    assert 0 < slept[0] <= 60
    assert "one sign-in code a minute" in told[0]


def test_a_story_that_stops_is_a_failed_command_and_says_why(service: Process, database_url: str) -> None:
    """The operator whom the command names is not one of this service's: the story ends where one is needed."""
    command = [sys.executable, "-m", "app.cli", "demo", service.url]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAMA_")}
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=kept | {"CHAMA_OPERATOR_PHONES": "+8610000000099"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout
    assert "The demo story stopped: POST /v1/partners answered 403" in ran.stdout.splitlines()[-1]
    assert "Ctrl-C" not in ran.stdout
    # A phone that was asked for a code is remembered: the story was played as far as that.
    assert httpx.get(f"{service.url}/v1/dev/messages", params={"to": BUYER}, trust_env=False).json()["items"]
