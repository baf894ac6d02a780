"""Fixtures of the factories, for every test of a story."""

from tests.factories.network import networked, planned
from tests.factories.shop import fake, running

__all__ = ["fake", "networked", "planned", "running"]
