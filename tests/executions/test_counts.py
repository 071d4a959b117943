"""What the status of a workflow counts."""

from apps.executions import counts
from apps.executions.models import Execution


def status(alice, workflow):
    return alice.client.get(f"/api/workflows/{workflow.id}/status").json()


def test_counts_every_status_and_shows_the_open_ones_newest_first(engine, alice):
    workflow = engine.workflow({"steps": [{"type": "delay", "params": {"seconds": 0}}]})
    engine.run(workflow)
    first, second = engine.start(workflow), engine.start(workflow)
    shown = status(alice, workflow)
    expected = dict.fromkeys(Execution.STATUSES, 0) | {"completed": 1, "queued": 2}
    assert shown["executions"] == expected
    assert [row["id"] for row in shown["open"]] == [str(second.id), str(first.id)]
    assert shown["last"]["id"] == str(second.id)


def test_a_workflow_that_never_ran_has_nothing_to_count(engine, alice):
    workflow = engine.workflow({"steps": [{"type": "delay", "params": {"seconds": 0}}]})
    shown = status(alice, workflow)
    assert set(shown["executions"].values()) == {0}
    assert (shown["open"], shown["last"]) == ([], None)


def test_ended_ones_are_counted_among_the_newest_and_open_ones_all(
    engine, alice, monkeypatch
):
    monkeypatch.setattr(counts, "NEWEST", 2)
    workflow = engine.workflow({"steps": [{"type": "delay", "params": {"seconds": 0}}]})
    engine.start(workflow)
    for _ in range(3):
        engine.run(workflow)
    found = status(alice, workflow)["executions"]
    assert (found["queued"], found["completed"]) == (1, 2)
