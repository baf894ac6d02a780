"""Machine-made requests for every operation: never a failure of ours, never an answer that the document does not promise."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.core.clock import FixedClock
from app.core.settings import Settings
from app.main import create_app
from tests.api.asking import Built, one_database
from tests.factories.identity import GARDEN
from tests.factories.running import running
from tests.factories.town import Town

EXAMPLES = 10
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What is left out, and why.
LEFT_OUT = {
    "delete_tokens": "signs the tester out, so that nothing after it would be asked by somebody; test_sign_in has it",
    "stream_tracking": "stays open for as long as it is asked to, and is no JSON; test_tracking_stream reads it",
    "metrics": "grows with every request of the run and is plain text; test_contract reads it",
}
# `ready` answers 503 by design while no worker runs, as here.
MAY_BE_DOWN = {"ready"}

schema = schemathesis.openapi.from_dict(
    create_app(Settings(database_url="postgresql://nobody@nowhere/none", secret="only to read")).openapi()  # type: ignore[arg-type]
).exclude(operation_id=list(LEFT_OUT))
database_url = one_database


class Door:
    """The running service, and somebody who may do nearly everything: an operator who also sells."""

    def __init__(self, url: str, town: Town) -> None:
        self.url, self.town = url, town
        self.headers = town.headers["operator"]
        self.session = requests.Session()
        self.session.trust_env = False
        made = self.session.post(f"{url}/v1/producers", json=GARDEN, headers=self.headers, timeout=30)
        assert made.status_code == 201, made.text
        self.known = self._what_is_there(made.json()["id"])

    def _what_is_there(self, producer: str) -> dict[str, list[str]]:
        """Ids of the town, by the name of the path parameter."""
        town = self.town
        return {
            "producer_id": [producer, town.village.garden.producer.id],
            "listing_id": [town.village.dates, town.draft],
            "lot_id": [town.lot],
            "media_id": [town.photo, town.ready_photo],
            "code": ["HOTAN", "SHANGHAI"],
            "service_id": [town.line],
            "consignment_id": [each["id"] for each in town.placed[0]["consignments"]],
            "tracking_number": [each["tracking_number"] for each in town.placed[0]["consignments"]],
            "partner_id": [town.carrier.id],
            "key_id": [town.key],
            "payment_id": [town.transferring["payment"]["id"]],
            "payee_id": list(town.money.payees),
            "run_id": [town.money.run],
            "payout_id": list(town.money.payouts),
            "remittance_id": list(town.money.remittances),
            "remark_id": list(town.money.remarks),
            "carrier": ["KUNLUN", town.money.carrier],
            "id": [town.placed[0]["id"], town.delivered["id"], town.quote.id],
        }

    def lead_somewhere(self, case: schemathesis.Case) -> None:
        """Made-up ids are of nothing; two times in three they give way to one that is there."""
        chance = Random(repr((case.path_parameters, case.query, case.method)))
        for name in case.path_parameters or {}:
            if name in self.known and chance.random() < 2 / 3:
                case.path_parameters[name] = chance.choice(self.known[name])  # type: ignore[index]


@pytest.fixture(scope="module")
def running_town(database_url: str, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    chosen = Settings(
        database_url=database_url,
        data_dir=tmp_path_factory.mktemp("fuzzed"),
        secret="tests only",  # type: ignore[arg-type]
        operator_phones="+8610000000001",  # type: ignore[arg-type]
    )
    with running(chosen, FixedClock(built.town.now)) as url:
        yield Door(url, built.town)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_promises(case: schemathesis.Case, running_town: Door) -> None:
    running_town.lead_somewhere(case)
    answer: Any = case.call(base_url=running_town.url, headers=running_town.headers, session=running_town.session)
    down = case.operation.definition.raw["operationId"] in MAY_BE_DOWN
    case.validate_response(answer, checks=CHECKS[1:] if down else CHECKS)


def test_what_is_left_out_is_there_and_has_a_reason(document) -> None:
    ids = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    assert LEFT_OUT.keys() <= ids
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())
