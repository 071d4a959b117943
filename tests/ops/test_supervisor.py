"""The process supervisor, run as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import os, time; print('pid', os.getpid()); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
# Starts a grandchild in a session of its own, as browsers do.
NESTED = f"""import subprocess, sys, time
subprocess.Popen([sys.executable, "-u", "-c", {STUBBORN!r}], start_new_session=True)
{SLEEP}"""
GONE_S = 15

Supervised = subprocess.Popen[str]
Start = Callable[..., Supervised]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Supervised] = []

    def start(*snippets: str) -> Supervised:
        command = [sys.executable, "-m", "tests.ops.supervised", *snippets]
        started.append(
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def line_with(process: Supervised, text: str) -> str:
    """The next line that has the text; the test's output shows those before it."""
    assert process.stdout
    for line in process.stdout:
        sys.stdout.write(line)
        if text in line:
            return line
    raise AssertionError(f"the output ended without {text!r}")


def next_process(process: Supervised) -> psutil.Process:
    return psutil.Process(int(line_with(process, "pid ").split()[-1]))


def all_gone(*processes: psutil.Process) -> bool:
    """Gone or dead: a container without an init keeps dead orphans listed."""

    def lives(process: psutil.Process) -> bool:
        try:
            return bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    for _ in range(GONE_S * 20):
        if not any(lives(process) for process in processes):
            return True
        psutil.wait_procs(processes, timeout=0.05)
    return False


def test_each_line_has_its_program_before_it(start: Start) -> None:
    assert line_with(start("print('hello')"), "hello") == "p0: hello\n"


def test_what_dies_is_started_again_and_told(start: Start) -> None:
    supervised = start(SLEEP)
    first = next_process(supervised)
    first.kill()
    assert "p0 ended (SIGKILL)" in line_with(supervised, "supervisor:")
    assert next_process(supervised).pid != first.pid


def test_the_pause_before_a_new_start_grows(start: Start) -> None:
    supervised = start("raise SystemExit(3)")
    assert "exit code 3" in (line := line_with(supervised, "again in"))
    assert "in 1 s" in line
    assert "in 2 s" in line_with(supervised, "again in")


def test_a_program_that_dies_leaves_no_process_of_its_group(start: Start) -> None:
    supervised = start(NESTED.replace(", start_new_session=True", ""))
    one, other = next_process(supervised), next_process(supervised)
    parent = one if other.ppid() == one.pid else other
    parent.kill()
    assert all_gone(one, other)


@pytest.mark.parametrize("snippet", [SLEEP, STUBBORN])
def test_stop_ends_the_polite_and_the_stubborn(start: Start, snippet: str) -> None:
    supervised = start(snippet)
    program = next_process(supervised)
    supervised.terminate()
    line_with(supervised, "supervisor: stopped")
    assert all_gone(program)


def test_stop_ends_grandchildren_in_other_sessions(start: Start) -> None:
    supervised = start(NESTED)
    processes = next_process(supervised), next_process(supervised)
    supervised.terminate()
    line_with(supervised, "supervisor: stopped")
    assert all_gone(*processes)


def test_stop_ends_orphans_of_a_dead_program(start: Start) -> None:
    supervised = start(NESTED)
    one, other = next_process(supervised), next_process(supervised)
    parent, orphan = (one, other) if other.ppid() == one.pid else (other, one)
    parent.kill()
    line_with(supervised, "ended (SIGKILL)")
    supervised.terminate()
    line_with(supervised, "supervisor: stopped")
    assert all_gone(orphan)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_programs_end_when_the_supervisor_is_killed(start: Start) -> None:
    supervised = start(SLEEP)
    program = next_process(supervised)
    os.kill(supervised.pid, signal.SIGKILL)
    assert all_gone(program)
