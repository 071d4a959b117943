"""Calls of hooks on a real web process and worker."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from django.conf import settings

from apps.ops.devstack.processes import free_port
from tests.executions.calling import Caller
from tests.executions.documents import doc, put
from tests.fixtures_engine import Engine, Program, Started, wait_for


@pytest.fixture
def web(engine: Engine, start_program: Started) -> tuple[Program, str]:
    """A web process and its address."""
    port = free_port()
    program = start_program("web", "--port", str(port))
    base = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        try:
            return httpx.get(f"{base}/api/health/live").status_code == 200
        except httpx.TransportError:
            return False

    wait_for(is_up, what=f"web starts, see {program.log}")
    return program, base


@pytest.fixture
def call(web: tuple[Program, str]) -> Callable[..., httpx.Response]:
    """Posts to a path of the web process."""
    return lambda path: httpx.post(web[1] + path, timeout=60)


def test_many_at_once_get_their_own_results(
    caller: Caller, worker: Program, call: Callable[..., httpx.Response]
) -> None:
    steps = put("a", "{{ inputs.query.n }}"), put("b", "{{ steps.a.output }}!")
    path = caller.hook(doc(*steps))
    with ThreadPoolExecutor(20) as threads:
        paths = [f"{path}?wait=true&n={number}" for number in range(60)]
        answers = list(threads.map(call, paths))
    assert {answer.status_code for answer in answers} == {200}
    found = [answer.json()["outputs"]["b"] for answer in answers]
    assert found == [f"{number}!" for number in range(60)]


def test_a_server_that_stops_answers_those_who_wait(
    caller: Caller, web: tuple[Program, str], call: Callable[..., httpx.Response]
) -> None:
    path = caller.hook(doc())
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(call, path + "?wait=true")
        caller.accepted()
        wait_for(_somebody_listens)
        os.kill(web[0].pid, signal.SIGTERM)
        assert answer.result(20).status_code == 202
    assert web[0].process is not None
    web[0].process.wait(20)


def test_an_execution_goes_on_when_its_caller_has_gone(
    caller: Caller, web: tuple[Program, str]
) -> None:
    path = caller.hook(doc())
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{web[1]}{path}?wait=true", timeout=2)
    execution = caller.accepted()
    assert caller.engine.run_started(str(execution.id)).status == "completed"


def _somebody_listens() -> bool:
    with psycopg.connect(settings.DATABASE_OWNER_URL) as owner:
        found = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'rpa web waiting'"
        ).fetchone()
    return found is not None and found[0] >= 2
