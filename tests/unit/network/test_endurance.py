"""The table of what animals and cold goods bear."""

import pytest

from app.catalogue.values import Species
from app.network.endurance import JourneyLimit, exposure_limit_s, journey_limit, transport_rules
from app.network.rules import load_defaults
from app.network.values import HubKind, Temperature

HOUR_S = 3_600


@pytest.mark.parametrize(
    ("species", "hours"),
    [(["sheep"], 29), (["yak"], 29), (["pig"], 24), (["donkey"], 24), (["poultry"], 12), (["camel"], 8), ([], 29)],
)
def test_a_species_bears_what_its_row_says_and_one_without_a_row_what_any_animal_bears(species, hours):
    assert journey_limit(species) == JourneyLimit(hours * HOUR_S, 24 * HOUR_S)


def test_a_mixed_load_bears_what_the_weakest_bears():
    assert journey_limit(["sheep", "poultry", "pig"]).max_s == 12 * HOUR_S


def test_a_jurisdiction_without_rows_takes_the_default():
    assert journey_limit(["cattle"], "CN") == journey_limit(["cattle"], "EU") == journey_limit(["cattle"])


def test_only_the_cold_has_an_exposure():
    assert exposure_limit_s(Temperature.CHILLED) == 6 * HOUR_S
    assert exposure_limit_s(Temperature.FROZEN) == 2 * HOUR_S
    assert exposure_limit_s(Temperature.AMBIENT) is None
    assert exposure_limit_s(Temperature.LIVE) is None


def test_villages_and_townships_keep_nothing_cold():
    cooled = {kind for kind in HubKind if load_defaults()["hub_kind"][kind.value].get("is_cooled")}
    assert cooled == {*HubKind} - {HubKind.VILLAGE_POINT, HubKind.TOWNSHIP}


def test_every_row_has_a_source_and_known_words():
    table = transport_rules()
    rows = [*table["journey"]["limit"], *table["exposure"]["limit"]]
    assert all(row["source"] and row["max_h"] > 0 for row in rows)
    assert {name for row in table["journey"]["limit"] for name in row["species"]} <= {*map(str, Species), "any"}
    assert table["version"]
