"""The factor table: every row sourced, exact, and refused when it is not."""

from pathlib import Path

import pytest

from app.emissions import FactorTable

HEAD = "version,mode,vehicle_class,temperature,ttw_g_per_tkm,wtt_g_per_tkm,wtw_g_per_tkm,source,year\n"
GOOD = "v1,rail,freight_train,ambient,27.79,6.91,34.70,somewhere,2025\n"


def written(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "factors.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    return path


def test_every_factor_has_a_source_and_a_year():
    table = FactorTable.load()
    assert table.version == "desnz-2025"
    assert len(table.factors) == 22
    assert all(factor.source and factor.year == 2025 for factor in table.factors)


@pytest.mark.parametrize(
    ("mode", "vehicle_class", "temperature", "ttw", "wtt", "wtw"),
    [
        ("road", "artic_over_33t", "ambient", 77_030, 17_990, 95_020),
        ("road", "artic_over_33t", "refrigerated", 89_080, 20_860, 109_940),
        ("rail", "freight_train", "ambient", 27_790, 6_910, 34_700),
        ("air", "long_haul_without_rf", "ambient", 531_300, 135_160, 666_460),
        ("courier", "van_average_diesel", "ambient", 631_300, 150_950, 782_250),
        ("water", "container_ship_average", "ambient", 16_120, 3_650, 19_770),
    ],
)
def test_factors_are_exact_in_milligrams(mode, vehicle_class, temperature, ttw, wtt, wtw):
    factor = FactorTable.load().find(mode, vehicle_class, temperature)
    assert (factor.ttw_mg_per_tkm, factor.wtt_mg_per_tkm, factor.wtw_mg_per_tkm) == (ttw, wtt, wtw)
    assert factor.id == f"desnz-2025/{mode}/{vehicle_class}/{temperature}"


def test_what_has_no_source_is_absent():
    table = FactorTable.load()
    assert not [factor for factor in table.factors if factor.mode == "bus"]
    assert table.find("water", "inland_vessel", "ambient") is None
    assert table.find("water", "roro_ferry", "ambient") is None


def test_a_table_of_ones_own_can_be_loaded(tmp_path):
    table = FactorTable.load(written(tmp_path, GOOD))
    assert table.version == "v1"
    assert table.find("rail", "freight_train", "ambient").wtw_mg_per_tkm == 34_700


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (GOOD, GOOD),
        (GOOD, GOOD.replace("v1", "v2").replace("freight_train", "other")),
        (GOOD.replace("somewhere", ""),),
        (GOOD.replace("rail", "balloon"),),
        (GOOD.replace("ambient", "warm"),),
        (GOOD.replace("34.70", "34.71"),),
        (GOOD.replace("27.79", "27.7901").replace("34.70", "34.7001"),),
        (GOOD.replace("27.79", "-27.79"),),
    ],
)
def test_a_faulty_table_is_refused(tmp_path, rows):
    with pytest.raises(ValueError, match=r"factor|milligrams"):
        FactorTable.load(written(tmp_path, *rows))
