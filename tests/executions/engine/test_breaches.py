"""Rule 12: what a child and all below it use of the machine is measured."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from apps.executions.engine.breaches import Usage, broken_by, usage_of
from apps.executions.engine.slots import Order

BURN = "import time\nwhile time.process_time() < 0.3: pass"
# Starts a child that burns time and collects it, when it is told to.
PARENT = f"""
import subprocess, sys
print("up", flush=True)
input()
subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
print("done", flush=True)
input()
"""
HOLD = "held = b'x' * 50_000_000\nprint('up', flush=True)\ninput()"


def test_processor_time_of_children_that_have_ended_counts():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        parent.stdout.readline()
        before = usage_of(parent.pid)
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        parent.stdout.readline()
        after = usage_of(parent.pid)
        parent.communicate(b"\n")
    # The system counts in ticks of 0.01 s, and each end may be rounded by one.
    assert after.cpu_s - before.cpu_s >= 0.27


def test_memory_of_living_children_counts():
    before = usage_of(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        during = usage_of(os.getpid())
        child.communicate(b"\n")
    assert during.memory_bytes - before.memory_bytes > 40_000_000


def test_a_process_that_is_gone_uses_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert usage_of(child.pid) == Usage(0, 0.0)


@pytest.mark.parametrize(
    ("memory", "cpu_s", "expected"),
    [(1, 9.0, None), (2, 9.0, None), (3, 9.0, Order.MEMORY), (1, 10.1, Order.CPU)],
)
def test_a_bound_is_broken_only_above_it(settings, memory, cpu_s, expected):
    settings.EXECUTION_MEMORY_BYTES, settings.EXECUTION_CPU = 2, timedelta(seconds=5)
    assert broken_by(Usage(memory, cpu_s), Usage(0, 5.0)) is expected
