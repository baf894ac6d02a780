"""The operator's command when the database is away, or new: one line that says what to do, and exit code 1."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import a_database

ROOT = Path(__file__).parents[2]
NOWHERE = "postgresql://chama:a-password@127.0.0.1:9/none"


def told(*arguments, **settings):
    """Run the command; its exit code and what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAMA_")}
    command = [sys.executable, "-m", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=kept | settings, capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("verb", [("migrate",), ("seed",), ("audit",), ("jobs", "dead"), ("jobs", "retry", "1")])
def test_unreachable_database_is_one_clear_line(verb):
    code, said = told("app.cli", *verb, CHAMA_DATABASE_URL=NOWHERE)
    assert code == 1
    assert len(said.strip().splitlines()) == 1, said
    assert "The database cannot be reached" in said
    assert "CHAMA_DATABASE_URL" in said
    assert "a-password" not in said


@pytest.mark.parametrize("verb", [("jobs", "retry", "1"), ("jobs", "dead"), ("audit",), ("seed",)])
def test_database_without_tables_is_one_clear_line(server, verb):
    with a_database(server, f"empty_{uuid4().hex[:8]}") as url:
        code, said = told("app.cli", *verb, CHAMA_DATABASE_URL=url)
    assert (code, said.strip()) == (1, "The database has no tables yet: python -m app.cli migrate")


@pytest.mark.parametrize("command", [("app.cli", "serve"), ("app.worker",)])
def test_rules_that_cannot_be_read_are_one_clear_line_before_anything_starts(command, tmp_path):
    table = tmp_path / "rules.toml"
    rule = 'number = "X-1"\nwhat = { en = "a" }\nsource = { en = "a" }\norigin = ["65"]\nto = ["xinjiang"]'
    table.write_text(f'version = "1"\n[[rule]]\n{rule}\n', encoding="utf-8")
    code, said = told(*command, CHAMA_DATABASE_URL=NOWHERE, CHAMA_ORIGIN_RULES=str(table))
    assert code == 1
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith(f"CHAMA_ORIGIN_RULES: {table}: rule X-1 to")


@pytest.mark.parametrize("command", [("app.cli", "migrate"), ("app.worker",)])
def test_settings_that_cannot_be_meant_are_one_clear_line(command):
    code, said = told(*command, CHAMA_DATABASE_URL=NOWHERE, CHAMA_SECRET="")
    assert code == 1
    assert (
        said.strip()
        == "CHAMA_SECRET: it is set but empty: give it a value, or leave it out in development to have one made"
    )
