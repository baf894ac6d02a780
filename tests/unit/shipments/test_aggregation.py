"""What lies in what: a child follows its parent only while inside, however the packings were told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.shipments.aggregation import DEPTH_MAX, Action, Goods, Packing, are_concerned, concerned, contents_at

AT = datetime(2026, 3, 2, tzinfo=UTC)
UNITS = ("box1", "box2", "box3", "pallet1", "pallet2", "container")


def at(hours):
    return AT + timedelta(hours=hours)


def put(hours, parent, child, key="1"):
    return Packing(at(hours), Action.ADD, key, parent, child)


def taken(hours, parent, child=None, key="1"):
    return Packing(at(hours), Action.DELETE, key, parent, child)


LOADED = [
    put(1, "pallet1", "box1"),
    put(1, "pallet1", "box2"),
    put(2, "container", "pallet1"),
    taken(6, "container", "pallet1"),
    taken(8, "pallet1"),
]


def test_child_is_told_of_what_its_parent_went_through_only_while_inside():
    assert concerned(LOADED, "container", at(0)) == {"container"}
    assert concerned(LOADED, "container", at(3)) == {"container", "pallet1", "box1", "box2"}
    assert concerned(LOADED, "container", at(6)) == {"container"}
    assert concerned(LOADED, "pallet1", at(7)) == {"pallet1", "box1", "box2"}
    assert concerned(LOADED, "pallet1", at(8)) == {"pallet1"}
    assert concerned(LOADED, "box1", at(3)) == {"box1"}


def test_put_in_counts_from_its_moment_and_taken_out_from_its_own():
    packings = [put(1, "pallet1", "box1"), taken(2, "pallet1", "box1")]
    told = [concerned(packings, "pallet1", AT + timedelta(minutes=minute)) for minute in (59, 60, 119, 120)]
    assert ["box1" in each for each in told] == [False, True, True, False]


def test_child_that_is_put_elsewhere_has_left_where_it_was():
    packings = [put(1, "pallet1", "box1"), put(3, "pallet2", "box1"), taken(4, "pallet1")]
    assert contents_at(packings, at(2)) == {"box1": "pallet1"}
    assert contents_at(packings, at(5)) == {"box1": "pallet2"}


def test_taken_out_of_where_it_is_not_changes_nothing():
    assert contents_at([put(1, "pallet1", "box1"), taken(2, "pallet2", "box1")], at(3)) == {"box1": "pallet1"}


def test_nothing_lies_in_itself():
    packings = [
        put(1, "pallet1", "box1"),
        put(2, "container", "pallet1"),
        put(3, "box1", "container"),
        put(4, "box2", "box2"),
    ]
    assert contents_at(packings, at(5)) == {"box1": "pallet1", "pallet1": "container"}


@st.composite
def packings(draw):
    some = []
    for n in range(draw(st.integers(0, 12))):
        hours, parent = draw(st.integers(0, 6)), draw(st.sampled_from(UNITS))
        child = draw(st.sampled_from(UNITS))
        if draw(st.booleans()):
            some.append(put(hours, parent, child, str(n)))
        else:
            some.append(taken(hours, parent, draw(st.sampled_from([child, None])), str(n)))
    return some


@given(told=packings(), when=st.integers(0, 7), more=st.data())
def test_order_and_repetition_change_nothing(told, when, more):
    expected = contents_at(told, at(when))
    assert contents_at(more.draw(st.permutations(told + told)), at(when)) == expected


@given(told=packings(), when=st.integers(0, 7))
def test_later_packings_change_nothing_of_what_was(told, when):
    before = [each for each in told if each.at <= at(when)]
    assert contents_at(told, at(when)) == contents_at(before, at(when))


@given(told=packings(), when=st.integers(0, 7), unit=st.sampled_from(UNITS))
def test_concerned_are_exactly_those_whose_parents_lead_to_the_unit(told, when, unit):
    """Another way to say the same: climb from each child, one parent at a time."""
    inside = contents_at(told, at(when))

    def climbs_to(child):
        for _ in range(DEPTH_MAX + 1):
            if child == unit:
                return True
            if child not in inside:
                return False
            child = inside[child]
        raise AssertionError("it lies in itself")

    assert concerned(told, unit, at(when)) == {each for each in (*UNITS, unit) if climbs_to(each)}


@given(told=packings())
def test_child_is_inside_from_its_last_put_in_until_it_is_taken_out_or_put_elsewhere(told):
    """By the story of one child alone, where no packing had to be left out: what nothing else contradicts."""
    tame = [each for each in told if each.parent.startswith("pallet") and (each.child or "").startswith("box")]
    for child in ("box1", "box2", "box3"):
        mine = sorted(each for each in tame if each.child == child)
        place = None
        for each in mine:
            if each.action is Action.ADD:
                place = each.parent
            elif place == each.parent:
                place = None
        assert contents_at(tame, at(9)).get(child) == place


GOODS = Goods("CM1", frozenset({"box1", "box2"}), frozenset({"ride"}))


def test_goods_are_concerned_while_one_of_their_packages_lies_in_the_unit():
    some = [put(1, "pallet1", "box1"), put(1, "pallet1", "box2"), taken(2, "pallet1", "box1"), taken(3, "pallet1")]
    assert [are_concerned(GOODS, {"pallet1"}, some, at(hour)) for hour in range(5)] == [False, True, True, False, False]


def test_goods_ride_in_the_unit_of_their_leg_unless_they_were_taken_out():
    in_a_container = put(1, "container", "ride")
    assert are_concerned(GOODS, {"container"}, [in_a_container], at(2))
    assert are_concerned(GOODS, {"ride"}, [taken(1, "ride", "box1")], at(2))
    assert are_concerned(GOODS, {"ride"}, [put(1, "pallet1", "box1"), put(1, "pallet1", "box2")], at(2))
    for gone in (taken(1, "ride"), taken(1, "ride", "CM1")):
        assert not are_concerned(GOODS, {"container", "ride"}, [in_a_container, gone], at(2))


def test_what_is_said_of_the_number_is_said_of_every_package():
    some = [put(1, "pallet1", "CM1"), taken(2, "pallet1", "box1")]
    assert are_concerned(GOODS, {"pallet1"}, some, at(2))
    assert not are_concerned(GOODS, {"pallet1"}, [*some, taken(3, "pallet1", "box2")], at(3))


@given(packings(), st.permutations(range(12)), st.sampled_from(UNITS), st.integers(0, 7))
def test_goods_are_concerned_the_same_in_any_order_and_told_twice(some, order, unit, hours):
    mixed = [some[index] for index in order if index < len(some)] + some
    assert are_concerned(GOODS, {unit}, mixed, at(hours)) == are_concerned(GOODS, {unit}, some, at(hours))
