"""A settlement sheet on paper: A4 across, one table whose head stands on every page. Drawn as statements are; decides nothing."""

from collections.abc import Mapping, Sequence
from typing import Final

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from app.web.paper import FONT, has_letters, lettered, with_letters
from app.web.statement import MARGIN_MM

CELL_LENGTH_MAX: Final = 60
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"nothing": "Nothing in these days.", "page": "Page {page} of {{nb}}"},
    "zh-Hans": {"nothing": "此期间没有记录。", "page": "第 {page} 页，共 {{nb}} 页"},
}


class _Across(FPDF):
    def __init__(self, title: str, about: str, language: str) -> None:
        super().__init__(format="A4", orientation="landscape")
        self.words, self.foot = _WORDS[language], about
        self.set_title(f"{title} {about}")
        self.set_lang("zh-CN" if language == "zh-Hans" else "en")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 6)
        self.set_draw_color(190)
        with_letters(self)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, size=9)
        self.set_text_color(90)
        self.cell(self.epw / 2, 5, self.foot)
        self.cell(self.epw / 2, 5, self.words["page"].format(page=self.page_no()), align="R")
        self.set_text_color(0)


def draw_sheet(title: str, about: str, head: str, rows: Sequence[Sequence[str]], language: str) -> bytes:
    """The sheet as a PDF: what it is, whose and of which days (`about`), and every row under the head (its words parted by commas)."""
    paper = _Across(title, about, language)
    paper.add_page()
    paper.set_font(FONT, size=20)
    paper.multi_cell(paper.epw, 11, title, new_x="LMARGIN", new_y="NEXT")
    paper.set_font(FONT, size=11)
    paper.multi_cell(paper.epw, 7, about, new_x="LMARGIN", new_y="NEXT")
    paper.ln(4)
    if not rows:
        paper.multi_cell(paper.epw, 8, paper.words["nothing"], new_x="LMARGIN", new_y="NEXT")
        return bytes(paper.output())
    table = [head.split(","), *([drawn(cell) for cell in row] for row in rows)]
    longest = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    widths = [max(4, min(CELL_LENGTH_MAX // 2, each)) for each in longest]
    figures = [all(_is_figure(row[i]) for row in table[1:]) for i in range(len(table[0]))]
    paper.set_font(FONT, size=8)
    written = "".join(cell for row in table for cell in row)
    with (
        lettered(paper, written),
        paper.table(
            col_widths=tuple(widths),
            text_align=tuple("RIGHT" if each else "LEFT" for each in figures),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(color=90, fill_color=240),
            line_height=5,
            padding=1,
        ) as drawn_table,
    ):
        for row in table:
            drawn_table.row(row)
    return bytes(paper.output())


def drawn(cell: str) -> str:
    """The cell without letters that no font here has, such as a name in Tibetan: its id stands beside it."""
    kept = "".join(letter for letter in cell if has_letters(letter)).strip()
    return kept[: CELL_LENGTH_MAX * 4] or "—"


def _is_figure(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "").isdigit()
