"""Decisions of the catalogue: what a listing still lacks, which state follows. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from app.catalogue.checks import attribute_gaps, missing_attributes
from app.catalogue.presale import load_presale
from app.catalogue.pricing import pricing_gaps
from app.catalogue.values import (
    CERTIFICATE_DAYS_MAX,
    CERTIFICATE_NAMES,
    CURRENCY,
    DENSITY_G_PER_DM3_MAX,
    EAR_TAG_DIGIT,
    EAR_TAG_PATTERN,
    LEGAL_TIME,
    PROVINCES,
    SPECIES_NAMES,
    UNIT_WEIGHT_G,
    Category,
    Certificate,
    CertificateKind,
    Facts,
    ListingEvent,
    ListingStatus,
    LotFacts,
    Offer,
    Parcel,
    Species,
)
from app.catalogue.weighed import weighed_gaps
from app.core.errors import Gap, StateConflict
from app.core.quantity import WHOLE_UNITS, Unit, as_text, fits_step
from app.network.values import Temperature

# An event that is repeated changes nothing: a phone that lost the answer asks again.
ALLOWED: Final[Mapping[tuple[ListingStatus, ListingEvent], ListingStatus]] = {
    (ListingStatus.DRAFT, ListingEvent.PUBLISH): ListingStatus.PUBLISHED,
    (ListingStatus.PUBLISHED, ListingEvent.PUBLISH): ListingStatus.PUBLISHED,
    (ListingStatus.PAUSED, ListingEvent.PUBLISH): ListingStatus.PUBLISHED,
    (ListingStatus.PUBLISHED, ListingEvent.PAUSE): ListingStatus.PAUSED,
    (ListingStatus.PAUSED, ListingEvent.PAUSE): ListingStatus.PAUSED,
    (ListingStatus.DRAFT, ListingEvent.ARCHIVE): ListingStatus.ARCHIVED,
    (ListingStatus.PUBLISHED, ListingEvent.ARCHIVE): ListingStatus.ARCHIVED,
    (ListingStatus.PAUSED, ListingEvent.ARCHIVE): ListingStatus.ARCHIVED,
    (ListingStatus.ARCHIVED, ListingEvent.ARCHIVE): ListingStatus.ARCHIVED,
}
_QUARANTINE: Final = frozenset({CertificateKind.ANIMAL_QUARANTINE_A, CertificateKind.ANIMAL_QUARANTINE_B})


def next_status(status: ListingStatus, event: ListingEvent) -> ListingStatus:
    """Raises `StateConflict` for what `ALLOWED` does not name."""
    after = ALLOWED.get((status, event))
    if after is None:
        raise StateConflict(state=status.value, verb=event.value)
    return after


def is_packed(category: Category) -> bool:
    """Whether goods travel as they are: bales and live animals."""
    return category in (Category.LIVESTOCK, Category.COTTON)


def is_public(status: ListingStatus) -> bool:
    """Whether anybody may look at it; a paused listing stays visible to those who have its address."""
    return status in (ListingStatus.PUBLISHED, ListingStatus.PAUSED)


def legal_day(now: datetime) -> date:
    """Today by legal time, UTC+8."""
    return (now + LEGAL_TIME).date()


def week_of(day: date) -> date:
    """The Monday of a day's calendar week."""
    return day - timedelta(days=day.weekday())


def week_ends_at(monday: date) -> datetime:
    """The midnight of legal time with which the week of this Monday is over."""
    return datetime.combine(monday + timedelta(days=7), time(), UTC) - LEGAL_TIME


