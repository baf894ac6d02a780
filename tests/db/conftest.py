"""Who sells in the tests of the catalogue."""

import pytest

from tests.factories.identity import a_producer


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)
