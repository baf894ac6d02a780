"""Stripe's form encoding: `metadata[order]=x`, `expand[0]=y`, typed and checked by the published request schema."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.stripe.errors import Json, StripeError, invalid
from tests.fakes.stripe.spec import Operation

PAIRS_MAX = 1000
METADATA_KEYS_MAX = 50
METADATA_KEY_CHARS_MAX = 40
METADATA_VALUE_CHARS_MAX = 500

Pairs = list[tuple[str, str]]


def pairs_of(text: str) -> Pairs:
    return parse_qsl(text, keep_blank_values=True, max_num_fields=PAIRS_MAX)


def nested(pairs: Pairs) -> Json:
    """Unfold bracketed names; a list stays a dict keyed by its indexes until the schema says that it is a list."""
    root: Json = {}
    for name, value in pairs:
        head, *rest = name.replace("]", "").split("[")
        node, key = root, head
        for part in rest:
            deeper = node.setdefault(key, {})
            if not isinstance(deeper, dict):
                raise invalid(f"Invalid {head}: it is given both as a value and as a hash", param=head)
            node, key = deeper, part or str(len(deeper))
        node[key] = value
    return root


def typed(value: Any, schema: Json) -> Any:
    """Give form text the type that the schema wants; what does not fit stays text, for the validator to refuse."""
    if "anyOf" in schema:
        choices = [typed(value, each) for each in schema["anyOf"]]
        return next((each for each in choices if not isinstance(each, str)), choices[0])
    kind = schema.get("type")
    if kind == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, dict):
        return value
    if kind == "array":
        return [typed(value[index], schema["items"]) for index in sorted(value, key=_index)]
    known = schema.get("properties", {})
    other = schema.get("additionalProperties")
    fallback = other if isinstance(other, dict) else {}
    return {name: typed(each, known.get(name, fallback)) for name, each in value.items()}


def _index(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def read(pairs: Pairs, operation: Operation) -> Json:
    """Decode the parameters of one call, or refuse them in Stripe's words, as its validation does before running anything."""
    params: Json = typed(nested(pairs), operation.request)
    for error in operation.request_validator.iter_errors(params):
        raise _refusal(error)
    if isinstance(metadata := params.get("metadata"), dict):
        _check_metadata(metadata)
    return params


def _refusal(error: Any) -> StripeError:
    where = _bracketed([str(part) for part in error.instance_path])
    kind = error.kind
    if kind.name == "required":
        name = _bracketed([*map(str, error.instance_path), kind.property])
        return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if kind.name == "additionalProperties":
        name = _bracketed([*map(str, error.instance_path), kind.unexpected[0]])
        return invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    if kind.name == "type" and "integer" in str(kind.as_dict()):
        return invalid(f"Invalid integer: {error.instance}", code="parameter_invalid_integer", param=where)
    if error.instance == "":
        message = (
            f"You passed an empty string for '{where}'. We assume empty values are an attempt to unset a parameter"
        )
        return invalid(message, code="parameter_invalid_empty", param=where)
    return invalid(f"Invalid {where}: {error.message}", param=where)


def _bracketed(parts: list[str]) -> str:
    return "".join([*parts[:1], *(f"[{part}]" for part in parts[1:])])


def _check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > METADATA_KEYS_MAX:
        raise invalid(f"Metadata can have up to {METADATA_KEYS_MAX} keys", param="metadata")
    for key, value in metadata.items():
        if len(key) > METADATA_KEY_CHARS_MAX or len(value) > METADATA_VALUE_CHARS_MAX:
            message = f"Metadata keys have up to {METADATA_KEY_CHARS_MAX} characters, values {METADATA_VALUE_CHARS_MAX}"
            raise invalid(message, param=f"metadata[{key}]")
