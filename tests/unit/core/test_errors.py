"""Every refusal of the service says in each language what it is and what to do next."""

import importlib
import re
from pathlib import Path

import pytest

from app.api.documents import example_of
from app.core.errors import Gap, Invalid, Kind, NotFound, Problem

ROOT = Path(__file__).parents[3]


def problems() -> list[type[Problem]]:
    for path in [*ROOT.glob("app/**/errors.py"), *ROOT.glob("app/api/*.py"), *ROOT.glob("app/core/*.py")]:
        if path.name != "__init__.py":
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found, waiting = [], [Problem]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if child.__module__.startswith("app."):
                found.append(child)
    return sorted(found, key=lambda each: each.slug)


PROBLEMS = problems()


def test_slugs_are_words_and_differ():
    slugs = [problem.slug for problem in PROBLEMS]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in slugs)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda each: each.slug)
def test_problem_is_told_in_both_languages(problem):
    for text in (problem.title, problem.detail):
        assert {"en", "zh-Hans"} <= text.keys()
    assert not re.search(r"[\u4e00-\u9fff]", problem.title["en"] + problem.detail["en"])
    assert re.search(r"[\u4e00-\u9fff]", problem.title["zh-Hans"])
    assert len(problem.title["en"]) <= 70
    assert not problem.title["en"].endswith(".")
    fields = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in problem.detail.items()}
    assert fields["en"] == fields["zh-Hans"]
    assert isinstance(problem.kind, Kind)
    assert example_of(problem)["type"] == f"/problems/{problem.slug}"


def test_fields_that_have_languages_are_shown_in_the_one_that_is_asked_for():
    problem = NotFound(what={"en": "order", "zh-Hans": "订单"})
    assert "order" in problem.detail_in("en")
    assert "订单" in problem.detail_in("zh-Hans")
    assert problem.detail_in("ug") == problem.detail_in("en")


def test_gaps_are_kept_in_their_order():
    gaps = [Gap("/b", {"en": "2"}), Gap("/a", {"en": "1"})]
    assert Invalid(gaps=gaps).gaps == tuple(gaps)