def wrong_facts(facts: Facts) -> list[Gap]:
    """What is wrong in what is there, in a draft too; what is missing is `missing_facts`."""
    gaps = attribute_gaps(facts.category, facts.attributes)
    if (facts.unit is Unit.HEAD) != (facts.category is Category.LIVESTOCK):
        gaps.append(
            _gap(
                "/unit",
                "Livestock is sold by the head, and nothing else is",
                "活畜禽以头（只）为单位，其他商品不可使用该单位",
            )
        )
    for name, amount in (("/min_quantity", facts.min_quantity), ("/step", facts.step)):
        gaps += whole_quantity(name, amount, facts.unit)
    if not gaps and facts.min_quantity % facts.step:
        gaps.append(_gap("/min_quantity", "Must be a multiple of step", "应为 step 的整数倍"))
    if facts.price is not None and facts.price.amount <= 0:
        gaps.append(_gap("/price/amount", "Must be above zero", "必须大于零"))
    if facts.price is not None and facts.price.currency != CURRENCY:
        gaps.append(_gap("/price/currency", f"Prices are in {CURRENCY}", f"价格币种应为 {CURRENCY}"))
    return gaps + _capacity_gaps(facts) + pricing_gaps(facts) + weighed_gaps(facts)


def _capacity_gaps(facts: Facts) -> list[Gap]:
    """A weekly capacity is of hands: of handicraft that is made to order."""
    pointer, capacity = "/capacity_per_week", facts.capacity_per_week
    if not capacity:
        return []
    if facts.category is not Category.HANDICRAFT or not facts.attributes.get("made_to_order"):
        return [
            _gap(
                pointer,
                "Only what is `made_to_order` has a weekly capacity",
                "只有标明 made_to_order 的商品可设每周产能",
            )
        ]
    return whole_quantity(pointer, capacity, facts.unit)


def missing_facts(facts: Facts) -> list[Gap]:
    """Everything that has to be filled in or put right before the listing may be published, but for its stock."""
    gaps = missing_attributes(facts.category, facts.attributes)
    if not facts.title:
        gaps.append(_gap("/title", "A title in one language at least is needed", "请至少用一种语言填写标题"))
    if facts.price is None:
        gaps.append(_gap("/price", "A price for one unit is needed", "请填写单价"))
    if facts.package is None:
        gaps.append(
            _gap("/package", "Weight and size of one unit as it ships are needed", "请填写单件发货时的重量和尺寸")
        )
    else:
        gaps += _implausible_package(facts.unit, facts.package)
    return gaps + _handling_gaps(facts)


def _implausible_package(unit: Unit, package: Parcel) -> list[Gap]:
    low, high = UNIT_WEIGHT_G[unit]
    if not low <= package.weight_g <= high:
        en = f"One {unit.value} as it ships weighs {low} to {high} g"
        return [_gap("/package/weight_g", en, f"每 {unit.value} 发货重量应在 {low} 至 {high} 克之间")]
    volume_mm3 = package.length_mm * package.width_mm * package.height_mm
    if package.weight_g * 1_000_000 > volume_mm3 * DENSITY_G_PER_DM3_MAX:
        return [
            _gap("/package", "Too heavy for its size: lengths are in millimetres", "重量与尺寸不符：长度单位为毫米")
        ]
    return []


def _handling_gaps(facts: Facts) -> list[Gap]:
    live = facts.category is Category.LIVESTOCK
    if facts.temperature is None:
        return [_gap("/handling", "How the goods are kept on the way is needed", "请填写运输温度要求")]
    if live and facts.temperature is not Temperature.LIVE:
        return [_gap("/handling/temperature", "Livestock travels `live`", "活畜禽的运输方式应为 live")]
    if not live and facts.temperature is Temperature.LIVE:
        return [_gap("/handling/temperature", "Only livestock travels `live`", "只有活畜禽可使用 live")]
    return []


def whole_quantity(pointer: str, quantity: Decimal, unit: Unit) -> list[Gap]:
    """Heads, pieces, bales and boxes are counted, not weighed."""
    if unit in WHOLE_UNITS and quantity % 1:
        return [_gap(pointer, f"A whole number of {unit.value}", f"单位为 {unit.value} 时应为整数")]
    return []


def quantity_gap(offer: Offer, quantity: Decimal, pointer: str) -> Gap | None:
    """Why this much cannot be asked of the offer; None when it can."""
    if fits_step(quantity, offer.min_quantity, offer.step):
        return None
    least, step, unit = as_text(offer.min_quantity), as_text(offer.step), offer.unit.value
    return _gap(pointer, f"At least {least} {unit}, in steps of {step}", f"至少 {least} {unit}，且为 {step} 的整数倍")


