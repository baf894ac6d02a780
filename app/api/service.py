"""The service about itself: alive, ready, figures, and what each problem means."""

import asyncio
import os
from typing import Annotated

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from pydantic import Field
from sqlalchemy import text

from app.api.deps import PortsDep
from app.core.schema import Shape
from app.core.schema_version import head_revision

router = APIRouter(tags=["service"])


class Health(Shape):
    status: Annotated[str, Field(examples=["alive"])]


class Readiness(Shape):
    """Each part is `ok` or says what is wrong."""

    status: Annotated[str, Field(examples=["ready"])]
    database: Annotated[str, Field(examples=["ok"])]
    migrations: Annotated[str, Field(examples=["ok"])]
    jobs: Annotated[str, Field(examples=["ok"])]


@router.get("/health", summary="Is the process alive?")
async def health() -> Health:
    """Answers as long as the process runs; asks nobody else."""
    return Health(status="alive")


@router.get(
    "/ready", summary="Can it serve?", responses={503: {"model": Readiness, "description": "Not yet, or not now"}}
)
async def ready(ports: PortsDep, response: Response) -> Readiness:
    """Looks at the database, the migrations and the jobs: one worker at least seen in the last minute."""
    try:
        async with asyncio.timeout(3), ports.database.read() as connection:
            version = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
            seen = (
                await connection.execute(
                    text("SELECT max(last_heartbeat) > now() - interval '1 minute' FROM procrastinate_workers")
                )
            ).scalar()
    except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready and say so
        response.status_code = 503
        return Readiness(status="not ready", database=f"{type(error).__name__}", migrations="unknown", jobs="unknown")
    migrations = (
        "ok" if version == head_revision() else f"at {version}, this code needs {head_revision()}: run the migrations"
    )
    jobs = "ok" if seen else "no worker has been seen in the last minute"
    healthy = migrations == jobs == "ok"
    response.status_code = 200 if healthy else 503
    return Readiness(status="ready" if healthy else "not ready", database="ok", migrations=migrations, jobs=jobs)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics() -> Response:
    """Counters and durations in the Prometheus text format, of all processes when several run."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it without types
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
