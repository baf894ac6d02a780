"""How long a batch of labels takes: 500 packages that had no number before, numbered, read, and drawn as one PDF."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import orjson
from pydantic import SecretStr
from sqlalchemy import text

from app.core.ids import new_ids
from app.core.settings import Settings
from app.flows.ports import open_ports
from app.flows.print_labels import print_labels
from app.identity.values import Caller, Role
from app.main import create_app
from app.shipments.label_schemas import LabelsRequest
from app.shipments.labels import LABELS_PER_REQUEST_MAX, LabelSize
from app.web.label import draw_labels
from bench.data import Buyer
from bench.orders import Buying
from bench.report import Row, say
from bench.service import SECRET
from bench.statements import send

SECONDS_MAX: Final = 10.0
_MORE: Final = text(
    "INSERT INTO package SELECT (jsonb_populate_record(package, jsonb_build_object('id', fresh.id, 'sscc', NULL))).* "
    "FROM package, unnest(CAST(:ids AS text[])) AS fresh (id) WHERE package.consignment_id = :consignment "
    "AND package.id = (SELECT min(id) FROM package WHERE consignment_id = :consignment)"
)


def measure(url: str, folder: Path, buyers: Sequence[Buyer]) -> list[Row]:
    """One row for each size of label; the bar is the issue's."""
    return asyncio.run(_measure(url, folder, buyers))


async def _measure(url: str, folder: Path, buyers: Sequence[Buyer]) -> list[Row]:
    settings = Settings(database_url=url, data_dir=folder, secret=SecretStr(SECRET))
    operator = Caller(person_id=buyers[0].id, roles=frozenset({Role.OPERATOR}))
    rows = []
    async with open_ports(settings) as ports:
        transport = httpx.ASGITransport(create_app(ports=ports))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            for size in LabelSize:
                consignment, packages = await _goods(client, Buying(url, buyers), buyers[0])
                async with ports.begin() as session:
                    ids = new_ids("pkg", LABELS_PER_REQUEST_MAX - packages)
                    await session.execute(_MORE, {"ids": ids, "consignment": consignment})
                begin = time.perf_counter()
                labels = await print_labels(ports, operator, LabelsRequest(consignments=[consignment], size=size))
                read = time.perf_counter() - begin
                paper = draw_labels(labels, size, "zh-Hans")
                took = time.perf_counter() - begin
                figures = f"{took:.2f} s ({read:.2f} s of it numbers and rows; {len(paper) / 1e6:.1f} MB)"
                say(f"  {len(labels)} labels, {size}: {figures}")
                good = took <= SECONDS_MAX
                rows.append(Row(f"{len(labels)} labels in one PDF, {size}", figures, f"≤ {SECONDS_MAX:.0f} s", good))
    return rows


async def _goods(client: httpx.AsyncClient, buying: Buying, buyer: Buyer) -> tuple[str, int]:
    """A consignment of an order of its own, and how many packages it has."""
    quote = await send(client, buying.ask_quote(buyer, 1, 1).wire)
    order = orjson.loads((await send(client, buying.ask_order(buyer, quote.json()).wire)).content)
    (consignment,) = order["consignments"]
    return str(consignment["id"]), sum(each["count"] for each in consignment["packages"])
