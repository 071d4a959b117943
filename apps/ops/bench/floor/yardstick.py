"""Runs the yardstick on the servers of a benchmark's stack."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from apps.ops.bench.base import BenchError
from apps.ops.bench.stack import CONCURRENCY, BenchStack
from apps.ops.devstack.databases import url_for
from apps.ops.devstack.processes import child_setup, tail
from apps.ops.devstack.up import ROOT

DATABASE = "floor"
_TABLES = """
    CREATE TABLE execution (
        id bigserial PRIMARY KEY, state text NOT NULL, input jsonb NOT NULL,
        output jsonb, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at timestamptz, finished_at timestamptz);
    CREATE TABLE record (
        id bigserial PRIMARY KEY, execution_id bigint NOT NULL,
        position int NOT NULL, name text NOT NULL, state text NOT NULL, output jsonb,
        at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE INDEX ON record (execution_id, position);
"""
_WORKER = (
    *("celery", "-A", "apps.ops.bench.floor.tasks", "worker", "--pool=prefork"),
    *(f"--concurrency={CONCURRENCY}", "--loglevel=WARNING", "--queues=floor"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


def measure(stack: BenchStack, dose_name: str, repeat: int) -> dict[str, Any]:
    """The figures by case, named as the platform's own.

    Raises:
        BenchError: it does not run; the message has the end of its log.
    """
    environment = {
        "FLOOR_BROKER": _second_redis(stack.redis.url),
        "FLOOR_DATABASE": url_for(stack.postgres.url, DATABASE),
    }
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        name = sql.Identifier(DATABASE)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    with psycopg.connect(environment["FLOOR_DATABASE"]) as connection:
        connection.execute(_TABLES)
    log = stack.data_dir / "floor.log"
    with _process(_WORKER, environment, log, subprocess.DEVNULL):
        driver = ("apps.ops.bench.floor.driver", dose_name, str(repeat))
        with _process(driver, environment, log, subprocess.PIPE) as process:
            text, _ = process.communicate()
        if process.returncode:
            raise BenchError(f"the yardstick failed:\n{tail(log)}")
    figures: dict[str, Any] = json.loads(text)
    return figures


def _second_redis(url: str) -> str:
    """Another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path="/1"))


@contextmanager
def _process(
    module: tuple[str, ...], environment: dict[str, str], log: Path, output: int
) -> Iterator[subprocess.Popen[str]]:
    """`python -m …` while the block runs."""
    with log.open("a") as errors:
        process = subprocess.Popen(  # noqa: S603  # fixed arguments
            [sys.executable, "-m", *module],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            text=True,
            start_new_session=True,
            preexec_fn=child_setup(death_signal=signal.SIGTERM),
        )
    with process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
