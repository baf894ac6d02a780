"""Deposits of boxes that come back: by the catalogue, and as money that is put aside and back."""

from app.core.money import Money
from app.flows.return_boxes import hold_boxes, let_go_of_boxes
from app.ledger.rules import check_zero_sum
from app.ledger.values import AccountKind, TransferKind
from app.orders.models import Order
from app.packaging.rules import load_catalogue
from app.packaging.values import PackagingKind


def test_what_comes_back_has_a_deposit_and_a_day_and_nothing_else_has():
    for package in load_catalogue():
        comes_back = package.kind is PackagingKind.REUSABLE
        assert (package.deposit_minor > 0, package.return_days > 0) == (comes_back, comes_back), package.code
        # It is to bring the box back, so it is worth more than the use of it.
        assert package.deposit_minor == 0 or package.deposit_minor > package.price_minor


def test_what_is_held_for_boxes_is_known_by_its_order_and_goes_back_whole():
    order = Order(id="ord_1", buyer_id="per_1", currency="CNY", box_deposit_minor=4_500)
    (held,) = hold_boxes(order)
    assert (held.id, held.kind, held.subject) == ("trf_1", TransferKind.DEPOSIT, "ord_1")
    check_zero_sum(held)
    amounts = {entry.account.kind: Money(entry.amount_minor, entry.account.currency) for entry in held.entries}
    assert amounts == {AccountKind.BUYER: Money(-4_500, "CNY"), AccountKind.DEPOSIT: Money(4_500, "CNY")}
    (back,) = let_go_of_boxes(order, [held])
    assert {entry.account: -entry.amount_minor for entry in back.entries} == {
        entry.account: entry.amount_minor for entry in held.entries
    }
    assert let_go_of_boxes(order, [back]) == []
    assert hold_boxes(Order(id="ord_2", buyer_id="per_1", currency="CNY", box_deposit_minor=None)) == []
