"""What the tests of the HTTP contract share."""

from typing import Any

import pytest

from app.core.settings import Settings
from app.main import create_app
from tests.api.asking import built, door, town
from tests.factories.network import networked, planned

__all__ = ["built", "door", "networked", "planned", "town"]


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The OpenAPI document of a development service."""
    return create_app(Settings(database_url="postgresql://nobody@nowhere/none", secret="only to read")).openapi()  # type: ignore[arg-type]
