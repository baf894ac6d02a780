"""The refusals of notify."""

from app.core.errors import Kind, Problem


class MessageRefused(Problem):
    """The sender will never take this message; trying again is useless."""

    slug = "message-refused"
    kind = Kind.INVALID
    title = {"en": "The message cannot be sent to this number", "zh-Hans": "无法向该号码发送短信"}
    detail = {
        "en": "The sender refused the number ({reason}). Check that it is right and takes text messages.",
        "zh-Hans": "短信服务拒绝了该号码（{reason}）。请检查号码是否正确、能否接收短信。",
    }
