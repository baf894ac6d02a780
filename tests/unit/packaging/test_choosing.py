"""Choosing packages: everything fits, nothing is lost, nothing is boxed twice."""

from decimal import Decimal
from math import ceil, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.quantity import times
from app.packaging.errors import TooManyPackages
from app.packaging.rules import choose_packages, fit_together, load_catalogue, making_co2e_g, pieces_in
from app.packaging.values import AS_IT_IS, DISPLAY, PACKAGES_MAX, Goods, PackagingKind

TYPES = {package.code: package for package in load_catalogue()}
JUJUBES = Goods(400, 300, 200, 5_200, Decimal(3), "ambient", already_packed=True)
APRICOTS = Goods(100, 100, 60, 500, Decimal("12.5"), "ambient")
YOGURT = Goods(80, 80, 120, 600, Decimal(8), "chilled")


def test_small_goods_take_the_cheapest_box_that_holds_them():
    (package,) = choose_packages(PackagingKind.STANDARD, [Goods(90, 60, 60, 250, Decimal(4), "ambient")])
    assert package.type == "STD-CARTON-XS"
    assert (package.units, package.weight_g, package.length_mm) == (4, 4 * 250 + 76, 201)


def test_the_load_limit_counts_and_not_only_the_room():
    stones = Goods(50, 50, 50, 2_000, Decimal(3), "ambient")
    assert [package.type for package in choose_packages(PackagingKind.STANDARD, [stones])] == ["STD-CARTON-S"]


def test_part_of_a_unit_takes_the_place_of_a_piece_but_only_its_own_weight():
    packages = choose_packages(PackagingKind.STANDARD, [APRICOTS])
    assert sum(package.units for package in packages) == 13
    assert sum(package.weight_g - package.own_mass_g for package in packages) == 6_250


def test_bales_and_animals_travel_as_they_are():
    bales = Goods(1_400, 530, 700, 227_000, Decimal(2), "ambient", already_packed=True)
    sheep = Goods(1_100, 400, 800, 45_000, Decimal(3), "live", already_packed=True)
    packages = choose_packages(PackagingKind.GREEN, [bales, sheep])
    assert [package.type for package in packages] == [AS_IT_IS] * 5
    assert {(package.price_minor, package.co2e_g, package.own_mass_g) for package in packages} == {(0, 0, 0)}


def test_what_fits_no_package_travels_as_it_is():
    carpet = Goods(2_600, 300, 300, 18_000, Decimal(1), "ambient")
    assert [package.type for package in choose_packages(PackagingKind.STANDARD, [carpet])] == [AS_IT_IS]


def test_chilled_goods_get_insulation_and_never_share_with_dry_goods():
    packages = choose_packages(PackagingKind.STANDARD, [YOGURT, APRICOTS])
    chilled = [package for package in packages if "chilled" in TYPES[package.type].temperatures]
    assert sum(package.units for package in chilled) == 8
    assert len(packages) == len(chilled) + 1


def test_the_rests_of_two_lines_share_one_box_when_that_is_cheaper():
    walnuts = Goods(100, 100, 60, 500, Decimal(3), "ambient")
    figs = Goods(120, 80, 50, 400, Decimal(2), "ambient")
    together = choose_packages(PackagingKind.STANDARD, [walnuts, figs])
    apart = [package for line in (walnuts, figs) for package in choose_packages(PackagingKind.STANDARD, [line])]
    assert len(together) == 1
    assert together[0].units == 5
    assert together[0].price_minor < sum(package.price_minor for package in apart)


def test_tonnes_go_on_pallets():
    grapes = Goods(400, 300, 150, 5_000, Decimal(1_000), "chilled")
    packages = choose_packages(PackagingKind.STANDARD, [grapes])
    assert {package.type for package in packages} == {"STD-PALLET"}
    assert len(packages) == ceil(1_000 / 42)


