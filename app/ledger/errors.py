"""The refusals of the ledger."""

from app.core.errors import Kind, Problem


class TransferSettled(Problem):
    slug = "transfer-settled"
    kind = Kind.CONFLICT
    title = {"en": "This money has moved already", "zh-Hans": "该笔款项已处理"}
    detail = {
        "en": "Transfer {id} is {state} and stays so. Read the order again; money that moved is returned by a refund.",
        "zh-Hans": "款项 {id} 已为 {state}，不可更改。请重新查看订单；已入账的款项只能通过退款退回。",
    }
