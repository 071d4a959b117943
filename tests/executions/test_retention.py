"""What is pruned and what is kept."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Organization
from apps.core import heartbeats, tenancy
from apps.core.ids import uuid7_floor
from apps.events.models import Event
from apps.events.publisher import publish_batch
from apps.events.services import emit
from apps.executions.engine.artifacts import ArtifactStore, folder_of
from apps.executions.models import (
    Artifact,
    Execution,
    IdempotencyKey,
    StepRecord,
    Wait,
)
from apps.executions.retention import Total, batches, prune, prune_if_due, sweep_files
from apps.workflows.models import Workflow
from apps.workflows.services import workflow_archive, workflow_create
from tests.executions.documents import doc
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

Made = Callable[..., Execution]


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def aged(days: float) -> uuid.UUID:
    """An id that was made so many days ago."""
    return uuid.UUID(int=uuid7_floor(ago(days)).int | uuid.uuid4().int >> 48)


@pytest.fixture
def ended(engine: Engine) -> Made:
    """Makes an execution that ended so many days ago, with one step record."""

    def make(workflow: Workflow, days: float, **fields: Any) -> Execution:
        fields = {"status": "completed", "trigger": "api", **fields}
        if fields["status"] in Execution.FINAL:
            fields.setdefault("finished_at", ago(days))
        with tenancy.tenant(workflow.organization_id):
            row = Execution.objects.create(
                id=fields.pop("id", None) or aged(days),
                organization_id=workflow.organization_id,
                workflow_id=workflow.id,
                version_id=workflow.current_version_id,
                **fields,
            )
            StepRecord.objects.create(
                execution_id=row.id,
                organization_id=row.organization_id,
                path="a",
                position=1,
                step_id="a",
                type="set_variable",
                status="completed",
                started_at=ago(days),
            )
        return row

    return make


@pytest.fixture
def workflow(engine: Engine) -> Workflow:
    """A workflow that says nothing of retention."""
    return engine.workflow(doc())


def keeping(engine: Engine, **retention: Any) -> Workflow:
    return engine.workflow(doc(settings={"retention": retention}))


def organization_keeps(engine: Engine, **columns: int) -> None:
    with engine.scope():
        Organization.objects.update(**columns)


def left() -> set[uuid.UUID]:
    with tenancy.system():
        return set(Execution.objects.values_list("id", flat=True))


def kept(*executions: Execution) -> bool:
    """Whether a pass leaves exactly these."""
    prune()
    return left() == {one.id for one in executions}


# --- which rule -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "days", "is_kept"),
    [
        ("completed", 89, True),
        ("completed", 91, False),
        ("cancelled", 91, False),
        ("failed", 91, True),
        ("failed", 181, False),
    ],
)
def test_the_installation_keeps_failed_ones_longer(
    ended, workflow, status, days, is_kept
):
    ended(workflow, days, status=status)
    prune()
    assert bool(left()) is is_kept


def test_the_organization_says_otherwise(engine, ended, workflow):
    organization_keeps(engine, keep_completed_days=7, keep_failed_days=14)
    ended(workflow, 8)
    ended(workflow, 15, status="failed")
    young = [ended(workflow, 6), ended(workflow, 13, status="failed")]
    assert kept(*young)


def test_zero_days_of_an_organization_are_for_ever(engine, ended, workflow):
    organization_keeps(engine, keep_completed_days=0)
    old = ended(workflow, 3000)
    ended(workflow, 181, status="failed")
    assert kept(old)


def test_a_setting_of_none_is_for_ever(ended, workflow, settings):
    settings.RETENTION_COMPLETED_DAYS = settings.RETENTION_FAILED_DAYS = None
    assert kept(ended(workflow, 3000), ended(workflow, 3000, status="failed"))


def test_the_workflow_has_the_last_word(engine, ended):
    organization_keeps(engine, keep_completed_days=7, keep_failed_days=14)
    workflow = keeping(engine, completed="1d", failed="forever")
    ended(workflow, 2)
    assert kept(ended(workflow, 3000, status="failed"), ended(workflow, 0.5))


def test_what_the_workflow_does_not_say_the_organization_does(engine, ended):
    organization_keeps(engine, keep_failed_days=14, keep_last=1)
    workflow = keeping(engine, completed="1d")
    ended(workflow, 15, status="failed")
    ended(workflow, 2)
    assert kept(ended(workflow, 1.9))


def test_the_current_version_decides(engine, alice, ended):
    workflow = engine.workflow(
        doc(name="w", settings={"retention": {"completed": 1e6}})
    )
    old = ended(workflow, 20)
    url = f"/api/workflows/{workflow.id}"
    document = doc(name="w", settings={"retention": {"completed": "30d"}})
    assert alice.client.patch(url, {"definition": document}).status_code == 200
    assert kept(old)


@pytest.mark.parametrize(
    "retention",
    [{"completed": 0}, {"failed": "-3d"}, {"completed": "never"}, {"keep_last": 10**9}],
)
def test_an_absurd_rule_is_refused_on_save(engine, alice, retention):
    body = {"name": "w", "definition": doc(settings={"retention": retention})}
    answer = alice.client.post("/api/workflows", body)
    assert answer.status_code == 400
    path = answer.json()["errors"][0]["path"]
    assert path == f"settings.retention.{next(iter(retention))}"


def test_the_last_ones_are_kept_however_old(engine, ended):
    workflow = keeping(engine, keep_last=2)
    ended(workflow, 500)
    ended(workflow, 400, status="failed")
    assert kept(ended(workflow, 300, status="failed"), ended(workflow, 200))


def test_no_more_than_the_last_ones_are_all_kept(engine, ended):
    workflow = keeping(engine, keep_last=2)
    assert kept(ended(workflow, 300), ended(workflow, 200))


def test_an_open_one_is_none_of_the_last(engine, ended):
    workflow = keeping(engine, keep_last=1)
    ended(workflow, 300)
    last = ended(workflow, 200)
    assert kept(last, ended(workflow, 100, status="waiting"))


def test_one_that_ended_lately_is_kept_however_long_ago_it_began(ended, workflow):
    assert kept(ended(workflow, 300, finished_at=ago(1)))


def test_an_archived_workflow_is_pruned_too(engine, ended, workflow):
    ended(workflow, 100)
    with engine.scope():
        workflow_archive(workflow=workflow, by=engine.viewer)
    assert kept()


# --- what open executions need ----------------------------------------------------


@pytest.mark.parametrize("status", ["queued", "waiting"])
def test_an_open_execution_is_never_pruned(ended, workflow, status):
    assert kept(ended(workflow, 3000, status=status))


@pytest.mark.parametrize("link", ["parent_id", "retry_of"])
def test_all_above_an_open_one_are_kept(ended, workflow, link):
    first = ended(workflow, 400)
    second = ended(workflow, 300, **{link: first.id})
    ended(workflow, 300)
    assert kept(
        first, second, ended(workflow, 200, status="queued", **{link: second.id})
    )


def test_a_child_of_an_open_parent_is_kept(ended, workflow):
    parent = ended(workflow, 400, status="waiting")
    child = ended(workflow, 300, parent_id=parent.id)
    ended(workflow, 200, parent_id=child.id, finished_at=ago(200))
    prune()
    assert {parent.id, child.id} <= left()


@pytest.mark.parametrize("link", ["parent_id", "retry_of"])
def test_one_that_outlives_what_it_came_from_loses_the_link(
    engine, ended, workflow, link
):
    old = ended(workflow, 400)
    young = ended(workflow, 10, **{link: old.id})
    assert kept(young)
    assert getattr(engine.now(young), link) is None


def test_a_family_goes_at_once(ended, workflow):
    parent = ended(workflow, 400)
    ended(workflow, 390, parent_id=parent.id)
    ended(workflow, 380, retry_of=parent.id)
    assert kept()


def test_a_retry_of_one_that_is_gone_is_not_found(engine, ended, retry, workflow):
    old = ended(workflow, 400, status="failed")
    prune()
    assert retry(old, {"from": "start"}).status_code == 404


def test_the_retry_of_a_pruned_ones_successor_works(engine, ended, rerun, workflow):
    first = ended(workflow, 400)
    again = ended(workflow, 10, retry_of=first.id)
    prune()
    assert rerun(again, **{"from": "start"}).status == "completed"


# --- what goes with them ----------------------------------------------------------


def test_all_that_is_theirs_goes(engine, ended, workflow):
    old = ended(workflow, 400)
    owner = {"organization_id": old.organization_id, "execution_id": old.id}
    with engine.scope():
        IdempotencyKey.objects.create(
            workflow_id=workflow.id, key="k", fingerprint="f", **owner
        )
        Wait.objects.create(path="a", attempt=1, kind="approval", **owner)
    ArtifactStore(old.organization_id, old.id, "a").save("x.txt", b"x", "text/plain")
    assert kept()
    with tenancy.system():
        for model in (StepRecord, IdempotencyKey, Wait, Artifact):
            assert not model.objects.exists()


def test_the_audit_trail_stays(alice, engine, ended, workflow):
    old = ended(workflow, 400)
    before = alice.client.get("/api/audit").json()["results"]
    assert kept()
    assert alice.client.get("/api/audit").json()["results"] == before
    assert alice.client.get(f"/api/executions/{old.id}").status_code == 404


def test_a_key_of_a_pruned_execution_starts_another(engine, ended, workflow):
    first = engine.start(workflow, idempotency_key="k")
    with engine.scope():
        Execution.objects.filter(id=first.id).update(
            status="completed", finished_at=ago(400)
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        IdempotencyKey.objects.update(execution_id=(old := aged(400)))
        Execution.objects.filter(id=first.id).update(id=old)
    prune()
    assert engine.start(workflow, idempotency_key="k").id != first.id


# --- files --------------------------------------------------------------------------


def saved(execution: Execution) -> str:
    """The name of an artifact's file."""
    store = ArtifactStore(execution.organization_id, execution.id, "a")
    made = store.save("x.txt", b"x", "text/plain")
    with tenancy.tenant(execution.organization_id):
        return Artifact.objects.get(id=made["artifact"]).file


