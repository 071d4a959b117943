"""Writing workflows: versions, names, calls, and the traces that changes leave."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.events.models import Event
from apps.executions.services import execution_start
from apps.workflows import selectors, services
from apps.workflows.models import Workflow, WorkflowVersion
from tests.fixtures_cast import Person
from tests.workflows.documents import step, with_steps

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_alice(alice: Person) -> Any:
    with tenancy.tenant(alice.organization_id):
        yield


def create(alice: Person, *steps: Any, name: str = "Test") -> Workflow:
    document = with_steps(*(steps or [step()]))
    return services.workflow_create(by=alice.viewer, document=document, name=name)


def call(workflow: str) -> dict[str, Any]:
    return step("call_workflow", params={"workflow": workflow})


def test_saves_the_document_with_its_ids(alice: Person) -> None:
    workflow = create(alice)
    assert workflow.current_version.number == 1
    assert workflow.current_version.document == {
        "schema": 1,
        "name": "Test",
        "steps": [{"id": "sample_step", "type": "sample_step"}],
    }


def test_takes_the_name_given_beside_the_document(alice: Person) -> None:
    document = {"schema": 1, "steps": [step()]}
    workflow = services.workflow_create(
        by=alice.viewer, document=document, name="Given"
    )
    assert list(workflow.current_version.document) == ["schema", "name", "steps"]
    assert workflow.name == "Given"


def test_wants_a_name(alice: Person) -> None:
    with pytest.raises(Invalid) as caught:
        services.workflow_create(by=alice.viewer, document={"steps": [step()]})
    assert caught.value.errors == [{"path": "name", "message": "is required"}]


def test_a_change_makes_a_version_and_no_change_none(alice: Person) -> None:
    workflow = create(alice)
    same = services.workflow_update(
        workflow=workflow, by=alice.viewer, document=workflow.current_version.document
    )
    assert same.current_version.number == 1
    changed = services.workflow_update(
        workflow=workflow, by=alice.viewer, document=with_steps(step(), step())
    )
    assert changed.current_version.number == 2
    assert WorkflowVersion.objects.filter(workflow=workflow).count() == 2


def test_renaming_writes_the_document(alice: Person) -> None:
    workflow = create(alice)
    renamed = services.workflow_update(
        workflow=workflow, by=alice.viewer, name="New", tags=["a"], description="d"
    )
    document = renamed.current_version.document
    assert (document["name"], document["tags"]) == ("New", ["a"])
    assert (renamed.name, renamed.tags, renamed.description) == ("New", ["a"], "d")


def test_a_document_without_a_name_keeps_the_name(alice: Person) -> None:
    document = {"steps": [step(), step()]}
    changed = services.workflow_update(
        workflow=create(alice), by=alice.viewer, document=document
    )
    assert changed.name == "Test"


def test_refuses_a_change_of_an_outdated_version(alice: Person) -> None:
    workflow = create(alice)
    services.workflow_update(workflow=workflow, by=alice.viewer, name="New")
    with pytest.raises(Conflict, match="at version 2"):
        services.workflow_update(
            workflow=workflow, by=alice.viewer, name="Newer", expected_version=1
        )


def test_names_are_unique_among_workflows_in_use(alice: Person) -> None:
    first = create(alice)
    with pytest.raises(Conflict, match="exists already"):
        create(alice)
    services.workflow_archive(workflow=first, by=alice.viewer)
    create(alice)
    with pytest.raises(Conflict, match="exists already"):
        services.workflow_unarchive(workflow=first, by=alice.viewer)


def test_an_archived_workflow_cannot_be_changed(alice: Person) -> None:
    workflow = create(alice)
    archived = services.workflow_archive(workflow=workflow, by=alice.viewer)
    assert archived.is_archived
    with pytest.raises(Conflict, match="archived"):
        services.workflow_update(workflow=workflow, by=alice.viewer, name="x")
    assert not services.workflow_unarchive(
        workflow=workflow, by=alice.viewer
    ).is_archived


def test_restores_an_old_version_as_a_new_one(alice: Person) -> None:
    workflow = create(alice)
    services.workflow_update(
        workflow=workflow, by=alice.viewer, document=with_steps(step(), step())
    )
    renamed = services.workflow_update(workflow=workflow, by=alice.viewer, name="New")
    first = selectors.version_get(workflow=workflow, number=1)
    restored = services.workflow_restore(
        workflow=renamed, version=first, by=alice.viewer
    )
    assert restored.current_version.number == 4
    assert restored.current_version.comment == "Restored from version 1"
    assert restored.current_version.document == first.document | {"name": "New"}


def test_copies_get_a_free_name(alice: Person) -> None:
    workflow = create(alice)
    copies = [
        services.workflow_duplicate(workflow=workflow, by=alice.viewer)
        for _ in range(2)
    ]
    assert [copy.name for copy in copies] == ["Test (copy)", "Test (copy 2)"]


def test_importing_may_replace_a_workflow_of_the_name(alice: Person) -> None:
    document = with_steps(step(), step())
    made, is_new = services.workflow_import(by=alice.viewer, document=document)
    assert is_new
    with pytest.raises(Conflict):
        services.workflow_import(by=alice.viewer, document=document)
    again, is_new = services.workflow_import(
        by=alice.viewer, document=with_steps(step()), replace=True
    )
    assert (again.id, again.current_version.number, is_new) == (made.id, 2, False)


def test_deleting_removes_all_versions(alice: Person) -> None:
    workflow = create(alice)
    services.workflow_delete(workflow=workflow, by=alice.viewer)
    assert WorkflowVersion.objects.count() == 0
    with pytest.raises(NotFound):
        services.workflow_archive(workflow=workflow, by=alice.viewer)


def test_a_workflow_that_was_executed_is_not_deleted(alice: Person) -> None:
    workflow = create(alice)
    execution_start(workflow=workflow, inputs={}, trigger="api", by=alice.viewer)
    with pytest.raises(Conflict, match="archive it instead"):
        services.workflow_delete(workflow=workflow, by=alice.viewer)
    assert Workflow.objects.filter(id=workflow.id).exists()


def test_every_write_leaves_a_trail_and_an_event(alice: Person) -> None:
    workflow = create(alice)
    services.workflow_update(workflow=workflow, by=alice.viewer, name="New")
    services.workflow_archive(workflow=workflow, by=alice.viewer)
    services.workflow_delete(workflow=workflow, by=alice.viewer)
    trail = AuditEntry.objects.filter(target_id=str(workflow.id)).order_by("id")
    assert [entry.action for entry in trail] == [
        "workflow.create",
        "workflow.update",
        "workflow.archive",
        "workflow.delete",
    ]
    assert trail[1].before == {"name": "Test", "version": 1, "archived": False}
    assert trail[1].after == {"name": "New", "version": 2, "archived": False}
    events = Event.objects.filter(workflow_id=workflow.id, type="workflow-changed")
    assert events.count() == 4


def test_a_viewer_cannot_write(alice: Person, bob: Person) -> None:
    workflow = create(alice)
    with pytest.raises(Forbidden):
        services.workflow_create(by=bob.viewer, document=with_steps(step()))
    with pytest.raises(Forbidden):
        services.workflow_delete(workflow=workflow, by=bob.viewer)


@pytest.mark.parametrize(
    "column", ["document_text = '{}'", "number = 9", "comment = 'x'"]
)
def test_the_database_refuses_changes_of_a_version(alice: Person, column: str) -> None:
    create(alice)
    with (
        pytest.raises(DatabaseError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE workflows_workflowversion SET {column}")


def test_refuses_a_workflow_that_calls_itself(alice: Person) -> None:
    with pytest.raises(Invalid) as caught:
        create(alice, step(), call("Test"))
    (error,) = caught.value.errors
    assert error["path"] == "steps[1].params.workflow"
    assert '"Test" → "Test"' in str(error["message"])


def test_refuses_a_workflow_that_calls_itself_by_its_id(alice: Person) -> None:
    workflow = create(alice)
    with pytest.raises(Invalid, match="call itself"):
        services.workflow_update(
            workflow=workflow,
            by=alice.viewer,
            document=with_steps(call(str(workflow.id))),
        )


def test_refuses_a_cycle_through_other_workflows(alice: Person) -> None:
    third = create(alice, name="Third")
    create(alice, step("sample_group", steps=[call("Third")]), name="Second")
    with pytest.raises(Invalid) as caught:
        services.workflow_update(
            workflow=third, by=alice.viewer, document=with_steps(call("Second"))
        )
    assert '"Test" → "Second" → "Test"' in str(caught.value.errors[0]["message"])


def test_a_new_name_may_close_a_cycle(alice: Person) -> None:
    create(alice, call("Later"), name="First")
    second = create(alice, call("First"), name="Second")
    with pytest.raises(Invalid, match="call itself"):
        services.workflow_update(workflow=second, by=alice.viewer, name="Later")


def test_takes_calls_that_lead_elsewhere(alice: Person) -> None:
    create(alice, name="Third")
    create(alice, call("Third"), call("Not there yet"), name="Second")
    assert create(alice, call("Second"), call("Third"), call("{{ inputs.any }}"))


def test_parses_a_version_once(alice: Person) -> None:
    version = create(alice).current_version
    again = WorkflowVersion.objects.get(id=version.id)
    assert selectors.definition(version) is selectors.definition(again)


def test_finds_workflows_in_use_by_name_or_id(alice: Person) -> None:
    workflow = create(alice)
    for reference in ("Test", str(workflow.id)):
        found = selectors.workflow_find(
            organization_id=alice.organization_id, reference=reference
        )
        assert found == workflow
    services.workflow_archive(workflow=workflow, by=alice.viewer)
    with pytest.raises(NotFound):
        selectors.workflow_find(organization_id=alice.organization_id, reference="Test")
