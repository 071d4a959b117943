"""`manage.py bench retention`: what pruning costs those who work meanwhile."""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from apps.ops.bench import machine
from apps.ops.bench.base import BenchError, Benchmark, Result, Say
from apps.ops.bench.measuring import percentile, wait_for
from apps.ops.bench.stack import BenchStack
from apps.ops.devstack.up import ROOT

RECORDS_EACH = 10
# Old ones at first, then as many young ones as a tenth of them, which stay.
YOUNG_SHARE = 10
_OLDEST_DAYS, _DUE_DAYS = 400, 200
_TABLES = ("executions_execution", "executions_steprecord")

_EXECUTIONS = """
    INSERT INTO executions_execution (id, organization_id, workflow_id, version_id,
        status, reason, trigger, priority, pool, dry_run, inputs, variables, outputs,
        queued_at, order_at, started_at, finished_at, running_ms, lease_owner,
        lease_token, deliveries, wake_requested, is_awaited, limit_key, is_held,
        reused_steps, depth, has_masked_inputs, is_waited_for)
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid,
        w.organization_id, w.id, w.current_version_id, 'completed', '', 'api', 5,
        'default', false, '{"customer": "acme"}', '{}',
        jsonb_build_object('a', repeat('x', 200)), at, at, at, at, 5, '', 1, 1, false,
        false, '', false, 0, 0, false, false
    FROM workflows_workflow w, generate_series(1, %(count)s) n,
        LATERAL (SELECT now() - make_interval(
            days => %(from_days)s, secs => -n * %(step_s)s::float8) AS at) t
    WHERE w.id = %(workflow)s
"""
_RECORDS = """
    INSERT INTO executions_steprecord (execution_id, organization_id, path, attempt,
        position, step_id, type, name, effect, status, is_final, started_at,
        duration_ms, output, warnings, variables)
    SELECT e.id, e.organization_id, 's' || n, 1, n, 's' || n, 'set_variable', '',
        'none', 'completed', true, e.queued_at, 1,
        json_build_object('value', repeat('x', 100)), '[]', '{}'
    FROM executions_execution e, generate_series(1, %(each)s) n
"""


class Retention(Benchmark):
    """Executions at a steady rate, first alone, then beside the pruner."""

    summary = "latency of new executions while a million step records are pruned"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--executions", type=int, default=100_000, help="old ones, to be pruned")
        add("--rate", type=float, default=10.0, help="new executions a second")
        add("--alone-s", type=float, default=60.0, help="seconds without pruning")
        add("--dir", type=Path, help="where its data is written; the disk it measures")

    def run(self, options: argparse.Namespace, say: Say) -> Result:
        load_before = machine.load()
        with BenchStack(say, options.dir) as stack:
            stack.prepare_django()
            stack.start_platform()
            result = _measure(stack, options, say)
            result["machine"] = machine.facts(stack.data_dir)
        result["machine"] |= {"load_before": load_before, "load_after": machine.load()}
        return {"benchmark": "retention", **result}

    def show(self, result: Mapping[str, Any], console: Console) -> None:
        table = Table("", "alone", "beside the pruner")
        for name in result["alone"]:
            table.add_row(name, str(result["alone"][name]), str(result["beside"][name]))
        console.print(table)
        console.print(result["pruned"])


def _measure(stack: BenchStack, options: argparse.Namespace, say: Say) -> Result:
    from apps.accounts.viewer import Viewer
    from apps.core import tenancy
    from apps.ops.bench.observer import Observer
    from apps.workflows.services.workflows import workflow_create

    observer = Observer(stack.superuser_url)
    viewer = Viewer.platform(observer.organization())
    observer.close()
    step = {"type": "set_variable", "params": {"name": "a", "value": 1}}
    with tenancy.tenant(viewer.organization_id):
        workflow = workflow_create(
            by=viewer, document={"name": "bench retention", "steps": [step]}
        )
    with psycopg.connect(stack.superuser_url, autocommit=True) as database:
        say(f"{options.executions} old executions")
        _fill(database, workflow.id, options.executions)
        writer = Writer(workflow, database, options.rate)
        writer.work(lambda elapsed: elapsed < 5)  # everything is warm then
        say("new executions alone")
        alone = writer.work(lambda elapsed: elapsed < options.alone_s)
        before = _state(database)
        say("new executions beside the pruner")
        pruner = Pruner()
        beside = writer.work(lambda _: pruner.is_at_work())
        pruned = pruner.result()
        _check(database, options.executions, pruned)
        after = _state(database)
    return {
        "rate_per_s": options.rate,
        "alone": alone,
        "beside": beside,
        "pruned": pruned,
        "before": before,
        "after": after,
    }


