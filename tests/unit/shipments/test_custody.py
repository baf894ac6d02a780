"""Hand-over codes that come back as they were made, and chains that no order, lateness or repetition changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import new_id
from app.core.sign import Signer, is_signed
from app.shipments.custody import (
    BUYER,
    CODE_LENGTH_MAX,
    PACKAGES_PER_CODE_MAX,
    HandOver,
    HandOverCode,
    Holder,
    PartyKind,
    chains,
    read_code,
    signed_text,
    text_of,
    time_gaps,
)
from app.shipments.errors import CodeUnreadable

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
GARDEN = Holder(PartyKind.PRODUCER, "prd_01jd0000000000000000000000")
KUNLUN, LONGHAI = Holder(PartyKind.CARRIER, "KUNLUN"), Holder(PartyKind.CARRIER, "LONGHAI")
ONE, TWO = "pkg_01jd0000000000000000000001", "pkg_01jd0000000000000000000002"
HOLDERS = (GARDEN, KUNLUN, LONGHAI, BUYER)


def a_code(**changes):
    made = HandOverCode(
        "hov_01jd0000000000000000000000",
        "con_01jd0000000000000000000000",
        (ONE, TWO),
        16_100,
        AT,
        "HOTAN",
        GARDEN,
        KUNLUN,
    )
    return replace(made, **changes)


def test_code_is_the_text_that_is_documented():
    assert text_of(a_code(signature="q" * 86)) == (
        "chama-hand-over-1|hov_01jd0000000000000000000000|con_01jd0000000000000000000000|"
        f"{ONE},{TWO}|16100|2026-03-02T02:00:00Z|HOTAN|producer:prd_01jd0000000000000000000000|carrier:KUNLUN|"
        + "q"
        * 86
    )


@given(
    packages=st.integers(0, PACKAGES_PER_CODE_MAX),
    weight=st.integers(1, 10**9),
    late=st.integers(0, 10**8),
    hub=st.sampled_from(["HOTAN", None]),
    sides=st.permutations(HOLDERS),
    signed=st.booleans(),
)
def test_what_is_read_is_what_was_made(packages, weight, late, hub, sides, signed):
    made = a_code(
        packages=tuple(sorted(new_id("pkg") for _ in range(packages))),
        weight_g=weight,
        at=AT + timedelta(seconds=late),
        hub=hub,
        giver=sides[0],
        taker=sides[1],
    )
    signer = Signer(b"a device")
    made = replace(made, signature=signer.sign(signed_text(made)) if signed else None)
    text = text_of(made)
    assert len(text) <= CODE_LENGTH_MAX
    read = read_code(text)
    assert read == made
    assert not signed or is_signed(signed_text(read), read.signature, signer.public_key)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "chama-hand-over-2"),
        ("id", "hov_1"),
        ("id", "con_01jd0000000000000000000000"),
        ("consignment", ""),
        ("packages", f"{TWO},{ONE}"),
        ("packages", f"{ONE},{ONE}"),
        ("packages", ","),
        ("weight_g", "0"),
        ("weight_g", "-5"),
        ("weight_g", "016"),
        ("weight_g", "١٦"),
        ("weight_g", "9999999999"),
        ("at", "2026-03-02T02:00:00.5Z"),
        ("at", "2026-03-02T02:00:00+08:00"),
        ("at", "2026-02-30T02:00:00Z"),
        ("hub", "hotan"),
        ("from", "producer:KUNLUN"),
        ("from", "carrier:kunlun"),
        ("from", "person:per_01jd0000000000000000000000"),
        ("to", "producer:prd_01jd0000000000000000000000"),
        ("to", "buyer:per_01jd0000000000000000000000"),
        ("signature", "q" * 85),
        ("signature", "q" * 85 + "="),
    ],
)
def test_what_is_not_exactly_a_code_is_refused_at_its_field(field, value):
    names = ("version", "id", "consignment", "packages", "weight_g", "at", "hub", "from", "to", "signature")
    parts = text_of(a_code(signature="q" * 86)).split("|")
    parts[names.index(field)] = value
    with pytest.raises(CodeUnreadable) as refused:
        read_code("|".join(parts))
    assert refused.value.fields["field"] == field


@pytest.mark.parametrize(
    "text", ["", "|" * 9, "hello", "chama-hand-over-1", "x" * 3_000, "|".join(["chama-hand-over-1"] * 11)]
)
def test_something_else_is_no_code(text):
    with pytest.raises(CodeUnreadable):
        read_code(text)


@pytest.mark.parametrize(
    ("made_at", "is_good"),
    [
        (timedelta(), True),
        (-timedelta(days=7), True),
        (-timedelta(days=7, seconds=1), False),
        (timedelta(minutes=10), True),
        (timedelta(minutes=11), False),
        (-timedelta(days=6), True),
    ],
)
def test_time_of_a_code_is_believed_for_seven_days(made_at, is_good):
    assert (not time_gaps(a_code(at=AT + made_at), AT - timedelta(days=30), AT)) == is_good


def test_code_from_before_the_booking_is_refused():
    assert time_gaps(a_code(at=AT - timedelta(hours=1)), AT, AT + timedelta(hours=1))


def handed(hours, giver, taker, *packages, id_=None):
    return HandOver(AT + timedelta(hours=hours), id_ or f"hov_{hours}", giver, taker, None, 1_000, packages)


WAY = [handed(1, GARDEN, KUNLUN), handed(5, KUNLUN, LONGHAI), handed(9, LONGHAI, BUYER)]


def test_chain_says_who_had_it_from_when_to_when():
    (chain,) = chains([ONE, TWO], GARDEN.id, AT, WAY)
    told = [
        (
            step.holder,
            step.since and (step.since - AT) // timedelta(hours=1),
            step.until and (step.until - AT) // timedelta(hours=1),
        )
        for step in chain.steps
    ]
    assert told == [(GARDEN, 0, 1), (KUNLUN, 1, 5), (LONGHAI, 5, 9), (BUYER, 9, None)]
    assert chain.packages == (ONE, TWO)
    assert chain.is_unbroken


def test_hand_over_that_nobody_told_breaks_the_chain_where_it_is_missing():
    (chain,) = chains([ONE], GARDEN.id, AT, [WAY[0], WAY[2]])
    assert [(step.holder, step.since is None, step.until is None) for step in chain.steps] == [
        (GARDEN, False, False),
        (KUNLUN, False, True),
        (LONGHAI, True, False),
        (BUYER, False, True),
    ]
    assert not chain.is_unbroken
    (mended,) = chains([ONE], GARDEN.id, AT, [WAY[2], WAY[0], WAY[1]])
    assert mended.is_unbroken


def test_packages_that_part_have_chains_of_their_own():
    parted = [WAY[0], handed(5, KUNLUN, LONGHAI, ONE), handed(6, KUNLUN, BUYER, TWO)]
    by_first = {
        chain.packages: [str(step.holder) for step in chain.steps]
        for chain in chains([ONE, TWO], GARDEN.id, AT, parted)
    }
    assert by_first == {
        (ONE,): [str(GARDEN), "carrier:KUNLUN", "carrier:LONGHAI"],
        (TWO,): [str(GARDEN), "carrier:KUNLUN", "buyer"],
    }


@st.composite
def hand_overs(draw):
    some = []
    for n in range(draw(st.integers(0, 8))):
        giver, taker = draw(st.permutations(HOLDERS))[:2]
        packages = draw(st.sampled_from([(), (ONE,), (TWO,), (ONE, TWO)]))
        some.append(handed(draw(st.integers(0, 5)), giver, taker, *packages, id_=f"hov_{n}"))
    return some


@given(told=hand_overs(), again=st.data())
def test_order_and_repetition_change_no_chain(told, again):
    expected = chains([ONE, TWO], GARDEN.id, AT, told)
    shuffled = again.draw(st.permutations(told + told[: len(told) // 2]))
    assert chains([ONE, TWO], GARDEN.id, AT, shuffled) == expected
    assert sorted(package for chain in expected for package in chain.packages) == [ONE, TWO]


@given(told=hand_overs())
def test_every_hand_over_is_a_step_of_those_packages_that_it_names(told):
    for chain in chains([ONE, TWO], GARDEN.id, AT, told):
        meant = [each.id for each in sorted(told) if not each.packages or set(chain.packages) & set(each.packages)]
        assert [step.hand_over.id for step in chain.steps if step.hand_over] == meant
        assert chain.steps[0].since == AT
        for step in chain.steps:
            assert step.since is None or step.until is None or step.since <= step.until
