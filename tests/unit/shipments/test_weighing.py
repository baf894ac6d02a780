"""Weigh-ins by rule: what is signed, what is wrong, what may follow, and who decides."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import StateConflict
from app.core.sign import Signer, encoded, is_signed
from app.orders.policies import Lapse
from app.orders.weighing import Allowed, Terms
from app.shipments.weighing import (
    ALLOWED,
    WeighInEvent,
    WeighInStatus,
    advance,
    charged_g,
    payload_of,
    settled_at_once,
    weight_gaps,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BULK = Terms("1", 500, timedelta(hours=12), Lapse.DECLINE)
COTTON = replace(BULK, trash_pct=Decimal("2.5"), regain_pct=Decimal("8.5"))


@dataclass(frozen=True)
class Told:
    id: str = "wgh_1"
    line: str = "lin_1"
    gross_g: int = 103_800
    tare_g: int = 6_500
    net_g: int = 97_300
    weighed_at: datetime = NOW
    instrument: str = "SCALE-2"
    ticket: str = "0117"
    photo: str = "med_1"
    trash_pct: str | None = None
    regain_pct: str | None = None


def pointers(told, terms=BULK):
    return [gap.pointer for gap in weight_gaps(told, terms, NOW - timedelta(days=1), NOW)]


def test_what_is_told_right_has_no_gaps():
    assert pointers(Told()) == []
    assert pointers(Told(trash_pct="2.1", regain_pct="7.9"), COTTON) == []


@pytest.mark.parametrize(
    ("told", "terms", "where"),
    [
        (Told(net_g=103_801, tare_g=-1), BULK, ["/net_g"]),
        (Told(net_g=97_299), BULK, ["/net_g"]),
        (Told(gross_g=0, tare_g=0, net_g=0), BULK, ["/net_g"]),
        (Told(weighed_at=NOW + timedelta(minutes=11)), BULK, ["/weighed_at"]),
        (Told(weighed_at=NOW - timedelta(days=2)), BULK, ["/weighed_at"]),
        (Told(trash_pct="2.1"), BULK, ["/trash_pct"]),
        (Told(), COTTON, ["/trash_pct", "/regain_pct"]),
        (Told(trash_pct="50.01", regain_pct="8"), COTTON, ["/trash_pct"]),
    ],
)
def test_every_fault_is_pointed_at(told, terms, where):
    assert pointers(told, terms) == where


def test_cotton_is_charged_by_its_conditioned_weight():
    assert charged_g(Told(), BULK) == 97_300
    assert charged_g(Told(net_g=227_000, trash_pct="2.1", regain_pct="7.9"), COTTON) == 229_199


def test_signature_is_of_exactly_this_text_by_exactly_this_key():
    signer, other = Signer(b"one"), Signer(b"two")
    text = payload_of("con_1", Told())
    assert text.split("\n") == [
        "chama-weigh-in-1", "con_1", "wgh_1", "lin_1", "103800", "6500", "97300", "", "", "2026-03-02T08:00:00Z",
        "SCALE-2", "0117", "med_1",
    ]  # fmt: skip
    signature = signer.sign(text)
    assert is_signed(text, signature, signer.public_key)
    assert Signer(b"one").public_key == signer.public_key
    assert not is_signed(payload_of("con_2", Told()), signature, signer.public_key)
    assert not is_signed(payload_of("con_1", Told(net_g=97_301, tare_g=6_499)), signature, signer.public_key)
    assert not is_signed(text, signature, other.public_key)
    for nonsense in ("", "!", "A" * 86, encoded(b"\x00" * 64)):
        assert not is_signed(text, nonsense, signer.public_key)
    assert not is_signed(text, signature, "A" * 10)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_within_the_range_nobody_is_asked_and_under_way_nobody_pays_beyond_it(charged, least, more):
    span = Allowed(least, least + more)
    settled = settled_at_once(charged, span, under_way=False)
    assert settled == (charged if span.holds(charged) else None)
    moving = settled_at_once(charged, span, under_way=True)
    assert moving == min(charged, span.most_g)


def test_only_the_steps_of_the_table_exist():
    for status in WeighInStatus:
        for event in WeighInEvent:
            if (status, event) in ALLOWED:
                assert advance(status, event) is ALLOWED[status, event]
            else:
                with pytest.raises(StateConflict):
                    advance(status, event)
    assert not [1 for status, _ in ALLOWED if status in (WeighInStatus.DECLINED, WeighInStatus.SUPERSEDED)]
