"""Executions on a real Celery worker, with real faults."""

import signal
import time

import psutil
import pytest
import redis
from django.conf import settings

from apps.executions import cancels, selectors
from apps.executions.engine import broker, interrupts
from tests.fixtures_engine import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def nap(step_id, seconds=2, **more):
    return {"id": step_id, "type": "delay", "params": {"seconds": seconds}, **more}


def put(step_id, value):
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params}


def test_runs_what_is_started(engine, worker):
    execution = engine.start({"steps": [put("a", 1), nap("b", 0.1)]})
    assert engine.ended(execution).status == "completed"


def test_five_of_twelve_run_and_seven_wait_their_turn(engine, worker):
    workflow = engine.workflow({"steps": [nap("b", 3)]})
    executions = [engine.start(workflow) for _ in range(12)]
    full = {"activeExecutions": 5, "queuedExecutions": 7, "maxConcurrent": 5}
    seen = []

    def look():
        seen.append(selectors.engine_status())
        return seen[-1] == full

    wait_for(look, what="5 run and 7 wait")
    ended = [engine.ended(one) for one in executions]
    assert {one.status for one in ended} == {"completed"}
    assert max(one["activeExecutions"] for one in seen) == 5


def test_a_killed_child_goes_on_where_it_was(engine, worker):
    steps = [put("a", "{{ uuid() }}"), nap("b", 0.3), nap("c", 4), put("d", 1)]
    execution = engine.start({"steps": steps})
    wait_for(lambda: "c running" in engine.paths(execution), what="c runs")
    before = engine.output(execution, "a")
    killed = time.monotonic()
    child_of(worker, execution, engine).kill()
    wait_for(lambda: engine.now(execution).lease_token == 2, within=10)
    assert time.monotonic() - killed < 10
    done = engine.ended(execution)
    assert (done.status, done.deliveries) == ("completed", 2)
    assert engine.output(execution, "a") == before
    assert [row.attempt for row in engine.records(execution)] == [1, 1, 1, 1]


def child_of(worker, execution, engine):
    owner = engine.now(execution).lease_owner
    return psutil.Process(int(owner.rsplit(":", 1)[1]))


def test_a_signal_that_was_meant_for_the_one_before_strikes_nothing(engine, worker):
    execution = engine.start({"steps": [nap("a", 3), put("b", 1)]})
    wait_for(lambda: "a running" in engine.paths(execution), what="a runs")
    child_of(worker, execution, engine).send_signal(interrupts.SIGNAL)
    done = engine.ended(execution)
    assert (done.status, done.deliveries) == ("completed", 1)
    assert engine.paths(execution) == ["a completed", "b completed"]


def test_rule_10_cancel_reaches_a_blocked_step_within_two_seconds(engine, worker):
    execution = engine.start({"steps": [nap("long", 5), put("never", 1)]})
    wait_for(lambda: "long running" in engine.paths(execution))
    asked = time.monotonic()
    with engine.scope():
        cancels.execution_cancel(execution=engine.now(execution), by=engine.viewer)
    done = engine.ended(execution, within=10)
    took = time.monotonic() - asked
    assert done.status == "cancelled"
    assert took < 4
    assert engine.paths(execution) == ["long cancelled"]


def test_an_execution_that_takes_too_long_fails_with_a_timeout(engine, worker):
    document = {
        "settings": {"timeout": "1s"},
        "steps": [nap("long", 5)],
        "on_failure": [put("told", "{{ error.code }}")],
    }
    done = engine.ended(engine.start(document))
    assert (done.status, done.error["code"]) == ("failed", "timeout")
    assert done.outputs["told"] == "timeout"


def test_a_step_that_takes_too_long_fails_alone(engine, worker):
    steps = [nap("long", 5, timeout="300ms", on_error="continue"), put("after", 1)]
    done = engine.ended(engine.start({"steps": steps}))
    assert done.status == "completed"
    assert engine.paths(done) == ["long failed", "after completed"]
    assert engine.records(done)[0].error["code"] == "timeout"


def test_waiting_holds_no_worker_and_is_woken(engine, worker, beat):
    workflow = engine.workflow({"steps": [put("a", 1), nap("wait", 6), put("b", 2)]})
    executions = [engine.start(workflow) for _ in range(8)]
    for one in executions:
        assert "delay" in engine.until(one, "waiting").reason
    assert selectors.engine_status()["activeExecutions"] == 0
    for one in executions:
        assert engine.ended(one).status == "completed"


def test_a_killed_worker_loses_nothing(engine, start_worker, beat):
    first = start_worker(LEASE_DURATION="3")
    execution = engine.start({"steps": [put("a", 1), nap("b", 4), put("c", 2)]})
    wait_for(lambda: "b running" in engine.paths(execution))
    first.kill()
    start_worker()
    assert engine.ended(execution, within=90).status == "completed"


def test_sigterm_hands_back_what_does_not_end_in_the_grace(engine, start_worker, beat):
    first = start_worker(WORKER_GRACE="1")
    steps = [put("a", 1), nap("b", 5), put("c", 2)]
    execution = engine.start({"steps": steps})
    wait_for(lambda: "b running" in engine.paths(execution))
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(15) == 0
    handed = engine.now(execution)
    assert (handed.status, handed.deliveries) == ("queued", 0)
    start_worker()
    assert engine.ended(execution).status == "completed"


def test_lost_messages_cost_time_and_no_execution(engine, start_worker, beat):
    workflow = engine.workflow({"steps": [put("a", 1)]})
    executions = [engine.start(workflow) for _ in range(3)]
    client = redis.Redis.from_url(settings.REDIS_URL)
    queue = broker.queue_name("default")
    wait_for(lambda: client.llen(queue) == 3, what="the bell rings")
    client.delete(queue)
    client.close()
    start_worker()
    for one in executions:
        assert engine.ended(one).status == "completed"
        assert engine.now(one).deliveries == 1
