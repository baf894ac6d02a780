"""Grams of CO2e from a table of factors with source and year. It knows no services, no database and no clock."""

from app.emissions.rules import (
    choose_factor,
    great_circle_m,
    intensity_mg_per_tkm,
    leg_co2e,
    shipment_footprint,
    total_footprint,
)
from app.emissions.table import DEFAULT_FACTORS, FactorTable
from app.emissions.values import Choice, Factor, Footprint, LegFootprint

__all__ = [
    "DEFAULT_FACTORS",
    "Choice",
    "Factor",
    "FactorTable",
    "Footprint",
    "LegFootprint",
    "choose_factor",
    "great_circle_m",
    "intensity_mg_per_tkm",
    "leg_co2e",
    "shipment_footprint",
    "total_footprint",
]
