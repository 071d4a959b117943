"""Workers that are drained, stopped, deaf, or without a broker. Real processes."""

import signal
import time

import pytest
import redis
from django.conf import settings

from apps.accounts.models import User
from apps.executions import fleet
from apps.executions.engine.broker import queue_name
from apps.executions.models import Worker
from tests.executions.proxy import Proxy
from tests.fixtures_engine import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def nap(step_id, seconds=2.0):
    return {"id": step_id, "type": "delay", "params": {"seconds": seconds}}


def put(step_id, value=1):
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params}


@pytest.fixture
def redis_proxy(engine):
    proxy = Proxy(settings.REDIS_URL)
    yield proxy
    proxy.thaw()
    proxy.close()


@pytest.fixture
def operator(engine):
    return User.objects.create(email="operator@example.com", is_staff=True)


def the_worker():
    return fleet.worker_list().get()


def is_hearing():
    """Whether the one worker heard its canary."""
    return Worker.objects.get().heard_at is not None


# --- draining ------------------------------------------------------------------------


@pytest.mark.long
def test_a_drained_worker_finishes_what_it_has_and_takes_no_more(
    engine, start_worker, operator
):
    start_worker("--concurrency", "2")
    first = engine.start({"steps": [nap("long", 4), nap("longer", 4)]})
    engine.until(first, "running")
    fleet.worker_drain(worker_id=the_worker().id, by=operator)
    wait_for(lambda: the_worker().state == "draining")
    time.sleep(3)  # it is told by now
    second = engine.start({"steps": [put("a")]})
    assert engine.ended(first).status == "completed"
    wait_for(lambda: the_worker().state == "drained")
    time.sleep(8)  # longer than an idle child waits before it looks by itself
    assert engine.now(second).status == "queued"
    fleet.worker_resume(worker_id=the_worker().id, by=operator)
    assert engine.ended(second).status == "completed"


def test_another_worker_takes_what_a_drained_one_leaves(engine, start_worker, operator):
    start_worker("--concurrency", "1")
    fleet.worker_drain(worker_id=the_worker().id, by=operator)
    start_worker("--concurrency", "1")
    executions = [engine.start({"steps": [put("a")]}) for _ in range(6)]
    assert {engine.ended(one).status for one in executions} == {"completed"}


# --- shutdown ------------------------------------------------------------------------


def test_what_is_handed_back_at_sigterm_goes_on_at_once_elsewhere(engine, start_worker):
    # Without beat: nobody but the bell and the idle worker can see to it.
    workers = [start_worker("--concurrency", "1", WORKER_GRACE="1") for _ in range(2)]
    execution = engine.start({"steps": [put("a", "{{ uuid() }}"), nap("b", 5)]})
    wait_for(lambda: "b running" in engine.paths(execution))
    before = engine.output(execution, "a")
    owner = int(engine.now(execution).lease_owner.rpartition(":")[2])
    holder = next(
        one for one in workers if owner in [child.pid for child in one.children()]
    )
    holder.process.send_signal(signal.SIGTERM)
    done = engine.ended(execution)
    assert (done.status, done.deliveries, done.lease_token) == ("completed", 1, 2)
    assert engine.output(execution, "a") == before
    assert holder.process.wait(30) == 0


def test_a_stopping_worker_takes_nothing_new(engine, start_worker):
    first = start_worker("--concurrency", "2")
    running = engine.start({"steps": [nap("a", 5)]})
    engine.until(running, "running")
    first.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    late = engine.start({"steps": [put("b")]})
    assert engine.ended(running).status == "completed"
    assert first.process.wait(30) == 0
    assert engine.now(late).status == "queued"
    assert not Worker.objects.exists()


# --- pools ---------------------------------------------------------------------------


def test_each_worker_serves_its_pools_and_no_others(engine, start_worker):
    start_worker("--pool", "browser, files", "--concurrency", "1")
    ours = [
        engine.start({"settings": {"pool": pool}, "steps": [put("a")]})
        for pool in ("browser", "files")
    ]
    other = engine.start({"steps": [put("a")]})
    assert {engine.ended(one).status for one in ours} == {"completed"}
    assert engine.now(other).status == "queued"
    start_worker("--concurrency", "1")  # the same host, another pool
    assert engine.ended(other).status == "completed"
    assert {one.pool for one in Worker.objects.all()} == {"browser,files", "default"}


# --- the broker ----------------------------------------------------------------------


@pytest.mark.long
def test_a_deaf_worker_notices_and_starts_anew(engine, start_worker, redis_proxy):
    program = start_worker(
        "--concurrency", "2", REDIS_URL=redis_proxy.url, WORKER_DEAF_AFTER="4"
    )
    wait_for(is_hearing, what="the first canary")
    (before,) = Worker.objects.all()
    children = {child.pid for child in program.children()}
    long = engine.start({"steps": [put("a"), *(nap(f"n{i}", 3) for i in range(5))]})
    engine.until(long, "running")
    redis_proxy.stall()
    wait_for(lambda: b"starting anew" in program.log.read_bytes(), what="it notices")
    after = engine.start({"steps": [put("b")]})
    assert engine.ended(after).status == "completed"
    assert engine.ended(long).status == "completed"
    assert engine.now(long).deliveries == 1
    wait_for(lambda: Worker.objects.get().heard_at > before.heard_at)
    assert program.process.poll() is None
    assert Worker.objects.get().id == before.id
    assert not children & {child.pid for child in program.children()}


def test_while_the_broker_is_frozen_work_goes_on_and_nobody_starts_anew(
    engine, start_worker, redis_proxy
):
    program = start_worker(
        "--concurrency", "2", REDIS_URL=redis_proxy.url, WORKER_DEAF_AFTER="4"
    )
    wait_for(is_hearing, what="the first canary")
    redis_proxy.freeze()
    executions = [engine.start({"steps": [put("a")]}) for _ in range(4)]
    assert {engine.ended(one).status for one in executions} == {"completed"}
    time.sleep(8)
    redis_proxy.thaw()
    assert engine.ended(engine.start({"steps": [put("a")]})).status == "completed"
    frozen_until = Worker.objects.get().heard_at
    wait_for(lambda: Worker.objects.get().heard_at > frozen_until, what="it hears")
    log = program.log.read_bytes()
    assert b"broker does not answer" in log
    assert b"starting anew" not in log


def test_a_killed_worker_leaves_nothing_in_the_broker_for_long(engine, start_worker):
    program = start_worker("--concurrency", "1")
    wait_for(is_hearing)
    queue = f"{queue_name('canary')}.{Worker.objects.get().id}"
    program.kill()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        left_ms = client.pttl(queue)
    is_gone = -2
    assert left_ms == is_gone or 0 <= left_ms <= 60_000


def test_a_new_worker_removes_what_a_killed_one_left_of_its_browser(
    engine, start_worker, tmp_path
):
    dead = tmp_path / f"rpa-browser-{2**22 + 1}-abc"
    (dead / "profile").mkdir(parents=True)
    start_worker("--concurrency", "1", TMPDIR=str(tmp_path))
    wait_for(lambda: not dead.exists())