def test_green_emits_less_than_standard_and_reusable_less_than_both():
    goods = [Goods(180, 120, 90, 700, Decimal(30), "ambient")]
    standard, green, reusable = (
        sum(package.co2e_g or 0 for package in choose_packages(kind, goods)) for kind in PackagingKind
    )
    assert 0 < reusable < green < standard


def test_a_material_without_a_source_gives_no_figure():
    assert TYPES["GRN-BAGASSE-L"].co2e_g is None
    assert making_co2e_g({"a": 1_000, "b": 10}, {"a": "1200", "b": ""}, 1) is None


def test_a_crate_shares_its_making_over_its_uses():
    assert TYPES["RPC-M"].co2e_g == round(1.2 * 2_578 / 50)
    assert making_co2e_g({"pp": 1_500}, {"pp": "2578"}, 1) == 3_867


def test_packages_are_bounded():
    with pytest.raises(TooManyPackages) as refusal:
        choose_packages(
            PackagingKind.STANDARD, [Goods(900, 500, 700, 45_000, Decimal(501), "live", already_packed=True)] * 2
        )
    assert refusal.value.fields == {"packages": 1_002, "max": PACKAGES_MAX}
    with pytest.raises(TooManyPackages):
        choose_packages(PackagingKind.STANDARD, [Goods(1_000, 900, 900, 500_000, Decimal(10**9), "ambient")])


def test_pieces_stand_in_their_best_orientation():
    assert pieces_in((390, 290, 190), (190, 290, 195)) == 2
    assert pieces_in((100, 100, 100), (101, 1, 1)) == 0


def test_the_catalogue_is_complete():
    assert {package.kind for package in TYPES.values()} == set(PackagingKind) == set(DISPLAY)
    for package in TYPES.values():
        assert set(package.name) == {"en", "zh-Hans"}
        assert min(package.price_minor, package.own_mass_g, package.uses) > 0
        assert all(outer > inner for outer, inner in zip(package.outer_mm, package.inner_mm, strict=True))
    for kind in PackagingKind:
        covered = frozenset[str]().union(*(package.temperatures for package in TYPES.values() if package.kind is kind))
        assert covered == {"ambient", "chilled", "frozen"}


SIDES = st.integers(10, 700)
LINES = st.lists(
    st.builds(
        Goods,
        SIDES,
        SIDES,
        SIDES,
        st.integers(1, 40_000),
        st.decimals("0.1", 40, places=1),
        st.sampled_from(["ambient", "chilled", "frozen", "live"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(PackagingKind))
def test_nothing_is_lost_and_no_package_is_overloaded(goods, kind):
    packages = choose_packages(kind, goods)
    assert sum(package.units for package in packages) == sum(ceil(line.count) for line in goods)
    assert sum(package.weight_g - package.own_mass_g for package in packages) == sum(
        times(line.count, line.weight_g) for line in goods
    )
    for package in packages:
        if package.type != AS_IT_IS:
            assert TYPES[package.type].kind is kind
            assert package.weight_g - package.own_mass_g <= TYPES[package.type].load_g_max


@settings(max_examples=100, deadline=None)
@given(st.tuples(SIDES, SIDES, SIDES), st.lists(st.tuples(SIDES, SIDES, SIDES), min_size=1, max_size=12))
def test_pieces_that_fit_together_need_no_more_than_the_room_there_is(inner, sizes):
    if fit_together(inner, sizes):
        assert sum(map(prod, sizes)) <= prod(inner)
        for size in sizes:
            assert all(side <= room for side, room in zip(sorted(size), sorted(inner), strict=True))


def test_nothing_travels_in_a_package_heavier_than_itself() -> None:
    rug = Goods(620, 620, 60, 1_800, Decimal(2), "ambient")
    assert {package.type for package in choose_packages(PackagingKind.GREEN, [rug])} == {AS_IT_IS}
    many = Goods(620, 620, 60, 1_800, Decimal(40), "ambient")
    assert {package.type for package in choose_packages(PackagingKind.GREEN, [many])} != {AS_IT_IS}