def _fill(database: psycopg.Connection, workflow_id: Any, count: int) -> None:
    """Old executions with their records, and a tenth as many that are kept."""
    old = {
        "workflow": workflow_id,
        "count": count,
        "from_days": _OLDEST_DAYS,
        "step_s": (_OLDEST_DAYS - _DUE_DAYS) * 86_400 / count,
    }
    young = {**old, "count": count // YOUNG_SHARE, "from_days": 20, "step_s": 1.0}
    # Without the checks of references, which these rows need not.
    database.execute("SET session_replication_role = replica")
    database.execute(_EXECUTIONS, old)
    database.execute(_EXECUTIONS, young)
    database.execute(_RECORDS, {"each": RECORDS_EACH})
    database.execute("SET session_replication_role = DEFAULT")
    for table in _TABLES:
        database.execute(f"VACUUM ANALYZE {table}")
    database.execute("CHECKPOINT")


class Writer:
    """Starts executions at a steady rate, which the platform's worker runs."""

    def __init__(
        self, workflow: Any, database: psycopg.Connection, rate: float
    ) -> None:
        self._workflow = workflow
        self._database = database
        self._every_s = 1 / rate

    def work(self, goes_on: Callable[[float], bool]) -> dict[str, Any]:
        """Figures in milliseconds of what was started while it went on."""
        from apps.executions.services import execution_start

        accepted: list[float] = []
        late: list[float] = []
        ids: list[Any] = []
        began = time.perf_counter()
        while goes_on(time.perf_counter() - began):
            due = began + len(ids) * self._every_s
            time.sleep(max(due - time.perf_counter(), 0.0))
            # A machine that cannot keep the rate falls behind; a call that waits for
            # the pruner takes long. Two figures, since only one is about locks.
            called = time.perf_counter()
            ids.append(execution_start(workflow=self._workflow, trigger="api").id)
            accepted.append((time.perf_counter() - called) * 1000)
            late.append((called - due) * 1000)
        waited, ran = self._ended(ids)
        return {
            "executions": len(ids),
            "seconds": round(time.perf_counter() - began, 1),
            **_spread("accept", accepted),
            **_spread("late", late),
            **_spread("queued", waited),
            **_spread("run", ran),
        }

    def _ended(self, ids: list[Any]) -> tuple[list[float], list[float]]:
        """Milliseconds from queued to started, and from started to finished."""

        def all_ended() -> bool:
            row = self._database.execute(
                "SELECT count(*) FROM executions_execution"
                " WHERE id = ANY(%s) AND status <> 'completed'",
                [ids],
            ).fetchone()
            return row is not None and row[0] == 0

        wait_for(all_ended)
        rows = self._database.execute(
            "SELECT extract(epoch FROM started_at - queued_at) * 1000.0,"
            " extract(epoch FROM finished_at - started_at) * 1000.0"
            " FROM executions_execution WHERE id = ANY(%s)",
            [ids],
        ).fetchall()
        return [float(row[0]) for row in rows], [float(row[1]) for row in rows]


def _spread(name: str, values: list[float]) -> dict[str, float]:
    return {
        f"{name}_p50_ms": round(percentile(values, 0.50), 1),
        f"{name}_p99_ms": round(percentile(values, 0.99), 1),
        f"{name}_max_ms": round(max(values), 1),
    }


class Pruner:
    """`manage.py prune`, as a process of its own."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._took_s = 0.0
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, str(ROOT / "manage.py"), "prune"],
            env={**os.environ, "RPA_BOOTSTRAP": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def is_at_work(self) -> bool:
        """Whether it has not ended yet."""
        if self._process.poll() is None:
            return True
        self._took_s = self._took_s or time.monotonic() - self._began
        return False

    def result(self) -> dict[str, Any]:
        """How much it has deleted, and how fast.

        Raises:
            BenchError: it failed.
        """
        output, _ = self._process.communicate()
        found = re.search(r"(\d+) executions, .* (\d+) step records", output)
        if self._process.returncode or found is None:
            raise BenchError(f"pruning failed:\n{output[-2000:]}")
        executions, records = int(found[1]), int(found[2])
        return {
            "executions": executions,
            "records": records,
            "seconds": round(self._took_s, 1),
            "rows_per_s": round((executions + records) / self._took_s),
        }


def _check(
    database: psycopg.Connection, executions: int, pruned: Mapping[str, Any]
) -> None:
    expected = executions, executions * RECORDS_EACH
    if (pruned["executions"], pruned["records"]) != expected:
        raise BenchError(f"expected {expected} to go, went {dict(pruned)}")
    row = database.execute(
        "SELECT count(*) FROM executions_steprecord r WHERE NOT EXISTS"
        " (SELECT 1 FROM executions_execution e WHERE e.id = r.execution_id)"
    ).fetchone()
    if row is None or row[0]:
        raise BenchError("step records without an execution are left")


def _state(database: psycopg.Connection) -> dict[str, dict[str, int]]:
    """Sizes and dead rows of the large tables, as the server counts them."""
    rows = database.execute(
        "SELECT relname, pg_total_relation_size(relid), n_live_tup, n_dead_tup,"
        " autovacuum_count FROM pg_stat_user_tables WHERE relname = ANY(%s)",
        [list(_TABLES)],
    ).fetchall()
    names = ("bytes", "live_rows", "dead_rows", "autovacuums")
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


BENCHMARK = Retention()
