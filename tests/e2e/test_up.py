"""One command from nothing to a robot that has done its job, and through a kill."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.fixtures_engine import ROOT, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


@dataclass
class Stack:
    """A running `manage.py up`."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path
    url: str

    def said(self, text: str) -> bool:
        return text in self.log.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.data_dir / "credentials.json").read_text()))


class Api:
    """REST as a program uses it."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.url
        self.session = requests.Session()
        self.session.trust_env = False
        known = stack.credentials()
        body = {"email": known["email"], "password": known["password"]}
        access = self.post("/api/auth/token", json=body)["access"]
        self.session.headers["Authorization"] = f"Bearer {access}"

    def post(self, path: str, **options: Any) -> Any:
        answer = self.session.post(f"{self.url}{path}", timeout=20, **options)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.session.get(f"{self.url}{path}", timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def steps(self, execution_id: str) -> list[dict[str, Any]]:
        page = f"/api/executions/{execution_id}/steps?limit=200"
        return list(self.get(page)["results"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(data_dir: Path, log: Path, *arguments: str) -> Stack:
    port = _free_port()
    # As a new user's shell has it: nothing of this test run's own stack.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}
    }
    command = [sys.executable, str(ROOT / "manage.py"), "up", f"--port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--data-dir={data_dir}", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Stack(process, data_dir, log, f"http://127.0.0.1:{port}")


def _stop(stack: Stack) -> list[psutil.Process]:
    """SIGTERM; gives the processes that are left."""
    family = stack.processes() if stack.process.poll() is None else []
    stack.process.send_signal(signal.SIGTERM)
    stack.process.wait(20)
    return psutil.wait_procs(family, timeout=2)[1]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has run its demo."""
    folder = tmp_path_factory.mktemp("up")
    made = _start(folder / "data", folder / "up.log")
    try:
        wait_for(
            lambda: made.said("of 70 fields right") or made.process.poll() is not None,
            within=240,
            what=f"the demo ends, see {made.log}",
        )
        yield made
    finally:
        if made.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _stop(made)
            if made.process.poll() is None:
                made.process.kill()


def test_the_demo_robot_fills_seventy_of_seventy_fields(stack):
    assert stack.said("70 of 70 fields right")
    assert stack.said("Ready after")
    mode = (stack.data_dir / "credentials.json").stat().st_mode & 0o777
    assert mode == 0o600


def test_rule_07_a_robot_whose_child_is_killed_goes_on_where_it_was(stack):
    api = Api(stack)
    workflow = api.get("/api/workflows")["results"][0]
    for _ in range(5):
        ended = _struck_in_the_fourth_form(stack, api, workflow["id"])
        if ended["deliveries"] > 1:
            break
        # The robot is quick: on a busy machine it may have ended before the blow.
    assert (ended["status"], ended["deliveries"]) == ("completed", 2), ended["error"]
    assert ended["variables"]["score"]["right"] == "70"
    assert {step["status"] for step in api.steps(ended["id"])} == {"completed"}


def _struck_in_the_fourth_form(stack: Stack, api: Api, workflow: str) -> Any:
    body = {"inputs": {"base_url": stack.url}}
    execution = api.post(f"/api/workflows/{workflow}/execute", json=body)
    path = f"/api/executions/{execution['id']}"
    wait_for(
        lambda: any(
            step["path"] == "forms[3].company" for step in api.steps(execution["id"])
        )
    )
    # The child that fills the form, with everything it was about to do. One that is
    # idle keeps a browser as well; it may go too.
    for child in _children_with_browser(stack):
        child.kill()
    return wait_for(
        lambda: found if (found := api.get(path))["finished_at"] else None, within=120
    )


def _children_with_browser(stack: Stack) -> list[psutil.Process]:
    found = []
    for process in stack.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            below = [" ".join(child.cmdline()) for child in process.children()]
            is_worker = "worker" in process.cmdline()
            if is_worker and any("chromedriver" in line for line in below):
                found.append(process)
    assert found, "no child has a browser"
    return found


def test_a_second_up_on_the_same_data_is_refused(stack):
    second = _start(stack.data_dir, stack.data_dir / "second.log", "--no-demo")
    assert second.process.wait(60) != 0
    assert second.said("another")


@pytest.mark.usefixtures("stack")
def test_sigterm_stops_everything_and_a_second_start_keeps_the_data(stack):
    before = stack.credentials()
    asked = time.monotonic()
    assert _stop(stack) == []
    assert time.monotonic() - asked < 20
    again = _start(stack.data_dir, stack.data_dir / "again.log", "--no-demo")
    again.url = before["url"]
    try:
        wait_for(lambda: again.said("Ready after"), within=120)
        again.url = again.credentials()["url"]
        assert again.credentials()["password"] == before["password"]
        names = [row["name"] for row in Api(again).get("/api/workflows")["results"]]
        assert names == ["Forms challenge"]
    finally:
        assert _stop(again) == []
