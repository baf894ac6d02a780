"""The rules of the house that a machine can see: floors, sizes, file names, and jobs that somebody handles."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.worker import HANDLERS, PERIODIC

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))
# Migrations are written once and read in order; samples are data.
BOUNDED = sorted({*SOURCES, *(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")})
BOUNDED = [path for path in BOUNDED if path.relative_to(ROOT).parts[:2] != ("tests", "samples")]
ROOMS = (
    "identity",
    "ledger",
    "network",
    "packaging",
    "notify",
    "catalogue",
    "payments",
    "offers",
    "payouts",
    "orders",
    "shipments",
    "claims",
    "recalls",
    "reports",
)
LINES_MAX = 500
FUNCTION_LINES_MAX = 70


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_imports_go_downwards_only() -> None:
    answer = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("path", BOUNDED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_and_no_function_is_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in _functions(path)
        if node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    }
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not source.strip() or ast.get_docstring(ast.parse(source))


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for path in SOURCES
        for function in _functions(path)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


def test_nothing_commits_but_the_blocks_that_open_transactions() -> None:
    commits = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(r"\.(commit|rollback)\(\)", path.read_text(encoding="utf-8"))
    ]
    assert not commits


def test_the_roof_holds_no_sql() -> None:
    roof = [*(ROOT / "app/api").glob("*.py"), *(ROOT / "app/web").glob("*.py")]
    # `/ready` looks at the database itself: that is what it is for.
    guilty = [
        path.name
        for path in roof
        if path.name != "service.py" and re.search(r"\b(select|insert|update|text)\(", path.read_text(encoding="utf-8"))
    ]
    assert not guilty


def test_every_job_that_is_put_is_handled() -> None:
    put = {name for path in SOURCES for name in re.findall(r'Job\(\s*"([a-z_.]+)"', path.read_text(encoding="utf-8"))}
    assert put
    assert put <= set(HANDLERS)
    assert not set(PERIODIC) & set(HANDLERS)


def test_routes_and_what_they_depend_on_are_async() -> None:
    """A plain function would run in a thread of its own, which costs more than most of them do."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "app/api").glob("*.py")}
    asked = {name for text in sources.values() for name in re.findall(r"\bDepends\((\w+)[,)]", text)}
    assert asked
    plain = [
        f"{name}: {node.name}"
        for name, text in sources.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and (node.name in asked or any("router." in ast.unparse(each) for each in node.decorator_list))
    ]
    assert not plain
