"""Where goods of an origin may not go: the rule, the table that comes with the code, and tables that cannot be read."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.values import Category, Species
from app.network.origin_rules import (
    TABLE,
    Origin,
    OriginRule,
    OriginRules,
    RulesUnreadable,
    closed_on_the_way,
    forbidding,
    load_origin_rules,
    read_origin_rules,
    what_stands_in_the_way,
)
from app.network.values import HubKind, HubPoint, Temperature
from app.routing import Capacity, Place, Reason, Service, Stop, Tariff, Timetable

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
ON = date(2026, 3, 2)
WORDS = {"en": "said", "zh-Hans": "说明"}
KNOWN = {"categories": frozenset(Category), "species": frozenset(Species)}
PROVINCES = (
    ["11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65"]
)  # fmt: skip
areas = st.sampled_from(PROVINCES).flatmap(lambda p: st.sampled_from([p, f"{p}01", f"{p}0102"]))
counties = st.builds(lambda p, rest: f"{p}{rest:04}", st.sampled_from(PROVINCES), st.integers(100, 9_999))


def a_rule(number="R", **changes):
    base = {"number": number, "what": WORDS, "source": WORDS, "origin": ["65"], "to": ["61"]}
    base = base | changes
    if "outside" in changes:
        del base["to"]
    return OriginRule.model_validate(base)


def goods(county="653221", temperature=Temperature.AMBIENT, *, of=(), species=()):
    return Origin(county, temperature, frozenset(of), frozenset(species))


SHEEP = goods(temperature=Temperature.LIVE, of=["livestock"], species=["sheep"])


@pytest.mark.parametrize(
    ("origin", "county", "bears"),
    [
        (["65"], "653221", True),
        (["6532"], "653221", True),
        (["653221"], "653221", True),
        (["653201"], "653221", False),
        (["62", "6532"], "653221", True),
        (["65"], "620102", False),
        # A place whose county nobody knows.
        (["65"], None, False),
    ],
)
def test_origin_is_a_province_a_prefecture_or_a_county(origin, county, bears):
    assert a_rule(origin=origin).bears_on(goods(county), ON) is bears


@pytest.mark.parametrize(
    ("named", "bears"),
    [
        ({}, True),
        ({"species": ["sheep"]}, True),
        ({"species": ["goat", "sheep"]}, True),
        ({"species": ["goat"]}, False),
        ({"categories": ["livestock"], "species": ["sheep"]}, True),
        ({"categories": ["produce"], "species": ["sheep"]}, False),
        ({"temperatures": ["live"]}, True),
        ({"temperatures": ["chilled", "frozen"]}, False),
    ],
)
def test_goods_are_of_one_of_each_kind_that_the_rule_names(named, bears):
    assert a_rule(**named).bears_on(SHEEP, ON) is bears


def test_mixed_goods_are_held_by_a_rule_on_any_of_them_and_unknown_ones_by_none_about_what_is_unknown():
    mixed = goods(of=["produce", "handicraft"])
    assert a_rule(categories=["produce"]).bears_on(mixed, ON)
    assert not a_rule(categories=["produce"]).bears_on(goods(), ON)
    assert not a_rule(species=["sheep"]).bears_on(goods(temperature=Temperature.LIVE, of=["livestock"]), ON)


@pytest.mark.parametrize(
    ("since", "until", "bears"),
    [
        (None, None, True),
        (ON, ON, True),
        (ON + timedelta(1), None, False),
        (None, ON - timedelta(1), False),
        (ON - timedelta(9), ON + timedelta(9), True),
    ],
)
def test_both_days_of_a_rule_are_within_it(since, until, bears):
    assert a_rule(since=since, until=until).bears_on(SHEEP, ON) is bears


def test_day_is_that_of_chinas_calendar():
    rules = OriginRules(version="1", rule=(a_rule(since=ON, until=ON),))
    assert rules.bearing_on(SHEEP, datetime(2026, 3, 1, 16, tzinfo=UTC))
    assert not rules.bearing_on(SHEEP, datetime(2026, 3, 1, 15, 59, tzinfo=UTC))
    assert not rules.bearing_on(SHEEP, datetime(2026, 3, 2, 16, tzinfo=UTC))


def test_what_is_not_in_force_refuses_nothing():
    assert not a_rule(in_force=False).bears_on(SHEEP, ON)


@given(areas=st.sets(areas, min_size=1, max_size=4), county=counties)
def test_outside_is_everywhere_in_the_country_that_to_is_not(areas, county):
    within, without = a_rule(to=sorted(areas)), a_rule(outside=sorted(areas))
    assert within.closes(county) is not without.closes(county)
    assert within.closes(county) is any(county.startswith(area) for area in areas)


def test_abroad_is_for_customs():
    assert not a_rule(to=["61"]).closes(None)
    assert not a_rule(outside=["65"]).closes(None)


@given(
    county=counties,
    species=st.sets(st.sampled_from([*Species]), max_size=2),
    named=st.sets(st.sampled_from([*Species]), max_size=3),
    areas=st.sets(areas, min_size=1, max_size=3),
    more=st.sets(areas, max_size=3),
)
def test_wider_rule_bears_on_all_that_a_narrower_one_does(county, species, named, areas, more):
    animals = goods(county, Temperature.LIVE, of=["livestock"], species=species)
    narrow = a_rule(origin=sorted(areas), species=sorted(named), temperatures=["live"])
    wide = a_rule(origin=sorted(areas | more))
    assert wide.bears_on(animals, ON) or not narrow.bears_on(animals, ON)


def test_first_rule_that_closes_the_destination_is_named():
    rules = [a_rule("A", to=["62"]), a_rule("B", to=["6101"]), a_rule("C", to=["61"])]
    assert [getattr(forbidding(rules, county), "number", None) for county in ("610102", "610302", "650102", None)] == [
        "B",
        "C",
        None,
        None,
    ]


def a_line(name, *stops):
    hours = [Stop(stop, n * 3_600, n * 3_600, n * 50_000) for n, stop in enumerate(stops)]
    return Service(name, "road", "c", tuple(hours), Tariff(), Capacity(10**6, 10**9), on_demand=True)


def a_hub(code, adcode):
    return HubPoint(code, WORDS, HubKind.CITY, 30.0, 100.0, adcode, 0, 0, 0, "test")


HUBS = [a_hub("A", "650102"), a_hub("B", "620102"), a_hub("C", "610102"), a_hub("F", None)]
LINES = Timetable(
    [Place(hub.code) for hub in HUBS],
    [a_line("AB", "A", "B"), a_line("ABC", "A", "B", "C"), a_line("BC", "B", "C"), a_line("CAF", "C", "A", "F")],
    "1",
)


def test_transit_closes_the_places_of_the_area_and_the_lines_that_call_there_on_the_way():
    closed = closed_on_the_way([a_rule(to=["62"], transit=True)], HUBS, LINES, "A")
    assert (closed.places, closed.services) == ({"B"}, {"ABC"})


def test_goods_may_leave_the_place_where_they_are():
    closed = closed_on_the_way([a_rule(to=["62", "61"], transit=True)], HUBS, LINES, "B")
    assert (closed.places, closed.services) == ({"C"}, set())


def test_only_rules_on_transit_close_anything_on_the_way():
    assert closed_on_the_way([a_rule(to=["62"])], HUBS, LINES, "A").places == set()


@pytest.mark.parametrize(
    ("closing", "named"),
    [
        # By which sets of rules there is no way.
        ([{"A"}], "A"),
        ([{"B"}], "B"),
        ([{"A"}, {"B"}], "A"),
        ([{"A", "B"}], "A"),
        # Not for the rules: there is no way without them either.
        ([set()], None),
    ],
)
def test_rule_in_the_way_is_the_first_by_which_alone_there_is_none(closing, named):
    rules = [a_rule("A", transit=True), a_rule("B", transit=True), a_rule("ONLY-THE-END")]

    def why(some):
        shut = any(together <= {rule.number for rule in some} for together in closing)
        return Reason.FULL if shut else None

    reason, rule = what_stands_in_the_way(rules, Reason.FORBIDDEN, why)
    assert getattr(rule, "number", None) == named
    assert reason is (Reason.FORBIDDEN if named else Reason.FULL)


def test_reason_of_goods_that_no_rule_holds_on_the_way_is_the_planners():
    def never(_some):
        pytest.fail("nothing is asked")

    assert what_stands_in_the_way([a_rule()], Reason.FULL, never) == (Reason.FULL, None)


@pytest.fixture(scope="module")
def shipped():
    return load_origin_rules(None, **KNOWN)


def test_table_that_comes_with_the_code_tells_its_sources_and_what_is_not_verified(shipped):
    text = TABLE.read_text(encoding="utf-8")
    assert shipped.version
    for rule in shipped.rule:
        assert rule.source["en"] != rule.source["zh-Hans"]
        assert "[M]" in rule.source["en"] or not rule.in_force, rule.number
    assert "Nothing here is legal advice" in text


def test_pigs_stay_in_one_region_each_province_is_of_one_and_only_pigs_are_held(shipped):
    in_force = [rule for rule in shipped.rule if rule.in_force]
    regions = [rule.outside for rule in in_force]
    assert sorted(area for region in regions for area in region) == sorted(PROVINCES)
    for province in PROVINCES:
        pigs = goods(f"{province}0102", Temperature.LIVE, of=["livestock"], species=["pig"])
        (rule,) = shipped.bearing_on(pigs, AT)
        open_to = {other for other in PROVINCES if not rule.closes(f"{other}0102")}
        assert province in open_to == rule.outside
    for species in {*Species} - {Species.PIG}:
        assert not shipped.bearing_on(goods("653221", Temperature.LIVE, of=["livestock"], species=[species]), AT)
    for category in Category:
        assert not shipped.bearing_on(goods("653221", Temperature.CHILLED, of=[category]), AT)


GOOD = """
version = "7"
[[rule]]
number = "X-1"
what = { en = "said", zh-Hans = "说明" }
source = { en = "notice", zh-Hans = "通知" }
origin = ["6532"]
to = ["61"]
categories = ["produce"]
since = 2026-01-01
"""


def test_another_table_takes_the_place_of_ours(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(GOOD, encoding="utf-8")
    rules = load_origin_rules(path, **KNOWN)
    assert (rules.version, [rule.number for rule in rules.rule], rules.find("X-1").source["en"]) == (
        "7",
        ["X-1"],
        "notice",
    )
    assert rules.find("X-2") is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (('to = ["61"]', 'to = ["Shaanxi"]'), "rule X-1 to 0"),
        (('to = ["61"]', ""), "rule X-1: a rule names either"),
        (('to = ["61"]', 'to = ["61"]\noutside = ["65"]'), "rule X-1: a rule names either"),
        (('origin = ["6532"]', "origin = []"), "rule X-1 origin"),
        (('["produce"]', '["fruit"]'), "rule X-1: no such category: fruit"),
        (("since = 2026-01-01", 'species = ["cat"]'), "rule X-1: no such species: cat"),
        (("since = 2026-01-01", "since = 2026-01-02\nuntil = 2026-01-01"), "rule X-1: `until` is before `since`"),
        (("since = 2026-01-01", "sinse = 2026-01-01"), "rule X-1 sinse"),
        (('zh-Hans = "通知" }', 'ug = "a" }'), "rule X-1: `what` and `source` are said in en and in zh-Hans"),
        (('number = "X-1"', ""), "rule 1 of the file number"),
        (('version = "7"', ""), "version"),
    ],
)
def test_table_with_a_fault_is_refused_with_the_rule_and_the_fault(wrong, told):
    assert wrong[0] in GOOD
    with pytest.raises(ValueError, match=told):
        read_origin_rules(GOOD.replace(*wrong), **KNOWN)


def test_number_stands_once():
    with pytest.raises(ValueError, match="stand twice: X-1"):
        read_origin_rules(GOOD + GOOD[GOOD.index("[[rule]]") :], **KNOWN)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RulesUnreadable, match=r"nothing\.toml"):
        load_origin_rules(tmp_path / "nothing.toml", **KNOWN)
    (tmp_path / "broken.toml").write_text("version = ", encoding="utf-8")
    with pytest.raises(RulesUnreadable, match=r"broken\.toml"):
        load_origin_rules(tmp_path / "broken.toml", **KNOWN)
