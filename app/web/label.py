"""Labels of packages as PDF, one page each: symbols on the dots of a 203 dpi printer, and hubs that are read from two metres.

A label is as wide as its symbols need. Lengths are in millimetres; `DOT` is one dot of such a printer (8 a millimetre).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

import segno
from barcode.codex import Gs1_128
from fpdf import FPDF
from fpdf.enums import TextMode

from app.core.clock import LEGAL_TIME
from app.core.text import pick
from app.shipments.labels import Label, LabelSize, Mark
from app.web.paper import CAP_HEIGHT, FONT, POINT_MM, has_letters, lettered, with_letters
from app.web.words import weight

DOT: Final = 0.125
PAGES: Final[Mapping[LabelSize, tuple[float, float]]] = {
    LabelSize.A6: (105, 148),
    LabelSize.THERMAL_100X150: (100, 150),
    LabelSize.THERMAL_60X40: (60, 40),
}
# Who reads the smallest line of an eye chart sees letters of 5 minutes of arc: 2.9 mm at two metres. The codes of the hubs are
# 14 mm high (24 minutes) on the large labels and 10 mm (17 minutes) on the small one: five and three times that (ADR 41).
MARK_MM: Final = 14.0
SMALL_MARK_MM: Final = 10.0
# A line of the library stands at half its height and three tenths of the size of its font, not on its lower edge.
_SINKS: Final = 0.5 - 0.3 / CAP_HEIGHT
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "next": "NEXT",
        "final": "LAST HUB",
        "door": "TO DOOR",
        "to": "TO",
        "from": "FROM",
        "fetch": "Collects at {hub}",
        "order": "Order",
        "departs": "Departs",
        "phone": "phone ends {end}",
        "scan": "Scan: where is it?",
        "ambient": "AMBIENT",
        "chilled": "CHILLED",
        "frozen": "FROZEN",
        "live": "LIVE",
    },
    "zh-Hans": {
        "next": "下一站",
        "final": "终到站",
        "door": "派送",
        "to": "收",
        "from": "寄",
        "fetch": "到 {hub} 自提",
        "order": "订单",
        "departs": "发车",
        "phone": "电话尾号 {end}",
        "scan": "扫码查看物流",
        "ambient": "常温",
        "chilled": "冷藏",
        "frozen": "冷冻",
        "live": "活体",
    },
}
_COLD: Final = frozenset({"chilled", "frozen"})


class _Roll(FPDF):
    """Pages of one size without margins; text stands on the line that it is given."""

    def __init__(self, size: LabelSize, language: str) -> None:
        super().__init__(unit="mm", format=PAGES[size])
        self.words = WORDS[language]
        self.language = language
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.set_title("Chama")
        self.set_lang("zh-CN" if language == "zh-Hans" else "en")
        with_letters(self)

    def write_at(self, x: float, y: float, text: str, cap: float, *, width: float = 0, bold: bool = False) -> float:
        """Text whose capitals are `cap` high and stand on `y`; squeezed to the width when it is wider. Answers its width."""
        self.set_font(FONT, size=cap / CAP_HEIGHT / POINT_MM)
        with lettered(self, text), self._strokes(cap * 0.08 if bold else 0):
            natural = self.get_string_width(text)
            share = min(1.0, width / natural) if width and natural else 1.0
            self.set_stretching(share * 100)
            self.set_xy(x, y - cap + _SINKS * cap)
            self.cell(natural * share, cap, text)
            self.set_stretching(100)
        return natural * share

    @contextmanager
    def _strokes(self, thickness: float) -> Iterator[None]:
        """Letters with their outlines drawn so thick: there is one weight of the font, and the library would go on stroking."""
        if not thickness:
            yield
            return
        with self.local_context(text_mode=TextMode.FILL_STROKE, line_width=thickness, draw_color=self.text_color):
            yield

    def lines_at(self, x: float, y: float, text: str, cap: float, *, width: float, most: int) -> None:
        """Text in at most so many lines; what does not fit ends in dots."""
        self.set_font(FONT, size=cap / CAP_HEIGHT / POINT_MM)
        lines = _broken(self, text, width)
        if len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
        for number, line in enumerate(lines):
            self.write_at(x, y + number * cap * 1.75, line, cap, width=width)

    def black(self, x: float, y: float, width: float, height: float) -> None:
        self.set_fill_color(0)
        self.rect(x, y, width, height, style="F")

    def fill_all(self, boxes: Iterable[tuple[float, float, float, float]]) -> None:
        """Black rectangles (left, top, width, height), written at once: a call of the library for each would cost more than all the rest.

        Each is a path of its own, which readers and printers set on whole dots; the edges of one path for all would turn grey.
        """
        self.set_fill_color(0)
        k, bottom = self.k, self.h
        drawn = " ".join(
            f"{x * k:.3f} {(bottom - y - height) * k:.3f} {width * k:.3f} {height * k:.3f} re f"
            for x, y, width, height in boxes
        )
        self._out(drawn)

    def named(self, mark: Mark) -> str:
        """The hub's name, when there are letters for it."""
        name = pick(mark.name, self.language)
        return name if name != mark.code and has_letters(name) else ""


