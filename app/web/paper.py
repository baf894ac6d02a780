"""Letters on paper, the same for every document: Chinese and Latin, and Arabic letters (Uyghur) joined from right to left."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

import fontpkg_noto_sans_arabic
from fontTools.ttLib import TTFont
from fpdf import FPDF
from pylopdf_fonts_zh_cn import sans_path

FONT: Final = "sans"
ARABIC_FONT: Final = "arabic"
# The blocks of Arabic letters: Uyghur is written in the first, joined forms stand in the last two.
_ARABIC: Final = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")
_ARABIC_FILE: Final = next((fontpkg_noto_sans_arabic.ROOT / "files").glob("NotoSansArabic*.ttf"))
# Noto Sans SC: a capital letter is this much of the size of its font.
CAP_HEIGHT: Final = 0.733
POINT_MM: Final = 25.4 / 72


def with_letters(paper: FPDF) -> None:
    """Give the paper its letters; only those that are drawn end up in the document, once."""
    paper.add_font(FONT, "", str(sans_path()))
    paper.add_font(ARABIC_FONT, "", str(_ARABIC_FILE))
    paper.set_fallback_fonts([ARABIC_FONT])


def is_arabic(text: str) -> bool:
    return _ARABIC.search(text) is not None


@contextmanager
def lettered(paper: FPDF, text: str) -> Iterator[None]:
    """Have the text that is written in this block shaped when its letters join; other text is spared the cost."""
    if not is_arabic(text):
        yield
        return
    # A state of its own: the library does not go back to the first font by itself once a line has ended in the other.
    with paper.local_context():
        paper.set_text_shaping(True)
        yield
        paper.set_text_shaping(False)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    """What the fonts have a picture for."""
    found: set[int] = set()
    for path in (sans_path(), _ARABIC_FILE):
        with TTFont(path) as font:
            found |= font.getBestCmap().keys()
    return frozenset(found)


def has_letters(text: str) -> bool:
    """Whether every letter of the text can be drawn. Tibetan and Mongolian cannot: there is no font for them here."""
    return all(ord(letter) in _letters() for letter in text)
