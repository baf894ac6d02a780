"""The pages say what the code does: every name exists, every flow is told, every setting and every refusal is listed."""

import ast
import importlib
import importlib.util
import inspect
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import Any

import pytest

from app.core.errors import Problem
from app.core.settings import Settings
from app.core.text import LANGUAGES
from app.main import create_app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
NAME = re.compile(r"`(app(?:\.\w+)+)`")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _problems() -> tuple[ModuleType, tuple[type[Problem], ...]]:
    made = _module(DOCS / "make_problems.py")
    return made, tuple(made.all_problems())


def _named(dotted: str) -> Any:
    """What a dotted name means; raises when it means nothing."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError as missing:
            if missing.name and not dotted.startswith(missing.name):
                raise
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(dotted)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_of_the_code_exists(page: Path) -> None:
    for dotted in NAME.findall(page.read_text(encoding="utf-8")):
        _named(dotted)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text) + re.findall(r'(?:src|href)="([^":#]+)"', text)
    gone = [link for link in links if not (page.parent / link).exists()]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_and_make_target_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    settings = {f"CHAMA_{name.upper()}" for name in Settings.model_fields} | {"CHAMA_TEST_DATABASE_URL"}
    assert set(re.findall(r"\bCHAMA_[A-Z0-9_]+\b", text)) <= settings
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`(?:[A-Z]+=\S+ )?make ([a-z-]+)", text)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_address_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/[^\s?`]*)", page.read_text(encoding="utf-8"))
    assert {(method.lower(), path) for method, path in named} <= _operations()


@cache
def _operations() -> set[tuple[str, str]]:
    paths = create_app(Settings(database_url="postgresql://nowhere/none")).openapi()["paths"]
    return {(method, path) for path, operations in paths.items() for method in operations}


def _stories() -> dict[str, list[str]]:
    sections = (DOCS / "flows.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return {section.partition("\n")[0]: NAME.findall(section) for section in sections}


@pytest.mark.parametrize("title", _stories())
def test_a_story_makes_the_calls_that_are_told(title: str) -> None:
    names = _stories()[title]
    flows = [importlib.import_module(".".join(name.split(".")[:3])) for name in names if name.startswith("app.flows.")]
    assert flows, title
    known = [value for flow in flows for value in vars(flow).values()]
    for name in names:
        meant = _named(name)
        parent = _named(name.rpartition(".")[0])
        assert any(value is meant or value is parent for value in known), name


def test_every_flow_is_told() -> None:
    told = set(NAME.findall((DOCS / "flows.md").read_text(encoding="utf-8")))
    public = set()
    for path in sorted((ROOT / "app/flows").glob("[a-z]*.py")):
        module = importlib.import_module(f"app.flows.{path.stem}")
        for name, value in inspect.getmembers(module, inspect.iscoroutinefunction):
            if value.__module__ == module.__name__ and not name.startswith("_"):
                public.add(f"{value.__module__}.{name}")
    assert public - told <= HELPERS, "tell them in docs/flows.md"


# Steps that several stories share, not stories.
HELPERS = {"app.flows.show_order.shown", "app.flows.show_offers.shown"}


def test_the_page_of_problems_is_current() -> None:
    made, _ = _problems()
    assert (DOCS / "problems.md").read_text(encoding="utf-8") == made.page(), "run `python docs/make_problems.py`"


def test_every_problem_has_a_name_of_its_own() -> None:
    by_slug: dict[str, type[Problem]] = {}
    for problem in _problems()[1]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", problem.slug), problem
        other = by_slug.setdefault(problem.slug, problem)
        assert other is problem or issubclass(other, problem) or issubclass(problem, other), problem.slug


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_problem_says_the_same_in_every_language() -> None:
    for problem in _problems()[1]:
        for text in (problem.title, problem.detail):
            assert isinstance(text, Mapping), problem
            assert set(text) == set(LANGUAGES), problem
            assert all(text.values()), problem
        assert len({frozenset(_fields(text)) for text in problem.detail.values()}) == 1, problem


def _rows(page: str, heading: str) -> list[list[str]]:
    section = (DOCS / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def _shown(default: object) -> str:
    if default is None or default == frozenset():
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_every_setting_is_explained_with_its_default() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in _rows("operations.md", "Settings")}
    real = {f"CHAMA_{name.upper()}": _shown(field.default) for name, field in Settings.model_fields.items()}
    assert told == real


def test_the_readme_fits_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_the_picture_of_the_house_shows_every_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    floors = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = [room for floor in floors for room in re.split(r"[|:\s]+", floor.replace("(", "").replace(")", "")) if room]
    drawn = re.findall(r'class="room"[^>]*>([^<]+)<', (DOCS / "house.svg").read_text(encoding="utf-8"))
    assert drawn == rooms


def test_decisions_are_numbered_without_gaps_and_have_three_parts() -> None:
    decisions = sorted((DOCS / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert [part in text for part in ("**Context.**", "**Decision.**", "**Consequences.**")] == [True] * 3, (
            path.name
        )


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    calls = ast.walk(ast.parse((ROOT / "app/main.py").read_text(encoding="utf-8")))
    assert version in {node.value for node in calls if isinstance(node, ast.Constant)}
