"""The service: every route under its roof. `app.main:create_app` is what uvicorn runs."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any, Final

import psycopg
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError

from app.api import (
    accounts,
    auth,
    bookings,
    categories,
    claims,
    consignments,
    cooperatives,
    custody,
    dev,
    disputes,
    disruptions,
    epcis,
    epcis_queries,
    exceptions,
    hubs,
    imports,
    labels,
    listings,
    manifests,
    media,
    network,
    offers,
    order_cycles,
    orders,
    packages,
    partners,
    payments,
    payout_accounts,
    payouts,
    price_lists,
    producers,
    quotes,
    recalls,
    recourses,
    reports,
    return_bookings,
    returns,
    routes,
    service,
    services,
    settlements,
    statements,
    storage,
    stranded,
    traces,
    tracking,
    tracking_dcsa,
    webhook_endpoints,
    weigh_ins,
)
from app.api.documents import complete
from app.api.middleware import RequestFrame
from app.api.problems import MEDIA_TYPE, install
from app.core.limits import CONNECT_TIMEOUT_S
from app.core.log import configure
from app.core.settings import Settings
from app.flows.ports import Ports, open_ports
from app.routing import warm_up
from app.web import assets, operate, pages, resolve
from app.web.label import draw_labels
from app.web.manifest import draw_manifest
from app.web.sheet_paper import draw_sheet
from app.web.statement import draw_statement
from app.worker import run_worker

# The framework looks for a route in one after the other: what is called all day comes first.
ROUTERS = (
    tracking,
    tracking_dcsa,
    epcis_queries,
    epcis,
    listings,
    quotes,
    orders,
    auth,
    producers,
    cooperatives,
    custody,
    order_cycles,
    price_lists,
    categories,
    media,
    offers,
    claims,
    recourses,
    recalls,
    returns,
    return_bookings,
    hubs,
    imports,
    routes,
    services,
    stranded,
    disruptions,
    exceptions,
    bookings,
    manifests,
    network,
    consignments,
    labels,
    webhook_endpoints,
    weigh_ins,
    packages,
    traces,
    payments,
    disputes,
    payouts,
    payout_accounts,
    accounts,
    statements,
    reports,
    settlements,
    partners,
    service,
    storage,
)
# Objects made before the youngest of them are looked through for garbage; Python's own 700 are a few requests.
GARBAGE_THRESHOLD: Final = 10_000
DESCRIPTION = """The open, self-hosted marketplace backend for rural trade: list, order, route through real hubs, track, and pay the producer.

Money is in minor units, quantities are decimal strings, times are UTC. Every refusal is a problem document (RFC 9457).
Send an `Idempotency-Key` with every POST; `Accept-Language: zh-Hans` or `en` chooses the language of messages."""


def create_app(settings: Settings | None = None, ports: Ports | None = None) -> FastAPI:
    """The whole service. With `ports` given (tests), they are used as they are and no worker runs inside."""
    settings = settings or (ports.settings if ports else Settings())
    app = FastAPIOffline(
        title="Chama 茶马",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=_lifespan(settings, ports),
        generate_unique_id_function=_operation_id,
        responses={
            "default": {
                "description": "Any other refusal",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
            }
        },
    )
    app.state.ports = ports
    # The API and the pages are neighbours: it is given the pictures of the answers that have one.
    app.state.draw_routes = pages.draw_routes
    app.state.draw_statement = draw_statement
    app.include_router(orders.placing)
    app.state.draw_labels = draw_labels
    app.state.draw_manifest = draw_manifest
    app.state.draw_sheet = draw_sheet
    for module in (*ROUTERS, *((dev,) if settings.environment == "development" else ())):
        app.include_router(module.router)
    app.include_router(offers.paying)
    app.include_router(orders.once)
    app.include_router(payments.receiving)
    for module in (pages, resolve, operate, assets):
        app.include_router(module.router)
    install(app)
    _complete_document(app)
    app.add_middleware(RequestFrame, access_log=settings.log_format == "json")
    return app


def _lifespan(settings: Settings, given: Ports | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if given is not None:
            yield
            return
        configure(settings.log_format)
        # Nothing is compiled while somebody waits for an answer: uvicorn listens only after this.
        await asyncio.to_thread(warm_up)
        async with open_ports(settings) as ports:
            app.state.ports = ports
            await _have_at_hand(ports)
            worker = asyncio.create_task(run_worker(ports)) if settings.worker_inside else None
            try:
                with _told_to_stop(ports.watch.end):
                    yield
            finally:
                if worker:
                    worker.cancel()
                    with suppress(asyncio.CancelledError):
                        await worker

    return lifespan


@contextmanager
def _told_to_stop(end: Callable[[], None]) -> Iterator[None]:
    """Have this called as soon as the process is told to stop: the server itself waits for streams, and tells them nothing."""
    loop = asyncio.get_running_loop()
    before = {each: earlier for each in (signal.SIGTERM, signal.SIGINT) if callable(earlier := signal.getsignal(each))}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end)
        before[signal.Signals(number)](number, frame)

    try:
        for each in before:
            signal.signal(each, told)
    except ValueError:
        # Nobody is told of signals but in the main thread: whoever runs us in another one stops us otherwise.
        before = {}
    try:
        yield
    finally:
        for each, earlier in before.items():
            signal.signal(each, earlier)


async def _have_at_hand(ports: Ports) -> None:
    """Read the timetable before somebody waits for it, and have the garbage collector leave alone what stays anyway.

    It would look through hundreds of thousands of objects again and again: a tenth of the time of a quote, a quarter of a second at once.
    Without a database the service starts all the same: /ready says what is wrong, and the first question reads the timetable.
    """
    with suppress(SQLAlchemyError, psycopg.Error, TimeoutError):
        async with asyncio.timeout(CONNECT_TIMEOUT_S), ports.database.read() as connection:
            await ports.timetable.current(connection)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _operation_id(route: APIRoute) -> str:
    return route.name


def _complete_document(app: FastAPI) -> None:
    """Say in the OpenAPI document what the framework does not know of."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            complete(generate())
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
