"""`manage.py bench`: its options, and how it counts."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from apps.ops.bench import base, peers
from apps.ops.bench.command import main
from apps.ops.bench.load import Request, storm
from apps.ops.bench.measuring import Watch, latencies, summary
from tests.fixtures_engine import ROOT
from tests.http_server import HttpServer


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
