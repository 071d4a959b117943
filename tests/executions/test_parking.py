"""What waits holds no worker and survives a restart of everything."""

import psutil
import pytest
from django.test import Client

from apps.core.ids import uuid7
from apps.executions import approvals, selectors
from apps.executions.models import Execution, StepRecord
from tests.executions.engine.waiting import ask, hear, waits

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

PARKED = 10_000


def nap(seconds):
    return {"id": "nap", "type": "delay", "params": {"seconds": seconds}}


def call(workflow):
    params = {"workflow": str(workflow.id)}
    return {"id": "child", "type": "call_workflow", "params": params}


def test_rule_08_all_kinds_of_waiting_survive_a_restart_of_everything(
    engine, worker, beat, start_worker, start_program, alice
):
    asked = engine.start({"steps": [ask(timeout="1h")]})
    late = engine.start({"steps": [ask(timeout=12, on_timeout="continue")]})
    heard = engine.start({"steps": [hear()]})
    slept = engine.start({"steps": [nap(12)]})
    inner = engine.workflow({"steps": [hear()]})
    parent = engine.start({"steps": [call(inner)]})
    alike = [asked, late, heard, slept, parent]
    for one in alike:
        engine.until(one, "waiting")
    with engine.scope():
        called = Execution.objects.get(parent_id=parent.id)
    engine.until(called, "waiting")
    worker.kill()
    beat.kill()
    for execution in (heard, called):
        path = f"/api/executions/{execution.id}"
        (wait,) = alice.client.get(path).json()["waits"]
        assert Client().post(wait["url"], {}).status_code == 202
    with engine.scope():
        (wait,) = approvals.approval_list(execution_id=asked.id)
        approvals.approval_decide(approval=wait, by=alice.viewer, decision="approved")
    start_worker(WORKER_GRACE="2")
    start_program("beat")
    assert [engine.ended(one).status for one in alike] == ["completed"] * len(alike)
    assert engine.now(asked).outputs["ok"]["decision"] == "approved"
    assert engine.now(late).outputs["ok"]["decision"] == "timeout"
    assert len(waits(engine, asked)) == 1


def memory_of(program):
    family = [psutil.Process(program.pid), *program.children()]
    return sum(one.memory_info().rss for one in family)


def copy_parked(engine, first, count):
    """As many more that wait as `first` does, with what it recorded."""
    columns = [field.attname for field in Execution._meta.concrete_fields]
    row = {name: getattr(first, name) for name in columns}
    with engine.scope():
        made = [Execution(**row | {"id": uuid7()}) for _ in range(count)]
        Execution.objects.bulk_create(made)
        record = StepRecord.objects.filter(execution_id=first.id).values().get()
        record.pop("pk", None)
        StepRecord.objects.bulk_create(
            [StepRecord(**record | {"execution_id": one.id}) for one in made]
        )


def test_ten_thousand_that_wait_cost_a_worker_nothing(engine, worker, beat):
    # What each child loads when it first runs something is not what is measured.
    warm = [engine.start({"steps": [nap(0.5)]}) for _ in range(10)]
    assert {engine.ended(one).status for one in warm} == {"completed"}
    first = engine.until(engine.start({"steps": [nap(3_600)]}), "waiting")
    before = memory_of(worker)
    copy_parked(engine, first, PARKED)
    quick = engine.start({"steps": [nap(0)]})
    assert engine.ended(quick).status == "completed"
    found = selectors.engine_status()
    assert (found["activeExecutions"], found["queuedExecutions"]) == (0, 0)
    assert memory_of(worker) - before < 16 * 1024 * 1024
    with engine.scope():
        assert Execution.objects.filter(status="waiting").count() == PARKED + 1
