"""Waiting for the end of executions."""

import asyncio
import time
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from django.conf import settings

from apps.core.ids import uuid7
from apps.executions.cancels import execution_cancel
from apps.executions.engine import leases
from apps.executions.inbound.waiting import Ended, waiting
from apps.executions.models import Execution
from tests.executions.calling import Caller
from tests.executions.documents import doc
from tests.fixtures_engine import wait_for


def wait(caller: Caller, execution: Execution, **options: Any) -> Future[Ended | None]:
    """Start to wait for its end."""

    async def work() -> Ended | None:
        waits = waiting()
        await waits.ready()
        return await waits.ended(execution.id, 30, **options)

    found = asyncio.run_coroutine_threadsafe(work(), caller.loop)
    wait_for(lambda: execution.id in waits_of(caller)._waits or found.done())
    return found


def waits_of(caller: Caller) -> Any:
    async def work() -> Any:
        return waiting()

    return caller.run(work())


def cancel(caller: Caller, execution: Execution) -> None:
    with caller.engine.scope():
        execution_cancel(execution=execution, by=None)


def started(caller: Caller, **options: Any) -> Execution:
    return caller.engine.start(doc(), is_awaited=True, **options)


def test_a_cancel_is_told(caller: Caller) -> None:
    execution = started(caller)
    found = wait(caller, execution)
    cancel(caller, execution)
    ended = found.result(20)
    assert ended is not None
    assert ended.status == "cancelled"


def test_an_execution_whose_worker_is_lost_too_often_is_told(
    caller: Caller, settings: Any
) -> None:
    from apps.executions.engine import claims

    settings.EXECUTION_MAX_DELIVERIES = 1
    execution = started(caller)
    found = wait(caller, execution)
    lease = claims.claim(execution.id, "nobody")
    assert lease is not None
    leases.free(execution.id, lease.token)
    ended = found.result(20)
    assert ended is not None
    assert ended.status == "failed"
    assert '"worker_lost"' in ended.error


def test_many_wait_for_one(caller: Caller) -> None:
    execution = started(caller)
    found = [wait(caller, execution) for _ in range(3)]
    cancel(caller, execution)
    assert {one.result(20) for one in found} == {
        Ended("cancelled", "{}", "null"),
    }


def test_an_end_that_was_told_before_is_known(caller: Caller) -> None:
    execution, other = started(caller), started(caller)
    wait(caller, other)  # somebody listens
    cancel(caller, execution)
    wait_for(lambda: execution.id in waits_of(caller)._told)
    assert wait(caller, execution).result(20) is not None


def test_an_end_that_nobody_told_of_is_found(caller: Caller) -> None:
    execution = caller.engine.start(doc())
    found = wait(caller, execution)
    cancel(caller, execution)
    assert found.result(20) is not None


def test_it_goes_on_when_its_connections_are_cut(caller: Caller) -> None:
    execution = started(caller)
    found = wait(caller, execution)
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'rpa web waiting'"
            " AND datname = current_database()"
        )
    cancel(caller, execution)
    assert found.result(30) is not None


def test_nobody_waits_longer_than_the_caller_is_there(caller: Caller) -> None:
    execution = started(caller)

    async def leaves() -> None:
        await asyncio.sleep(0.1)

    assert wait(caller, execution, give_up=leaves()).result(20) is None
    assert waits_of(caller)._waits == {}


def test_a_process_that_ends_lets_nobody_wait(caller: Caller) -> None:
    execution = started(caller)
    found = wait(caller, execution)
    caller.loop.call_soon_threadsafe(waits_of(caller).close)
    assert found.result(5) is None
    assert wait(caller, execution).result(5) is None


def test_who_waits_for_nothing_asks_nothing(caller: Caller) -> None:
    execution = started(caller)
    found = wait(caller, execution)
    cancel(caller, execution)
    found.result(20)
    assert not waits_of(caller)._has_waits.is_set()


def test_an_execution_that_nobody_waits_for_tells_nobody(caller: Caller) -> None:
    execution, other = caller.engine.start(doc()), started(caller)
    found = wait(caller, other)
    cancel(caller, execution)
    cancel(caller, other)
    found.result(20)
    time.sleep(0.1)
    assert execution.id not in waits_of(caller)._told


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.django_db(transaction=True)
def test_it_ends_with_its_loop_however_near_an_end_is_told(turns: int) -> None:
    async def stopped() -> bool:
        waits = waiting()
        await waits.ready()
        somebody = asyncio.create_task(waits.ended(uuid7(), 30))
        await asyncio.sleep(0.2)  # until it waits for what is told
        waits._look_at(uuid7())
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks = [somebody, *waits._tasks]
        for task in tasks:
            task.cancel()
        _, left = await asyncio.wait(tasks, timeout=3)
        for task in left:
            task.cancel()
        return not left

    assert asyncio.run(stopped())
