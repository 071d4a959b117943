"""`manage.py bench engine`: measures on a stack of its own, leaves nothing behind."""

import json
import os
import subprocess
import sys
from typing import Any

import psutil
import pytest

from tests.fixtures_engine import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.long]

CASES = {"short", "long", "idle", "http", "writes", "watched"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `bench engine --quick --json` said, its directory and its messages."""
    directory = tmp_path_factory.mktemp("bench")
    others = directory / "peers.jsonl"
    peer = {"peer": "other", "case": "short.executions_per_s", "unit": "exec/s"}
    others.write_text(json.dumps({**peer, "median": 10, "min": 9, "max": 11}) + "\n")
    command = [sys.executable, str(ROOT / "manage.py"), "bench", "engine", "--json"]
    command += ["--quick", "--repeat=1", f"--dir={directory}", f"--peers={others}"]
    done = subprocess.run(
        command,
        env={**os.environ, "RPA_BOOTSTRAP": "0"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    others.unlink()
    return {"result": json.loads(done.stdout), "said": done.stderr, "dir": directory}


def test_each_case_gives_its_figures(measured: dict[str, Any]) -> None:
    cases = measured["result"]["cases"]
    assert cases.keys() == CASES
    assert measured["result"]["errors"] == {}
    figures = [figure for case in cases.values() for figure in case.values()]
    assert all(one["min"] <= one["median"] <= one["max"] for one in figures)


@pytest.mark.parametrize(
    "figure",
    [
        "short.executions_per_s",
        "short.p95_ms",
        "short.rest_executions_per_s",
        "long.steps_per_s",
        "long.steps_per_s_from_submit",
        "idle.p50_ms",
        "http.requests_per_s",
        "writes.executions_per_s",
        "writes.commits_per_execution",
        "watched.share",
    ],
)
def test_work_that_was_done_took_time(measured: dict[str, Any], figure: str) -> None:
    case, _, name = figure.partition(".")
    assert measured["result"]["cases"][case][name]["median"] > 0


def test_webhook_calls_are_answered_without_errors(measured: dict[str, Any]) -> None:
    http = measured["result"]["cases"]["http"]
    assert (http["errors"]["max"], http["rush_errors"]["max"]) == (0, 0)


def test_all_who_watch_hear_all_of_it_once(measured: dict[str, Any]) -> None:
    watched = measured["result"]["cases"]["watched"]
    assert (watched["lost"]["max"], watched["doubled"]["max"]) == (0, 0)


def test_the_result_says_what_was_measured_and_on_what(
    measured: dict[str, Any],
) -> None:
    result = measured["result"]
    assert {"python", "celery", "postgresql", "redis_server"} <= set(result["versions"])
    assert result["machine"]["cores"] >= 1
    assert result["machine"]["fdatasyncs_per_s"] > 0
    assert len(result["machine"]["load_before"]) == 3
    assert {"commits_per_s", "cpu_percent"} == set(result["idle_stack"])
    assert result["dose"] == "quick"


def test_ratios_stand_beside_the_figures(measured: dict[str, Any]) -> None:
    ratios = measured["result"]["ratios"]["short.executions_per_s"]
    assert ratios.keys() == {"floor", "other"}
    ours = measured["result"]["cases"]["short"]["executions_per_s"]["median"]
    assert ratios["other"] == pytest.approx(ours / 10, rel=0.01)


def test_nothing_is_left_behind(measured: dict[str, Any]) -> None:
    assert list(measured["dir"].iterdir()) == []
    place = str(measured["dir"])
    running = (one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]))
    assert not [line for line in running if any(place in word for word in line)]
