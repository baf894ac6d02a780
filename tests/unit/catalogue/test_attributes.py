"""What may be said of goods, category by category."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.catalogue.attributes import (
    ATTRIBUTES,
    Form,
    attribute_texts,
    attributes_schema,
    derived_attributes,
    micronaire_class,
    normal_attributes,
    strength_class,
)
from app.catalogue.checks import attribute_gaps, forbidden_material, missing_attributes
from app.catalogue.rendering import category_shapes
from app.catalogue.values import Category

COTTON = {"season": 2025, "colour_grade": "31", "length_mm": 29, "micronaire": "4.3"}
PRODUCE = {"variety": {"zh-Hans": "骏枣"}, "grade": "1"}
SHEEP = {"species": "sheep", "breed": {"zh-Hans": "和田羊"}, "age_months": 10}
CARPET = {"materials": [{"name": {"en": "Wool"}, "share_pct": 100}], "technique": {"en": "Hand-knotted"}}
WHOLE = {
    Category.COTTON: COTTON,
    Category.PRODUCE: PRODUCE,
    Category.LIVESTOCK: SHEEP,
    Category.HANDICRAFT: CARPET,
}


def pointers(category, given):
    return [gap.pointer for gap in attribute_gaps(category, given)]


@pytest.mark.parametrize("category", Category)
def test_what_is_needed_to_publish_is_enough(category):
    assert attribute_gaps(category, WHOLE[category]) == []
    assert missing_attributes(category, WHOLE[category]) == []


@pytest.mark.parametrize("category", Category)
def test_everything_missing_is_named_at_once(category):
    named = {gap.pointer.removeprefix("/attributes/") for gap in missing_attributes(category, {})}
    assert named == set(WHOLE[category])


@pytest.mark.parametrize(
    ("category", "name", "wrong"),
    [
        (Category.COTTON, "season", "2025"),
        (Category.COTTON, "season", True),
        (Category.COTTON, "season", 1999),
        (Category.COTTON, "colour_grade", 31),
        (Category.COTTON, "colour_grade", "42"),
        (Category.COTTON, "colour_grade", "34"),
        (Category.COTTON, "colour_grade", ["31"]),
        (Category.COTTON, "length_mm", 24),
        (Category.COTTON, "length_mm", 33),
        (Category.COTTON, "length_mm", 29.0),
        (Category.COTTON, "micronaire", 4.3),
        (Category.COTTON, "micronaire", "4.35"),
        (Category.COTTON, "micronaire", "7.1"),
        (Category.COTTON, "micronaire", "４.3"),
        (Category.COTTON, "micronaire", "1e1"),
        (Category.COTTON, "micronaire", "-4.3"),
        (Category.COTTON, "batch_number", ""),
        (Category.COTTON, "batch_number", "x" * 201),
        (Category.PRODUCE, "variety", "骏枣"),
        (Category.PRODUCE, "variety", {}),
        (Category.PRODUCE, "variety", {"Chinese": "骏枣"}),
        (Category.PRODUCE, "variety", {"zh-Hans": "\x00"}),
        (Category.PRODUCE, "variety", None),
        (Category.PRODUCE, "grade", "4"),
        (Category.PRODUCE, "storage_min_c", "-41"),
        (Category.LIVESTOCK, "species", "dog"),
        (Category.LIVESTOCK, "age_months", -1),
        (Category.LIVESTOCK, "age_months", 10**30),
        (Category.HANDICRAFT, "made_to_order", "yes"),
        (Category.HANDICRAFT, "materials", []),
        (Category.HANDICRAFT, "materials", {"name": {"en": "Wool"}, "share_pct": 100}),
        (Category.PRODUCE, "micronaire", "4.3"),
        (Category.HANDICRAFT, "colour", "red"),
    ],
)
def test_wrong_values_are_refused_where_they_stand(category, name, wrong):
    assert pointers(category, WHOLE[category] | {name: wrong}) == [f"/attributes/{name}"]


def test_pointers_escape_what_somebody_called_an_attribute():
    assert pointers(Category.COTTON, {"a/b~c": 1}) == ["/attributes/a~1b~0c"]


def test_decimals_may_be_whole_numbers_and_are_kept_as_text():
    given = PRODUCE | {"storage_min_c": -1, "storage_max_c": "2.5"}
    assert attribute_gaps(Category.PRODUCE, given) == []
    kept = normal_attributes(Category.PRODUCE, given)
    assert (kept["storage_min_c"], kept["storage_max_c"]) == ("-1", "2.5")


def test_storage_range_does_not_run_backwards():
    assert pointers(Category.PRODUCE, {"storage_min_c": 5, "storage_max_c": "4.9"}) == ["/attributes/storage_max_c"]


def test_shares_of_materials_add_up_to_a_hundred():
    wool, cotton = {"name": {"en": "Wool"}, "share_pct": 85}, {"name": {"en": "Cotton"}, "share_pct": 15}
    assert pointers(Category.HANDICRAFT, {"materials": [wool, cotton]}) == []
    assert pointers(Category.HANDICRAFT, {"materials": [wool]}) == ["/attributes/materials"]
    odd = [wool, {"name": {"en": "Cotton"}, "share_pct": "15"}]
    assert pointers(Category.HANDICRAFT, {"materials": odd}) == ["/attributes/materials/1/share_pct"]


@pytest.mark.parametrize(
    "name",
    [
        "Mammoth tusk",
        "IVORY inlay",
        "象牙",
        "老虎皮",
        "藏羚羊绒",
        "tiger bones",
        "Snow leopard",
        "麝香",
    ],
)
def test_protected_materials_are_never_listed(name):
    gaps = attribute_gaps(Category.HANDICRAFT, {"materials": [{"name": {"en": name}, "share_pct": 100}]})
    assert [gap.pointer for gap in gaps] == ["/attributes/materials/0/name"]
    assert "protected" in gaps[0].detail["en"]
    assert "禁止销售" in gaps[0].detail["zh-Hans"]


@pytest.mark.parametrize(
    "name",
    [
        "Ivory nut",
        "象牙果",
        "ivory-coloured silk",
        "虎头鞋布料",
        "muskmelon rind",
        "sheep horn",
        "人工麝香",
        "tiger-striped silk",
    ],
)
def test_harmless_names_that_sound_alike_are_welcome(name):
    assert forbidden_material([name]) is None


@pytest.mark.parametrize(
    ("micronaire", "name"),
    [
        ("2.0", "C1"),
        ("3.4", "C1"),
        ("3.5", "B1"),
        ("3.6", "B1"),
        ("3.7", "A"),
        ("4.2", "A"),
        ("4.3", "B2"),
        ("4.9", "B2"),
        ("5.0", "C2"),
    ],
)
def test_micronaire_classes_at_their_edges(micronaire, name):
    assert micronaire_class(Decimal(micronaire)) == name
    assert derived_attributes({"micronaire": micronaire}) == {"micronaire_class": name}


@pytest.mark.parametrize(
    ("cn_tex", "name"),
    [
        ("23.9", "very_weak"),
        ("24.0", "weak"),
        ("26.0", "medium"),
        ("28.9", "medium"),
        ("29.0", "strong"),
        ("31.0", "very_strong"),
    ],
)
def test_strength_classes_at_their_edges(cn_tex, name):
    assert strength_class(Decimal(cn_tex)) == name


def test_cotton_has_its_thirteen_colour_grades():
    grades = next(a for a in ATTRIBUTES[Category.COTTON] if a.name == "colour_grade").choices
    assert list(grades) == ["11", "21", "31", "41", "51", "12", "22", "32", "13", "23", "33", "14", "24"]
    assert grades["32"] == {"en": "Light spotted 3", "zh-Hans": "淡点污棉三级"}


def test_choices_are_searched_by_their_labels():
    assert "绵羊" in list(attribute_texts(Category.LIVESTOCK, SHEEP))
    assert "和田羊" in list(attribute_texts(Category.LIVESTOCK, SHEEP))
    assert "Wool" in list(attribute_texts(Category.HANDICRAFT, CARPET))


def test_categories_come_as_data_in_both_languages():
    shapes = category_shapes()
    assert [shape.code for shape in shapes] == list(Category)
    for shape in shapes:
        for attribute in shape.attributes:
            assert {"en", "zh-Hans"} <= set(attribute.label)
            assert bool(attribute.choices) == (attribute.form is Form.CHOICE)
            assert (attribute.minimum is not None) == (attribute.form in (Form.INTEGER, Form.DECIMAL))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(sorted({a.name for listed in ATTRIBUTES.values() for a in listed})) | st.text(max_size=6)


@given(category=st.sampled_from(Category), given=st.dictionaries(_names, _json, max_size=6))
def test_anything_at_all_gets_an_answer_and_what_passes_can_be_shown(category, given):
    if attribute_gaps(category, given):
        return
    kept = normal_attributes(category, given)
    assert attribute_gaps(category, kept) == []
    assert Draft202012Validator(attributes_schema(category)).is_valid(kept)
    derived_attributes(kept)
    list(attribute_texts(category, kept))


@given(length=st.integers(25, 32), micronaire=st.integers(20, 70), strength=st.integers(150, 500))
def test_every_cotton_in_the_ranges_is_accepted(length, micronaire, strength):
    given = COTTON | {
        "length_mm": length,
        "micronaire": f"{micronaire / 10:.1f}",
        "strength_cn_tex": f"{strength / 10:.1f}",
    }
    assert attribute_gaps(Category.COTTON, given) == []
    assert Draft202012Validator(attributes_schema(Category.COTTON)).is_valid(given)
