"""The table of policies: read, checked with one clear line for a fault, and what of it an order keeps."""

from datetime import timedelta

import pytest

from app.catalogue.values import Category
from app.core.limits import DISPUTE_WINDOW
from app.core.settings import Settings
from app.core.text import LANGUAGES
from app.flows.ports import fault_of_tables
from app.orders.policies import (
    TABLE,
    Base,
    ClaimKind,
    Evidence,
    Owed,
    Party,
    PoliciesUnreadable,
    claimable_of,
    frozen_terms,
    load_policies,
    owed_for,
    read_policies,
    window_of,
)

GOOD = TABLE.read_text(encoding="utf-8")


def test_the_table_that_comes_with_the_code_speaks_of_every_category_in_both_languages():
    policies = load_policies(None)
    assert {row.category for row in policies.claim} == set(Category)
    for row in (*policies.claim, *policies.cancellation):
        assert set(row.what) == set(LANGUAGES)


def test_what_the_domain_asks_of_each_category_holds():
    by_number = {row.number: row for row in load_policies(None).claim}
    fresh, craft = by_number["PRODUCE-DAMAGE"], by_number["CRAFT-NO-REASON"]
    assert (fresh.window_h, fresh.evidence) == (48, (Evidence.PHOTOS,))
    assert (craft.window_h, craft.evidence, craft.made_to_order) == (7 * 24, (), False)
    assert by_number["COTTON-INSPECTION"].evidence == (Evidence.INSPECTION,)
    assert {row.kind for row in by_number.values() if row.category is Category.LIVESTOCK} == {ClaimKind.HAND_OVER}


def test_an_order_keeps_the_rows_that_bear_on_its_lines_and_the_version():
    goods = {"a": ("produce", False), "b": ("handicraft", True), "c": ("handicraft", False), "d": (None, False)}
    policies = load_policies(None)
    terms = frozen_terms(policies, goods)
    assert terms["policy"] == policies.version
    kinds = {line: [each.kind for each in claimable_of(terms, line)] for line in goods}
    damage, no_reason = ClaimKind.DAMAGE, ClaimKind.NO_REASON
    assert kinds == {"a": [damage], "b": [damage], "c": [no_reason, damage, ClaimKind.REFUSAL], "d": []}
    assert owed_for(terms, "pickup_late") == Owed(Party.CARRIER, Party.PRODUCER, Base.PACKAGING, 10_000)
    assert owed_for(terms, "changed_mind") is None


def test_orders_from_before_have_nothing_to_claim_and_owe_nothing():
    terms = {"policy": "2026-1", "fee_bps": 300}
    assert claimable_of(terms, "lin") == []
    assert owed_for(terms, "pickup_late") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('category = "produce"', 'category = "fish"', "claim PRODUCE-DAMAGE category"),
        ("window_h = 48", "window_h = 0", "claim PRODUCE-DAMAGE window_h"),
        ('kind = "no_reason"', 'kind = "damage"', "CRAFT-NO-REASON and CRAFT-DAMAGE are for the same goods"),
        ('number = "CRAFT-DAMAGE"', 'number = "CRAFT-NO-REASON"', "numbers stand twice: CRAFT-NO-REASON"),
        ("bps = 5000", "bps = 50000", "cancellation goods_not_ready bps"),
        ('to = "carrier"\n', "", "cancellation goods_not_ready: `bps` above zero comes with `to` and `of`"),
        ('to = "carrier"', 'to = "producer"', "`to` is somebody else than who `pays`"),
        ('states = ["placed"]', 'states = ["in_transit"]', "orders are cancelled while they are"),
        ('version = "2026-4"', "", "version: Field required"),
        ('zh-Hans = "买家不想要了"', 'ug = "x"', "cancellation changed_mind: `what` is said in en and in zh-Hans"),
    ],
)
def test_a_fault_is_named_with_its_row(old, new, told):
    assert old in GOOD
    with pytest.raises(ValueError) as refused:
        read_policies(GOOD.replace(old, new, 1))
    assert told in str(refused.value)


def test_a_table_with_a_fault_stops_the_start_with_one_line(tmp_path):
    path = tmp_path / "policies.toml"
    path.write_text(GOOD.replace("window_h = 48", "window_h = -1"))
    fault = fault_of_tables(Settings(policies=path))
    assert fault.startswith(f"CHAMA_POLICIES: {path}: claim PRODUCE-DAMAGE window_h")
    assert "\n" not in fault
    assert fault_of_tables(Settings()) is None
    with pytest.raises(PoliciesUnreadable):
        load_policies(tmp_path / "nothing.toml")


def test_money_waits_for_the_longest_time_in_which_anything_of_it_can_be_claimed():
    goods = {"a": ("produce", False), "b": ("handicraft", False), "c": ("livestock", False), "d": ("cotton", False)}
    terms = frozen_terms(load_policies(None), goods)
    hours = {line: window_of(terms, [line]) / timedelta(hours=1) for line in goods}
    assert hours == {"a": 48, "b": 7 * 24, "c": 2, "d": 10 * 24}
    assert window_of(terms, ["a", "c"]) == timedelta(hours=48)
    assert window_of({"policy": "2026-1"}, ["a"]) == DISPUTE_WINDOW
