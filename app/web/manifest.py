"""A manifest on paper: A4, a table for each hub and temperature, with a box to tick at every package."""

from typing import Final

from fpdf import FPDF

from app.core.clock import LEGAL_TIME
from app.shipments.manifest import LoadedConsignment, LoadedGroup, ManifestShape
from app.web.paper import FONT, has_letters, lettered, with_letters
from app.web.words import KEPT, weight

MARGIN_MM: Final = 14
COLUMNS_MM: Final = (9, 50, 45, 48, 30)
ROW_MM: Final = 6.5
WORDS: Final = {
    "en": {
        "title": "Manifest",
        "departs": "Departs",
        "to": "To {hub}",
        "head": "|SSCC|Tracking number|Rides in unit|Weight",
        "sum": "{consignments} consignments · {packages} packages · {weight}",
        "group": "{packages} packages · {weight}",
        "bare": "no label yet",
        "unlabelled": "{count} packages have no label yet.",
        "nothing": "Nothing is booked here on this run.",
        "handed": "Handed over by                                        Taken over by",
        "page": "Page {page} of {{nb}}",
    },
    "zh-Hans": {
        "title": "交接清单",
        "departs": "发车",
        "to": "到 {hub}",
        "head": "|SSCC|运单号|合装单元|重量",
        "sum": "{consignments} 票 · {packages} 件 · {weight}",
        "group": "{packages} 件 · {weight}",
        "bare": "尚无面单",
        "unlabelled": "{count} 件尚未打印面单。",
        "nothing": "该班次在此站点没有预订。",
        "handed": "交货人                                        接货人",
        "page": "第 {page} 页，共 {{nb}} 页",
    },
}


class _Sheet(FPDF):
    """A page with what it is of at its foot."""

    def __init__(self, manifest: ManifestShape, language: str) -> None:
        super().__init__(format="A4")
        self.words = WORDS[language]
        self.language = language
        at = manifest.departs_at or manifest.run_at
        self.foot = f"{manifest.service}  {at.astimezone(LEGAL_TIME):%Y-%m-%d %H:%M}  {manifest.hub}"
        self.set_title(f"{self.words['title']} {self.foot}")
        self.set_lang("zh-CN" if language == "zh-Hans" else "en")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 6)
        self.set_draw_color(190)
        with_letters(self)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, size=9)
        self.cell(self.epw / 2, 5, self.foot)
        self.cell(self.epw / 2, 5, self.words["page"].format(page=self.page_no()), align="R")

    def line_of(self, text: str, size: float, height: float) -> None:
        self.set_font(FONT, size=size)
        with lettered(self, text):
            self.cell(self.epw, height, text, new_x="LMARGIN", new_y="NEXT")


def draw_manifest(manifest: ManifestShape, language: str) -> bytes:
    """The whole manifest as a PDF: the departure, its totals, then what is taken off at each hub."""
    sheet, words = _Sheet(manifest, language), WORDS[language]
    sheet.add_page()
    sheet.line_of(f"{words['title']}  {_drawn(manifest.hub_name, manifest.hub)}", 22, 12)
    at = (manifest.departs_at or manifest.run_at).astimezone(LEGAL_TIME)
    sheet.line_of(f"{words['departs']} {at:%Y-%m-%d %H:%M} (UTC+8)", 15, 9)
    sheet.line_of(f"{_drawn(manifest.service_name, '')}  {manifest.service} · {manifest.carrier}", 11, 7)
    counted = {"consignments": manifest.consignments, "packages": manifest.packages}
    sheet.line_of(words["sum"].format(**counted, weight=weight(manifest.weight_g, language)), 13, 9)
    if manifest.unlabelled:
        sheet.line_of(words["unlabelled"].format(count=manifest.unlabelled), 11, 7)
    if not manifest.groups:
        sheet.line_of(words["nothing"], 12, 9)
    for group in manifest.groups:
        _group(sheet, group)
    if sheet.will_page_break(24):
        sheet.add_page()
    sheet.ln(14)
    sheet.line_of(words["handed"], 11, 8)
    return bytes(sheet.output())


def _drawn(text: str, instead: str) -> str:
    return text if has_letters(text) else instead


def _group(sheet: _Sheet, group: LoadedGroup) -> None:
    # A heading never stands alone at the foot of a page.
    if sheet.will_page_break(34):
        sheet.add_page()
    sheet.ln(4)
    words, language = sheet.words, sheet.language
    hub = f"{_drawn(group.to_name, '')} {group.to}".strip()
    kept = KEPT[group.temperature][language]
    sheet.set_fill_color(235)
    sheet.set_font(FONT, size=14)
    told = words["group"].format(packages=group.packages, weight=weight(group.weight_g, language))
    sheet.cell(sheet.epw * 0.62, 9, f"{words['to'].format(hub=hub)} · {kept}", fill=True)
    sheet.set_font(FONT, size=11)
    sheet.cell(sheet.epw * 0.38, 9, told, fill=True, align="R", new_x="LMARGIN", new_y="NEXT")
    _head(sheet)
    for goods in group.consignments:
        _goods(sheet, goods)


def _head(sheet: _Sheet) -> None:
    sheet.set_font(FONT, size=9)
    for width, word in zip(COLUMNS_MM, sheet.words["head"].split("|"), strict=True):
        sheet.cell(width, 6, word, border="B", align="R" if width == COLUMNS_MM[-1] else "L")
    sheet.ln(6)


def _goods(sheet: _Sheet, goods: LoadedConsignment) -> None:
    for package in goods.packages:
        if sheet.will_page_break(ROW_MM):
            sheet.add_page()
            _head(sheet)
        sheet.set_font(FONT, size=11)
        sheet.rect(sheet.get_x() + 1, sheet.get_y() + 1.2, 4, 4)
        texts = (
            "",
            package.sscc or sheet.words["bare"],
            goods.tracking_number,
            goods.unit or "",
            weight(package.weight_g, sheet.language),
        )
        for width, text in zip(COLUMNS_MM, texts, strict=True):
            sheet.cell(width, ROW_MM, text, border="B", align="R" if width == COLUMNS_MM[-1] else "L")
        sheet.ln(ROW_MM)
