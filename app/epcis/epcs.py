"""Names of things: an EPC URN and a GS1 Digital Link are one name, and which one of the two is written does not matter.

The form that both are brought to is the canonical GS1 Digital Link of the finest identification (GS1 Digital Link URI Syntax 1.2, 4.11;
EPC Tag Data Standard 1.13, chapters 6 and 7). It always exists; the way back would need to know how long a company's prefix is.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit

RESOLVER: Final = "https://id.gs1.org"
NAME_LENGTH_MAX: Final = 2_000
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_URN: Final = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", re.ASCII)
# What may follow a key and belongs to its identification, in this order (GS1 Digital Link 1.2, 4.9).
_QUALIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "01": ("21", "10", "235"),
    "414": ("254",),
    "8006": ("21", "10"),
    "8010": ("8011",),
}
_KEYS: Final = frozenset(
    {"00", "01", "253", "255", "401", "402", "414", "417", "8003", "8004", "8006", "8010", "8017", "8018"}
)
# Words for keys, as older links write them.
_SPOKEN: Final[Mapping[str, str]] = {"sscc": "00", "gtin": "01", "ser": "21", "lot": "10", "gln": "414"}
_KEY_PATTERN: Final[Mapping[str, re.Pattern[str]]] = {
    "00": re.compile(r"[0-9]{18}"),
    "01": re.compile(r"[0-9]{14}"),
    "253": re.compile(r"[0-9]{13}.{0,17}"),
    "255": re.compile(r"[0-9]{13,25}"),
    "401": re.compile(r".{1,30}"),
    "402": re.compile(r"[0-9]{17}"),
    "414": re.compile(r"[0-9]{13}"),
    "417": re.compile(r"[0-9]{13}"),
    "8003": re.compile(r"0[0-9]{13}.{0,16}"),
    "8004": re.compile(r".{1,30}"),
    "8006": re.compile(r"[0-9]{18}"),
    "8010": re.compile(r".{1,30}"),
    "8017": re.compile(r"[0-9]{18}"),
    "8018": re.compile(r"[0-9]{18}"),
}


def check_digit(digits: str) -> str:
    """Digits weighted 3, 1, 3, … from the right; what their sum lacks to a multiple of ten (GS1 General Specifications, 7.9.1)."""
    weighted = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)


def _closed(digits: str) -> str:
    return digits + check_digit(digits)


def _indicated(prefix: str, reference: str) -> str:
    """A key whose first digit, the indicator or extension, stands in the URN at the head of the reference."""
    return _closed(reference[:1] + prefix + reference[1:])


def _escaped(text: str) -> str:
    """Percent-encoded where a Digital Link asks for it (GS1 Digital Link URI Syntax 1.2, table 7-1), and once only."""
    return quote(unquote(text), safe="'=;")


# What a scheme's URN holds, apart by dots, and the path that it becomes. A pattern's last part is `*`.
_PATHS: Final[Mapping[tuple[str, str], tuple[int, Callable[..., str]]]] = {
    ("id", "sscc"): (2, lambda p, r: f"00/{_indicated(p, r)}"),
    ("id", "sgtin"): (3, lambda p, r, s: f"01/{_indicated(p, r)}/21/{_escaped(s)}"),
    ("class", "lgtin"): (3, lambda p, r, s: f"01/{_indicated(p, r)}/10/{_escaped(s)}"),
    ("idpat", "sgtin"): (3, lambda p, r, _: f"01/{_indicated(p, r)}"),
    ("id", "upui"): (3, lambda p, r, s: f"01/{_indicated(p, r)}/235/{_escaped(s)}"),
    ("id", "sgln"): (3, lambda p, r, s: f"414/{_closed(p + r)}" + ("" if s == "0" else f"/254/{_escaped(s)}")),
    ("id", "pgln"): (2, lambda p, r: f"417/{_closed(p + r)}"),
    ("id", "grai"): (3, lambda p, r, s: f"8003/0{_closed(p + r)}{_escaped(s)}"),
    ("idpat", "grai"): (3, lambda p, r, _: f"8003/0{_closed(p + r)}"),
    ("id", "giai"): (2, lambda p, r: f"8004/{p}{_escaped(r)}"),
    ("id", "gsrn"): (2, lambda p, r: f"8018/{_closed(p + r)}"),
    ("id", "gsrnp"): (2, lambda p, r: f"8017/{_closed(p + r)}"),
    ("id", "gdti"): (3, lambda p, r, s: f"253/{_closed(p + r)}{_escaped(s)}"),
    ("idpat", "gdti"): (3, lambda p, r, _: f"253/{_closed(p + r)}"),
    ("id", "sgcn"): (3, lambda p, r, s: f"255/{_closed(p + r)}{_escaped(s)}"),
    ("idpat", "sgcn"): (3, lambda p, r, _: f"255/{_closed(p + r)}"),
    ("id", "ginc"): (2, lambda p, r: f"401/{p}{_escaped(r)}"),
    ("id", "gsin"): (2, lambda p, r: f"402/{_closed(p + r)}"),
    ("id", "cpi"): (3, lambda p, r, s: f"8010/{p}{_escaped(r)}/8011/{_escaped(s)}"),
    ("idpat", "cpi"): (3, lambda p, r, _: f"8010/{p}{_escaped(r)}"),
    ("id", "itip"): (5, lambda p, r, n, t, s: f"8006/{_indicated(p, r)}{n}{t}/21/{_escaped(s)}"),
    ("idpat", "itip"): (5, lambda p, r, n, t, _: f"8006/{_indicated(p, r)}{n}{t}"),
}
# Of these the reference is of digits only, and with the prefix so many of them.
_LENGTHS: Final[Mapping[str, int]] = {
    "sscc": 17,
    "sgtin": 13,
    "lgtin": 13,
    "upui": 13,
    "itip": 13,
    "sgln": 12,
    "pgln": 12,
    "grai": 12,
    "gdti": 12,
    "sgcn": 12,
    "gsrn": 17,
    "gsrnp": 17,
    "gsin": 16,
}


@lru_cache(maxsize=8_192)
def canonical(name: str) -> str:
    """The one form of a name: the canonical Digital Link of an EPC URN or a Digital Link, any other name as it is."""
    return of_urn(name) or of_link(name) or name


def of_urn(name: str) -> str | None:
    """The Digital Link of an EPC URN (also of a class, and of a pattern that leaves the serial number open); None when it is none."""
    match = _URN.fullmatch(name)
    found = _PATHS.get((match[1], match[2])) if match else None
    if match is None or found is None:
        return None
    count, path = found
    parts = match[3].split(".", count - 1)
    good = len(parts) == count and _is_well_formed(match[2], parts) and (parts[-1] == "*") == (match[1] == "idpat")
    return f"{RESOLVER}/{path(*parts)}" if good else None


def _is_well_formed(scheme: str, parts: list[str]) -> bool:
    """Whether the company prefix has six to twelve digits, and the key with it as many as its scheme asks for."""
    length = _LENGTHS.get(scheme)
    key = parts[0] + parts[1]
    return (
        6 <= len(parts[0]) <= 12
        and _DIGITS.fullmatch(parts[0]) is not None
        and (length is None or (len(key) == length and _DIGITS.fullmatch(key) is not None))
        and bool(parts[-1] or scheme == "pgln")
    )


def of_link(name: str) -> str | None:
    """The canonical form of a GS1 Digital Link at any host; None when it names nothing by a GS1 key."""
    if len(name) > NAME_LENGTH_MAX or not name.startswith(("https://", "http://")):
        return None
    try:
        pieces = [_SPOKEN.get(piece, piece) for piece in urlsplit(name).path.split("/")]
    except ValueError:
        return None
    # The key stands as late in the path as it can: what is before it is the host's own.
    for place in range(len(pieces) - 2, -1, -1):
        if pieces[place] in _KEYS and (key := _key_value(pieces[place], pieces[place + 1])):
            return f"{RESOLVER}/{pieces[place]}/{key}{_qualified(pieces[place], pieces[place + 2 :])}"
    return None


def _key_value(key: str, value: str) -> str | None:
    if key == "01" and len(value) in (8, 12, 13) and value.isdecimal():
        value = value.rjust(14, "0")
    plain = unquote(value)
    if not _KEY_PATTERN[key].fullmatch(plain):
        return None
    if key in ("00", "01", "402", "414", "417", "8017", "8018") and _closed(plain[:-1]) != plain:
        return None
    return _escaped(value)


def _qualified(key: str, rest: list[str]) -> str:
    """The finest of the qualifiers that follow: a serial number goes before a lot."""
    given = dict(zip(rest[::2], rest[1::2], strict=False))
    for qualifier in _QUALIFIERS.get(key, ()):
        if value := given.get(qualifier):
            if qualifier == "254" and value == "0":
                continue
            return f"/{qualifier}/{_escaped(value)}"
    return ""


def ancestors(name: str) -> tuple[str, ...]:
    """A name in its one form, with the name of the class that it belongs to: of an SGTIN or a lot its GTIN, of a place its GLN."""
    if name.startswith(f"{RESOLVER}/"):
        key = "/".join(name.split("/", 5)[:5])
        return (name,) if key == name else (name, key)
    return (name,)


def sscc_of(name: str) -> str | None:
    """The 18 digits of a logistic unit's name; None when it names something else."""
    found = canonical(name)
    return found.removeprefix(f"{RESOLVER}/00/") if found.startswith(f"{RESOLVER}/00/") else None


def ginc_of(name: str) -> str | None:
    """The consignment number (AI 401) in a name; None when it names something else."""
    found = canonical(name)
    return unquote(found.removeprefix(f"{RESOLVER}/401/")) if found.startswith(f"{RESOLVER}/401/") else None
