"""What is measured on: producers all over the West with varied goods, and buyers who are signed in.

The first listings are made by the verbs that producers use; the many are copies of them, made by the database.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import text

from app.catalogue.lots import add_lot
from app.catalogue.models import Listing, Lot
from app.catalogue.schemas import NewListing, NewLot
from app.catalogue.service import create_listing
from app.catalogue.values import Category
from app.core.clock import SystemClock
from app.core.database import Database, Session
from app.core.ids import new_id
from app.core.limits import ACCESS_TOKEN_LIFETIME
from app.core.quantity import Unit
from app.flows.publish_listing import publish_listing
from app.identity.rules import access_token
from app.identity.schemas import NewProducer
from app.identity.service import create_producer
from app.identity.sign_in import open_sign_in
from app.identity.values import EVERY_GRANT, Caller, ProducerKind

BUYERS: Final = 64
PRODUCERS_PER_PLACE: Final = 2
LISTINGS_PER_TRANSACTION: Final = 100
PLENTY: Final = Decimal(900_000_000)
# Hub, county, and what people call the place.
PLACES: Final = (
    ("HOTAN", "653201", "和田", "Hotan"),
    ("KASHGAR", "653101", "喀什", "Kashgar"),
    ("AKSU", "652901", "阿克苏", "Aksu"),
    ("KORLA", "652801", "库尔勒", "Korla"),
    ("TURPAN", "650402", "吐鲁番", "Turpan"),
    ("HAMI", "650502", "哈密", "Hami"),
    ("YINING", "654002", "伊宁", "Yining"),
    ("DUNHUANG", "620982", "敦煌", "Dunhuang"),
    ("TIANSHUI", "620502", "天水", "Tianshui"),
    ("ZHONGWEI", "640502", "中卫", "Zhongwei"),
    ("YANAN", "610602", "延安", "Yan'an"),
    ("HANZHONG", "610702", "汉中", "Hanzhong"),
    ("YAAN", "511802", "雅安", "Ya'an"),
    ("XICHANG", "513401", "西昌", "Xichang"),
    ("DALI", "532901", "大理", "Dali"),
    ("PUER", "530802", "普洱", "Pu'er"),
    ("ZUNYI", "520302", "遵义", "Zunyi"),
    ("GUILIN", "450302", "桂林", "Guilin"),
    ("NYINGCHI", "540402", "林芝", "Nyingchi"),
    ("SHIGATSE", "540202", "日喀则", "Shigatse"),
)
KINDS: Final = (
    ("头茬", "First"),
    ("高山", "Highland"),
    ("老树", "Heirloom"),
    ("河谷", "Valley"),
    ("手选", "Hand-picked"),
)
PACKS: Final = (
    ("大包装", "large pack"),
    ("家庭装", "family pack"),
    ("礼盒", "gift box"),
    ("产地直发", "from the farm"),
)


@dataclass(frozen=True, slots=True)
class Goods:
    """One kind of goods; the size of one unit in mm, its weight in g, its price in fen, its shelf life in hours."""

    category: Category
    zh: str
    en: str
    unit: Unit
    weight_g: int
    size: tuple[int, int, int]
    price: int
    shelf_life_h: int | None = None
    temperature: str = "ambient"

    @property
    def name(self) -> dict[str, str]:
        return {"zh-Hans": self.zh, "en": self.en}

    @property
    def attributes(self) -> dict[str, Any]:
        said: dict[Category, dict[str, Any]] = {
            Category.PRODUCE: {"variety": self.name, "grade": "1"},
            Category.COTTON: {"season": 2025, "colour_grade": "31", "length_mm": 29, "micronaire": "4.3"},
            Category.LIVESTOCK: {"species": "camel", "breed": self.name, "age_months": 30},
            Category.HANDICRAFT: {
                "materials": [{"name": self.name, "share_pct": 100}],
                "technique": {"zh-Hans": "手工", "en": "By hand"},
            },
        }
        return said[self.category]


GOODS: Final = (
    Goods(Category.PRODUCE, "大枣", "jujubes", Unit.BOX, 5_300, (400, 300, 200), 8_800, 4_320),
    Goods(Category.PRODUCE, "薄皮核桃", "thin-shelled walnuts", Unit.JIN, 520, (250, 180, 90), 1_250, 4_320),
    Goods(Category.PRODUCE, "葡萄干", "raisins", Unit.KG, 1_050, (250, 180, 120), 2_600, 8_640),
    Goods(Category.PRODUCE, "杏干", "dried apricots", Unit.KG, 1_050, (250, 180, 120), 3_200, 8_640),
    Goods(Category.PRODUCE, "枸杞", "goji berries", Unit.JIN, 520, (200, 150, 100), 4_500, 8_640),
    Goods(Category.PRODUCE, "花椒", "Sichuan pepper", Unit.JIN, 520, (250, 200, 120), 6_800, 12_960),
    Goods(Category.PRODUCE, "普洱茶饼", "Pu'er tea cake", Unit.PIECE, 380, (200, 200, 40), 15_800, 43_800),
    Goods(Category.PRODUCE, "干牛肝菌", "dried porcini", Unit.KG, 1_080, (350, 250, 180), 26_000, 8_640),
    Goods(Category.PRODUCE, "蜂蜜", "honey", Unit.BOX, 2_300, (220, 160, 160), 9_800, 12_960),
    Goods(Category.PRODUCE, "苹果", "apples", Unit.BOX, 5_400, (420, 320, 180), 5_800, 1_440, "chilled"),
    Goods(Category.COTTON, "细绒皮棉", "upland lint", Unit.BALE, 227_000, (1_400, 530, 700), 330_000),
    Goods(
        Category.LIVESTOCK,
        "双峰驼",
        "Bactrian camel",
        Unit.HEAD,
        450_000,
        (3_000, 1_000, 2_200),
        1_200_000,
        None,
        "live",
    ),
    Goods(Category.HANDICRAFT, "羊毛地毯", "wool carpet", Unit.PIECE, 6_200, (1_250, 250, 250), 168_000),
    Goods(Category.HANDICRAFT, "扎染围巾", "tie-dyed scarf", Unit.PIECE, 240, (300, 220, 40), 12_800),
    Goods(Category.HANDICRAFT, "竹编篮", "bamboo basket", Unit.PIECE, 900, (400, 400, 250), 8_600),
    Goods(Category.HANDICRAFT, "刺绣挂画", "embroidered panel", Unit.PIECE, 1_500, (600, 450, 50), 36_000),
)


@dataclass(frozen=True, slots=True)
class Buyer:
    id: str
    token: str


async def sign_in_buyers(database: Database, key: bytes) -> list[Buyer]:
    """Buyers with access tokens, past the limits on codes."""
    now = SystemClock().now()
    async with database.begin() as session:
        opened = [
            await open_sign_in(session, f"+861000000{n}", language="zh-Hans", now=now)
            for n in range(1_000, 1_000 + BUYERS)
        ]
    expires_at = now + ACCESS_TOKEN_LIFETIME
    return [Buyer(one.person_id, access_token(one.sign_in_id, expires_at, key)) for one in opened]


async def fill(database: Database, number: int) -> None:
    """This many listings on sale, by producers in every place, each with plenty in stock."""
    now = SystemClock().now()
    chance = random.Random(7)
    async with database.begin() as session:
        sellers = [await _seller(session, n, now) for n in range(len(PLACES) * PRODUCERS_PER_PLACE)]
    for first in range(0, number, LISTINGS_PER_TRANSACTION):
        async with database.begin() as session:
            for n in range(first, min(first + LISTINGS_PER_TRANSACTION, number)):
                seller, place = sellers[n % len(sellers)], PLACES[n % len(PLACES)]
                await _put_on_sale(session, seller, _listing(seller, place, chance), now)
    async with database.begin() as session:
        # Nobody waits to be told that all this is on sale.
        await session.execute(text("DELETE FROM procrastinate_jobs"))


async def _seller(session: Session, n: int, now: datetime) -> Caller:
    hub, county, zh, en = PLACES[n % len(PLACES)]
    phone = f"+861000000{2_000 + n}"
    opened = await open_sign_in(session, phone, language="zh-Hans", now=now)
    name = {"zh-Hans": f"{zh}第{n // len(PLACES) + 1}合作社", "en": f"{en} Co-operative {n // len(PLACES) + 1}"}
    command = NewProducer(name=name, kind=ProducerKind.COOPERATIVE, county=county, hub=hub)
    producer = await create_producer(session, Caller(person_id=opened.person_id), command, now)
    return Caller(person_id=opened.person_id, producers=frozenset({producer.id}), grants={producer.id: EVERY_GRANT})


def _listing(seller: Caller, place: tuple[str, str, str, str], chance: random.Random) -> tuple[Goods, NewListing]:
    goods, kind, pack = chance.choice(GOODS), chance.choice(KINDS), chance.choice(PACKS)
    length_mm, width_mm, height_mm = goods.size
    return goods, NewListing.model_validate(
        {
            "producer": next(iter(seller.producers)),
            "category": goods.category,
            "title": {
                "zh-Hans": f"{place[2]}{kind[0]}{goods.zh} {pack[0]}",
                "en": f"{kind[1]} {goods.en} of {place[3]}, {pack[1]}",
            },
            "description": {
                "zh-Hans": f"产自{place[2]}，{kind[0]}，由合作社统一分级包装，下单后尽快交到枢纽。",
                "en": f"Grown or made around {place[3]}, graded and packed by the co-operative itself.",
            },
            "attributes": goods.attributes,
            "unit": goods.unit,
            "price": {"amount": goods.price * chance.randrange(80, 130) // 100, "currency": "CNY"},
            "package": {
                "weight_g": goods.weight_g,
                "length_mm": length_mm,
                "width_mm": width_mm,
                "height_mm": height_mm,
            },
            "handling": {"temperature": goods.temperature, "shelf_life_h": goods.shelf_life_h},
            "lead_time_h": chance.choice((6, 12, 24)),
        }
    )


async def _put_on_sale(session: Session, seller: Caller, drafted: tuple[Goods, NewListing], now: datetime) -> None:
    goods, command = drafted
    listing_id = new_id("lst")
    await create_listing(session, seller, command.model_copy(update={"id": listing_id}), now)
    day = now.date() - timedelta(days=1)
    lot = NewLot.model_validate({"quantity": "1"} | _papers(goods, day)).model_copy(update={"quantity": PLENTY})
    await add_lot(session, seller, listing_id, lot, now)
    await publish_listing(session, seller, listing_id, now)


def _papers(goods: Goods, day: Any) -> dict[str, Any]:
    if goods.category is Category.PRODUCE:
        return {"harvested_on": day}
    if goods.category is Category.LIVESTOCK:
        certificate = {
            "kind": "animal_quarantine_a",
            "number": "A-1",
            "issued_on": day,
            "expires_on": day + timedelta(days=5),
        }
        return {"certificates": [certificate]}
    return {}


def multiply(url: str, number: int) -> None:
    """Copies of the listings there are until there are this many, listed over the last year at prices of their own."""
    chance = random.Random(8)
    now = SystemClock().now()
    with psycopg.connect(url) as connection:
        present = [row[0] for row in connection.execute("SELECT id FROM listing ORDER BY id")]
        connection.execute("CREATE TEMP TABLE made (id text, of text, lot text, price bigint, at timestamptz)")
        with connection.cursor().copy("COPY made FROM STDIN") as copy:
            for _ in range(number - len(present)):
                at = now - timedelta(seconds=chance.randrange(365 * 86_400))
                price = chance.randrange(500, 200_000)
                copy.write_row((new_id("lst"), chance.choice(present), new_id("lot"), price, at))
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE indrelid = 'listing'::regclass AND NOT indisprimary"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        connection.execute(_copies(Listing, _OF_LISTING, "t.id = made.of"))
        connection.execute(_copies(Lot, _OF_LOT, "t.listing_id = made.of"))
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM (ANALYZE) listing, lot")


_OF_LISTING: Final = {
    "id": "made.id",
    "price_minor": "made.price",
    "created_at": "made.at",
    "updated_at": "made.at",
    "listed_at": "made.at",
    "published_at": "made.at",
    "document": "replace(replace(t.document, t.id, made.id), '\"amount\":' || t.price_minor, '\"amount\":' || made.price)",
}
_OF_LOT: Final = {"id": "made.lot", "listing_id": "made.id"}


def _copies(table: type[Listing | Lot], own: dict[str, str], of: str) -> sql.Composed:
    columns = list(table.model_fields)
    values = [sql.SQL(own.get(name, f"t.{name}")) for name in columns]
    return sql.SQL("INSERT INTO {table} ({columns}) SELECT {values} FROM {table} t JOIN made ON {of}").format(
        table=sql.Identifier(table.__tablename__),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
        of=sql.SQL(of),
    )
