"""Letters on paper: Arabic ones are joined, stand from right to left, and leave what is written after them alone."""

import pypdfium2
from fpdf import FPDF

from app.web.paper import FONT, has_letters, is_arabic, lettered, with_letters

# Hotan, as it is typed, and as it looks from left to right: noon, ae at the end of a word, teh at its beginning, waw, khah.
TYPED = "خوتەن"
SEEN = "\ufee5\ufeea\ufe97\ufeee\ufea7"


def drawn(*lines, joined=True):
    paper = FPDF(format=(100, 60))
    with_letters(paper)
    paper.add_page()
    paper.set_font(FONT, size=24)
    for line in lines:
        if joined:
            with lettered(paper, line):
                paper.cell(80, 12, line, new_x="LMARGIN", new_y="NEXT")
        else:
            paper.cell(80, 12, line, new_x="LMARGIN", new_y="NEXT")
    return pypdfium2.PdfDocument(bytes(paper.output()))[0].render(scale=3).to_pil().convert("L")


def ink(picture):
    return sum(grey < 128 for grey in picture.tobytes())


def differing(one, other):
    return sum(abs(a - b) > 100 for a, b in zip(one.tobytes(), other.tobytes(), strict=True))


def test_uyghur_is_joined_from_right_to_left():
    """The same ink as the joined forms put down by hand, but for a hair between two letters; far from what was typed."""
    shaped = drawn(TYPED)
    assert differing(shaped, drawn(SEEN, joined=False)) < ink(shaped) / 4
    assert differing(shaped, drawn(TYPED, joined=False)) > ink(shaped)


def test_what_follows_uyghur_is_drawn_whole():
    both = drawn(TYPED, "和田 Hotan")
    alone = drawn(" ", "和田 Hotan")
    below = (0, both.height // 3 + 8, both.width, both.height)
    assert both.crop(below).tobytes() == alone.crop(below).tobytes()


def test_letters_that_there_are():
    assert has_letters("和田 خوتەن چىلان Hotan")
    assert not has_letters("ཤིང་འབྲས།")
    assert is_arabic("a خ")
    assert not is_arabic("和田 Hotan")
