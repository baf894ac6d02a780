"""The refusals of identity."""

from app.core.errors import Kind, Problem
from app.identity.values import GRANT_DISPLAY, Grant


class NotSignedIn(Problem):
    slug = "not-signed-in"
    kind = Kind.UNAUTHENTICATED
    title = {"en": "You are not signed in", "zh-Hans": "尚未登录"}
    detail = {
        "en": (
            "Send `Authorization: Bearer …` with a valid access token or API key. "
            "An access token that has expired is renewed with the refresh token at POST /v1/auth/tokens."
        ),
        "zh-Hans": (
            "请在 `Authorization: Bearer …` 中提供有效的访问令牌或 API 密钥。"
            "访问令牌过期后，请用刷新令牌在 POST /v1/auth/tokens 换取新令牌。"
        ),
    }


class SignInCodeRefused(Problem):
    """One answer for wrong, used, expired and exhausted codes, so that a guess learns nothing from it."""

    slug = "sign-in-code-refused"
    kind = Kind.UNAUTHENTICATED
    title = {"en": "The code is not right", "zh-Hans": "验证码不正确"}
    detail = {
        "en": "The code is wrong, used already, expired, or was tried too often. Check the last message, or ask for a new code.",
        "zh-Hans": "验证码错误、已使用、已过期或尝试次数过多。请核对最新短信，或重新获取验证码。",
    }


class RefreshTokenRefused(Problem):
    slug = "refresh-token-refused"
    kind = Kind.UNAUTHENTICATED
    title = {"en": "This refresh token is no longer valid", "zh-Hans": "刷新令牌已失效"}
    detail = {
        "en": (
            "It was used before, has expired, or was signed out. A token that is used twice ends every token of its "
            "sign-in, because somebody may have copied it. Sign in again with a code."
        ),
        "zh-Hans": "令牌已被使用、已过期或已退出登录。为防止被盗用，重复使用会使该次登录的全部令牌失效。请用验证码重新登录。",
    }


class TooManyProducers(Problem):
    slug = "too-many-producers"
    kind = Kind.CONFLICT
    title = {"en": "You already own many producers", "zh-Hans": "您名下的生产者已达上限"}
    detail = {
        "en": "One person may belong to at most {max} producers. Ask the operator if you need more.",
        "zh-Hans": "每人最多加入 {max} 个生产者。如需更多，请联系运营方。",
    }


class TooManyKeys(Problem):
    slug = "too-many-keys"
    kind = Kind.CONFLICT
    title = {"en": "This partner has as many keys as it may", "zh-Hans": "该合作方的密钥数量已达上限"}
    detail = {
        "en": "A partner may have {max} valid keys. Revoke one that is no longer used, then make a new one.",
        "zh-Hans": "每个合作方最多有 {max} 个有效密钥。请先吊销不再使用的密钥，再创建新密钥。",
    }


class CarrierTaken(Problem):
    slug = "carrier-taken"
    kind = Kind.CONFLICT
    title = {"en": "Another partner has this carrier code", "zh-Hans": "该承运人代码已被使用"}
    detail = {
        "en": "{carrier} belongs to another partner. Choose another code, or use that partner.",
        "zh-Hans": "{carrier} 已属于其他合作方。请换一个代码，或使用该合作方。",
    }


class GrantMissing(Problem):
    """`grant` and `producer` are members of the document, for apps that offer to ask for it."""

    slug = "grant-missing"
    kind = Kind.FORBIDDEN
    title = {"en": "This was not granted to you", "zh-Hans": "您没有此项授权"}
    detail = {
        "en": "To {doing} for {producer} you need its grant `{grant}`. Ask its owner for it.",
        "zh-Hans": "为 {producer} {doing}，需要其授权 `{grant}`。请联系该生产者的负责人。",
    }
    members = ("grant", "producer")

    def __init__(self, producer: str, grant: Grant) -> None:
        super().__init__(producer=producer, grant=grant.value, doing=GRANT_DISPLAY[grant])


class MemberElsewhere(Problem):
    slug = "member-elsewhere"
    kind = Kind.CONFLICT
    title = {"en": "The producer belongs to a co-operative already", "zh-Hans": "该生产者已加入其他合作社"}
    detail = {
        "en": "{producer} is a member of {cooperative}. It leaves that one first, then accepts again.",
        "zh-Hans": "{producer} 是 {cooperative} 的社员。请先退出，再接受邀请。",
    }
    members = ("producer", "cooperative")


class InvitedAlready(Problem):
    slug = "invited-already"
    kind = Kind.CONFLICT
    title = {"en": "The producer is invited or a member already", "zh-Hans": "该生产者已被邀请或已是社员"}
    detail = {
        "en": "{membership} stands between the two. Use it, or withdraw it first.",
        "zh-Hans": "双方之间已有 {membership}。请使用它，或先将其撤回。",
    }
    members = ("membership",)


class AgreementWaiting(Problem):
    slug = "agreement-waiting"
    kind = Kind.CONFLICT
    title = {"en": "Another agreement waits for its answer", "zh-Hans": "已有待确认的分成约定"}
    detail = {
        "en": "{agreement} was proposed before. It is answered or taken back first, then another can be proposed.",
        "zh-Hans": "{agreement} 已先提出。请先答复或撤回，再提出新的约定。",
    }
    members = ("agreement",)


class TooManyMembers(Problem):
    slug = "too-many-members"
    kind = Kind.CONFLICT
    title = {"en": "There are as many as there may be", "zh-Hans": "数量已达上限"}
    detail = {
        "en": "At most {max} {what}. End one that is not needed any more, or ask the operator.",
        "zh-Hans": "最多 {max} {what}。请先结束不再需要的，或联系运营方。",
    }


class LastOwner(Problem):
    slug = "last-owner"
    kind = Kind.CONFLICT
    title = {"en": "A producer needs an owner", "zh-Hans": "生产者须有负责人"}
    detail = {
        "en": "This is its only owner. Make somebody else its owner first.",
        "zh-Hans": "这是唯一的负责人。请先将他人设为负责人。",
    }


class TooManyDeviceKeys(Problem):
    slug = "too-many-device-keys"
    kind = Kind.CONFLICT
    title = {"en": "Too many device keys", "zh-Hans": "设备密钥过多"}
    detail = {
        "en": "There are {max} already. Withdraw those of devices that are not used any more.",
        "zh-Hans": "设备密钥已达 {max} 个。请撤销不再使用的设备密钥。",
    }
