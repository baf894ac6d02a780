"""Orders, money and claims in any order: after every step the books add up, and nobody is paid twice.

Hypothesis makes the steps. Longer: `pytest tests/flows/test_books_machine.py --hypothesis-profile=long`.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.factories.network import networked
from tests.fakes.stripe.runner import stripe_stand_in
from tests.flows.machine.beginning import Beginning
from tests.flows.machine.claiming import Claiming
from tests.flows.machine.disputing import Disputing
from tests.flows.machine.failing import Failing
from tests.flows.machine.paying_out import PayingOut
from tests.flows.machine.truths import Truths
from tests.flows.machine.weighing import Weighing
from tests.flows.machine.world import Stage

__all__ = ["networked"]
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


class Books(Truths, Beginning, Claiming, Weighing, PayingOut, Disputing, Failing):
    """Every subject there is: a new one is a class of rules in `tests/flows/machine`, named here."""


@pytest.fixture(scope="module")
def stage(server, networked, tmp_path_factory):
    with stripe_stand_in() as fake, Stage(server, fake, tmp_path_factory.mktemp("machine")).open(networked) as stage:
        yield stage


def test_whatever_happens_the_books_add_up_and_nobody_is_paid_twice(stage):
    # An example is a database and some hundred statements: a fraction of what is usual, and what fails is not made smaller, which
    # would take far longer than to find it.
    few = settings(
        max_examples=settings().max_examples // 20,
        stateful_step_count=20,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate],
    )
    run_state_machine_as_test(lambda: Books(stage), settings=few)
