"""Tables of figures that are added up from other rooms: kept so that a report of years is read in no time."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel


class CarriageMonth(SQLModel, table=True):
    """What became of the orders delivered in a month, for the goods of one county. Written anew by the night whenever one of them changed.

    An order with goods of two counties counts in both, each with its own goods and carriage.
    """

    __tablename__ = "carriage_month"
    __table_args__ = (CheckConstraint("orders > 0", name="has_orders"),)

    month: date = Field(primary_key=True)
    county: str = Field(primary_key=True, max_length=6)
    currency: str = Field(primary_key=True, max_length=3)
    orders: int
    goods_minor: int = Field(sa_type=BigInteger)
    carriage_minor: int = Field(sa_type=BigInteger)
    paid_minor: int = Field(sa_type=BigInteger)
    producers_minor: int = Field(sa_type=BigInteger)
    median_bps: int
    co2e_g: int = Field(sa_type=BigInteger)
    co2e_missing: int
    until_at: datetime


class HubHour(SQLModel, table=True):
    """What came to a hub and left it in one hour, and how long what left had waited there. With `carrier` "", of all carriers together.

    Added up anew each hour for the last two days, as events come late. A wait is from the arrival of a ride to the departure of the next.
    """

    __tablename__ = "hub_hour"
    __table_args__ = (CheckConstraint("arrivals + departures > 0", name="has_moves"),)

    hour: datetime = Field(primary_key=True)
    hub: str = Field(primary_key=True, max_length=40)
    carrier: str = Field(primary_key=True, max_length=40)
    arrivals: int
    departures: int
    waits: int
    wait_median_s: int | None = None
    wait_p90_s: int | None = None
    over_plan: int
    until_at: datetime