def test_files_go_with_their_execution_and_others_stay(ended, workflow):
    old, young = saved(ended(workflow, 400)), saved(ended(workflow, 10))
    assert prune().files == 1
    assert not default_storage.exists(old)
    assert default_storage.exists(young)


def test_a_file_without_a_row_goes_with_its_execution(ended, workflow):
    old = ended(workflow, 400)
    saved(old)
    stray = f"{folder_of(old.organization_id, old.id)}/stray"
    default_storage.save(stray, ContentFile(b"x"))
    assert prune().files == 2
    assert not default_storage.exists(folder_of(old.organization_id, old.id))


def test_a_file_stays_while_the_deletion_is_not_committed(ended, workflow, monkeypatch):
    file = saved(ended(workflow, 400))

    def fail(*_: object) -> None:
        raise RuntimeError("cut off before the commit")

    monkeypatch.setattr(batches, "_bounded", fail)
    with pytest.raises(RuntimeError, match="cut off"):
        prune()
    assert default_storage.exists(file)


def test_the_sweep_removes_what_a_crash_left(engine, ended, workflow):
    gone, young = aged(400), aged(0)
    owner = engine.viewer.organization_id
    kept_file = saved(ended(workflow, 10))
    for execution_id in (gone, young):
        place = f"{folder_of(owner, execution_id)}/x"
        default_storage.save(place, ContentFile(b"x"))
    assert sweep_files() == 1
    assert not default_storage.exists(folder_of(owner, gone))
    assert default_storage.exists(folder_of(owner, young))
    assert default_storage.exists(kept_file)


