"""The first page of the operators' admin: how the platform is doing."""

from typing import Any

from django.http import HttpRequest

from apps.core.types import JsonObject
from apps.executions import fleet, overview
from apps.ops.health import health

WORKERS_SHOWN = 100


def context(request: HttpRequest, given: dict[str, Any]) -> dict[str, Any]:
    """The page's context; each part only for those who may see its rows."""
    state, _ = health()
    landing: dict[str, Any] = {
        "status": state["status"],
        "tone": _tone(state["status"] == "ok"),
        "parts": _parts(state["services"]),
        "queues": None,
        "workers": None,
        "may_announce": request.user.has_perm("accounts.change_organization"),
    }
    if request.user.has_perm("executions.view_execution"):
        landing |= _executions()
    if request.user.has_perm("executions.view_worker"):
        workers = fleet.worker_list().order_by("-last_seen_at")
        landing["workers"] = list(workers[:WORKERS_SHOWN])
    return given | {"landing": landing}


def _executions() -> dict[str, Any]:
    queues = overview.queues()
    return {
        "queues": queues,
        "queue_is_cut": sum(q.ready + q.held for q in queues) >= overview.LOOKED_AT,
        "looked_at": overview.LOOKED_AT,
        "failures": overview.failures(),
        "stuck": overview.stuck(),
    }


def _parts(services: JsonObject) -> list[dict[str, str]]:
    engine, socket = services["workflowEngine"], services["websocket"]
    alive = services["workers"]["alive"]
    places = f"{engine['activeExecutions']} of {engine['maxConcurrent']} places taken"
    return [
        _part("Database", "answers", services["database"]["ok"]),
        _part("Redis", "answers", services["broker"]["ok"]),
        _part("Scheduler", "runs", services["scheduler"]["isRunning"]),
        _part("Workers", f"{alive} alive, {places}", alive),
        {
            "name": "Connected pages",
            "state": str(socket["connectedClients"]),
            "tone": "",
        },
    ]


def _part(name: str, good: str, is_good: Any) -> dict[str, str]:
    state = good if is_good else "does not answer"
    return {"name": name, "state": state, "tone": _tone(is_good)}


def _tone(is_good: Any) -> str:
    return "op-good" if is_good else "op-bad"
