"""What reports answer."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time


class CarriageRow(Shape):
    """A month of one county's goods: what buyers paid, what carriage took of it, and what producers have of it by now.

    An order with goods of two counties counts in both, each with its own goods and carriage. `paid` is goods, carriage and packaging,
    before subsidies and duties, which belong to no county. `producers` is net of our fee, of what was refunded since, and of their co-operatives' shares.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "month": "2026-03",
                    "county": "653221",
                    "orders": 412,
                    "goods": {"amount": 3_461_200, "currency": "CNY"},
                    "carriage": {"amount": 902_140, "currency": "CNY"},
                    "paid": {"amount": 4_512_800, "currency": "CNY"},
                    "carriage_bps": 1_999,
                    "median_bps": 2_210,
                    "producers": {"amount": 3_357_364, "currency": "CNY"},
                    "co2e_g": 2_911_204,
                    "co2e_missing": 0,
                    "as_of": "2026-04-01T16:00:00Z",
                }
            ]
        }
    )

    month: Annotated[str, Field(description="Year and month of the delivery, in legal time (UTC+8)")]
    county: str
    orders: int
    goods: Money
    carriage: Money
    paid: Money
    carriage_bps: Annotated[int, Field(description="Carriage of all that was paid, in ten-thousandths")]
    median_bps: Annotated[int, Field(description="Half of the orders had no greater part of carriage than this")]
    producers: Money
    co2e_g: Annotated[int, Field(description="Rides and packages of which a figure is known, well to wheel")]
    co2e_missing: Annotated[int, Field(description="Orders in which the figure of a ride or a package is missing")]
    as_of: Annotated[Time, Field(description="What was delivered or settled until then is counted")]