def _broken(paper: _Roll, text: str, width: float) -> list[str]:
    """Cut wherever a line is full, as Chinese is. A letter is measured once."""
    lines, line, filled = [], "", 0.0
    wide = {letter: paper.get_string_width(letter) for letter in set(text)}
    for letter in text:
        if line and filled + wide[letter] > width:
            lines.append(line)
            line, filled = "", 0.0
            if letter == " ":
                continue
        line += letter
        filled += wide[letter]
    return [*lines, line]


def draw_labels(labels: Sequence[Label], size: LabelSize, language: str) -> bytes:
    """One page for each label. The letters of all pages are put in once."""
    paper = _Roll(size, language)
    draw = _small if size is LabelSize.THERMAL_60X40 else _large
    for label in labels:
        paper.add_page()
        draw(paper, label)
    return bytes(paper.output())


def bars_of(sscc: str) -> str:
    """The modules of the SSCC as GS1-128, `1` for a bar: Start C, FNC1, AI 00 and its eighteen digits, check symbol, stop."""
    return _gs1_128(f"00{sscc}")


@lru_cache(maxsize=1024)
def _gs1_128(content: str) -> str:
    (modules,) = Gs1_128(content).build()
    return str(modules)


def _draw_bars(paper: _Roll, sscc: str, x: float, y: float, module: float, height: float) -> None:
    paper.fill_all((x + begin * module, y, length * module, height) for begin, length in _runs(bars_of(sscc)))


def _runs(row: Sequence[object] | str) -> Iterator[tuple[int, int]]:
    """Where dark modules begin, and how many follow one another."""
    begin = None
    for place, module in enumerate([*row, 0]):
        dark = module in (1, "1", True)
        if dark and begin is None:
            begin = place
        elif not dark and begin is not None:
            yield begin, place - begin
            begin = None


def _draw_qr(paper: _Roll, link: str, x: float, y: float, side: float, error: str) -> float:
    """The code in modules of whole dots, as large as fits into the side with its quiet zone; answers how large it is without it."""
    matrix = segno.make_qr(link, error=error, boost_error=False).matrix
    count = len(matrix)
    module = max(int(side / (count + 8) / DOT), 1) * DOT
    paper.fill_all(
        (x + (4 + begin) * module, y + (4 + number) * module, length * module, module)
        for number, row in enumerate(matrix)
        for begin, length in _runs(row)
    )
    return (count + 8) * module


def _large(paper: _Roll, label: Label) -> None:
    """A6, or 100 × 150: from top to bottom the piece, where it goes, to whom, its code, its number."""
    words, edge = paper.words, 4.0
    width, height = paper.w - 2 * edge, paper.h
    paper.set_text_color(0)
    paper.write_at(edge, 9.5, "Chama 茶马", 3.2, bold=True)
    paper.write_at(edge + 26, 9.5, f"{words['order']} {label.order_number}", 2.6)
    counted = f"{label.number}/{label.count}"
    _right(paper, edge + width, 10.5, counted, 5.5, bold=True)
    _marks(paper, label, edge, 13, width)
    _parties(paper, label, edge, 59, width)
    _code(paper, label, edge, 83.5, width)
    bars = 156 * 4 * DOT
    left = round((paper.w - bars) / 2 / DOT) * DOT
    _draw_bars(paper, label.sscc, left, height - 40.5, 4 * DOT, 32)
    readable = f"(00){label.sscc}"
    paper.set_font(FONT, size=3.2 / CAP_HEIGHT / POINT_MM)
    paper.write_at((paper.w - paper.get_string_width(readable)) / 2, height - 3.6, readable, 3.2)


def _right(paper: _Roll, x: float, y: float, text: str, cap: float, *, bold: bool = False) -> None:
    paper.set_font(FONT, size=cap / CAP_HEIGHT / POINT_MM)
    paper.write_at(x - paper.get_string_width(text), y, text, cap, bold=bold)


def _marks(paper: _Roll, label: Label, x: float, y: float, width: float) -> None:
    """The next hub in black on white, the last one in white on black: told apart before they are read."""
    words, inner, coming = paper.words, width - 5, label.next_hub
    paper.set_draw_color(0)
    paper.set_line_width(0.75)
    paper.rect(x, y, width, 45)
    caption = paper.write_at(x + 2.5, y + 4.7, words["next"], 2.7, bold=True)
    if coming is not None:
        paper.write_at(x + caption + 5.5, y + 4.7, paper.named(coming), 2.7, width=width - caption - 42)
    if label.departs_at is not None:
        at = label.departs_at.astimezone(LEGAL_TIME)
        _right(paper, x + width - 2.5, y + 4.7, f"{words['departs']} {at:%m-%d %H:%M}", 2.7)
    paper.write_at(x + 2.5, y + 20.3, coming.code if coming else words["door"], MARK_MM, width=inner, bold=True)
    paper.black(x, y + 23.4, width, 21.6)
    paper.set_text_color(255)
    caption = paper.write_at(x + 2.5, y + 28, words["final"], 2.7, bold=True)
    paper.write_at(x + caption + 5.5, y + 28, paper.named(label.final_hub), 2.7, width=width - caption - 9)
    paper.write_at(x + 2.5, y + 43.2, label.final_hub.code, MARK_MM, width=inner, bold=True)
    paper.set_text_color(0)


