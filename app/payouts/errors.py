"""The refusals of paying out."""

from app.core.errors import Kind, Problem


class SheetTooLong(Problem):
    slug = "sheet-too-long"
    kind = Kind.INVALID
    title = {"en": "Too many payouts for one sheet", "zh-Hans": "付款清单行数过多"}
    detail = {
        "en": "This run has more than {payouts_max} payouts. Read them page by page with GET /v1/payouts.",
        "zh-Hans": "该批次付款超过 {payouts_max} 笔，请通过 GET /v1/payouts 分页读取。",
    }


class NothingForTheBank(Problem):
    slug = "nothing-for-the-bank"
    kind = Kind.CONFLICT
    title = {"en": "No transfer of this run waits for the bank", "zh-Hans": "该批次没有待银行处理的转账"}
    detail = {
        "en": "Every bank transfer of this run was sent, paid or came to nothing. Read how they stand with GET /v1/payout-runs/{run}.",
        "zh-Hans": "该批次的银行转账均已发出、完成或终止。可通过 GET /v1/payout-runs/{run} 查看。",
    }


class DebtorNotSet(Problem):
    slug = "debtor-not-set"
    kind = Kind.CONFLICT
    title = {"en": "The account to pay from is not set", "zh-Hans": "未设置付款账户"}
    detail = {
        "en": "A bank has to know the account that it takes the money from. Set [debtor] in the table of CHAMA_SETTLEMENT_TERMS, or take the CSV sheet.",
        "zh-Hans": "银行需知道付款账户。请在 CHAMA_SETTLEMENT_TERMS 所指的表中设置 [debtor]，或使用 CSV 付款清单。",
    }


class PayoutAccountsUnavailable(Problem):
    slug = "payout-accounts-unavailable"
    kind = Kind.MISSING
    title = {"en": "No accounts are opened here", "zh-Hans": "本服务未开通此类收款账户"}
    detail = {
        "en": "Give a bank account or a wallet with POST /v1/payees. For accounts with Stripe the operator sets CHAMA_STRIPE_CONNECT.",
        "zh-Hans": "请通过 POST /v1/payees 填写银行账户或钱包。如需 Stripe 收款账户，请运营方设置 CHAMA_STRIPE_CONNECT。",
    }


class NothingToPayBack(Problem):
    slug = "nothing-to-pay-back"
    kind = Kind.CONFLICT
    title = {"en": "Nothing is owed to the buyer of this order", "zh-Hans": "该订单没有应退买家的款项"}
    detail = {
        "en": "What was owed for order {order} is paid back or on its way; what was paid by card goes back to the card.",
        "zh-Hans": "订单 {order} 的应退款项已退回或正在退回；以银行卡支付的款项将原路退回。",
    }


class CarrierHoldsLess(Problem):
    slug = "carrier-holds-less"
    kind = Kind.CONFLICT
    title = {"en": "The carrier does not hold so much cash", "zh-Hans": "承运人持有的现金不足"}
    detail = {
        "en": "{carrier} holds {held} and would have to hand over {amount}. Pay by bank, or choose a carrier that holds enough.",
        "zh-Hans": "{carrier} 现持有 {held}，不足以支付 {amount}。请改用银行转账，或选择持有足够现金的承运人。",
    }


class PaidByMachine(Problem):
    slug = "paid-by-machine"
    kind = Kind.CONFLICT
    title = {"en": "This payout is not made by hand", "zh-Hans": "该付款由系统自动处理"}
    detail = {
        "en": "{channel} moves this money and tells what became of it. Wait for its news, or look there.",
        "zh-Hans": "该款项由 {channel} 支付并回报结果。请等待其通知，或在该渠道查询。",
    }


class RemittanceKnown(Problem):
    slug = "remittance-known"
    kind = Kind.CONFLICT
    title = {"en": "This reference was used before", "zh-Hans": "该凭证号已使用"}
    detail = {
        "en": "A remittance with the reference {reference} is announced already. Look at GET /v1/remittances; give another one its own reference.",
        "zh-Hans": "凭证号 {reference} 已有上缴记录。请查看 GET /v1/remittances；另一笔款项请使用不同的凭证号。",
    }
