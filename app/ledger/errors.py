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


class StatementTooLong(Problem):
    slug = "statement-too-long"
    kind = Kind.INVALID
    title = {"en": "Too many lines for one document", "zh-Hans": "对账单行数过多"}
    detail = {
        "en": "There are more than {lines_max} lines in these days. Ask for fewer days, or read them as JSON page by page.",
        "zh-Hans": "该期间超过 {lines_max} 行。请缩短期间，或以 JSON 分页读取。",
    }
