"""How long goods bear to be under way: animals on a journey, chilled and frozen goods out of the cold. Pure, from a versioned table."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from app.network.rules import HOUR_S, SEED
from app.network.values import Temperature

ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class JourneyLimit:
    """The longest journey from loading to unloading, and the rest after which another may begin."""

    max_s: int
    rest_s: int


@lru_cache(maxsize=1)
def transport_rules() -> Mapping[str, Any]:
    """The table (`seed/transport_rules.toml`), each row with its source."""
    return tomllib.loads((SEED / "transport_rules.toml").read_text(encoding="utf-8"))


def journey_limit(species: Collection[str], jurisdiction: str | None = None) -> JourneyLimit:
    """What all of these species bear: one that the table does not name what any animal bears, and none at all its default species.

    Without a jurisdiction the table's default applies, and so it does where the jurisdiction has no rows.
    """
    rows = transport_rules()["journey"]["limit"]
    chosen = jurisdiction if any(row["jurisdiction"] == jurisdiction for row in rows) else None
    known = {
        name: JourneyLimit(row["max_h"] * HOUR_S, row["rest_h"] * HOUR_S)
        for row in rows
        if row["jurisdiction"] == (chosen or transport_rules()["journey"]["default_jurisdiction"])
        for name in row["species"]
    }
    limits = [known.get(name, known[ANY]) for name in species or [transport_rules()["journey"]["default_species"]]]
    return JourneyLimit(min(limit.max_s for limit in limits), max(limit.rest_s for limit in limits))


def exposure_limit_s(temperature: Temperature) -> int | None:
    """How long goods of a temperature class may be at places that do not keep them cold; None when it does not matter."""
    rows = transport_rules()["exposure"]["limit"]
    return next((row["max_h"] * HOUR_S for row in rows if row["temperature"] == temperature), None)
