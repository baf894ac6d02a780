"""The arithmetic of one ride and one transfer: what it costs and what it emits, in integers."""

from app.routing.values import Place, Query, Service, Tariff

MILLIMINOR_G_M_PER_MINOR_T_KM = 10**12
MILLIMINOR_G_PER_MINOR_KG = 10**6
MG_G_M_PER_T_KM = 10**9


def ride_price_minor(tariff: Tariff, weight_g: int, distance_m: int) -> int:
    """The price of one leg, rounded up once, so that two short legs never cost less than the long one."""
    per_kg = weight_g * tariff.milliminor_per_kg * (MILLIMINOR_G_M_PER_MINOR_T_KM // MILLIMINOR_G_PER_MINOR_KG)
    per_tkm = weight_g * distance_m * tariff.milliminor_per_tkm
    price = tariff.base_minor + -(-(per_kg + per_tkm) // MILLIMINOR_G_M_PER_MINOR_T_KM)
    return max(tariff.minimum_minor, price)


def ride_co2e_mg(mg_per_tkm: int, weight_g: int, distance_m: int) -> int:
    """Transport activity (mass times distance, ISO 14083) times intensity, rounded half up."""
    return (weight_g * distance_m * mg_per_tkm + MG_G_M_PER_T_KM // 2) // MG_G_M_PER_T_KM


def transfer_price_minor(place: Place, weight_g: int) -> int:
    """What handling the goods once at this place costs, rounded up."""
    return place.transfer_price_minor + -(
        -weight_g * place.transfer_price_milliminor_per_kg // MILLIMINOR_G_PER_MINOR_KG
    )


def transfer_co2e_mg(place: Place, weight_g: int) -> int:
    """What handling the goods once at this place emits, rounded half up; nothing when no figure is known."""
    return (weight_g * (place.transfer_co2e_mg_per_kg or 0) + 500) // 1000


def takes_temperature(service: Service, query: Query) -> bool:
    return query.temperature in service.temperatures


def is_excluded(service: Service, query: Query) -> bool:
    return (
        service.id in query.excluded_services
        or service.mode in query.excluded_modes
        or service.carrier in query.excluded_carriers
    )


def fits_when_empty(service: Service, query: Query) -> bool:
    """Whether an empty run of the service could carry the goods at all."""
    room = service.capacity
    return (
        query.weight_g <= room.weight_g and query.volume_mm3 <= room.volume_mm3 and query.live_heads <= room.live_places
    )
