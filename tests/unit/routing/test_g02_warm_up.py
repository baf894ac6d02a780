"""Compiling: all of it happens before the first question, and is kept apart for each state of the sources."""

import sys
from dataclasses import replace
from pathlib import Path

from app.routing import NO_LOAD, Front, NoPlan, Reason, Used, arrives_first, hand_in_by, jit, plan, warm_up
from tests.unit.routing.drawn import MONDAY, ask, draw

NETWORK = """
    place U 1h handling=100fen+5fen/kg co2e=30mg/kg
    V road: H > U +2h; 100fen takes=live,chilled,ambient
    T rail: U 18:00 > M +5h > W +2h; 100fen takes=live,chilled,ambient cutoff=1h
    B bus: U 09:00 12:00 > M +1h; 10fen closed=Mon_00:00..Tue_00:00 Mon,Tue,Thu
"""


def compiled() -> dict[str, int]:
    """How many signatures of each kernel there are."""
    kernels = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("app.routing."):
            for each in vars(module).values():
                if hasattr(each, "signatures"):
                    kernels[f"{each.py_func.__module__}.{each.py_func.__name__}"] = len(each.signatures)
    return kernels


def test_no_question_compiles_anything_after_the_warm_up():
    warm_up()
    before = compiled()
    assert len(before) > 40
    timetable = draw(NETWORK)
    query = ask("H > W")
    asked = [
        query,
        replace(query, window_s=86_400, epsilon_bps=100),
        replace(query, excluded_departures=frozenset({("T", MONDAY + 64_800)}), excluded_places=frozenset({"X"})),
        replace(query, temperature="live", live_heads=1, max_journey_s=86_400, rest_s=3_600),
        replace(query, temperature="chilled", max_exposure_s=200_000, spent_s=60),
        replace(query, temperature="frozen"),
    ]
    full = {("T", MONDAY + 64_800, 1): Used(weight_g=30_000_000)}
    answers = [plan(timetable, each, load) for each in asked for load in (NO_LOAD, full)]
    assert all(isinstance(answer, Front) for answer in answers[:-2])
    assert answers[-1] == NoPlan(Reason.TEMPERATURE)
    assert arrives_first(timetable, query, full) is not None
    assert hand_in_by(timetable, replace(query, arrive_by=MONDAY + 3 * 86_400), full) is not None
    assert compiled() == before


def test_kernels_of_other_sources_are_kept_in_another_folder(tmp_path, monkeypatch):
    here = jit._folder()
    for path in Path(jit.__file__).parent.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    assert jit._folder().name == here.name
    (tmp_path / "values.py").write_bytes(b"# changed")
    assert jit._folder().name != here.name
