"""The state of the platform in words, with what to do when a part is missing."""

from dataclasses import dataclass

from apps.ops.health import health


@dataclass(frozen=True)
class EngineState:
    """How busy the engine is, and what is missing.

    Attributes:
        missing: what does not work, and what to do about it.
    """

    active: int
    queued: int
    capacity: int
    workers: int
    missing: tuple[tuple[str, str], ...]


def engine_state() -> EngineState:
    """The state as it is now."""
    services = health()[0]["services"]
    engine = services["workflowEngine"]
    workers = services["workers"]["alive"]
    missing: list[tuple[str, str]] = []
    if not services["broker"]["ok"]:
        missing.append(
            (
                "Redis does not answer.",
                "Executions are accepted and kept; they start when it is back. "
                "Check that it runs and that REDIS_URL is right.",
            )
        )
    if not workers:
        missing.append(
            (
                "No worker is running.",
                "Executions are accepted and wait in line. "
                "Start one: python3 manage.py worker",
            )
        )
    if not services["scheduler"]["isRunning"]:
        missing.append(
            (
                "The scheduler is silent.",
                "Waiting executions do not go on and lost ones are not picked up. "
                "Start it: python3 manage.py beat",
            )
        )
    return EngineState(
        active=engine["activeExecutions"],
        queued=engine["queuedExecutions"],
        capacity=engine["maxConcurrent"],
        workers=workers,
        missing=tuple(missing),
    )
