"""Labels, looked at as a printer would print them: both symbols are read back, at 203 dpi too."""

import time
from datetime import UTC, datetime

import pypdfium2
import pytest
import zxingcpp

from app.shipments.labels import Label, LabelSize, Mark
from app.shipments.rules import gs1_check_digit, read_sscc
from app.web.label import MARK_MM, PAGES, SMALL_MARK_MM, bars_of, draw_labels

DPI = 203.2
SIZES = list(LabelSize)


def a_number(serial):
    body = f"1952000{serial:010d}"
    return body + gs1_check_digit(body)


def a_label(serial=1, **more):
    sscc = a_number(serial)
    facts = {
        "sscc": sscc,
        "link": f"https://chama.example/00/{sscc}",
        "tracking_number": "CM3141592653589",
        "order_number": "26-7KQX-3MPA",
        "number": 2,
        "count": 5,
        "weight_g": 16_100,
        "temperature": "chilled",
        "next_hub": Mark("URUMQI", {"en": "Urumqi", "zh-Hans": "乌鲁木齐"}),
        "final_hub": Mark("SHANGHAI", {"en": "Shanghai", "zh-Hans": "上海"}),
        "departs_at": datetime(2026, 3, 2, 6, tzinfo=UTC),
        "sender": {"zh-Hans": "和田枣园", "en": "Date garden"},
        "sent_from": Mark("HOTAN", {"en": "Hotan", "zh-Hans": "和田"}),
        "receiver": "收**",
        "phone_end": "0123",
        "address": "世纪大道 1 号",
    }
    return Label(**facts | more)


def pages(paper, dpi=DPI):
    return [page.render(scale=dpi / 72).to_pil() for page in pypdfium2.PdfDocument(paper)]


def text_of(paper, page=0):
    return pypdfium2.PdfDocument(paper)[page].get_textpage().get_text_range()


def symbols(picture):
    return {each.format.name: each for each in zxingcpp.read_barcodes(picture)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("dpi", [DPI, 300])
def test_both_symbols_are_read_back_exactly(size, language, dpi):
    labels = [a_label(serial) for serial in (1, 9_999_999_999 % 10**10, 31_415_926)]
    drawn = pages(draw_labels(labels, size, language), dpi)
    assert len(drawn) == len(labels)
    for label, picture in zip(labels, drawn, strict=True):
        read = symbols(picture)
        assert read["QRCode"].text == label.link
        assert read["Code128"].text == f"(00){label.sscc}"
        # `]C1`: a Code 128 that begins with FNC1, which is what makes it a GS1-128.
        assert read["Code128"].symbology_identifier == "]C1"
        assert read["Code128"].bytes == f"00{label.sscc}".encode()
        assert read_sscc(label.sscc) == label.sscc


@pytest.mark.parametrize("size", SIZES)
def test_symbols_stand_on_whole_dots_of_a_thermal_printer(size):
    """Black and white without any grey between them where the bars are: nothing is left to the printer's rounding."""
    (picture,) = pages(draw_labels([a_label()], size, "en"))
    bars = symbols(picture)["Code128"].position
    row = (bars.top_left.y + bars.bottom_left.y) // 2
    greys = {picture.convert("L").getpixel((x, row)) for x in range(bars.top_left.x, bars.top_right.x)}
    assert greys <= {0, 255}


def test_bars_are_those_of_the_standard():
    """Start C, FNC1, ten pairs of digits, check symbol, stop: 11 modules each and 13 for the stop."""
    bars = bars_of(a_number(1))
    assert len(bars) == 11 * (1 + 1 + 10 + 1) + 13
    assert bars.startswith("11010011100" + "11110101110")
    assert bars.endswith("1100011101011")


@pytest.mark.parametrize("size", SIZES)
def test_page_has_the_size_of_its_paper(size):
    page = pypdfium2.PdfDocument(draw_labels([a_label()], size, "en"))[0]
    assert [round(each / 72 * 25.4, 1) for each in page.get_size()] == list(PAGES[size])


@pytest.mark.parametrize(
    ("size", "mark_mm"),
    [(LabelSize.A6, MARK_MM), (LabelSize.THERMAL_100X150, MARK_MM), (LabelSize.THERMAL_60X40, SMALL_MARK_MM)],
)
@pytest.mark.parametrize("code", ["HAMI", "C-654224", "TONGREN_QH", "V-654224-012-03"])
def test_hub_marks_are_as_high_as_they_are_said_to_be(size, mark_mm, code):
    """The letters of the next hub, measured in the picture: longer codes are narrower, never lower."""
    drawn = pypdfium2.PdfDocument(draw_labels([a_label(next_hub=Mark(code, {}))], size, "en"))[0]
    page = drawn.get_textpage()
    found = page.search(code)
    index, count = found.get_next()
    boxes = [page.get_charbox(index + place, loose=False) for place in range(count)]
    # Letters with a flat head and foot.
    capitals = [top - bottom for (_, bottom, _, top), letter in zip(boxes, code, strict=True) if letter in "HEINMLTV4"]
    assert min(capitals) / 72 * 25.4 >= mark_mm - 0.2
    assert boxes[-1][2] <= drawn.get_size()[0]


@pytest.mark.parametrize("size", [LabelSize.A6, LabelSize.THERMAL_100X150])
def test_label_says_what_carriers_need_and_no_more(size):
    said = text_of(draw_labels([a_label()], size, "zh-Hans"))
    for word in (
        "URUMQI",
        "SHANGHAI",
        "冷藏",
        "16.1",
        "2/5",
        "CM3141592653589",
        "世纪大道",
        "0123",
        "收**",
        "和田枣园",
    ):
        assert word in said
    in_english = text_of(draw_labels([a_label(temperature="frozen", address=None)], size, "en"))
    for word in ("NEXT", "LAST HUB", "FROZEN", "16.1 kg", "Collects at Shanghai", "Date garden"):
        assert word in in_english


def test_goods_that_a_courier_takes_from_here_say_so():
    said = text_of(draw_labels([a_label(next_hub=None, departs_at=None)], LabelSize.A6, "en"))
    assert "TO DOOR" in said
    assert "Departs" not in said


def test_a_uyghur_sender_is_on_the_label():
    """How its letters are joined is for `test_paper`."""
    named, bare = (a_label(sender=sender) for sender in ({"ug": "خوتەن"}, {}))
    (one,), (other,) = (pages(draw_labels([each], LabelSize.A6, "en")) for each in (named, bare))
    assert one.tobytes() != other.tobytes()


def test_letters_that_no_font_has_are_left_out_not_drawn_as_boxes():
    sent = a_label(sender={"bo": "བོད་ཡིག"})
    assert (
        pages(draw_labels([sent], LabelSize.A6, "en"))[0].tobytes()
        == pages(draw_labels([a_label(sender={})], LabelSize.A6, "en"))[0].tobytes()
    )


def test_letters_are_put_in_once_however_many_pages_there_are():
    one, many = (len(draw_labels([a_label(n) for n in range(count)], LabelSize.A6, "en")) for count in (1, 21))
    assert (many - one) / 20 < 4_000


def test_a_long_address_ends_in_dots_after_two_lines():
    said = text_of(draw_labels([a_label(address="喀什" * 100)], LabelSize.A6, "zh-Hans"))
    assert "…" in said


def test_batch_is_drawn_leanly():
    """A guard far above what it takes; `python -m bench labels` measures."""
    begin = time.perf_counter()
    draw_labels([a_label(n) for n in range(20)], LabelSize.A6, "zh-Hans")
    assert time.perf_counter() - begin < 10
