"""Rules 4 and 6: what a worker that dies in a step leaves, and who goes on with it."""

import pytest

from apps.core import tenancy
from apps.executions.engine import leases
from apps.executions.models import Execution
from tests.executions.engine.conftest import put, write

pytestmark = pytest.mark.django_db(transaction=True)


class Died(BaseException):
    """The worker's process is gone; nothing of it cleans up."""


@pytest.fixture
def crash(engine, child, on_run):
    """Runs a document; its worker dies once in the step of a path."""
    seen = []

    def run(document, path, kind="write_file"):
        left = [1]

        def die(ctx):
            seen.append((ctx.path, ctx.idempotency_key, ctx.attempt))
            if ctx.path == path and left:
                left.pop()
                raise Died

        on_run(kind, die)
        execution = engine.start(document)
        with pytest.raises(Died):
            child.run(execution)
        lease = engine.now(execution)
        leases.free(execution.id, lease.lease_token)
        child.run(execution)
        return engine.now(execution)

    run.seen = seen
    return run


def unkeyed(step_id, **more):
    params = {"path": f"{step_id}.txt", "content": "x", "overwrite": False}
    return write(step_id, **more) | {"params": params}


def test_a_keyed_write_is_repeated_under_the_same_key(engine, crash):
    done = crash({"steps": [put("a", 1), write("w"), put("b", 2)]}, "w")
    assert done.status == "completed"
    first, second = crash.seen
    assert first == second == ("w", f"{done.id}:w", 1)


def test_what_was_recorded_is_not_done_again(engine, crash):
    steps = [put("a", "{{ uuid() }}"), write("w1"), write("w2"), write("w3")]
    done = crash({"steps": steps}, "w2")
    assert [path for path, *_ in crash.seen] == ["w1", "w2", "w2", "w3"]
    assert (done.status, done.deliveries) == ("completed", 2)
    assert engine.paths(done) == [
        f"{path} completed" for path in ("a", "w1", "w2", "w3")
    ]


@pytest.mark.parametrize(
    ("on_crash", "status", "record", "runs"),
    [
        (None, "failed", "w unknown", 1),
        ("fail", "failed", "w unknown", 1),
        ("skip", "completed", "w unknown", 1),
        ("retry", "completed", "w completed", 2),
    ],
)
def test_rule_06_a_write_without_a_key_follows_on_crash(
    engine, crash, on_crash, status, record, runs
):
    more = {"on_crash": on_crash} if on_crash else {}
    done = crash({"steps": [unkeyed("w", **more), put("after", 1)]}, "w")
    assert (done.status, len(crash.seen)) == (status, runs)
    assert record in engine.paths(done)
    if status == "failed":
        assert done.error["code"] == "unknown_outcome"


def test_an_unknown_outcome_can_be_caught(engine, crash):
    block = {"id": "t", "type": "try", "steps": [unkeyed("w")]}
    done = crash({"steps": [block | {"catch": [put("c", "{{ error.code }}")]}]}, "w")
    assert (done.status, done.outputs["c"]) == ("completed", "unknown_outcome")


def test_an_unknown_outcome_stays_so_on_every_further_replay(engine, crash, child):
    steps = [unkeyed("w", on_crash="skip"), write("w2")]
    done = crash({"steps": steps}, "w")
    with tenancy.system():
        Execution.objects.filter(id=done.id).update(status="queued")
    child.run(done)
    assert [path for path, *_ in crash.seen] == ["w", "w2"]


def test_a_write_cut_in_a_loop_goes_on_in_its_iteration(engine, crash):
    loop = {"id": "l", "type": "loop", "over": ["x", "y", "z"], "steps": [write("w")]}
    done = crash({"steps": [loop]}, "l[1].w")
    assert [path for path, *_ in crash.seen] == ["l[0].w", "l[1].w", "l[1].w", "l[2].w"]
    assert len(done.outputs["l"]) == 3


def test_a_mapping_is_gone_through_in_the_same_order_after_a_crash(engine, crash):
    text = '{"zeta": 1, "a": 2, "mm": 3}'
    steps = [
        {"id": "map", "type": "parse_json", "params": {"text": text}},
        {
            "id": "l",
            "type": "loop",
            "over": "{{ steps.map.output }}",
            "steps": [
                {
                    "id": "w",
                    "type": "write_file",
                    "params": {"path": "{{ item.key }}.txt", "content": "x"},
                }
            ],
        },
    ]
    done = crash({"steps": steps}, "l[1].w")
    paths = [output["path"] for output in done.outputs["l"]]
    assert paths == ["zeta.txt", "a.txt", "mm.txt"]


def test_a_read_that_was_cut_is_simply_done_again(engine, crash):
    read = {"id": "r", "type": "parse_json", "params": {"text": "[1]"}}
    done = crash(
        {"steps": [read, put("n", "{{ steps.r.output[0] }}")]}, "r", "parse_json"
    )
    assert (done.status, done.outputs["n"], len(crash.seen)) == ("completed", 1, 2)
