"""Names of hubs where there is little room."""

import pytest

from app.web.view import short_name


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Chengdu/Tianfu Airport (TFU/ZUTF)", "Chengdu/Tianfu Airport"),
        ("Ali Airport (NGQ)", "Ali Airport"),
        ("乌鲁木齐", "乌鲁木齐"),
        ("Horgos (Khorgos)", "Horgos (Khorgos)"),
        ("Bayuquan (port)", "Bayuquan (port)"),
        ("(TFU/ZUTF)", "(TFU/ZUTF)"),
    ],
)
def test_codes_of_airports_stay_off_the_map(name, short):
    assert short_name(name) == short
