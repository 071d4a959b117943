"""`manage.py doctor`."""

import json
import socket
from pathlib import Path

import pytest

from apps.ops.devstack import checks, doctor
from apps.ops.devstack.checks import State
from apps.ops.devstack.processes import free_port
from tests.http_server import HttpServer
from tests.servers import TestRun


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_what_is_needed_and_missing_is_an_exit_code(
    nothing_set: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(["--json", f"--data-dir={tmp_path}"]) == 1
    said = json.loads(capsys.readouterr().out)
    states = {finding["name"]: finding["state"] for finding in said["findings"]}
    assert said["healthy"] is False
    assert (states["PostgreSQL"], states["Keys"]) == ("problem", "problem")
    assert states["Python"] == "ok"


def test_people_get_a_table_with_remedies(
    nothing_set: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor.main([f"--data-dir={tmp_path}"])
    assert "manage.py up" in capsys.readouterr().out


def test_the_roles_power_over_row_security_is_seen(
    servers: TestRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert servers.servers
    monkeypatch.setenv("DATABASE_URL", servers.servers.postgres.url)
    findings = {finding.name: finding for finding in checks.database()}
    assert findings["PostgreSQL"].state is State.OK
    assert findings["Database role"].state is State.PROBLEM
    assert "bypasses row security" in findings["Database role"].found


@pytest.mark.django_db
def test_the_applications_role_passes() -> None:
    findings = {finding.name: finding.state for finding in checks.database()}
    assert findings["Database role"] is State.OK
    assert findings["Workers"] is State.WARNING


def test_a_dead_database_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    (finding,) = checks.database()
    assert finding.state is State.PROBLEM


def test_redis_is_asked_for_its_policy(servers: TestRun) -> None:
    assert checks.broker().state is State.OK
    assert "noeviction" in checks.broker().found


def test_a_free_port_is_fine() -> None:
    assert checks.web_port(free_port()).state is State.OK


def test_a_port_of_another_program_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        assert checks.web_port(other.getsockname()[1]).state is State.WARNING


def test_a_grid_is_asked_whether_it_is_ready(
    http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    http_server.answers("/status", 200, b'{"value": {"ready": true}}')
    url = f"http://robot:guess@{http_server.address}"
    monkeypatch.setenv("SELENIUM_REMOTE_URL", url)
    (finding,) = checks.browsers()
    assert (finding.state, finding.found) == (
        State.OK,
        f"{http_server.address}, ready",
    )
    assert http_server.requests[0].headers["Authorization"].startswith("Basic ")
    http_server.answers("/status", 401)
    (finding,) = checks.browsers()
    assert (finding.state, finding.found) == (
        State.PROBLEM,
        f"{http_server.address}: answers 401",
    )


def test_a_grid_that_finds_no_way_to_the_proxy_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SELENIUM_REMOTE_URL", "http://grid.example:4444")
    (finding,) = checks.browsers()
    assert finding.state is State.PROBLEM
    assert "EGRESS_PROXY_LISTEN" in finding.found
