"""The yardstick's Celery worker; addresses come in `FLOOR_BROKER`, `FLOOR_DATABASE`."""

import json
import os
from functools import cache
from typing import Any

import psycopg
from celery import Celery

TASK = "floor.run"
QUEUE = "floor"
app = Celery("floor", broker=os.environ["FLOOR_BROKER"], set_as_current=False)
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
)


@cache
def connection() -> psycopg.Connection[Any]:
    """This child's connection."""
    return psycopg.connect(os.environ["FLOOR_DATABASE"], autocommit=True)


@app.task(name=TASK)
def run(execution_id: int, steps: int) -> None:
    """Mark it as started, do the steps, write their records with the finish."""
    database = connection()
    database.execute(
        "UPDATE execution SET state = 'running', started_at = clock_timestamp()"
        " WHERE id = %s",
        [execution_id],
    )
    state: dict[str, int] = {"x": 0}
    records = []
    for number in range(steps):
        state["x"] += 1
        records.append((execution_id, number, "add", json.dumps(state)))
    with database.transaction(), database.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO record (execution_id, position, name, state, output)"
            " VALUES (%s, %s, %s, 'completed', %s)",
            records,
        )
        cursor.execute(
            "UPDATE execution SET state = 'completed', output = %s,"
            " finished_at = clock_timestamp() WHERE id = %s",
            [json.dumps(state), execution_id],
        )