def test_the_sweep_leaves_folders_of_organizations_it_does_not_know(engine):
    place = f"{folder_of(uuid.uuid4(), aged(400))}/x"
    default_storage.save(place, ContentFile(b"x"))
    assert sweep_files() == 0
    assert default_storage.exists(place)


# --- tenants, batches, several at once ----------------------------------------------


def other_workflow(person: Person) -> Workflow:
    with tenancy.tenant(person.organization_id):
        return workflow_create(by=person.viewer, document={"name": "w", **doc()})


def test_a_rule_of_one_organization_touches_no_other(engine, carol, ended, workflow):
    organization_keeps(engine, keep_completed_days=1)
    ended(workflow, 30)
    assert kept(ended(other_workflow(carol), 30))


def test_each_batch_is_small_and_all_of_them_do_all(ended, workflow, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 2)
    monkeypatch.setattr(batches, "WINDOW", 3)
    failed = [ended(workflow, 300 - n, status="failed") for n in range(4)]
    for n in range(7):
        ended(workflow, 250 - n)
    young = [ended(workflow, 100, status="failed") for _ in range(4)]
    totals: list[Total] = []
    assert prune(on_progress=totals.append) == Total(executions=11, records=11)
    steps = [after.executions - before.executions for before, after in pairs(totals)]
    assert max(steps) <= 2
    assert left() == {one.id for one in young}
    assert not {one.id for one in failed} & left()