def _parties(paper: _Roll, label: Label, x: float, y: float, width: float) -> None:
    """To whom and from whom at the left; at the right how to keep it and what it weighs."""
    words, right, begin = paper.words, 27.0, 11.0
    left = width - right - 3
    paper.write_at(x, y + 4, words["to"], 2.6, bold=True)
    hub = paper.named(label.final_hub) or label.final_hub.code
    told = f"{label.receiver}   {words['phone'].format(end=label.phone_end)}"
    paper.write_at(x + begin, y + 4, told, 3, width=left - begin)
    where = label.address or words["fetch"].format(hub=hub)
    paper.lines_at(x + begin, y + 9.5, where if has_letters(where) else hub, 2.8, width=left - begin, most=2)
    sender = pick(label.sender, paper.language)
    start = paper.named(label.sent_from) or label.sent_from.code
    paper.write_at(x, y + 20, words["from"], 2.6, bold=True)
    written = paper.write_at(x + begin, y + 20, start, 2.6, width=left / 2 - begin)
    if has_letters(sender):
        paper.write_at(x + begin + written + 2.5, y + 20, sender, 2.6, width=left - begin - written - 2.5)
    _kept(paper, label.temperature, x + width - right, y + 0.5, right, 10)
    paper.write_at(x + width - right, y + 20, weight(label.weight_g, paper.language), 5, width=right, bold=True)


def _kept(paper: _Roll, temperature: str, x: float, y: float, width: float, height: float) -> None:
    """How to keep it: what must be cold is white on black with a snow crystal, the rest in a frame."""
    cold = temperature in _COLD
    word = paper.words[temperature]
    cap = height * 0.36
    paper.set_draw_color(0)
    paper.set_line_width(0.5)
    paper.rect(x, y, width, height, style="DF" if cold else "D")
    if cold:
        paper.black(x, y, width, height)
        paper.set_text_color(255)
        _crystal(paper, x + height * 0.5, y + height / 2, height * 0.34)
    begin = x + (height * 0.95 if cold else width * 0.08)
    paper.write_at(begin, y + height / 2 + cap / 2, word, cap, width=x + width * 0.95 - begin, bold=True)
    paper.set_text_color(0)


def _crystal(paper: _Roll, x: float, y: float, radius: float) -> None:
    paper.set_draw_color(255)
    paper.set_line_width(radius * 0.17)
    for across, down in ((0, 1), (0.866, 0.5), (0.866, -0.5)):
        paper.line(x - across * radius, y - down * radius, x + across * radius, y + down * radius)
        for sign in (1, -1):
            mid = (x + sign * across * radius * 0.6, y + sign * down * radius * 0.6)
            for turn in (0.35, -0.35):
                paper.line(
                    *mid,
                    mid[0] + sign * (across - turn * down * 2) * radius * 0.35,
                    mid[1] + sign * (down + turn * across * 2) * radius * 0.35,
                )


def _code(paper: _Roll, label: Label, x: float, y: float, width: float) -> None:
    """The way to the tracking page, for people: as a code and as a number to type."""
    side = _draw_qr(paper, label.link, x - 2, y - 2.5, 28, "m")
    begin = x + side
    paper.write_at(begin, y + 6, paper.words["scan"], 2.8, bold=True)
    paper.write_at(begin, y + 13, label.tracking_number, 3.8, width=width - side, bold=True)
    paper.write_at(begin, y + 19, label.link, 1.9, width=width - side)


def _small(paper: _Roll, label: Label) -> None:
    """60 × 40: both hubs as large as may be, the piece beside them, the number and the code below."""
    paper.set_text_color(0)
    coming = label.next_hub
    code = coming.code if coming is not None else paper.words["door"]
    paper.write_at(2, 11.6, code, SMALL_MARK_MM, width=41, bold=True)
    paper.black(1, 13.3, 43.5, 11)
    paper.set_text_color(255)
    paper.write_at(2, 23.8, label.final_hub.code, SMALL_MARK_MM, width=41, bold=True)
    paper.set_text_color(0)
    paper.write_at(46, 6, f"{label.number}/{label.count}", 3.6, width=12.5, bold=True)
    paper.write_at(46, 11.5, weight(label.weight_g, paper.language), 2.6, width=12.5, bold=True)
    _kept(paper, label.temperature, 46, 13.2, 12.5, 5.6)
    paper.write_at(46, 22.5, label.tracking_number[-6:], 2.4, width=12.5)
    _draw_bars(paper, label.sscc, 2.5, 25.25, 2 * DOT, 10)
    readable = f"(00){label.sscc}"
    paper.set_font(FONT, size=1.9 / CAP_HEIGHT / POINT_MM)
    paper.write_at(2.5 + (39 - paper.get_string_width(readable)) / 2, 38.2, readable, 1.9)
    _draw_qr(paper, label.link, 44, 24.3, 15.9, "l")
