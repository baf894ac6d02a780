"""Grams of CO2e for legs, hubs and packages (ISO 14083, well to wheel). It knows no database."""

from app.emissions.rules import factor_for, footprint, intensities, leg_co2e_g, load_factors
from app.emissions.values import Factor, Footprint

__all__ = ["Factor", "Footprint", "factor_for", "footprint", "intensities", "leg_co2e_g", "load_factors"]