def pairs(totals: list[Total]) -> list[tuple[Total, Total]]:
    return list(zip([Total(), *totals], totals, strict=False))


def test_a_batch_ends_where_its_records_would_be_too_many(ended, workflow, monkeypatch):
    monkeypatch.setattr(batches, "MOST_RECORDS", 2)
    for n in range(5):
        ended(workflow, 200 + n)
    totals: list[Total] = []
    prune(on_progress=totals.append)
    assert [total.executions for total in totals] == [2, 4, 5]


@pytest.fixture
def elsewhere(engine: Engine):
    """A second connection to the same database."""
    other = connection.copy()
    yield other
    other.close()


def test_what_somebody_holds_is_left_for_later(engine, ended, workflow, elsewhere):
    held = ended(workflow, 400)
    ended(workflow, 399)
    elsewhere.set_autocommit(False)
    with elsewhere.cursor() as cursor:
        cursor.execute("SELECT set_config('rpa.system', 'on', true)")
        cursor.execute(
            "SELECT 1 FROM executions_execution WHERE id = %s FOR KEY SHARE", [held.id]
        )
        assert kept(held)
    elsewhere.rollback()
    assert kept()


def test_two_at_once_delete_everything_once(ended, workflow, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 3)
    for n in range(40):
        ended(workflow, 200 + n)

    def work() -> Total:
        try:
            return prune()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(work), pool.submit(work)
        total = first.result() + second.result()
    prune()  # what both had skipped
    assert total.executions <= 40
    assert not left()


# --- events -------------------------------------------------------------------------


def test_old_published_events_go_and_numbers_go_on(engine, workflow):
    def tell(type_: str) -> None:
        with engine.scope():
            emit(type_, organization_id=engine.viewer.organization_id)

    tell("old")
    publish_batch()
    with engine.scope():
        last = Event.objects.latest("seq").seq
        Event.objects.update(created_at=ago(31))
    tell("unpublished")
    with engine.scope():
        Event.objects.filter(type="unpublished").update(created_at=ago(60))
    assert prune(dry_run=True).events >= 1
    assert prune().events >= 1
    with engine.scope():
        assert [row.type for row in Event.objects.all()] == ["unpublished"]
    publish_batch()
    with engine.scope():
        assert Event.objects.get().seq == last + 1


def test_young_events_stay(engine, workflow):
    engine.start(workflow)
    publish_batch()
    assert prune().events == 0


# --- what it costs ------------------------------------------------------------------


def test_every_reference_to_an_execution_has_an_index_that_deleting_uses(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conrelid::regclass::text, a.attname, EXISTS ("
            "  SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid"
            "  AND i.indkey[0] = a.attnum)"
            " FROM pg_constraint c JOIN pg_attribute a"
            "  ON a.attrelid = c.conrelid AND a.attnum = c.conkey[2]"
            " WHERE c.contype = 'f' AND c.confrelid = 'executions_execution'::regclass"
        )
        references = cursor.fetchall()
    assert len(references) >= 6
    assert [one[:2] for one in references if not one[2]] == []


# --- when ---------------------------------------------------------------------------


def test_nothing_due_costs_a_look(engine, ended, workflow):
    for n in range(5):
        ended(workflow, n)
        engine.workflow(doc())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert prune() == Total()
    read = [q for q in queries if "executions_execution" in q["sql"]]
    assert len(read) == 1


def test_a_dry_run_counts_and_deletes_nothing(ended, workflow, capsys):
    old = [ended(workflow, 400), ended(workflow, 300)]
    call_command("prune", "--dry-run")
    assert "due: 2 executions" in capsys.readouterr().out
    assert left() == {one.id for one in old}


def test_the_command_deletes(ended, workflow, capsys):
    ended(workflow, 400)
    call_command("prune")
    assert "deleted: 1 executions" in capsys.readouterr().out
    assert not left()


def test_one_pass_an_hour_is_enough(ended, workflow):
    ended(workflow, 400)
    prune_if_due()
    assert not left()
    second = ended(workflow, 400)
    prune_if_due()
    assert left() == {second.id}


def test_one_of_many_is_told_that_it_is_time(db):
    hour = timedelta(hours=1)
    assert heartbeats.claim("work", every=hour)
    assert not heartbeats.claim("work", every=hour)
    assert heartbeats.claim("work", every=timedelta(0))