def wrong_lot(facts: Facts, lot: LotFacts, on: date) -> list[Gap]:
    """What is wrong in what a lot says, for goods of a draft too. `on` is the legal day."""
    gaps = whole_quantity("/quantity", lot.quantity, facts.unit)
    if lot.harvested_on is not None and lot.harvested_on > on:
        gaps.append(_gap("/harvested_on", "Lies in the future", "不能晚于今天"))
    for i, certificate in enumerate(lot.certificates):
        gaps += _certificate_gaps(f"/certificates/{i}", certificate, on)
    return gaps + _ear_tag_gaps(facts, lot) + _forecast_gaps(facts, lot, on)


def _forecast_gaps(facts: Facts, lot: LotFacts, on: date) -> list[Gap]:
    """What is to come has a day from which it can be handed in, and no harvest yet."""
    if not lot.forecast:
        return []
    share = load_presale().get(facts.category)
    if share is None or share.most_of(lot.quantity) <= 0:
        return [_gap("/forecast", "So little of such goods is not sold ahead", "该类商品（或数量过少）不可预售")]
    if facts.category is Category.HANDICRAFT and not facts.attributes.get("made_to_order"):
        return [_gap("/forecast", "Only what is `made_to_order` is sold ahead", "只有标明 made_to_order 的商品可预售")]
    gaps = []
    if lot.available_from is None or legal_day(lot.available_from) <= on:
        gaps.append(_gap("/available_from", "The day when it will be there is needed", "请填写预计可交货的未来日期"))
    if lot.harvested_on is not None:
        gaps.append(_gap("/harvested_on", "A forecast is not harvested yet", "预售批次尚未采收"))
    return gaps


def missing_in_lot(facts: Facts, lot: LotFacts, on: date) -> list[Gap]:
    """What the lot lacks to be sold. `on` is the legal day."""
    if facts.category is Category.PRODUCE and lot.harvested_on is None and not lot.forecast:
        return [_gap("/harvested_on", "The day of harvest is needed", "请填写采收日期")]
    if facts.category is not Category.LIVESTOCK:
        return []
    gaps = []
    species = species_of(facts)
    if species in EAR_TAG_DIGIT and not lot.ear_tags:
        gaps.append(_gap("/ear_tags", "One ear tag a head is needed", "每头（只）需要一个耳标"))
    if not any(_holds(certificate, on) for certificate in lot.certificates if certificate.kind in _QUARANTINE):
        gaps.append(
            _gap("/certificates", "A quarantine certificate that is still valid is needed", "需要有效的动物检疫证明")
        )
    return gaps


def missing_stock(facts: Facts, lots: Sequence[LotFacts], on: date) -> list[Gap]:
    """What the lots that still have goods lack, pointing at `/lots/<place>/…`; or that there are none."""
    left = [(i, lot) for i, lot in enumerate(lots) if lot.free > 0]
    if not left:
        return [_gap("/lots", "Stock is needed: add a lot", "请先添加库存批次")]
    return [
        Gap(f"/lots/{i}{gap.pointer}", gap.detail)
        for i, lot in left
        for gap in [*_ear_tag_gaps(facts, lot), *missing_in_lot(facts, lot, on)]
    ]


