"""The examples of the OpenAPI document, sent as they are printed to the demo network."""

import pytest

from app.network.bulk.schemas import FeedImport, SheetImport
from app.network.schemas import NewDisruption, NewService
from tests.api.test_hubs_and_routes import OPERATOR, bearer, partner
from tests.factories.network import networked, planned

template, ports = networked, planned


def examples(shape):
    return shape.model_json_schema()["examples"]


@pytest.mark.parametrize("example", examples(NewDisruption))
async def test_disruptions_are_taken(client, ports, example):
    answer = await client.post("/v1/disruptions", json=example, headers=await bearer(ports, OPERATOR))
    assert answer.status_code == 201, answer.text
    assert answer.json()["from"] >= "2036"


async def test_service_is_taken(client, ports):
    headers = await partner(client, ports, "TARIM-COLD")
    for example in examples(NewService):
        assert (await client.post("/v1/services", json=example, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    ("path", "shape"), [("/v1/services/imports", SheetImport), ("/v1/services/imports/gtfs", FeedImport)]
)
async def test_imports_are_taken_without_a_fault(client, ports, path, shape):
    headers = await partner(client, ports, "TARIM-COLD")
    for example in examples(shape):
        told = (await client.post(path, json=example, headers=headers)).json()
        assert (told["dry_run"], told["faults"]) == (True, [])
        assert told["created"]
        done = (await client.post(path, json=example | {"dry_run": False}, headers=headers)).json()
        assert done["created"] == told["created"]
