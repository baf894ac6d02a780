#!/usr/bin/env python3
"""Writes `docs/problems.md` from the refusals in the code: `python docs/make_problems.py`. Keeps no list of its own."""

import importlib
import pkgutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/problems.md"
sys.path.insert(0, str(ROOT))

import app  # noqa: E402 - found beside this folder, wherever the script is started
from app.api import problems  # noqa: E402
from app.core.errors import Problem  # noqa: E402

# Answered with a status of their own, which `app/api/problems.py` sets beside the table of kinds.
HEAD = """# Problems

Every refusal is a document of the type `application/problem+json` (RFC 9457). Its `type` is `/problems/` and the name below; `detail` says what to do
next, in the language of `Accept-Language`; `errors` points at each fault of a request; `request_id` is what to tell the operator. Words in braces are
filled in. This page is written by `python docs/make_problems.py`.

| name | status | what it says | what to do |
|---|---|---|---|
"""


def all_problems() -> list[type[Problem]]:
    """Every refusal of the service, by name, each once. Imports all of `app`."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        importlib.import_module(module.name)
    found: set[type[Problem]] = set()
    waiting = [Problem]
    while waiting:
        waiting += (below := waiting.pop().__subclasses__())
        found.update(each for each in below if each.__module__.startswith("app."))
    return sorted(found, key=lambda each: (each.slug, each.__qualname__))


def status_of(problem: type[Problem]) -> int:
    return problems.status_of(problem)


def page() -> str:
    """The whole page; a slug that several classes share (a kind of the same refusal) stands once."""
    rows = {each.slug: _row(each) for each in reversed(all_problems())}
    return HEAD + "".join(rows[slug] for slug in sorted(rows))


def _row(problem: type[Problem]) -> str:
    title, detail = problem.title, problem.detail
    cells = (
        f"`{problem.slug}`",
        str(status_of(problem)),
        f"{title['en']}<br>{title['zh-Hans']}",
        f"{detail['en']}<br>{detail['zh-Hans']}",
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
