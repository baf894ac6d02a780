"""The refusals of identity."""

from app.core.errors import Kind, Problem


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
