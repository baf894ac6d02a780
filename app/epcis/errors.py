"""The refusals of EPCIS 2.0. `exception` is the name that the standard gives each of them (REST bindings, RFC 7807 problem types)."""

from app.core.errors import Kind, Problem


class DocumentInvalid(Problem):
    slug = "epcis-document-invalid"
    kind = Kind.MALFORMED
    exception = "ValidationException"
    title = {"en": "The document is not valid EPCIS 2.0", "zh-Hans": "不是有效的 EPCIS 2.0 文档"}
    detail = {
        "en": "Nothing was captured. Correct the places listed in `errors` and send it again.",
        "zh-Hans": "未采集任何事件。请按 errors 中列出的位置改正后重新提交。",
    }


class EventNamesNothing(Problem):
    slug = "epcis-event-names-nothing"
    kind = Kind.MALFORMED
    exception = "ValidationException"
    title = {"en": "The event names none of our consignments", "zh-Hans": "事件未涉及本平台的货件"}
    detail = {
        "en": "Name a consignment by its GINC or tracking page, or a unit by its SSCC, in the event's EPCs or business transactions.",
        "zh-Hans": "请在事件的 EPC 或业务交易中以 GINC、跟踪页地址或 SSCC 指明货件。",
    }


class EventExists(Problem):
    slug = "epcis-event-exists"
    kind = Kind.CONFLICT
    exception = "ResourceAlreadyExistsException"
    title = {"en": "There is an event with this id already", "zh-Hans": "已有相同编号的事件"}
    detail = {
        "en": "{id} was captured before. An event is never changed: declare the error and send a corrected event with an id of its own.",
        "zh-Hans": "{id} 已采集过。事件不可更改：请提交错误声明，并以新的编号发送更正后的事件。",
    }


class QueryExists(Problem):
    slug = "epcis-query-exists"
    kind = Kind.CONFLICT
    exception = "ResourceAlreadyExistsException"
    title = {"en": "You have a query of this name already", "zh-Hans": "已有同名查询"}
    detail = {"en": "Delete {name} first, or choose another name.", "zh-Hans": "请先删除 {name}，或另取名称。"}


class CaptureTooLarge(Problem):
    slug = "epcis-capture-too-large"
    kind = Kind.MALFORMED
    exception = "CaptureLimitExceededException"
    title = {"en": "Too many events at once", "zh-Hans": "一次提交的事件过多"}
    detail = {
        "en": "A document may hold at most {limit} events. Send it in parts.",
        "zh-Hans": "每个文档最多 {limit} 个事件，请分批提交。",
    }


class QueryNotUnderstood(Problem):
    slug = "epcis-query-not-understood"
    kind = Kind.MALFORMED
    exception = "QueryParameterException"
    title = {"en": "The query cannot be understood", "zh-Hans": "无法识别查询"}
    detail = {
        "en": "Correct the parameters listed in `errors`.",
        "zh-Hans": "请改正 errors 中列出的参数。",
    }


class QueryTooLarge(Problem):
    slug = "epcis-query-too-large"
    kind = Kind.MALFORMED
    exception = "QueryTooLargeException"
    title = {"en": "More events than you want", "zh-Hans": "结果超过所设上限"}
    detail = {
        "en": "More than {max} events answer the query. Ask for less, or leave `maxEventCount` out and read page by page.",
        "zh-Hans": "符合条件的事件超过 {max} 个。请缩小范围，或去掉 maxEventCount 分页读取。",
    }


class QueryTooComplex(Problem):
    slug = "epcis-query-too-complex"
    kind = Kind.MALFORMED
    exception = "QueryTooComplexException"
    title = {"en": "Too many events would have to be looked through", "zh-Hans": "需要检索的事件过多"}
    detail = {
        "en": "Narrow it by time, by a name or by a business step, or leave `maxEventCount` out and read page by page.",
        "zh-Hans": "请按时间、标识或业务步骤缩小范围，或去掉 maxEventCount 分页读取。",
    }


class NoSuchResource(Problem):
    slug = "epcis-no-such-resource"
    kind = Kind.MISSING
    exception = "NoSuchResourceException"
    title = {"en": "There is none that you may see", "zh-Hans": "没有您可查看的资源"}
    detail = {
        "en": "There is no {what} here that you may see. Check its name, written as a URI and percent-encoded.",
        "zh-Hans": "这里没有您可查看的{what}。请检查名称（URI，须百分号编码）。",
    }


class NoSuchQuery(Problem):
    slug = "epcis-no-such-query"
    kind = Kind.MISSING
    exception = "NoSuchNameException"
    title = {"en": "You have no query of this name", "zh-Hans": "没有此名称的查询"}
    detail = {"en": "GET /epcis/v2/queries lists yours.", "zh-Hans": "GET /epcis/v2/queries 可列出您的查询。"}


class SubscriptionUnclear(Problem):
    slug = "epcis-subscription-unclear"
    kind = Kind.MALFORMED
    exception = "SubscriptionControlsException"
    title = {"en": "The subscription does not say when to report", "zh-Hans": "订阅未说明何时推送"}
    detail = {
        "en": "Set `stream` to true, or give a `schedule`, not both. {fault}",
        "zh-Hans": "请将 stream 设为 true，或提供 schedule，二者择一。{fault}",
    }


class MediaTypeUnsupported(Problem):
    slug = "epcis-media-type-unsupported"
    kind = Kind.MALFORMED
    exception = "UnsupportedMediaTypeException"
    title = {"en": "The body is not JSON", "zh-Hans": "请求体不是 JSON"}
    detail = {
        "en": "Send application/json or application/ld+json; XML is not taken.",
        "zh-Hans": "请使用 application/json 或 application/ld+json；不接受 XML。",
    }


class NotInThatForm(Problem):
    slug = "epcis-not-acceptable"
    kind = Kind.MALFORMED
    exception = "NotAcceptableException"
    title = {"en": "We do not have it in that form", "zh-Hans": "没有所要求的格式"}
    detail = {
        "en": "{header} asks for what we do not have. It can be had as {offered}.",
        "zh-Hans": "{header} 所要求的格式不可用。可提供：{offered}。",
    }


class AddressTooLong(Problem):
    slug = "epcis-uri-too-long"
    kind = Kind.MALFORMED
    exception = "URITooLongException"
    title = {"en": "The address is too long", "zh-Hans": "地址过长"}
    detail = {
        "en": "An address may have at most {max} characters. Make a named query of it: POST /epcis/v2/queries.",
        "zh-Hans": "地址最多 {max} 个字符。请改用命名查询：POST /epcis/v2/queries。",
    }
