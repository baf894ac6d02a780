"""The table of offer terms: read, checked with one clear line for a fault, and what of it an offer keeps."""

import orjson
import pytest

from app.catalogue.values import Category
from app.core.quantity import Unit
from app.core.settings import Settings
from app.flows.ports import fault_of_tables
from app.offers.terms import TABLE, TermsUnreadable, frozen, load_terms, read_terms, terms_of

GOOD = TABLE.read_text(encoding="utf-8")


def test_what_an_offer_keeps_is_what_held():
    agreed = load_terms(None).find(Category.COTTON, Unit.BALE)
    assert agreed is not None
    assert terms_of(orjson.loads(orjson.dumps(frozen(agreed)))) == agreed


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            "deposit_bps = 1500",
            "deposit_bps = 5001",
            "terms cotton deposit_bps: Input should be less than or equal to 5000",
        ),
        ('on_lapse = "forfeited"', 'on_lapse = "kept"', "terms cotton on_lapse"),
        ("answer_h = 48", "answer_h = 169", "`answer_h` is not above `answer_h_max`"),
        ('category = "livestock"', 'category = "cotton"', "categories stand twice: cotton"),
        ('min_quantity = { head = "5" }', "min_quantity = { }", "terms livestock min_quantity"),
        ('min_quantity = { head = "5" }', 'min_quantity = { herd = "5" }', "terms livestock min_quantity"),
        (
            'en = "Offers on cotton lots, with a deposit of 15 %", ',
            "",
            "`what` and `source` are said in en and in zh-Hans",
        ),
        ("rounds_max = 10", "rounds_max = 10\nsurprise = 1", "terms cotton surprise"),
        ('version = "2026-1"', "", "version: Field required"),
    ],
)
def test_fault_is_told_with_its_row_and_field(right, wrong, told):
    assert right in GOOD
    with pytest.raises(ValueError) as caught:
        read_terms(GOOD.replace(right, wrong, 1))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_service_does_not_start_with_a_table_that_has_a_fault(tmp_path):
    path = tmp_path / "terms.toml"
    path.write_text(GOOD.replace("deposit_bps = 1500", "deposit_bps = 9000"), encoding="utf-8")
    with pytest.raises(TermsUnreadable, match="deposit_bps"):
        load_terms(path)
    fault = fault_of_tables(Settings(offer_terms=path))
    assert fault is not None
    assert fault.startswith(f"CHAMA_OFFER_TERMS: {path}: terms cotton deposit_bps")
    assert fault_of_tables(Settings()) is None
