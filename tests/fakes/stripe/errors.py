"""Stripe's refusals, in the shape of Stripe's error bodies, and the stand-in's own admission that it lacks something."""

from typing import Any

Json = dict[str, Any]


class StripeError(Exception):
    """A refusal as Stripe would answer it; `fields` are further members of the error, and None ones are left out."""

    def __init__(self, status: int, kind: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error: Json = {"type": kind, "message": message}
        self.error |= {name: value for name, value in fields.items() if value is not None}
        if code := fields.get("code"):
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"

    @property
    def body(self) -> Json:
        return {"error": self.error}


class NotInStandInError(Exception):
    """Stripe has this and the stand-in does not yet: answered 599, so that a test never passes on something ignored."""


def invalid(message: str, *, status: int = 400, **fields: Any) -> StripeError:
    return StripeError(status, "invalid_request_error", message, **fields)


def missing(kind: str, key: str, param: str = "id") -> StripeError:
    return invalid(f"No such {kind}: '{key}'", status=404, code="resource_missing", param=param)
