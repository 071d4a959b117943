"""`manage.py bench`: measures on a stack of its own and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from apps.ops.bench import base, peers
from apps.ops.bench.command import main
from apps.ops.bench.load import Request, storm
from apps.ops.bench.measuring import Watch, latencies, summary
from tests.fixtures_engine import ROOT
from tests.http_server import HttpServer

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


@pytest.mark.e2e
def test_each_case_gives_its_figures(measured: dict[str, Any]) -> None:
    cases = measured["result"]["cases"]
    assert cases.keys() == CASES
    assert measured["result"]["errors"] == {}
    figures = [figure for case in cases.values() for figure in case.values()]
    assert all(one["min"] <= one["median"] <= one["max"] for one in figures)


@pytest.mark.e2e
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


@pytest.mark.e2e
def test_webhook_calls_are_answered_without_errors(measured: dict[str, Any]) -> None:
    http = measured["result"]["cases"]["http"]
    assert (http["errors"]["max"], http["rush_errors"]["max"]) == (0, 0)


@pytest.mark.e2e
def test_all_who_watch_hear_all_of_it_once(measured: dict[str, Any]) -> None:
    watched = measured["result"]["cases"]["watched"]
    assert (watched["lost"]["max"], watched["doubled"]["max"]) == (0, 0)


@pytest.mark.e2e
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


@pytest.mark.e2e
def test_ratios_stand_beside_the_figures(measured: dict[str, Any]) -> None:
    ratios = measured["result"]["ratios"]["short.executions_per_s"]
    assert ratios.keys() == {"floor", "other"}
    ours = measured["result"]["cases"]["short"]["executions_per_s"]["median"]
    assert ratios["other"] == pytest.approx(ours / 10, rel=0.01)


@pytest.mark.e2e
def test_nothing_is_left_behind(measured: dict[str, Any]) -> None:
    assert list(measured["dir"].iterdir()) == []
    place = str(measured["dir"])
    running = (one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]))
    assert not [line for line in running if any(place in word for word in line)]


def test_every_benchmark_is_found_by_its_name() -> None:
    assert "engine" in base.names()
    assert all(base.find(name).summary for name in base.names())


@pytest.mark.parametrize(
    "name", ["nonsense", "base", "../engine", "engine.x", "Engine"]
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--json"]) == 1
    told = capsys.readouterr()
    assert "there is no benchmark" in told.err
    assert "engine" in told.err
    assert told.out == ""


def test_it_needs_no_settings_to_refuse_a_name() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "bench", "nonsense"],
        env={"PATH": os.environ["PATH"], "RPA_BOOTSTRAP": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "There are: browser, engine, " in done.stderr


def test_without_a_name_it_lists_the_benchmarks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 1
    assert "usage: manage.py bench NAME" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--repeat=0", "--case=none", "--repeat=x"])
def test_bad_options_are_usage_errors(option: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["engine", option])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"peer": "x"}', '{"peer": 1, "median": "a"}']
)
def test_unusable_figures_of_peers_are_refused_before_anything_starts(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "peers.jsonl"
    file.write_text(text)
    assert main(["engine", f"--peers={file}"]) == 1
    assert "error" in capsys.readouterr().err


def test_of_two_figures_for_one_thing_the_later_holds(tmp_path: Path) -> None:
    line = '{"peer": "x", "case": "idle.p50_ms", "median": %d, "min": 1, "max": 9}\n'
    (tmp_path / "a.jsonl").write_text(line % 4 + line % 5)
    assert peers.read(tmp_path)["x"]["idle.p50_ms"]["median"] == 5


def test_a_summary_is_the_median_with_the_ends() -> None:
    rounds = [{"a": 3.0}, {"a": 1.0}, {"a": 2.0}]
    assert summary(rounds) == {"a": {"median": 2.0, "min": 1.0, "max": 3.0}}


def test_latencies_are_percentiles_in_milliseconds() -> None:
    found = latencies([number / 1000 for number in range(101)])
    assert found == {"p50_ms": 50.0, "p95_ms": 95.0}


def test_a_watch_counts_from_before_the_submission() -> None:
    looked: list[int] = []

    def has_ended(number: int) -> bool:
        looked.append(number)
        return len(looked) > 2

    assert Watch().time(lambda: 7, has_ended) > 0
    assert looked == [7, 7, 7]


def test_a_storm_counts_right_answers_and_wrong_ones(http_server: HttpServer) -> None:
    http_server.answers("/right", 200, '{"status": "completed"}')
    port = urlsplit(http_server.url("/")).port or 0
    request = Request("127.0.0.1", port, "/right", expected="completed")
    right = storm(request, clients=3, total=9)
    wrong = storm(Request("127.0.0.1", port, "/none"), clients=2, total=4)
    assert (len(right.seconds), right.errors) == (9, [])
    assert (len(wrong.seconds), len(wrong.errors)) == (0, 4)
