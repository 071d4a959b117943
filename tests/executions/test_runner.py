"""Executions run in this process on the real database."""

import pytest

from apps.core import tenancy
from apps.events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


def put(step_id, value, **more):
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params, **more}


def test_records_each_step_and_ends_with_outputs(engine):
    steps = [put("a", 1), put("b", "{{ steps.a.output + inputs.n }}")]
    document = {"inputs": {"n": {"type": "integer"}}, "steps": steps}
    done = engine.run(document, inputs={"n": 41})
    assert (done.status, done.reason, done.error) == ("completed", "", None)
    assert done.outputs == {"a": 1, "b": 42}
    assert done.variables == {"a": 1, "b": 42}
    assert engine.paths(done) == ["a completed", "b completed"]


def test_tells_of_queue_start_and_end_in_order(engine):
    done = engine.run({"steps": [put("a", 1)]})
    with tenancy.tenant(engine.viewer.organization_id):
        types = list(
            Event.objects.filter(execution_id=done.id)
            .order_by("created_at")
            .values_list("type", flat=True)
        )
    assert types == ["execution-queued", "execution-started", "execution-completed"]
