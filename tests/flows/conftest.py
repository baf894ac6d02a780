"""Fixtures of the factories, for every test of a story."""

from tests.factories.network import networked, planned

__all__ = ["networked", "planned"]
