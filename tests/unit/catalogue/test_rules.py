"""What a listing and its lots still lack, which state follows, which lots give."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.errors import OutOfStock
from app.catalogue.rules import (
    ALLOWED,
    is_county,
    legal_day,
    missing_facts,
    missing_in_lot,
    missing_stock,
    next_status,
    quantity_gap,
    spoils_at,
    wrong_facts,
    wrong_lot,
)
from app.catalogue.stock import choose_lots
from app.catalogue.values import (
    Category,
    Certificate,
    CertificateKind,
    Facts,
    ListingEvent,
    ListingStatus,
    LotFacts,
    LotStock,
    Offer,
    Parcel,
    StockWant,
)
from app.core.errors import StateConflict
from app.core.money import Money
from app.core.quantity import Unit
from app.network.values import Temperature

TODAY = date(2026, 3, 2)
DATES = Facts(
    category=Category.PRODUCE,
    unit=Unit.BOX,
    title={"zh-Hans": "和田骏枣"},
    attributes={"variety": {"zh-Hans": "骏枣"}, "grade": "1"},
    price=Money(8_800, "CNY"),
    package=Parcel(5_300, 400, 300, 200),
    temperature=Temperature.AMBIENT,
    min_quantity=Decimal(1),
    step=Decimal(1),
)
SHEEP = replace(
    DATES,
    category=Category.LIVESTOCK,
    unit=Unit.HEAD,
    attributes={"species": "sheep", "breed": {"en": "Hotan"}, "age_months": 10},
    package=Parcel(42_000, 1_100, 400, 800),
    temperature=Temperature.LIVE,
)
QUARANTINE = Certificate(CertificateKind.ANIMAL_QUARANTINE_A, "6532", TODAY, TODAY + timedelta(days=5))
BOXES = LotFacts(Decimal(500), Decimal(500), date(2026, 2, 20), (), ())
FLOCK = LotFacts(Decimal(2), Decimal(2), None, ("365320100000001", "365320100000002"), (QUARANTINE,))


def pointers(gaps):
    return [gap.pointer for gap in gaps]


def test_whole_listings_lack_nothing():
    for facts, lot in ((DATES, BOXES), (SHEEP, FLOCK)):
        assert (
            wrong_facts(facts)
            == missing_facts(facts)
            == wrong_lot(facts, lot, TODAY)
            == missing_stock(facts, [lot], TODAY)
            == []
        )


def test_an_empty_draft_is_told_everything_at_once():
    draft = replace(DATES, title={}, attributes={}, price=None, package=None, temperature=None)
    assert wrong_facts(draft) == []
    assert pointers(missing_facts(draft)) == [
        "/attributes/variety",
        "/attributes/grade",
        "/title",
        "/price",
        "/package",
        "/handling",
    ]
    assert pointers(missing_stock(draft, [], TODAY)) == ["/lots"]


def test_every_gap_speaks_both_languages():
    draft = replace(
        SHEEP, title={}, attributes={}, price=None, package=Parcel(1, 1, 1, 1), temperature=Temperature.FROZEN
    )
    gaps = [*missing_facts(draft), *missing_stock(SHEEP, [replace(FLOCK, ear_tags=(), certificates=())], TODAY)]
    assert len(gaps) == 9
    assert all(gap.detail["en"] and gap.detail["zh-Hans"] for gap in gaps)


def test_livestock_and_nothing_else_travels_live_and_is_sold_by_the_head():
    assert pointers(missing_facts(replace(SHEEP, temperature=Temperature.CHILLED))) == ["/handling/temperature"]
    assert pointers(missing_facts(replace(DATES, temperature=Temperature.LIVE))) == ["/handling/temperature"]
    assert pointers(wrong_facts(replace(SHEEP, unit=Unit.KG))) == ["/unit"]
    assert pointers(wrong_facts(replace(DATES, unit=Unit.HEAD))) == ["/unit"]


@pytest.mark.parametrize(
    ("unit", "weight_g", "plausible"),
    [
        (Unit.KG, 999, False),
        (Unit.KG, 1_000, True),
        (Unit.JIN, 520, True),
        (Unit.JIN, 499, False),
        (Unit.TONNE, 1_040, False),
        (Unit.TONNE, 1_040_000, True),
        (Unit.BALE, 227_000, True),
        (Unit.BOX, 5_300, True),
        (Unit.KG, 50_000, False),
    ],
)
def test_one_unit_weighs_what_its_name_says(unit, weight_g, plausible):
    facts = replace(DATES, unit=unit, package=Parcel(weight_g, 1_400, 1_000, 1_000))
    assert pointers(missing_facts(facts)) == ([] if plausible else ["/package/weight_g"])


def test_a_package_measured_in_centimetres_is_noticed():
    assert pointers(missing_facts(replace(DATES, package=Parcel(5_300, 40, 30, 20)))) == ["/package"]


def test_counted_goods_come_in_whole_numbers():
    assert pointers(wrong_facts(replace(DATES, min_quantity=Decimal("1.5"), step=Decimal("0.5")))) == [
        "/min_quantity",
        "/step",
    ]
    by_weight = replace(DATES, unit=Unit.KG, min_quantity=Decimal("1.5"), step=Decimal("0.5"))
    assert wrong_facts(by_weight) == []
    assert pointers(wrong_facts(replace(by_weight, min_quantity=Decimal("1.7")))) == ["/min_quantity"]


def test_prices_are_above_zero_and_in_our_currency():
    assert pointers(wrong_facts(replace(DATES, price=Money(0, "CNY")))) == ["/price/amount"]
    assert pointers(wrong_facts(replace(DATES, price=Money(1, "USD")))) == ["/price/currency"]


def test_sold_out_lots_are_not_looked_at_and_gaps_name_the_lot():
    sold = replace(BOXES, free=Decimal(0), harvested_on=None)
    assert missing_stock(DATES, [sold, BOXES], TODAY) == []
    assert pointers(missing_stock(DATES, [BOXES, replace(BOXES, harvested_on=None)], TODAY)) == ["/lots/1/harvested_on"]
    assert pointers(missing_stock(DATES, [sold], TODAY)) == ["/lots"]


@pytest.mark.parametrize(
    ("tags", "wrong"),
    [
        (("365320100000001",), ["/ear_tags"]),
        (("365320100000001", "365320100000001"), ["/ear_tags"]),
        (("365320100000001", "265320100000002"), ["/ear_tags/1"]),
        (("365320100000001", "465320100000002"), ["/ear_tags/1"]),
        (("365320100000001", "36532010000002"), ["/ear_tags/1"]),
        (("３65320100000001", "365320100000002"), ["/ear_tags/0"]),
        (("399320100000001", "365320000000002"), ["/ear_tags/0", "/ear_tags/1"]),
    ],
)
def test_ear_tags_are_one_a_head_of_the_species_from_a_county(tags, wrong):
    assert pointers(wrong_lot(SHEEP, replace(FLOCK, ear_tags=tags), TODAY)) == wrong


@pytest.mark.parametrize(
    ("species", "digit", "fits"),
    [
        ("pig", "1", True),
        ("cattle", "2", True),
        ("yak", "2", True),
        ("goat", "3", True),
        ("yak", "3", False),
        ("horse", "2", False),
    ],
)
def test_the_first_digit_of_a_tag_is_its_species(species, digit, fits):
    herd = replace(SHEEP, attributes=SHEEP.attributes | {"species": species})
    tags = (f"{digit}65320100000001", f"{digit}65320100000002")
    assert (wrong_lot(herd, replace(FLOCK, ear_tags=tags), TODAY) == []) is fits


def test_species_without_official_tags_need_none():
    horses = replace(SHEEP, attributes=SHEEP.attributes | {"species": "horse"})
    assert missing_in_lot(horses, replace(FLOCK, ear_tags=()), TODAY) == []
    assert pointers(missing_in_lot(SHEEP, replace(FLOCK, ear_tags=()), TODAY)) == ["/ear_tags"]


def test_only_livestock_has_ear_tags():
    assert pointers(wrong_lot(DATES, replace(BOXES, ear_tags=("365320100000001",)), TODAY)) == ["/ear_tags"]


@pytest.mark.parametrize(
    ("kind", "issued", "expires", "wrong"),
    [
        ("animal_quarantine_a", 0, 5, []),
        ("animal_quarantine_a", 0, 6, ["/certificates/0/expires_on"]),
        ("animal_quarantine_a", -5, 0, []),
        ("animal_quarantine_a", -6, -1, ["/certificates/0/expires_on"]),
        ("animal_quarantine_a", 0, None, ["/certificates/0/expires_on"]),
        ("animal_quarantine_b", 0, 0, []),
        ("animal_quarantine_b", 0, 1, ["/certificates/0/expires_on"]),
        ("animal_quarantine_b", -1, -1, ["/certificates/0/expires_on"]),
        ("organic", 1, None, ["/certificates/0/issued_on"]),
        ("organic", -400, -1, ["/certificates/0/expires_on"]),
        ("organic", -400, 0, []),
        ("organic", -1, -2, ["/certificates/0/expires_on"]),
        ("produce_compliance", -40, None, []),
    ],
)
def test_certificates_hold_for_as_long_as_their_kind_allows(kind, issued, expires, wrong):
    days = lambda count: None if count is None else TODAY + timedelta(days=count)
    certificate = Certificate(CertificateKind(kind), "1", days(issued), days(expires))
    assert pointers(wrong_lot(SHEEP, replace(FLOCK, certificates=(certificate,)), TODAY)) == wrong


def test_an_expired_quarantine_certificate_is_none():
    later = TODAY + timedelta(days=6)
    assert pointers(missing_stock(SHEEP, [FLOCK], later)) == ["/lots/0/certificates"]


def test_harvests_do_not_lie_in_the_future():
    assert pointers(wrong_lot(DATES, replace(BOXES, harvested_on=TODAY + timedelta(days=1)), TODAY)) == [
        "/harvested_on"
    ]


def test_the_legal_day_begins_at_sixteen_hours_utc():
    assert legal_day(datetime(2026, 3, 1, 15, 59, tzinfo=UTC)) == date(2026, 3, 1)
    assert legal_day(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == date(2026, 3, 2)


def test_shelf_life_counts_from_the_end_of_the_day_of_harvest():
    assert spoils_at(date(2026, 3, 1), 240) == datetime(2026, 3, 11, 16, 0, tzinfo=UTC)
    assert spoils_at(None, 240) is spoils_at(TODAY, None) is None


@pytest.mark.parametrize(
    ("adcode", "county"),
    [("653201", True), ("659001", True), ("110101", True), ("990101", False), ("650000", False), ("653200", False)],
)
def test_what_looks_like_a_county(adcode, county):
    assert is_county(adcode) is county


def test_states_follow_the_table_and_nothing_else():
    for status, event in product(ListingStatus, ListingEvent):
        if (status, event) in ALLOWED:
            assert next_status(next_status(status, event), event) is ALLOWED[status, event]
        else:
            with pytest.raises(StateConflict):
                next_status(status, event)
    assert {status for (before, _), status in ALLOWED.items() if before is ListingStatus.ARCHIVED} == {
        ListingStatus.ARCHIVED
    }


def test_quantities_are_asked_in_steps():
    offer = Offer("lst", "prd", Category.PRODUCE, {}, Unit.KG, Money(1, "CNY"), DATES.package, Decimal(2), Decimal("0.5"),
                  Temperature.AMBIENT, None, 0, "HOTAN", "653201", 1, Decimal(9), ListingStatus.PUBLISHED, None)  # fmt: skip
    assert quantity_gap(offer, Decimal("2.5"), "/q") is None
    for odd in ("1.5", "2.2"):
        gap = quantity_gap(offer, Decimal(odd), "/lines/0/quantity")
        assert gap is not None
        assert gap.detail["en"] == "At least 2 kg, in steps of 0.5"


NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def lot(name, free, days=None, listing="a"):
    return LotStock(name, listing, Decimal(free), None if days is None else NOON + timedelta(days=days))


def test_what_spoils_first_goes_first_and_then_the_oldest():
    lots = [lot("lot_3", 5), lot("lot_1", 5), lot("lot_2", 5, days=9), lot("lot_4", 5, days=2)]
    taken = choose_lots([StockWant("x", "a", Decimal(12), 1)], lots)
    assert [(part.lot_id, part.quantity) for part in taken] == [("lot_4", 5), ("lot_2", 5), ("lot_1", 2)]


def test_too_much_says_what_there_is():
    with pytest.raises(OutOfStock) as refused:
        choose_lots(
            [StockWant("x", "a", Decimal(2), 1), StockWant("y", "a", Decimal(4), 1)],
            [lot("1", "3.5"), lot("2", "1.500")],
        )
    assert refused.value.fields == {"listing": "a", "available": "3"}
    with pytest.raises(OutOfStock) as refused:
        choose_lots([StockWant("x", "b", Decimal(1), 1)], [lot("1", 3)])
    assert refused.value.fields["available"] == "0"


_amounts = st.decimals("0.001", 50, places=3)


@given(
    free=st.lists(st.tuples(_amounts, st.none() | st.integers(1, 9), st.sampled_from("ab")), max_size=8),
    wanted=st.lists(st.tuples(_amounts, st.sampled_from("ab")), max_size=5),
)
def test_lots_never_give_more_than_they_have_and_lines_get_exactly_what_they_ask(free, wanted):
    lots = [lot(str(i), amount, days, listing) for i, (amount, days, listing) in enumerate(free)]
    wants = [StockWant(str(i), listing, amount, 1) for i, (amount, listing) in enumerate(wanted)]
    try:
        taken = choose_lots(wants, lots)
    except OutOfStock:
        assert any(
            sum(want.quantity for want in wants if want.listing_id == name)
            > sum(one.free for one in lots if one.listing_id == name)
            for name in "ab"
        )
        return
    for one in lots:
        assert sum(part.quantity for part in taken if part.lot_id == one.id) <= one.free
    for want in wants:
        parts = [part for part in taken if part.line_id == want.line_id]
        assert sum(part.quantity for part in parts) == want.quantity
        assert all(part.listing_id == want.listing_id and part.quantity > 0 for part in parts)