def _certificate_gaps(pointer: str, certificate: Certificate, on: date) -> list[Gap]:
    name = CERTIFICATE_NAMES[certificate.kind]
    if certificate.issued_on > on:
        return [_gap(f"{pointer}/issued_on", "Lies in the future", "不能晚于今天")]
    days = CERTIFICATE_DAYS_MAX.get(certificate.kind)
    if certificate.expires_on is None:
        missing = _gap(
            f"{pointer}/expires_on", f"{name['en']} has a last day: give it", f"{name['zh-Hans']}须填写有效期"
        )
        return [] if days is None else [missing]
    if certificate.expires_on < certificate.issued_on:
        return [_gap(f"{pointer}/expires_on", "Lies before issued_on", "早于签发日期")]
    if days is not None and certificate.expires_on > certificate.issued_on + timedelta(days=days):
        en = (
            f"{name['en']} holds for {days} days at the most"
            if days
            else f"{name['en']} holds on the day of issue only"
        )
        zh = f"{name['zh-Hans']}有效期最长 {days} 天" if days else f"{name['zh-Hans']}仅当日有效"
        return [_gap(f"{pointer}/expires_on", en, zh)]
    if certificate.expires_on < on:
        return [_gap(f"{pointer}/expires_on", "The certificate has expired", "证明已过期")]
    return []


def _holds(certificate: Certificate, on: date) -> bool:
    return certificate.issued_on <= on and (certificate.expires_on is None or on <= certificate.expires_on)


def _ear_tag_gaps(facts: Facts, lot: LotFacts) -> list[Gap]:
    """15 digits: species, county adcode, serial; one a head. None for a lot without tags."""
    tags = lot.ear_tags
    if not tags:
        return []
    if facts.category is not Category.LIVESTOCK:
        return [_gap("/ear_tags", "Only livestock has ear tags", "只有活畜禽使用耳标")]
    gaps = []
    if len(tags) != lot.quantity:
        en = f"One a head: {len(tags)} tags for {as_text(lot.quantity)} head"
        gaps.append(_gap("/ear_tags", en, f"每头（只）一个：{as_text(lot.quantity)} 头（只）对应 {len(tags)} 个耳标"))
    if len(set(tags)) != len(tags):
        gaps.append(_gap("/ear_tags", "The same tag stands there twice", "耳标重复"))
    species = species_of(facts)
    for i, tag in enumerate(tags):
        gaps += _one_tag_gaps(f"/ear_tags/{i}", tag, species)
    return gaps[:50]


def _one_tag_gaps(pointer: str, tag: str, species: Species | None) -> list[Gap]:
    if not re.fullmatch(EAR_TAG_PATTERN, tag):
        return [_gap(pointer, "15 digits that begin with 1, 2 or 3", "应为以 1、2 或 3 开头的 15 位数字")]
    if not is_county(tag[1:7]):
        return [_gap(pointer, "Digits 2 to 7 are not a county code", "第 2 至 7 位不是县级行政区划代码")]
    digit = EAR_TAG_DIGIT.get(species) if species else tag[0]
    if species and digit != tag[0]:
        name = SPECIES_NAMES[species]
        if digit is None:
            return [_gap(pointer, f"{name['en']} has no official ear tags", f"{name['zh-Hans']}没有官方耳标")]
        return [
            _gap(pointer, f"Tags of {name['en'].lower()} begin with {digit}", f"{name['zh-Hans']}的耳标以 {digit} 开头")
        ]
    return []


def is_county(adcode: str) -> bool:
    """Whether six digits look like a county's code (GB/T 2260), historic ones too."""
    return adcode[:2] in PROVINCES and adcode[2:4] != "00" and adcode[4:6] != "00"


def species_of(facts: Facts) -> Species | None:
    species = facts.attributes.get("species")
    return Species(species) if species else None


def harvest_day(lot: LotFacts) -> date | None:
    """The day of harvest; of a forecast the one from which it can be handed in."""
    if lot.harvested_on is None and lot.forecast and lot.available_from is not None:
        return legal_day(lot.available_from)
    return lot.harvested_on


def spoils_at(harvested_on: date | None, shelf_life_h: int | None) -> datetime | None:
    """When goods are no longer good: the shelf life counts from the end of the legal day of harvest."""
    if harvested_on is None or shelf_life_h is None:
        return None
    midnight = datetime.combine(harvested_on, datetime.min.time(), tzinfo=UTC)
    return midnight + timedelta(days=1) - LEGAL_TIME + timedelta(hours=shelf_life_h)


def _gap(pointer: str, en: str, zh: str) -> Gap:
    return Gap(pointer, {"en": en, "zh-Hans": zh})
