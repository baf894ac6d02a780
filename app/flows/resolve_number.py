"""The story of a scanned code: which tracking page a GS1 Digital Link of ours means."""

from dataclasses import dataclass

from app.core.errors import NotFound
from app.flows.ports import Ports
from app.network.queries import hubs_by_code
from app.network.values import HubPoint
from app.shipments.labels import find_packages, find_unit, has_number
from app.shipments.rules import read_ginc, read_sscc

NUMBER = {"en": "goods with this number", "zh-Hans": "此编号的货物"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a number means: a consignment by its tracking number, or (None) a load unit with several, `count` of them."""

    tracking_number: str | None
    package: str | None = None
    count: int = 1
    start: HubPoint | None = None
    goal: HubPoint | None = None


async def resolve_sscc(ports: Ports, typed: str) -> Resolved:
    """What an SSCC stands on; raises `NotFound`.

    Load units are numbered one after another, so of one that carries several consignments nobody is told which: anyone could guess
    its number, and a tracking number is to be known only to those who were given it.
    """
    code = read_sscc(typed)
    if code is None:
        raise NotFound(what=NUMBER)
    async with ports.database.read() as connection:
        packages = await find_packages(connection, [code])
        if packages:
            return Resolved(packages[0].tracking_number, package=code)
        rides = await find_unit(connection, code)
        if not rides:
            raise NotFound(what=NUMBER)
        first = [ride for ride in rides if ride.consignment_id == rides[0].consignment_id]
        hubs = await hubs_by_code(connection, {first[0].from_hub, first[-1].to_hub})
    count = len({ride.consignment_id for ride in rides})
    return Resolved(None, None, count, hubs.get(first[0].from_hub), hubs.get(first[-1].to_hub))


async def resolve_ginc(ports: Ports, typed: str) -> Resolved:
    """The consignment with this GINC; raises `NotFound`."""
    number = read_ginc(ports.settings.gs1_company_prefix, typed)
    async with ports.database.read() as connection:
        if number is None or not await has_number(connection, number):
            raise NotFound(what=NUMBER)
    return Resolved(number)
