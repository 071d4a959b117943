"""What load balancers and operators are told."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import override_settings

from apps.core import heartbeats
from apps.executions.engine.workers import Identity, say_alive
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
# Answers over the application as `manage.py web` has it, in a process of its own.
_ASK = """
import json, os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "rpa.settings"
django.setup()
from rest_framework.test import APIClient
from apps.executions.engine import dispatcher
client = APIClient(HTTP_HOST="127.0.0.1")
if token := os.environ.get("TOKEN"):
    client.credentials(HTTP_AUTHORIZATION="Bearer " + token)
answer = client.generic(sys.argv[1], sys.argv[2])
bell = dispatcher._bell._made
print(json.dumps({"status": answer.status_code, "body": answer.json(),
                  "bell": bell is not None}), flush=True)
os._exit(0)  # as a process that is killed: it waits for no thread
"""


def ask(method: str, path: str, **environment: str) -> Any:
    """The answer of another process with another environment."""
    finished = subprocess.run(
        [sys.executable, "-c", _ASK, method, path],
        cwd=ROOT,
        env={**os.environ, "ALLOWED_HOSTS": "127.0.0.1", **environment},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.fixture
def closed_port() -> str:
    """An address at which nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{reserved.getsockname()[1]}"


@pytest.fixture
def frozen_port() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_says_how_all_parts_are(anonymous: JsonClient) -> None:
    answer = anonymous.get("/api/health")
    assert answer.status_code == 200
    services = answer.json()["services"]
    assert services["database"] == services["broker"] == {"ok": True}
    assert services["workflowEngine"] == {
        "activeExecutions": 0,
        "queuedExecutions": 0,
        "maxConcurrent": 5,
    }
    assert services["scheduler"].keys() == {"isRunning", "scheduledJobs"}
    assert services["websocket"] == {"connectedClients": 0, "activeRooms": 0}


def test_is_degraded_until_somebody_works(anonymous: JsonClient) -> None:
    def status() -> str:
        return str(anonymous.get("/api/health").json()["status"])

    assert status() == "degraded"
    heartbeats.beat("scheduler")
    assert status() == "degraded"
    say_alive(Identity(pool="default", capacity=3))
    assert status() == "ok"
    found = anonymous.get("/api/health").json()["services"]
    assert found["workers"] == {"alive": 1}
    assert found["workflowEngine"]["maxConcurrent"] == 3


def test_counts_across_organizations_and_names_nobody(
    engine: Engine, carol: Person, anonymous: JsonClient
) -> None:
    document = {
        "steps": [{"type": "set_variable", "params": {"name": "a", "value": 1}}]
    }
    for place in (engine, Engine(carol.viewer)):
        place.start(document)
    answer = anonymous.get("/api/health")
    engine_status = answer.json()["services"]["workflowEngine"]
    assert engine_status["queuedExecutions"] == 2
    assert "acme" not in answer.content.decode()


def test_lives_without_database_and_broker(anonymous: JsonClient) -> None:
    answer = anonymous.get("/api/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_takes_no_other_methods(anonymous: JsonClient, method: str) -> None:
    for path in ("/api/health", "/api/health/live"):
        assert getattr(anonymous, method)(path).status_code == 405


def test_a_dead_broker_only_delays(anonymous: JsonClient, closed_port: str) -> None:
    with override_settings(REDIS_URL=f"redis://{closed_port}/0"):
        answer = anonymous.get("/api/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["services"]["broker"] == {"ok": False}


def test_without_the_database_nothing_is_accepted(closed_port: str) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])
    url = f"postgres://{parts['user']}:x@{closed_port}/{parts['dbname']}"
    found = ask("GET", "/api/health", DATABASE_URL=url)
    assert (found["status"], found["body"]["status"]) == (503, "down")
    assert found["body"]["services"]["database"] == {"ok": False}
    assert ask("GET", "/api/health/live", DATABASE_URL=url)["status"] == 200
    refused = ask("GET", "/api/executions", DATABASE_URL=url, TOKEN="x.y.z")
    assert refused["status"] in (401, 503)


@pytest.mark.parametrize("broker", ["closed_port", "frozen_port"])
def test_executions_are_accepted_without_a_broker(
    engine: Engine, alice: Person, broker: str, request: pytest.FixtureRequest
) -> None:
    step = {"type": "set_variable", "params": {"name": "a", "value": 1}}
    workflow = engine.workflow({"steps": [step]})
    address = request.getfixturevalue(broker)
    found = ask(
        "POST",
        f"/api/workflows/{workflow.id}/execute",
        REDIS_URL=f"redis://{address}/0",
        TOKEN=alice.access,
    )
    # The bell is being rung by a thread; the answer did not wait for it.
    assert (found["status"], found["bell"]) == (202, True)
    rows = alice.client.get("/api/executions").json()["results"]
    assert [(row["id"], row["status"]) for row in rows] == [
        (found["body"]["id"], "queued")
    ]
