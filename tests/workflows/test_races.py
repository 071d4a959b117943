"""Two people saving at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from apps.core import tenancy
from apps.core.errors import Conflict
from apps.workflows import services
from apps.workflows.models import Workflow, WorkflowVersion
from tests.fixtures_cast import Person
from tests.workflows.documents import step, with_steps

pytestmark = pytest.mark.django_db(transaction=True)


def together(alice: Person, *writes: Callable[[], Workflow]) -> list[object]:
    """What each write gave or raised, all begun at once on own connections."""
    start = Barrier(len(writes))

    def run(write: Callable[[], Workflow]) -> object:
        try:
            start.wait(timeout=10)
            with tenancy.tenant(alice.organization_id):
                return write()
        except Conflict as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(writes)) as pool:
        return list(pool.map(run, writes))


def test_one_of_two_gets_the_name(alice: Person) -> None:
    def create() -> Workflow:
        return services.workflow_create(by=alice.viewer, document=with_steps(step()))

    outcomes = together(alice, create, create, create)
    refused = [one for one in outcomes if isinstance(one, Conflict)]
    assert [error.code for error in refused] == ["name_taken"] * 2
    with tenancy.tenant(alice.organization_id):
        assert Workflow.objects.count() == 1


def test_changes_at_once_get_numbers_of_their_own(alice: Person) -> None:
    with tenancy.tenant(alice.organization_id):
        workflow = services.workflow_create(
            by=alice.viewer, document=with_steps(step())
        )

    def change(count: int) -> Callable[[], Workflow]:
        document = with_steps(step(params={"count": count}))
        return lambda: services.workflow_update(
            workflow=workflow, by=alice.viewer, document=document
        )

    together(alice, change(1), change(2), change(3))
    with tenancy.tenant(alice.organization_id):
        numbers = WorkflowVersion.objects.values_list("number", flat=True)
        assert sorted(numbers) == [1, 2, 3, 4]
        workflow.refresh_from_db()
        assert workflow.current_version.number == 4
