"""`manage.py bench browser`: measures real browsers and leaves none behind."""

import json
import os
import subprocess
import sys
import tempfile

import psutil
import pytest

from tests.fixtures_engine import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.long]


def test_says_how_long_each_way_takes_and_what_executions_leave_behind():
    command = [sys.executable, str(ROOT / "manage.py"), "bench", "browser", "--json"]
    # A short one: Chromium's sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="b-") as folder:
        done = _run(command, folder)
        assert _left(folder) == []
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert 0 < found["ways"]["warm"]["p50_ms"] < found["ways"]["cold"]["p50_ms"]
    assert found["memory_per_context_mib"] > 0
    assert found["challenge"]["solve_form"]["p50_s"] > 0
    assert found["challenge"]["type"]["p50_s"] > 0
    assert found["challenge"]["selenium"]["p50_s"] > 0
    soak = found["soak"]
    assert [look["after"] for look in soak["course"]] == [0, 3]
    assert soak["course"][1]["processes"] > 3
    assert soak["leaked"] == []


def _run(command: list[str], folder: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*command, "--samples=1", "--challenges=1", "--executions=3"],
        env={**os.environ, "RPA_BOOTSTRAP": "0", "TMPDIR": folder},
        capture_output=True,
        text=True,
        timeout=300,
    )


def _left(folder: str) -> list[str]:
    """Processes that bear a folder in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if folder in " ".join(process.cmdline()):
                found.append(process.name())
        except psutil.Error:
            continue
    return found
