"""The arithmetic of one ride and one transfer, what they cost and emit in integers."""

from dataclasses import replace
from typing import Final

from app.routing.values import Capacity, Place, Query, Service, Tariff

MILLIMINOR_G_PER_MINOR_KG: Final = 10**6
MILLIMINOR_G_M_PER_MINOR_T_KM: Final = 10**12
MG_G_M_PER_MG_T_KM: Final = 10**9
GREEN_FILL_PCT: Final = 80


def price_rate(tariff: Tariff, distance_m: int) -> int:
    """The part of a ride's price that grows with the weight: 10^-12 minor units for each gram."""
    per_kg = tariff.milliminor_per_kg * (MILLIMINOR_G_M_PER_MINOR_T_KM // MILLIMINOR_G_PER_MINOR_KG)
    return per_kg + tariff.milliminor_per_tkm * distance_m


def fills(weight_g: int, volume_mm3: int, room: Capacity) -> bool:
    """Whether a load is so much of a vehicle that the green channel takes it for a whole one: by mass or by volume."""
    return 100 * weight_g >= GREEN_FILL_PCT * room.weight_g or 100 * volume_mm3 >= GREEN_FILL_PCT * room.volume_mm3


def tariff_for(service: Service, query: Query) -> Tariff:
    """The tariff that this load pays: without toll when its goods are toll-free and fill a vehicle of their own (on demand)."""
    return tariff_of(service, query.weight_g, query.volume_mm3, is_toll_free=query.toll_free)


def tariff_of(service: Service, weight_g: int, volume_mm3: int, *, is_toll_free: bool) -> Tariff:
    """The same for a load by its figures, whoever it consists of."""
    tariff = service.tariff
    if not (is_toll_free and service.on_demand and fills(weight_g, volume_mm3, service.capacity)):
        return tariff
    return replace(tariff, milliminor_per_tkm=tariff.milliminor_per_tkm - tariff.toll_milliminor_per_tkm)


def ride_price_minor(tariff: Tariff, rate: int, weight_g: int) -> int:
    """The price of one leg, rounded up once, so that two short legs never cost less than the long one."""
    price = tariff.base_minor - (-weight_g * rate // MILLIMINOR_G_M_PER_MINOR_T_KM)
    return max(tariff.minimum_minor, price)


def ride_co2e_mg(rate: int, weight_g: int) -> int:
    """Transport activity (mass times distance, ISO 14083) times intensity, rounded half up.

    `rate` is metres times milligrams per tonne-kilometre.
    """
    return (weight_g * rate + MG_G_M_PER_MG_T_KM // 2) // MG_G_M_PER_MG_T_KM


def transfer_price_minor(place: Place, weight_g: int) -> int:
    """What handling the goods once at this place costs, rounded up."""
    per_kg = -(-weight_g * place.transfer_price_milliminor_per_kg // MILLIMINOR_G_PER_MINOR_KG)
    return place.transfer_price_minor + per_kg


def transfer_co2e_mg(place: Place, weight_g: int) -> int:
    """What handling the goods once at this place emits, rounded half up; nothing when no figure is known."""
    return (weight_g * (place.transfer_co2e_mg_per_kg or 0) + 500) // 1000
