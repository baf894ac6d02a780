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


class DestinationRefused(Problem):
    """An address of somebody else's that we do not call, whoever asks for it. Trying again does not help."""

    slug = "destination-refused"
    kind = Kind.INVALID
    title = {"en": "This address is not called", "zh-Hans": "不能使用该地址"}
    detail = {
        "en": "We do not call this URL: {reason}. Give one that anybody on the internet could reach.",
        "zh-Hans": "无法使用该网址：{reason}。请提供可从互联网公开访问的网址。",
    }


class NoAnswer(Problem):
    """Somebody else's server could not be reached, or did not answer in time; it may later."""

    slug = "no-answer"
    kind = Kind.UPSTREAM
    title = {"en": "The other server did not answer", "zh-Hans": "对方服务器没有响应"}
    detail = {
        "en": "The server behind this URL did not answer ({reason}). It is tried again later.",
        "zh-Hans": "该网址的服务器没有响应（{reason}），稍后将重试。",
    }


class TooManyEndpoints(Problem):
    slug = "too-many-endpoints"
    kind = Kind.CONFLICT
    title = {"en": "Too many webhook endpoints", "zh-Hans": "推送地址过多"}
    detail = {
        "en": "There are {max} already. Delete one that is not needed, or let one take more kinds of news.",
        "zh-Hans": "推送地址已达 {max} 个。请删除不用的地址，或让现有地址接收更多事件。",
    }
