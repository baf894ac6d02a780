"""Settlement sheets on paper."""

import re

import pytest

from app.web.sheet_paper import draw_sheet, drawn

HEAD = "Date,Order,Legs,Earned,Currency"
ROW = ["2026-03-03", "26-7KQX-3MPA", "和田 – 喀什 (BUS-1); 喀什 – 乌鲁木齐 (BUS-2)", "1234.50", "CNY"]


def pages_of(paper: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", paper))


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_a_sheet_is_a_pdf_in_either_language_however_long(language: str) -> None:
    one = draw_sheet("运费结算单", "ABC", HEAD, [ROW], language)
    many = draw_sheet("运费结算单", "ABC", HEAD, [ROW] * 100, language)
    assert one.startswith(b"%PDF")
    assert (pages_of(one), pages_of(many) >= 3) == (1, True)
    assert pages_of(draw_sheet("运费结算单", "ABC", HEAD, [], language)) == 1


def test_every_cell_changes_the_paper() -> None:
    paper = draw_sheet("Freight", "ABC", HEAD, [ROW], "en")
    for place in range(len(ROW)):
        other = [*ROW]
        other[place] = "7"
        assert len(draw_sheet("Freight", "ABC", HEAD, [other], "en")) != len(paper)


def test_letters_that_the_font_does_not_have_are_left_out() -> None:
    assert drawn("བོད་") == "—"
    assert drawn("CNY 和田") == "CNY 和田"


def test_a_name_in_uyghur_is_drawn_on_a_sheet() -> None:
    assert drawn("خوتەن باغ") == "خوتەن باغ"
    row = [*ROW]
    row[2] = "خوتەن باغ"
    assert draw_sheet("Freight", "ABC", HEAD, [row, ROW], "en").startswith(b"%PDF")
