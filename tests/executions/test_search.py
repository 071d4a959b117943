"""Finding, counting and deleting executions by hand: what it gives, what it costs."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core import tenancy
from apps.core.errors import Forbidden
from apps.executions import history
from apps.executions.deleting import executions_delete
from apps.executions.engine.artifacts import folder_of
from apps.executions.models import Artifact, Execution, StepRecord
from apps.executions.retries import reused_steps
from apps.executions.search import Wanted, search
from tests.executions.documents import broken, doc, put

pytestmark = pytest.mark.django_db(transaction=True)


def plan_of(engine, wanted: Wanted) -> list[str]:
    """The statements of one search."""
    with engine.scope(), CaptureQueriesContext(connection) as captured:
        search(wanted, before=None, limit=10)
    return [one["sql"] for one in captured]


def test_what_no_index_knows_is_looked_for_in_a_bounded_window(engine):
    engine.run(doc())
    for wanted in (
        Wanted(),
        Wanted(text="x"),
        Wanted(statuses=("failed",)),
        Wanted(trigger="api"),
        Wanted(shortest=timedelta(seconds=1)),
    ):
        first = plan_of(engine, wanted)[0]
        assert "OFFSET" in first, wanted
    assert len(plan_of(engine, Wanted(statuses=("queued",)))) == 1


def test_no_search_counts_all_rows(engine):
    engine.run(doc())
    for wanted in (Wanted(), Wanted(text="x"), Wanted(statuses=("completed",))):
        assert not any("COUNT(" in sql.upper() for sql in plan_of(engine, wanted))


def test_the_last_of_each_workflow_come_newest_first(engine):
    one, other = engine.workflow(doc()), engine.workflow(doc(broken("b")))
    ids = [engine.run(one).id for _ in range(3)]
    failed = engine.run(other)
    with engine.scope():
        found = history.last_of_each([one.id, other.id], count=2)
    assert [last.id for last in found[one.id]] == ids[:0:-1]
    assert [(last.id, last.status) for last in found[other.id]] == [
        (failed.id, "failed")
    ]


def test_counts_over_time_are_of_one_organization(engine, carol):
    engine.run(doc())
    start = timezone.now() - timedelta(hours=1)
    with engine.scope():
        (counted,) = history.over_time(start, timedelta(hours=2)).counts.values()
    assert counted == {"completed": 1}
    with tenancy.tenant(carol.organization_id):
        assert history.over_time(start, timedelta(hours=2)).counts == {}


def test_deleting_takes_steps_and_files_along(engine):
    execution = engine.run(doc())
    folder = folder_of(execution.organization_id, execution.id)
    name = default_storage.save(f"{folder}/a.txt", ContentFile(b"x"))
    with engine.scope():
        Artifact.objects.create(
            organization_id=execution.organization_id,
            execution_id=execution.id,
            path="a",
            name="a.txt",
            content_type="text/plain",
            bytes=1,
            file=name,
        )
    with engine.scope():
        assert executions_delete(ids=[execution.id], by=engine.viewer) == 1
        assert default_storage.exists(name)  # nothing is undone by a rollback
    assert not default_storage.exists(name)
    with engine.scope():
        assert not StepRecord.objects.filter(execution_id=execution.id).exists()


def test_what_an_open_retry_needs_is_not_deleted(engine):
    from apps.executions.retries import execution_retry

    failed = engine.run(doc(put("a", 1), broken("b")))
    with engine.scope():
        again = execution_retry(execution=failed, by=engine.viewer)
        assert executions_delete(ids=[failed.id], by=engine.viewer) == 0
        assert Execution.objects.filter(id__in=[failed.id, again.id]).count() == 2


def test_deleting_needs_an_editor(engine, member):
    execution = engine.run(doc())
    with engine.scope(), pytest.raises(Forbidden):
        executions_delete(ids=[execution.id], by=member("operator").viewer)


def test_a_retry_reuses_as_many_steps_as_was_said_before(engine):
    from apps.executions.retries import execution_retry

    failed = engine.run(doc(put("a", 1), put("b", 2), broken("c")))
    for start in ("start", "failed", "b", "c"):
        with engine.scope():
            said = reused_steps(execution=failed, from_=start)
            again = execution_retry(execution=failed, by=engine.viewer, from_=start)
        assert again.reused_steps == said
